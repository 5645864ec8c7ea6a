"""The tables of a lift study: what leaves the room of it, and nothing more.

`arms` and `panel` are the study. The others let its reader doubt it and sharpen it: `prior` what
the arms did before, `exposure` who was shown the campaign and what it cost, `weeks` when people
bought, `customers` and `regions` who they are.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from cleanroom.layout import Dimension, Layout, Measure, Pairs, Parts, Place, Use

CUSTOMERS = ("new", "existing")
WEEKS = tuple(f"week_{number:02}" for number in range(1, 105))

_MERCHANT = Dimension("merchant", ("assignments.merchant", "visits.merchant"))
_ARM = Dimension("arm", ("assignments.arm",))
_BUYER, _AMOUNT = ("visits.buyer",), ("visits.amount",)
_BEFORE = ("visits.amount", "buyers.prior_amount")
_STUDIED = (
    Measure("people", Use.COUNT, ("assignments.user", "visits.buyer")),
    Measure("converters", Use.COUNT, _BUYER),
)
_STUDIED_PEOPLE = Place("arms", "people")


def _among(about: str, *measures: str, of: Place = _STUDIED_PEOPLE) -> Pairs:
    """Measures of a table of arms, each among the same people."""
    return tuple((Place(about, measure), of) for measure in measures)


_IN_ARMS = (
    *_among("arms", "people", of=Place("arms", "assigned")),
    *_among("arms", "converters"),
    *_among("arms", "capped", of=Place("arms", "converters")),
)
_SPENT = (
    *_among("arms", "amount", "amount_squared", of=Place("arms", "converters")),
    *_among("arms", "amount", "amount_squared"),
)
_PRIOR = ("prior_amount", "prior_amount_squared", "prior_of_converters", "prior_times_amount")
_EXPOSED = Place("exposure", "exposed")
_REACHED = _among("exposure", "exposed", "contaminated", "by_shared_link")
_SHOWN = _among("exposure", "exposed_converters", of=_EXPOSED)
_IN_REGIONS = _among("regions", "converters", of=Place("regions", "people"))
_IN_CUSTOMERS = tuple(
    (Place("customers", "converters", name), Place("customers", "people", name))
    for name in CUSTOMERS
)
_SPENT_BY_CUSTOMERS = tuple(
    (Place("customers", amount, name), Place("customers", "converters", name))
    for amount in ("amount", "amount_squared")
    for name in CUSTOMERS
)

# Nobody of the panel is in both arms, so that arms add up; users assigned may be in both.
ARMS_LAYOUT = Layout(
    "arms",
    "Assigned, seen in the panel, and bought, by arm",
    (_MERCHANT, _ARM),
    (
        Measure("assigned", Use.COUNT, ("assignments.user",)),
        Measure("people", Use.COUNT, ("assignments.user", "visits.buyer"), adds_up=True),
        Measure("converters", Use.COUNT, _BUYER, adds_up=True),
        Measure("amount", Use.SUM, _AMOUNT, adds_up=True),
        Measure("amount_squared", Use.SUM, _AMOUNT, adds_up=True),
        Measure("capped", Use.COUNT, _BUYER, adds_up=True),
        Measure("beyond", Use.SUM, _AMOUNT),
    ),
    contrast="arm",
    at_most=_IN_ARMS,
    among=(
        *_IN_ARMS,
        *_SPENT,
        *_among("arms", "beyond", of=Place("arms", "capped")),
    ),
)
PANEL_LAYOUT = Layout(
    "panel",
    "Users whose buyer has users in both arms: counted in neither",
    (_MERCHANT, Dimension("outcome", categories=("both_arms",))),
    (Measure("people", Use.COUNT, ("assignments.user", "visits.buyer")),),
)
PRIOR_LAYOUT = Layout(
    "prior",
    "What the people studied had spent before the assignment, by arm",
    (_MERCHANT, _ARM),
    (
        Measure("prior_buyers", Use.COUNT, _BUYER),
        Measure("prior_amount", Use.SUM, _BEFORE),
        Measure("prior_amount_squared", Use.SUM, _BEFORE),
        Measure("prior_of_converters", Use.SUM, _BEFORE),
        Measure("prior_times_amount", Use.SUM, (*_BEFORE, *_AMOUNT)),
    ),
    contrast="arm",
    at_most=_among("prior", "prior_buyers"),
    among=_among("prior", "prior_buyers", *_PRIOR),
)
# Of the treated arm who was shown the campaign, and its cost; of the holdout who should not have
# been. No measure is of both arms, since that of the holdout is small by design.
EXPOSURE_LAYOUT = Layout(
    "exposure",
    "Shown the campaign, its cost, and people held out who were reached all the same",
    (_MERCHANT, _ARM),
    (
        Measure("exposed", Use.COUNT, ("touches.user",)),
        Measure("exposed_converters", Use.COUNT, ("touches.user", "visits.buyer")),
        Measure("exposed_amount", Use.SUM, _AMOUNT),
        Measure("cost", Use.SUM, ("touches.cost",)),
        Measure("contaminated", Use.COUNT, ("touches.user",)),
        Measure("by_shared_link", Use.COUNT, ("visits.cid", "visits.buyer")),
    ),
    at_most=(*_REACHED, *_SHOWN),
    among=(
        *_REACHED,
        *_SHOWN,
        *_among("exposure", "cost"),
        *_among("exposure", "exposed_amount", of=_EXPOSED),
    ),
)
# Weeks and small regions are others in another period.
WEEKS_LAYOUT = Layout(
    "weeks",
    "When the buyers of each arm first bought: from the line before to the end of the week",
    (_MERCHANT, _ARM, Dimension("week", categories=WEEKS, parts=True)),
    (Measure("converters", Use.COUNT, _BUYER, parts=Parts.FREE),),
    contrast="arm",
    whole="week",
    whole_in="arms",
)
CUSTOMERS_LAYOUT = Layout(
    "customers",
    "Studied and bought, by whether they had bought from the merchant before the assignment",
    (_MERCHANT, _ARM, Dimension("customer", categories=CUSTOMERS, parts=True)),
    (
        *_STUDIED,
        Measure("amount", Use.SUM, _AMOUNT),
        Measure("amount_squared", Use.SUM, _AMOUNT),
    ),
    contrast="arm",
    whole="customer",
    whole_in="arms",
    at_most=_IN_CUSTOMERS,
    among=(*_IN_CUSTOMERS, *_SPENT_BY_CUSTOMERS),
)
REGIONS_LAYOUT = Layout(
    "regions",
    "Studied and bought, by region; regions too small for the agreement's minimums together",
    (_MERCHANT, _ARM, Dimension("region", ("users.region",))),
    tuple(replace(measure, parts=Parts.FREE) for measure in _STUDIED),
    contrast="arm",
    whole="region",
    whole_in="arms",
    at_most=_IN_REGIONS,
    among=_IN_REGIONS,
)


def week_starts(start: date, end: date) -> list[date]:
    """The first day of each whole week from `start`; days left over at the `end` belong to the
    last, and so do all after two years."""
    whole = ((end - start).days + 1) // 7
    return [start + timedelta(weeks=week) for week in range(min(max(1, whole), len(WEEKS)))]
