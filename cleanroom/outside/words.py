"""Numbers and withheld numbers in a reader's words; used by charts, pages, and notebooks alike.

Figures are made from released values alone. Why one is withheld is said in words that give
nothing away: not on which side of a threshold a count fell. How far it is known is said only as
far as the threshold itself tells, which stands in the agreement.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cleanroom import numbers
from cleanroom.absences import NO_DATA_WORDS, TOGETHER, Absence, NoData
from cleanroom.borders import (
    CIDS,
    EFFECTIVE,
    EVENTS,
    MONEY,
    PEOPLE,
    SHARE,
    Estimate,
    Protected,
)
from cleanroom.policy import Rounding

_RULES = {
    "min_people": "fewer people than the agreement's minimum stand behind it",
    "min_converters": "too few people are on one side of it, counted or left out",
    "column_minimums": "fewer people stand behind it than were agreed for what it is made of",
    "dominance": "one or two people make up most of it",
    "p_percent": "what one person contributes to it could be worked out too closely",
    "no_bound": "nothing limits one person's part in it, so no noise would hide a person",
    "differencing": "taken from a number shown before, it would be about too few people",
    "complementary": "it is bound to a number that is withheld, and would help to work that out",
    "whole": "another part of the same whole is withheld, and the rest would help to work it out",
    "support": "a number of people that it rests on is withheld",
    "both_arms": "the other group's number is withheld, and this one would help to work it out",
}
_ROUNDED = {
    Rounding.BASE_5: "counts are rounded to the nearest multiple of 5",
    Rounding.MIDPOINT_6: "counts are rounded to the middle of six (1 to 6 are 3, 7 to 12 are 9)",
}
_LOSS = "amounts as coarsely; each by itself, so parts need not add up to their whole"
_P_VALUE = "p-value"
_ANY_RULE = "it is withheld under the agreement's disclosure rules"
# Differences of shares are told in percentage points; changes carry their sign.
_GROUPS = ("customers", "new_customers", *(f"fifth_{number}" for number in range(1, 6)))
_LIFTS = (
    "absolute_lift",
    "naive_lift",
    "matched_lift",
    "placebo_lift",
    "elsewhere_lift",
    *(f"lift_{group}" for group in _GROUPS),
)
_IN_POINTS = (*_LIFTS, "minimum_detectable_lift", "effect_on_exposed")
_CHANGES = (
    *_LIFTS,
    "naive_amount_lift",
    "matched_amount_lift",
    "relative_conversion",
    "incremental_outcome",
    "relative_lift",
    "synthetic_outcome",
    "series_outcome",
    "differences_lift",
    "before_lift",
    "incremental_conversion",
    "amount_lift",
    "effect_on_exposed",
    "amount_effect_on_exposed",
)
_RATES = ("_per_cost",)  # of changes, but a number of their own


@dataclass(frozen=True)
class Figure:
    """A number as a reader meets it: its `text` and 95 % `interval`, or the `margin` of rounding.

    Where there is none, `state` says so in a word or two, and `withheld` why.
    """

    text: str | None = None
    interval: str | None = None
    withheld: str | None = None
    state: str = Absence.WITHHELD
    margin: str | None = None

    @property
    def spread(self) -> str | None:
        """What stands beside the number in small: its interval, or else its margin."""
        return self.interval or self.margin

    @property
    def told(self) -> str:
        """The number, or its absence with the reason: none of these look alike."""
        if self.text is not None:
            return self.text
        reason = self.withheld or ""
        return reason if self.state in reason else f"{self.state}: {reason}"


_NOT_MEASURED = Figure(withheld="the study did not measure it", state="not measured")


def rule_words(rule: str) -> str:
    """Why a cell is withheld, for readers: the rule's id in plain words."""
    return f"withheld: {reason_words(rule)}"


def reason_words(rule: str) -> str:
    """The reason alone: 'fewer people than …'."""
    return _RULES.get(rule, _ANY_RULE)


def bound_words(table: Protected, rule: str) -> str:
    """How far a number is known that the rule withheld: 'fewer than 50 people …'."""
    return table.bounds.get(rule, "nothing is said of its size")


def rounding_words(table: Protected) -> str | None:
    """How the table was rounded, and what that costs; None if it was not."""
    how = _ROUNDED.get(table.rounding)
    return how and f"{how}, {_LOSS}"


def cell_figure(table: Protected, *key: str, currency: str) -> Figure:
    """The cell of `table` at `key` (the dimensions' values, then the measure)."""
    names = (*table.dimensions, "measure")
    match = [pl.col(name) == value for name, value in zip(names, key, strict=True)]
    row = next(table.cells.filter(*match).iter_rows(named=True), None)
    if row is None:
        return Figure("") if TOGETHER in key else _NOT_MEASURED
    if row["no_data"] is not None:
        return Figure(withheld=NO_DATA_WORDS[NoData(row["no_data"])], state=Absence.NO_DATA)
    if row["value"] is None:
        return Figure(withheld=reason_words(row["withheld"]))
    return Figure(_text(row["value"], row["unit"], currency))


def estimate_figure(estimate: Estimate | None, currency: str = "") -> Figure:
    """An estimate with its interval, or the words in which its study says why there is none."""
    if estimate is None:
        return _NOT_MEASURED
    if estimate.value is None:
        why = estimate.withheld or _ANY_RULE
        return Figure(withheld=why, state=estimate.absence or Absence.WITHHELD)
    known = [n for n in (estimate.value, estimate.lower, estimate.upper) if n is not None]
    like = max(known, key=abs)
    text, *bounds = (_told(estimate, number, currency, like) for number in known)
    unit = " points" if estimate.name.startswith(_IN_POINTS) else ""
    return Figure(
        f"{text}{unit}", " to ".join(bounds) or None, margin=_margin(estimate, currency, like)
    )


def _margin(estimate: Estimate, currency: str, like: float) -> str | None:
    """How far rounding can have moved the value: '±2'. A p-value is the most cautious already."""
    if not estimate.rounding or estimate.unit == _P_VALUE:
        return None
    if estimate.name.startswith(_IN_POINTS):
        return f"±{numbers.points(estimate.rounding, like)}"
    return f"±{_text(estimate.rounding, estimate.unit, currency, like)}"


def _told(estimate: Estimate, number: float, currency: str, like: float) -> str:
    """The estimate's value or a bound of it, in its unit, with the decimals of `like`."""
    if estimate.name.startswith(_IN_POINTS):
        text = numbers.points(number, like)
    else:
        text = _text(number, estimate.unit, currency, like)
    change = estimate.name.startswith(_CHANGES) and not estimate.name.endswith(_RATES)
    return f"+{text}" if change and estimate.unit != _P_VALUE and number > 0 else text


def _text(value: float, unit: str, currency: str, like: float | None = None) -> str:
    if unit in (PEOPLE, EVENTS, CIDS, EFFECTIVE):
        return numbers.count(value)
    if unit == MONEY:
        return numbers.money(value, currency)
    if unit == SHARE:
        return numbers.share(value, like)
    return numbers.probability(value) if unit == _P_VALUE else numbers.plain(value, like)
