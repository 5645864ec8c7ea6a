"""The parts of a merchant's campaign beside each other: campaigns, creators or notes, dated by the
click.

Their intervals stand beside their rates, and none is called the best while another's interval
reaches as high: of many parts one is always first by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cleanroom.borders import EVENTS, MONEY, PEOPLE, SHARE, Estimate, Protected
from cleanroom.studies.intervals import Interval, Proportion, UndefinedError, wilson
from cleanroom.studies.released import WILSON, Quantity, Shown, estimate, released
from cleanroom.study import ALL

RATIO = "ratio"
_RATES = {
    "click_per_reach": ("click", "reach", "People who clicked / people reached"),
    "visit_per_click": ("visit", "click", "People seen in the store / people who clicked"),
    "purchase_per_click": ("purchase", "click", "Buyers / people who clicked"),
}
_NOUNS = {
    "reach": "people reached",
    "click": "people who clicked",
    "visit": "people seen in the store after a click",
    "purchase": "buyers",
    "cost": "advertising cost",
    "orders": "orders",
    "revenue": "revenue net of refunds",
}
_QUOTIENTS = {
    "roas": ("revenue", "cost", "Revenue net of refunds / cost", RATIO),
    "cost_per_order": ("cost", "orders", "Cost / orders", MONEY),
}
_SUMS = {"cost": MONEY, "orders": EVENTS, "revenue": MONEY}
_QUOTIENT = "quotient of two released totals, without an interval; dated by the click"


def part_estimates(tables: Mapping[str, Protected]) -> dict[str, Estimate]:
    """`<rate>@<part>` for each part, with intervals where numbers of people stand behind it."""
    path, money = released(tables, "path_by"), released(tables, "money_by")
    found = {}
    for part in dict.fromkeys(key[0] for key in path if key[0] != ALL):
        given = {
            step: Quantity(f"{noun} by {part}", PEOPLE, path.get((part, step, PEOPLE)))
            for step, noun in _NOUNS.items()
        }
        given |= {
            name: Quantity(f"{_NOUNS[name]} of {part}", unit, money.get((part, name)))
            for name, unit in _SUMS.items()
        }
        for name, (above, below, label) in _RATES.items():
            shown = Shown(
                f"{name}@{part}", f"{part}: {label}", SHARE, f"{WILSON}; dated by the click"
            )
            found[shown.name] = estimate(shown, _rate, given[above], given[below])
        for name, (above, below, label, unit) in _QUOTIENTS.items():
            shown = Shown(f"{name}@{part}", f"{part}: {label}", unit, _QUOTIENT)
            found[shown.name] = estimate(shown, _divide, given[above], given[below])
    return found


def leader(rates: Sequence[Estimate]) -> Estimate | None:
    """The rate that is above all others beyond its interval and theirs; None if there is none."""
    known = [one for one in rates if one.value is not None]
    if len(known) < 2:
        return None
    first = max(known, key=lambda one: one.value or 0.0)
    others = [one for one in known if one is not first]
    clear = all((first.lower or 0.0) > (one.upper or 0.0) for one in others)
    return first if clear else None


def _rate(count: float, people: float) -> Interval:
    return wilson(Proportion(count, people))


def _divide(above: float, below: float) -> float:
    if below <= 0:
        raise UndefinedError("there is nothing to divide by")
    return float(above / below)
