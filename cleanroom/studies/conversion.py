"""The conversion study: one merchant's path from note to order, and what it cost.

All of it is attribution, not effect: it counts orders that followed a click, some of which would
have come anyway (evidence grade D; see `docs/methods.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot

from cleanroom.borders import (
    EVENTS,
    MONEY,
    PEOPLE,
    SHARE,
    Check,
    Estimate,
    Findings,
    Protected,
    Verdict,
)
from cleanroom.studies.conversion_credit import credit_estimates, parts_make_up_all
from cleanroom.studies.conversion_delay import delay_estimates
from cleanroom.studies.conversion_parts import part_estimates
from cleanroom.studies.conversion_summary import summary
from cleanroom.studies.intervals import (
    Proportion,
    UndefinedError,
    as_released,
    noise_of,
    wilson,
)
from cleanroom.studies.released import (
    AS_RELEASED,
    WILSON,
    Quantity,
    Shown,
    absence,
    estimate,
    released,
)
from cleanroom.studies.words import joined, sentence

RATIO = "ratio"
_QUOTIENT = "quotient of two released totals; totals show no spread, so there is no interval"


@dataclass(frozen=True)
class _Quotient:
    """A quotient of two quantities by name."""

    label: str
    unit: str
    above: str
    below: str


# Each step of the path: its people, its events.
_STEPS = {
    "reach": ("people reached", "impressions"),
    "read": ("people who read a note", "reads"),
    "engage": ("people who engaged with a note", "engagements"),
    "click": ("people who clicked", "clicks"),
    "visit": ("people seen in the store after a click", "store visits"),
    "search": ("people who searched the store", "store searches"),
    "cart": ("people who filled a cart", "additions to a cart"),
    "purchase": ("buyers", "purchases"),
}
_MONEY = {
    "cost": ("advertising cost", MONEY),
    "orders": ("orders", EVENTS),
    "revenue": ("revenue net of refunds", MONEY),
}
_LINK = {
    "people_with_click_id": ("clicked", "people who clicked a link that carries a click id"),
    "people_linked": ("linked", "people whose click was found again in the store"),
}
_STEP_RATES = (
    ("read", "reach"),
    ("engage", "reach"),
    ("click", "reach"),
    ("visit", "click"),
    ("search", "visit"),
    ("cart", "visit"),
    ("purchase", "visit"),
    ("purchase", "click"),
)
_QUOTIENTS = {
    "roas": _Quotient("Revenue net of refunds / cost (ROAS)", RATIO, "revenue", "cost"),
    "cost_per_click": _Quotient("Cost / clicks", MONEY, "cost", "events_click"),
    "cost_per_visit": _Quotient(
        "Cost / people seen in the store after a click (CPUV)", MONEY, "cost", "people_visit"
    ),
    "cost_per_order": _Quotient("Cost / orders", MONEY, "cost", "orders"),
    "average_order_value": _Quotient("Revenue net of refunds / orders", MONEY, "revenue", "orders"),
}


def findings(tables: Mapping[str, Protected], currency: str) -> Findings:
    """What the tables `path`, `money` and `link` of one merchant say, and those of its parts, of
    attribution and of delay where they were made.

    Money is in minor units of `currency`. Raises `StudyError` if a table is absent.
    """
    given = _quantities(tables)
    counts = {
        name: estimate(Shown(name, one.noun.capitalize(), one.unit, AS_RELEASED), as_released, one)
        for name, one in given.items()
    }
    estimates = {**counts, **_rates(given), **_quotients(given)}
    checks = {"steps_nested": _steps_nested(given)}
    if "path_by" in tables:
        estimates |= part_estimates(tables)
    if "credit" in tables:
        estimates |= credit_estimates(tables)
        checks["parts_make_up_all"] = parts_make_up_all(tables)
    if "delay" in tables:
        estimates |= delay_estimates(tables, given["cost"])
    return Findings(estimates, checks, summary(estimates, currency))


def _quantities(tables: Mapping[str, Protected]) -> dict[str, Quantity]:
    path, money, link = (released(tables, name) for name in ("path", "money", "link"))
    steps = {
        f"{unit}_{step}": Quantity(noun, unit, path.get((step, unit)))
        for step, nouns in _STEPS.items()
        for unit, noun in zip((PEOPLE, EVENTS), nouns, strict=True)
    }
    sums = {name: Quantity(noun, unit, money.get((name,))) for name, (noun, unit) in _MONEY.items()}
    links = {
        name: Quantity(noun, PEOPLE, link.get((outcome, PEOPLE)))
        for name, (outcome, noun) in _LINK.items()
    }
    return steps | sums | links


def _rates(given: Mapping[str, Quantity]) -> dict[str, Estimate]:
    steps = {f"{part}_per_{base}": (part, base) for part, base in _STEP_RATES}
    pairs = {**steps, "match_rate": ("linked", "with_click_id")}
    return {
        name: _rate(name, given[f"people_{part}"], given[f"people_{base}"])
        for name, (part, base) in pairs.items()
    }


def _rate(name: str, part: Quantity, base: Quantity) -> Estimate:
    shown = Shown(name, f"{part.noun.capitalize()} / {base.noun}", SHARE, WILSON)
    return estimate(shown, lambda count, people: wilson(Proportion(count, people)), part, base)


def _quotients(given: Mapping[str, Quantity]) -> dict[str, Estimate]:
    return {
        name: estimate(
            Shown(name, one.label, one.unit, _QUOTIENT), _divide, given[one.above], given[one.below]
        )
        for name, one in _QUOTIENTS.items()
    }


def _divide(above: float, below: float) -> float:
    if below <= 0:
        raise UndefinedError("there is nothing to divide by")
    return float(above / below)


def _steps_nested(given: Mapping[str, Quantity]) -> Check:
    """Whether nobody takes a step without the step before; else the data contradict themselves."""
    pairs = [(given[f"people_{part}"], given[f"people_{base}"]) for part, base in _STEP_RATES]
    torn = [f"more {part.noun} than {base.noun}" for part, base in pairs if _exceeds(part, base)]
    hidden = absence(*(one for pair in pairs for one in pair))
    if torn:
        verdict, words = Verdict.FAILED, f"there are {joined(torn)}: look for an error in the data"
    elif hidden:
        verdict, words = Verdict.UNKNOWN, f"not all steps can be compared: {hidden[1]}"
    else:
        verdict, words = Verdict.PASSED, "no step has more people than the step it is a share of"
    return Check("steps_nested", "Steps lie within each other", verdict, sentence(words))


def _exceeds(part: Quantity, base: Quantity) -> bool:
    """Whether a part is larger than its whole, by more than noise explains."""
    if part.value is None or base.value is None:
        return False
    return part.value - base.value > 3 * hypot(noise_of(part.value), noise_of(base.value))
