"""Who was shown the campaign, what it cost, and the effect on them (table `exposure`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cleanroom.borders import MONEY, PEOPLE, SHARE, Estimate
from cleanroom.studies.complier import Uptake, effect_on_shown
from cleanroom.studies.intervals import (
    Interval,
    Moments,
    Proportion,
    UnboundedError,
    UndefinedError,
    wilson,
)
from cleanroom.studies.lift_estimates import (
    RATIO,
    incremental_amount,
    incremental_people,
    told,
)
from cleanroom.studies.released import WILSON, Number, Quantity, Shown, estimate

EXPOSURE = {
    "exposed_treated": ("people of the treated arm who were shown the campaign", PEOPLE),
    "exposed_converters_treated": ("buyers among those shown the campaign", PEOPLE),
    "exposed_amount_treated": ("amount spent by those shown the campaign", MONEY),
    "cost_treated": ("advertising cost of the people studied", MONEY),
    "contaminated_holdout": ("people of the holdout who were shown the campaign", PEOPLE),
    "by_shared_link_holdout": ("people of the holdout who came by another's link", PEOPLE),
}
_RUBIN = "instrumental variable, arm as instrument, 95 % (Anderson 1949)"
_COST = "cost of the people studied; interval of incremental conversions"
_ROAS = "cost of the people studied; interval of the incremental amount"


def exposure_quantities(exposure: Mapping[tuple[str, ...], Number]) -> dict[str, Quantity]:
    """The released numbers of the table, as `measure_arm`; those that nobody asked for are not."""
    named = {f"{measure}_{arm}": number for (arm, measure), number in exposure.items()}
    return {
        name: Quantity(noun, unit, named[name])
        for name, (noun, unit) in EXPOSURE.items()
        if name in named
    }


def estimate_exposure(given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    """All estimates that need who was shown what, from the quantities `measure_arm`."""
    yield from (told(name, given[name]) for name in EXPOSURE if name in given)
    treated, exposed = given["people_treated"], given["exposed_treated"]
    yield estimate(
        Shown("exposed_share", "Shown the campaign / people studied, treated", SHARE, WILSON),
        lambda count, people: wilson(Proportion(count, people)),
        exposed,
        treated,
    )
    yield from _on_shown(given)
    yield from _for_money(given)


def _on_shown(given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    """The effect of the campaign on those it was shown to.

    Of the holdout nobody should have been shown it. Where the number is released it counts; where
    it was withheld it is small, and counted as none.
    """
    reached = given["contaminated_holdout"].value or 0.0
    shown = ("exposed_converters_treated", "exposed_amount_treated")
    outcomes = (("converters", "converters"), ("amount", "amount_squared"))
    labels = (
        Shown("effect_on_exposed", "Conversion rate of those shown it, changed", SHARE, _RUBIN),
        Shown("amount_effect_on_exposed", "Amount of those shown it, changed", MONEY, _RUBIN),
    )
    for label, of_shown, (outcome, squared) in zip(labels, shown, outcomes, strict=True):

        def compute(*n: float) -> Interval:
            people, total = n[5], n[6]
            holdout = Uptake(people, total, n[7], reached, reached * total / people)
            return effect_on_shown(Uptake(*n[:5]), holdout)

        treated = ("people_treated", f"{outcome}_treated", f"{squared}_treated", "exposed_treated")
        holdout = ("people_holdout", f"{outcome}_holdout", f"{squared}_holdout")
        yield estimate(label, compute, *(given[name] for name in (*treated, of_shown, *holdout)))


def _for_money(given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    def cost_each(cost: float, *n: float) -> Interval:
        return _each(cost, incremental_people(Proportion(*n[:2]), Proportion(*n[2:])))

    def value_per_cost(cost: float, *n: float) -> Interval:
        if cost <= 0:
            raise UndefinedError("it cost nothing")
        found = incremental_amount(Moments(*n[:3]), Moments(*n[3:]))
        return Interval(found.value / cost, found.lower / cost, found.upper / cost)

    cost, arms = given["cost_treated"], ("treated", "holdout")
    yield estimate(
        Shown("cost_per_incremental_conversion", "Cost / buyers added", MONEY, _COST),
        cost_each,
        cost,
        *(given[f"{name}_{arm}"] for arm in arms for name in ("converters", "people")),
    )
    yield estimate(
        Shown("incremental_conversion_value_per_cost", "Amount added / cost (iROAS)", RATIO, _ROAS),
        value_per_cost,
        cost,
        *(given[f"{n}_{arm}"] for arm in arms for n in ("people", "amount", "amount_squared")),
    )


def _each(cost: float, buyers: Interval) -> Interval:
    """What one of them cost. Where no effect is not ruled out, one may have cost anything."""
    if buyers.lower <= 0:
        raise UnboundedError("that the campaign added buyers was not shown")
    return Interval(cost / buyers.value, cost / buyers.upper, cost / buyers.lower)
