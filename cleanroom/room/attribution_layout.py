"""What the attribution tables are made of, and what holds between their cells.

Tables of other windows are about something else: their numbers do not add up with these.
"""

from __future__ import annotations

from cleanroom.layout import Dimension, Layout, Measure, Pairs, Parts, Place, Use
from cleanroom.room.channels import dimension_of
from cleanroom.room.credit import CREDIT_RULES
from cleanroom.study import ALL, ATTRIBUTED, UNATTRIBUTED

WHOLES = (ALL, ATTRIBUTED, UNATTRIBUTED)

_MERCHANT = Dimension("merchant", ("touches.merchant", "visits.merchant"))
_RULES = [rule.id for rule in CREDIT_RULES]
_USER, _BUYER = "touches.user", "visits.buyer"
_MEASURES = (
    # An order of several days is one in each period, where it begins at another time.
    Measure(
        "orders",
        Use.COUNT,
        ("visits.order", _USER, _BUYER),
        parts=Parts.ADD,
        over_time=Parts.FREE,
    ),
    Measure("revenue", Use.SUM, ("visits.amount",), parts=Parts.ADD, over_time=Parts.FREE),
)


def orders_layout(channel: str, window_days: int) -> Layout:
    """The table `orders`: all, those that are credited, and those that nothing is."""
    return Layout(
        "orders",
        "Orders and revenue net of refunds: all, and whether a touchpoint came before",
        (_MERCHANT, dimension_of(channel, ALL)),
        _MEASURES,
        about=f"orders of {window_days} days",
    )


def credit_layout(channel: str, window_days: int) -> Layout:
    """The table `credit`, by rule and by a column of touches.

    By every rule the parts make up the same orders, and the same ones are unattributed.
    """
    about, every = f"credit of {window_days} days", f"orders of {window_days} days"
    equal: Pairs = tuple(
        pair
        for rule in _RULES
        for measure in _MEASURES
        for here in [Place(about, measure.name, rule)]
        for there in [Place(every, measure.name)]
        for pair in ((here, there), (there, here))
    )
    return Layout(
        "credit",
        "Orders and revenue net of refunds that each rule credits to each channel",
        (
            _MERCHANT,
            Dimension("rule", categories=tuple(_RULES), alike=True),
            dimension_of(channel, ALL),
        ),
        _MEASURES,
        about=about,
        at_most=equal,
        blocks=("merchant", "rule"),
    )


def assists_layout(channel: str, window_days: int) -> Layout:
    """The table `assists`: orders before which a channel was touched, another one last.

    Told of all channels or of none. Beside what is told it places the last touchpoint's credit no
    closer than these orders are many, and each of them is enough to be told.
    """
    return Layout(
        "assists",
        "Orders that each channel assisted: touched before, but not last",
        (_MERCHANT, dimension_of(channel)),
        (Measure("orders", Use.COUNT, ("visits.order", _USER, _BUYER), parts=Parts.FREE),),
        about=f"assists of {window_days} days",
        blocks=("merchant",),
    )


def steps_layout(channel: str, window_days: int) -> Layout:
    """The table `steps`, from a value of a column of touches, or the start, to the next."""
    column = (f"touches.{channel}",)
    return Layout(
        "steps",
        "Steps of journeys, from one channel straight to the next or to their end",
        (_MERCHANT, *(Dimension(name, column, alike=False) for name in ("from", "to"))),
        (
            Measure(
                "steps",
                Use.COUNT,
                ("touches.event_id", _USER, _BUYER),
                parts=Parts.FREE,  # a period that begins within a journey begins a new one
            ),
        ),
        about=f"steps between {channel} of {window_days} days",
        blocks=("merchant",),
    )
