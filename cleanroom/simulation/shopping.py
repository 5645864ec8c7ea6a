"""The store platform's events: visits with and without a CID, searches, carts, purchases, refunds.

Events are frames of whole numbers (persons, orders and CIDs by number; -1 where there is none).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cleanroom.simulation.chance import DAY, HOUR, MINUTE, Flags, Whole, later, moments
from cleanroom.simulation.scene import Scene
from cleanroom.simulation.settings import Period
from cleanroom.tables import VISIT_KINDS

VisitKind = pl.Enum(VISIT_KINDS)

_ARRIVES = 0.86  # share of a store account holder's clicks that reach the store
_SEARCHES, _FILLS_CART = 0.25, 0.1  # shares of visits that may end in nothing
_SEARCHES_FIRST = 0.6  # of the purchases
_CARRIES_CID = 0.7  # of the later events of a path that came through the link
_BROWSES = 1.6  # organic visits without purchase, as a multiple of the baseline
_BUYS_AGAIN = 0.12
_REFUNDED = 0.06
_ORDER_SPREAD = 0.5  # standard deviation of the logarithm of an order's amount
_LEAST_ORDER = 100  # fen


def arrivals(scene: Scene, clicks: pl.DataFrame, must_arrive: Flags, end: int) -> pl.DataFrame:
    """The store visits that follow `clicks` through the link; `must_arrive` is by account."""
    account = clicks["account"].to_numpy()
    arrives = (scene.rng.random(len(account)) < _ARRIVES) | must_arrive[account]
    arrived = np.flatnonzero(arrives & scene.population.has_store[scene.population.person[account]])
    person = scene.population.person[account[arrived]]
    time = later(scene.rng, clicks["time"].to_numpy()[arrived], 12 * MINUTE, end)
    return _events("visit", person, time, clicks["cid"].to_numpy()[arrived])


def browsing(scene: Scene, period: Period) -> pl.DataFrame:
    """Organic visits without a purchase."""
    counts = scene.rng.poisson(_BROWSES * scene.untreated)
    person = np.repeat(np.arange(len(counts)), counts)
    return organic(person, moments(scene.rng, len(person), period))


def organic(person: Whole, time: Whole) -> pl.DataFrame:
    """Store visits that came by no link."""
    return _events("visit", person, time, np.full(len(person), -1))


def looking_round(rng: np.random.Generator, visits: pl.DataFrame, end: int) -> pl.DataFrame:
    """Searches and carts that follow some of the `visits` and end in no purchase."""
    searching, filling = _some(rng, visits, _SEARCHES), _some(rng, visits, _FILLS_CART)
    return pl.concat(
        [
            _follow(rng, searching, "search", 8 * MINUTE, end),
            _follow(rng, filling, "cart", 8 * MINUTE, end),
        ]
    )


def return_visits(rng: np.random.Generator, first: pl.DataFrame, end: int) -> pl.DataFrame:
    """Later organic visits of some who buy, each to end in a second purchase."""
    again = _some(rng, first, _BUYS_AGAIN)
    return organic(again["person"].to_numpy(), later(rng, again["time"].to_numpy(), 6 * DAY, end))


def purchases(scene: Scene, visits: pl.DataFrame, end: int) -> pl.DataFrame:
    """What follows `visits` that end in a purchase: search, cart, purchase, sometimes a refund.

    Each later event keeps the visit's CID or loses it at random; a refund has none. Orders are
    numbered from 0, amounts are lognormal around the merchant's price.
    """
    rng = scene.rng
    searched = _follow(rng, _some(rng, visits, _SEARCHES_FIRST), "search", 8 * MINUTE, end)
    filled = _follow(rng, visits, "cart", 0.6 * DAY, end)
    amounts = scene.merchant.price * rng.lognormal(0, _ORDER_SPREAD, len(visits))
    bought = _follow(rng, filled.with_columns(visits["cid"]), "purchase", 5 * HOUR, end)
    bought = bought.with_columns(
        order=pl.int_range(pl.len(), dtype=pl.Int64),
        amount=pl.Series(np.maximum(amounts, _LEAST_ORDER).astype(np.int64)),
    )
    return pl.concat([searched, filled, bought, _refunds(rng, bought, end)])


def _refunds(rng: np.random.Generator, bought: pl.DataFrame, end: int) -> pl.DataFrame:
    refunded = _some(rng, bought, _REFUNDED)
    refunds = _follow(
        rng, refunded.with_columns(cid=pl.lit(-1, dtype=pl.Int64)), "refund", 4 * DAY, end
    )
    return refunds.with_columns(refunded["order"], refunded["amount"])


def _some(rng: np.random.Generator, events: pl.DataFrame, share: float) -> pl.DataFrame:
    return events.filter(pl.Series(rng.random(len(events)) < share))


def _follow(
    rng: np.random.Generator, events: pl.DataFrame, kind: str, typical: float, end: int
) -> pl.DataFrame:
    kept = rng.random(len(events)) < _CARRIES_CID
    time = later(rng, events["time"].to_numpy(), typical, end)
    cid = np.where(kept, events["cid"].to_numpy(), -1)
    return _events(kind, events["person"].to_numpy(), time, cid)


def _events(kind: str, person: Whole, time: Whole, cid: Whole) -> pl.DataFrame:
    return pl.DataFrame({"person": person, "time": time, "cid": cid}).with_columns(
        kind=pl.lit(kind, dtype=VisitKind),
        order=pl.lit(-1, dtype=pl.Int64),
        amount=pl.lit(None, dtype=pl.Int64),
    )
