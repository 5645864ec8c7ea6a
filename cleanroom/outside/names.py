"""What readers call steps, dimensions, measures and estimates, and how they are told days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from cleanroom.borders import Estimate
from cleanroom.tables import Platform


@dataclass(frozen=True)
class Step:
    """A step of the path: its name, who saw it, and the step its rate is a share of."""

    label: str
    seen_by: Platform
    base: str = ""


STEPS = {
    "reach": Step("Reached", Platform.ADS),
    "read": Step("Read a note", Platform.ADS, "reach"),
    "engage": Step("Engaged with a note", Platform.ADS, "reach"),
    "click": Step("Clicked through", Platform.ADS, "reach"),
    "visit": Step("Visited the store", Platform.STORE, "click"),
    "search": Step("Searched the store", Platform.STORE, "visit"),
    "cart": Step("Added to cart", Platform.STORE, "visit"),
    "purchase": Step("Bought", Platform.STORE, "visit"),
}
OF = {"reach": "of those reached", "click": "of those who clicked", "visit": "of visitors"}


_KEYS = {
    "arm": "group",
    "treated": "campaign group",
    "holdout": "holdout group",
    "converters": "buyers",
    "amount": "spent",
    "amount_squared": "spread of spending",
    "clicked": "clicked a link with a click ID",
    "linked": "found in the store",
    "before_click": "in the store before the click only",
    "outside_window": "in the store after the window",
    "passed_on": "link passed on to others",
    "several_users": "several accounts of one buyer",
    "both_arms": "in both groups, so counted in neither",
    "capped": "amount capped",
    "beyond": "spent beyond the cap",
    "new": "new customers",
    "existing": "existing customers",
    "prior_buyers": "had spent before",
    "prior_amount": "spent before",
    "prior_amount_squared": "spread of spending before",
    "prior_of_converters": "spent before by buyers",
    "prior_times_amount": "before times after",
    "exposed": "shown the campaign",
    "exposed_converters": "buyers among those shown",
    "exposed_amount": "spent by those shown",
    "contaminated": "shown it although held out",
    "by_shared_link": "came by another’s link",
    "bounded": "what was bounded",
    "prior_engagements": "earlier engagement",
    "prior_orders": "earlier orders",
    "touches_early": "notes seen, earlier",
    "visits_early": "store visits, earlier",
    "bought_early": "bought here, earlier",
    "touches_recent": "notes seen, lately",
    "visits_recent": "store visits, lately",
    "bought_recent": "bought here, lately",
    "adjusted": "lift, doubly robust",
    "adjusted_error": "its standard error",
}
_NAMES = {
    "match_rate": ("Found in the store", "of those with a click ID"),
    "absolute_lift": ("Lift in conversion", "campaign group minus holdout group"),
    "relative_conversion_lift": ("Relative lift", "lift / conversion of the holdout group"),
    "incremental_conversions": ("Incremental buyers", "lift × people of the campaign group"),
    "incremental_conversions_p_value": (
        "p-value",
        "how often chance alone makes a difference as large",
    ),
    "naive_lift": ("Unadjusted difference", "exposed minus all others"),
    "matched_lift": ("Matched difference", "exposed minus the most similar"),
    "placebo_lift": ("Difference before the study", "should be zero"),
    "elsewhere_lift": ("Difference at other merchants", "should be zero"),
    "minimum_detectable_lift": ("Detectable lift", "the smallest found four times in five"),
    "amount_lift": ("Additional spending per person", "campaign group minus holdout group"),
    "incremental_conversion_value": (
        "Additional spending",
        "per person × people of the campaign group",
    ),
    "absolute_lift_always_valid": ("Lift at every look", "holds however often one looks"),
    "always_valid_p_value": ("p-value at every look", "holds however often one looks"),
    "relative_conversion_value_lift": ("Relative lift in spending", "of the holdout group's"),
    "incremental_conversion_value_p_value": ("p-value of the spending", "of no difference"),
    "amount_lift_uncut": ("Additional spending per person, uncapped", "without an interval"),
    "prior_amount_difference": ("Difference in earlier spending", "in standard deviations"),
    "exposed_share": ("Shown the campaign", "of the campaign group studied"),
    "effect_on_exposed": ("Lift among those shown it", "campaign group as instrument"),
    "amount_effect_on_exposed": ("Additional spending of those shown it", "per person"),
    "cost_per_incremental_conversion": ("Cost per incremental buyer", "cost / buyers added"),
    "incremental_conversion_value_per_cost": ("iROAS", "additional spending / cost"),
    "absolute_lift_adjusted": ("Lift in conversion, adjusted", "for earlier spending"),
    "amount_lift_adjusted": ("Additional spending, adjusted", "per person, for earlier spending"),
    "amount_lift_cuped": ("Additional spending, CUPED", "per person, for earlier spending"),
    "variance_reduction_conversions": ("Gain of the adjustment", "variance of the lift explained"),
    "variance_reduction_amount": ("Gain of the adjustment", "variance of spending explained"),
    "absolute_lift_post_stratified": ("Lift in conversion", "new and existing customers weighed"),
    "amount_lift_post_stratified": ("Additional spending per person", "customers weighed"),
    "roas": ("ROAS", "revenue net of refunds / cost"),
    "cost_per_click": ("Cost per click", "cost / clicks"),
    "cost_per_order": ("Cost per order", "cost / orders"),
    "average_order_value": ("Average order value", "revenue net of refunds / orders"),
}


def key_words(key: str) -> str:
    """A dimension's value or a measure's name in a reader's words."""
    return _KEYS.get(key) or (STEPS[key].label if key in STEPS else key.replace("_", " "))


def name_words(estimate: Estimate) -> tuple[str, str]:
    """What readers call an estimate, and what it is exactly ('' if its name says that)."""
    step, _, base = estimate.name.partition("_per_")
    if step in STEPS and base in OF:
        return STEPS[step].label, OF[base]
    return _NAMES.get(estimate.name, (estimate.label, ""))


def period_words(study: Mapping[str, Any]) -> str:
    """The days of a study, as its manifest carries it: '1 April to 30 May 2026'."""
    start, end = (date.fromisoformat(study[name]) for name in ("start", "end"))
    year = "" if start.year == end.year else f" {start.year}"
    return f"{start.day} {start:%B}{year} to {end.day} {end:%B} {end.year}"


def moment_words(time: str) -> str:
    """An ISO time as text: '2 June 2026, 08:15 UTC'."""
    moment = datetime.fromisoformat(time).astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
