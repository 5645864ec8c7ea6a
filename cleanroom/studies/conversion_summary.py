"""What a marketing lead takes away from a conversion study, in three sentences."""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.absences import Absence
from cleanroom.borders import Estimate
from cleanroom.numbers import money, share
from cleanroom.studies.words import counted, sentence

_STANDING = (
    "this credits orders to the click before them and is attribution, not effect (evidence grade D)"
)


def summary(estimates: Mapping[str, Estimate], currency: str) -> tuple[str, str, str]:
    """Reach and clicks; visits and orders; money, and what it does not prove.

    A withheld number is called so in its place, so that the sentence stands without it.
    """
    return (
        sentence(_clicks(estimates)),
        sentence(_orders(estimates)),
        sentence(f"{_money(estimates, currency)}; {_STANDING}"),
    )


def _clicks(estimates: Mapping[str, Estimate]) -> str:
    reached = counted(estimates["people_reach"], "people")
    clicked = counted(estimates["people_click"])
    return (
        f"the notes reached {reached}, and {clicked} clicked{_rate(estimates['click_per_reach'])}"
    )


def _orders(estimates: Mapping[str, Estimate]) -> str:
    visited = counted(estimates["people_visit"])
    bought = counted(estimates["people_purchase"])
    return (
        f"of the people who clicked, {visited} were seen in the store"
        f"{_rate(estimates['visit_per_click'])} and {bought} bought"
        f"{_rate(estimates['purchase_per_click'])}, placing "
        f"{counted(estimates['orders'], 'orders')}"
    )


def _money(estimates: Mapping[str, Estimate], currency: str) -> str:
    revenue, cost = (_amount(estimates[name], currency) for name in ("revenue", "cost"))
    roas = estimates["roas"].value
    returned = "" if roas is None else f", a return on advertising spend of {roas:,.2f}"
    return f"revenue net of refunds was {revenue} and advertising cost {cost}{returned}"


def _amount(estimate: Estimate, currency: str) -> str:
    if estimate.value is None:
        return "not recorded" if estimate.absence is Absence.NO_DATA else "withheld"
    return money(estimate.value, currency)


def _rate(estimate: Estimate) -> str:
    """' (3.84%, 95% interval 3.44% to 4.28%)', or nothing where there is no rate."""
    if estimate.value is None or estimate.lower is None or estimate.upper is None:
        return ""
    low, high = (share(bound, estimate.value) for bound in (estimate.lower, estimate.upper))
    return f" ({share(estimate.value)}, 95% interval {low} to {high})"
