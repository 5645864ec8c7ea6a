"""What the conversion study's tables are made of: their steps, and the columns behind each."""

from __future__ import annotations

from enum import StrEnum

from cleanroom.layout import Dimension, Layout, Measure, Use
from cleanroom.room.link import Outcome


class Step(StrEnum):
    """The steps of the path, in order."""

    REACH = "reach"
    READ = "read"
    ENGAGE = "engage"
    CLICK = "click"
    VISIT = "visit"
    SEARCH = "search"
    CART = "cart"
    PURCHASE = "purchase"


STORE_STEPS = (Step.VISIT, Step.SEARCH, Step.CART, Step.PURCHASE)
TOUCH_STEPS = tuple(step for step in Step if step not in STORE_STEPS)
_MERCHANT = Dimension("merchant", ("touches.merchant", "visits.merchant"))
_USER, _BUYER = "touches.user", "visits.buyer"

PATH = Layout(
    "path",
    "People and events at each step from note to order",
    (_MERCHANT, Dimension("step", categories=tuple(Step))),
    (
        Measure("people", Use.COUNT, (_USER,), of=TOUCH_STEPS),
        Measure("people", Use.COUNT, (_USER, _BUYER), of=STORE_STEPS),
        Measure("events", Use.COUNT, ("touches.event_id", _USER), of=TOUCH_STEPS),
        Measure("events", Use.COUNT, ("visits.event_id", _USER, _BUYER), of=STORE_STEPS),
    ),
)
MONEY = Layout(
    "money",
    "Cost, orders, and revenue net of refunds, in minor units",
    (_MERCHANT,),
    (
        Measure("cost", Use.SUM, ("touches.cost",)),
        Measure("orders", Use.COUNT, ("visits.order",)),
        Measure("revenue", Use.SUM, ("visits.amount",)),
    ),
)
LINK = Layout(
    "link",
    "What became of the clicks that carried a CID, in people",
    (_MERCHANT, Dimension("outcome", categories=("clicked", *Outcome))),
    (Measure("people", Use.COUNT, ("touches.cid", _USER, _BUYER)),),
)
BOUNDS = Layout(
    "bounds",
    "People who did more than is counted of one person, by what was bounded",
    (_MERCHANT, Dimension("bounded", categories=(*Step, "cost", "orders", "revenue"))),
    (Measure("people", Use.COUNT, (_USER, _BUYER)),),
)
