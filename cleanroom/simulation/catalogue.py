"""The merchants of the simulated world, with what nobody in it knows: their true effects."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

CATEGORIES = ("beauty", "sports", "health", "electronics")

# name, category, audience (share of ads accounts), effect (points), baseline (%), price (fen)
_CATALOGUE = (
    ("Aurelle Skin", "beauty", 0.225, 1.0, 2.4, 18_900),
    ("Peakline Outdoor", "sports", 0.120, 0.7, 1.8, 45_900),
    ("Verdant Wellness", "health", 0.030, 0.9, 1.2, 15_900),
    ("Petal & Thread", "beauty", 0.050, 0.5, 1.4, 6_900),
    ("Northbay Running", "sports", 0.090, 0.0, 1.9, 52_900),
    ("Lumière Botanics", "beauty", 0.070, 0.8, 1.6, 29_900),
    ("Quiet Hours Sleep", "health", 0.015, 0.6, 0.8, 25_900),
    ("Ridgeway Cycling", "sports", 0.055, 0.3, 1.3, 39_900),
    ("Voltaic Audio", "electronics", 0.040, 0.4, 1.4, 69_900),
    ("Orchid Lane", "beauty", 0.045, 0.0, 1.2, 12_900),
    ("Tidepool Swim", "sports", 0.003, 0.4, 0.2, 21_900),
    ("Camellia House", "beauty", 0.035, 1.1, 1.0, 23_900),
    ("Hearthroot Herbals", "health", 0.025, 0.0, 0.9, 9_900),
    ("Summit & Pine", "sports", 0.020, 0.6, 0.7, 33_900),
    ("Dewdrop Atelier", "beauty", 0.0022, 0.3, 0.12, 41_900),
    ("Balance Kitchen", "health", 0.010, 0.9, 0.6, 13_900),
    ("Stillwater Yoga", "sports", 0.0125, 0.2, 0.6, 17_900),
    ("Marigold Days", "beauty", 0.030, 0.6, 0.9, 8_900),
    ("Clearwell Vitamins", "health", 0.006, 0.0, 0.35, 11_900),
    ("Fernglow", "beauty", 0.002, 0.3, 0.1, 27_900),
)
# Why a merchant stands outside the programme, by its place in the catalogue.
_INELIGIBLE: dict[int, dict[str, str | float | int]] = {
    3: {"shop_type": "taobao_c"},
    8: {},  # its category, electronics, is not in the pilot
    13: {"score": 4.2},
    17: {"daily_budget": 300_000},
}


@dataclass(frozen=True)
class MerchantModel:
    """A merchant's open facts and its hidden parameters.

    `audience`: share of the ads accounts its study assigns; `effect`: mean rise of a store
    account holder's purchase probability in the second half when treated; `baseline`: mean
    purchase probability in half the period without; `price`: median order in fen.
    """

    index: int
    merchant: str
    facts: dict[str, str | float | int]
    category: int
    audience: float
    effect: float
    baseline: float
    price: int


def merchant_models(count: int) -> tuple[MerchantModel, ...]:
    """The first `count` merchants; beyond the catalogue's length it starts anew, numbered."""
    return tuple(_merchant_model(index) for index in range(count))


def merchants_frame(models: tuple[MerchantModel, ...]) -> pl.DataFrame:
    """The store platform's `merchants` table: the facts that decide who may take part."""
    return pl.DataFrame([{"merchant": model.merchant, **model.facts} for model in models])


def _merchant_model(index: int) -> MerchantModel:
    edition, place = divmod(index, len(_CATALOGUE))
    name, category, audience, effect, baseline, price = _CATALOGUE[place]
    facts: dict[str, str | float | int] = {
        "name": name if edition == 0 else f"{name} {edition + 1}",
        "shop_type": "tmall",
        "category": category,
        "score": round(4.5 + (place * 7 % 5) / 10, 1),
        "daily_budget": 500_000 + 100_000 * (place * 3 % 17),
    }
    return MerchantModel(
        index=index,
        merchant=f"M{index + 1:02d}",
        facts=facts | _INELIGIBLE.get(place, {}),
        category=CATEGORIES.index(category),
        audience=audience,
        effect=effect / 100,
        baseline=baseline / 100,
        price=price,
    )
