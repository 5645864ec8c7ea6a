"""Which merchants the collaboration's programme takes, and in words why it leaves others out."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypedDict

from cleanroom.agreement import Agreement
from cleanroom.room.engine import collect
from cleanroom.room.vault import Vault, rows_of


class Eligible(TypedDict):
    """A merchant that takes part."""

    merchant: str
    name: str
    category: str


class Excluded(TypedDict):
    """A merchant that does not, and the reason in words."""

    merchant: str
    name: str
    reason: str


def eligibility(vault: Vault, agreement: Agreement) -> tuple[list[Eligible], list[Excluded]]:
    """The merchants of the store's table that take part, and those left out; both by merchant.

    Merchants are no people: what the store platform opens of them may be told.
    """
    merchants = rows_of(vault, "merchants")
    rows = collect(merchants.sort("merchant", "name"), "merchants").to_dicts()
    listed = Counter(row["merchant"] for row in rows)
    eligible: list[Eligible] = []
    excluded: list[Excluded] = []
    for row in {row["merchant"]: row for row in rows}.values():
        merchant, name = row["merchant"], row["name"]
        reasons = _reasons(row, agreement)
        if listed[merchant] > 1:
            reasons = ["the store platform lists it more than once"]
        if reasons:
            excluded.append({"merchant": merchant, "name": name, "reason": "; ".join(reasons)})
        else:
            eligible.append({"merchant": merchant, "name": name, "category": row["category"]})
    return eligible, excluded


def _reasons(row: dict[str, Any], agreement: Agreement) -> list[str]:
    """Every rule that the merchant misses; a value that is not there meets no rule."""
    rules = agreement.eligibility
    least = f"{agreement.currency} {rules.min_daily_budget / 100:,.2f}"
    missed = {
        f"its shop type is not {_or(rules.shop_types)}": row["shop_type"] not in rules.shop_types,
        f"its category is not {_or(rules.categories)}": row["category"] not in rules.categories,
        f"its experience score is below {rules.min_score}": not (row["score"] or 0)
        >= rules.min_score,
        f"its daily budget is below {least}": (row["daily_budget"] or 0) < rules.min_daily_budget,
    }
    return [words for words, applies in missed.items() if applies]


def _or(values: frozenset[str]) -> str:
    return " or ".join(sorted(values))
