"""Numbers and withheld numbers in a reader's words; used by charts, pages, and notebooks alike.

Figures are made from released values alone. Why one is withheld is said in words that give
nothing away: neither the agreement's thresholds, nor on which side of one a count fell.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cleanroom import numbers
from cleanroom.borders import (
    CIDS,
    EVENTS,
    MONEY,
    PEOPLE,
    SHARE,
    Estimate,
    Protected,
)

WITHHELD = "withheld"  # the short form: which rule it was, the tables say

_RULES = {
    "min_people": "fewer people than the agreement's minimum stand behind it",
    "min_converters": "too few people are on one side of it, counted or left out",
    "no_bound": "nothing limits one person's part in it, so no noise would hide a person",
    "both_arms": "the other group's number is withheld, and this one would help to work it out",
}
_ANY_RULE = "it is withheld under the agreement's disclosure rules"
# Differences of shares are told in percentage points; changes carry their sign.
_IN_POINTS = ("absolute_lift", "minimum_detectable_lift")
_CHANGES = (
    "absolute_lift",
    "relative_conversion_lift",
    "incremental_conversions",
    "amount_lift",
    "incremental_amount",
)


@dataclass(frozen=True)
class Figure:
    """A number as a reader meets it: its `text` and 95 % `interval`.

    Where there is none, `state` says so in a word or two, and `withheld` why.
    """

    text: str | None = None
    interval: str | None = None
    withheld: str | None = None
    state: str = "withheld"


_NOT_MEASURED = Figure(withheld="the study did not measure it", state="not measured")


def rule_words(rule: str) -> str:
    """Why a cell is withheld, for readers: the rule's id in plain words."""
    return f"withheld: {reason_words(rule)}"


def reason_words(rule: str) -> str:
    """The reason alone: 'fewer people than …'."""
    return _RULES.get(rule, _ANY_RULE)


def cell_figure(table: Protected, *key: str, currency: str) -> Figure:
    """The cell of `table` at `key` (the dimensions' values, then the measure)."""
    names = (*table.dimensions, "measure")
    match = [pl.col(name) == value for name, value in zip(names, key, strict=True)]
    row = next(table.cells.filter(*match).iter_rows(named=True), None)
    if row is None:
        return _NOT_MEASURED
    if row["value"] is None:
        return Figure(withheld=reason_words(row["withheld"]))
    return Figure(_text(row["value"], row["unit"], currency))


def estimate_figure(estimate: Estimate | None, currency: str = "") -> Figure:
    """An estimate with its interval, or the words in which its study says why there is none."""
    if estimate is None:
        return _NOT_MEASURED
    if estimate.value is None:
        why = estimate.withheld or _ANY_RULE
        return Figure(withheld=why, state="withheld" if "withheld" in why else "not defined")
    known = [n for n in (estimate.value, estimate.lower, estimate.upper) if n is not None]
    like = max(known, key=abs)
    text, *bounds = (_told(estimate, number, currency, like) for number in known)
    unit = " points" if estimate.name in _IN_POINTS else ""
    return Figure(f"{text}{unit}", " to ".join(bounds) or None)


def _told(estimate: Estimate, number: float, currency: str, like: float) -> str:
    """The estimate's value or a bound of it, in its unit, with the decimals of `like`."""
    if estimate.name in _IN_POINTS:
        text = numbers.points(number, like)
    else:
        text = _text(number, estimate.unit, currency, like)
    return f"+{text}" if estimate.name in _CHANGES and number > 0 else text


def _text(value: float, unit: str, currency: str, like: float | None = None) -> str:
    if unit in (PEOPLE, EVENTS, CIDS):
        return numbers.count(value)
    if unit == MONEY:
        return numbers.money(value, currency)
    if unit == SHARE:
        return numbers.share(value, like)
    return numbers.probability(value) if unit == "p-value" else numbers.plain(value, like)
