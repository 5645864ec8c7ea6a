"""What the delay tables are made of: spans of time since a click, weeks of clicks, what adds up."""

from __future__ import annotations

from datetime import date, timedelta

from cleanroom.layout import Dimension, Layout, Measure, Pairs, Parts, Place, Use
from cleanroom.policy import Policy
from cleanroom.study import ALL

SPAN_ENDS = (1, 3, 7, 15, 30)  # days since the click
SPANS = tuple(
    f"{start + 1}" if end == start + 1 else f"{start + 1}–{end}"
    for start, end in zip((0, *SPAN_ENDS), SPAN_ENDS, strict=False)
)
OPEN = "later"  # after the last span that the data reaches the end of for a whole week of clicks
ORDERED, LOST = "ordered", "lost"
COHORT_DAYS = 7
_MERCHANT = Dimension("merchant", ("touches.merchant", "visits.merchant"))
_USER, _BUYER = "touches.user", "visits.buyer"


def cohorts(start: date, end: date) -> list[date]:
    """The first day of each week of a study; the last may be shorter."""
    days = (end - start).days + 1
    return [start + timedelta(days=day) for day in range(0, days, COHORT_DAYS)]


def delay_layout(end: date, until: date) -> Layout:
    """The table `delay`; once every click was watched, its people are all who clicked."""
    watched, clicked = Place(_about("delay", until), "people"), Place("path", "people", "click")
    whole: Pairs = ((clicked, watched),) if until > end else ()
    return Layout(
        "delay",
        "People by the days from their first click to their first order, as far as they were "
        "watched",
        (
            _MERCHANT,
            Dimension("outcome", categories=(ORDERED, LOST, ALL), total=ALL),
            Dimension("days", categories=(*SPANS, ALL), total=ALL),
        ),
        (
            Measure(
                "people",
                Use.COUNT,
                (_USER, _BUYER),
                adds_up=True,
                parts=Parts.ADD,
                over_time=Parts.FREE,  # in a longer period the first click may be another
            ),
        ),
        about=_about("delay", until),
        at_most=((watched, clicked), *whole),
        among=((watched, clicked),),
        blocks=("merchant",),
    )


def maturity_layout(start: date, end: date, until: date, policy: Policy) -> Layout:
    """The table `maturity`, whose cells make up the orders that the table `money` counts."""
    about = _about("maturity", until)
    # Of purchases and refunds cut to what one person counts, nothing adds up.
    equal = ("orders",) if policy.max_amount_per_person is not None else ("orders", "revenue")
    pairs: Pairs = tuple(
        pair
        for measure in equal
        for here in [Place(about, measure)]
        for there in [Place("money", measure)]
        for pair in ((here, there), (there, here))
    )
    weeks = tuple(day.isoformat() for day in cohorts(start, end))
    return Layout(
        "maturity",
        "Orders and revenue net of refunds, by week of the click and by the days until the order",
        (
            _MERCHANT,
            Dimension("week", categories=(*weeks, ALL), total=ALL, alike=True),
            Dimension("days", categories=(*SPANS, OPEN, ALL), total=ALL),
        ),
        (
            Measure(
                "orders",
                Use.COUNT,
                ("visits.order", _USER, _BUYER),
                parts=Parts.ADD,
                over_time=Parts.FREE,
            ),
            Measure("revenue", Use.SUM, ("visits.amount",), parts=Parts.ADD, over_time=Parts.FREE),
        ),
        about=about,
        at_most=pairs,
        blocks=("merchant",),
    )


def _about(table: str, until: date) -> str:
    return f"{table} until {until.isoformat()}"
