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
    "bounded": "what was bounded",
    "(all)": "all",
    "time_decay": "time decay",
    "shapley": "Shapley",
    "markov": "Markov (data-driven)",
}
_NAMES = {
    "match_rate": ("Found in the store", "of those with a click ID"),
    "absolute_lift": ("Lift in conversion", "campaign group minus holdout group"),
    "relative_conversion_lift": ("Relative lift", "lift / conversion of the holdout group"),
    "incremental_conversions": ("Incremental buyers", "lift × people of the campaign group"),
    "p_value": ("p-value", "how often chance alone makes a difference as large"),
    "minimum_detectable_lift": ("Detectable lift", "the smallest found four times in five"),
    "amount_lift": ("Additional spending per person", "campaign group minus holdout group"),
    "incremental_amount": ("Additional spending", "per person × people of the campaign group"),
    "roas": ("ROAS", "revenue net of refunds / cost"),
    "cost_per_click": ("Cost per click", "cost / clicks"),
    "cost_per_visit": ("CPUV", "cost / people seen in the store after a click"),
    "unattributed_share": ("Unattributed", "orders without a touch before them / all orders"),
    "final_orders": ("Orders in the end", "of all complete weeks of clicks, forecast"),
    "final_revenue": ("Revenue in the end", "of all complete weeks of clicks, forecast"),
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


def is_of_path(estimate: Estimate) -> bool:
    """Whether an estimate is a share of the merchant's whole path, not of a part or of days."""
    step, _, base = estimate.name.partition("_per_")
    return estimate.name == "match_rate" or (step in STEPS and base in OF)


def period_words(study: Mapping[str, Any]) -> str:
    """The days of a study, as its manifest carries it: '1 April to 30 May 2026'."""
    start, end = (date.fromisoformat(study[name]) for name in ("start", "end"))
    year = "" if start.year == end.year else f" {start.year}"
    return f"{start.day} {start:%B}{year} to {end.day} {end:%B} {end.year}"


def moment_words(time: str) -> str:
    """An ISO time as text: '2 June 2026, 08:15 UTC'."""
    moment = datetime.fromisoformat(time).astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
