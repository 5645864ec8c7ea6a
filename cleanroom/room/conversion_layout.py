"""What the conversion study's tables are made of: their steps, and the columns behind each."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from cleanroom.layout import Dimension, Layout, Measure, Pairs, Parts, Place, Use
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
# Whose share a step's people are: those who could have taken it.
BASE = {
    Step.READ: Step.REACH,
    Step.ENGAGE: Step.REACH,
    Step.CLICK: Step.REACH,
    Step.VISIT: Step.CLICK,
    Step.SEARCH: Step.VISIT,
    Step.CART: Step.VISIT,
    Step.PURCHASE: Step.VISIT,
}
# Of any touch, and of any attributed event: nobody need have an event of the step's own kind.
_OF_ANY_KIND = (Step.REACH, Step.VISIT)
_MERCHANT = Dimension("merchant", ("touches.merchant", "visits.merchant"))
_USER, _BUYER = "touches.user", "visits.buyer"


def _people(step: Step) -> Place:
    return Place("path", "people", step)


def _events(step: Step) -> Place:
    return Place("path", "events", step)


def _link(outcome: str) -> Place:
    return Place("link", "people", outcome)


def _money(measure: str) -> Place:
    return Place("money", measure)


def _both(pairs: Iterable[tuple[Place, Place]], *further: tuple[Place, Place]) -> Pairs:
    return (*pairs, *further)


_STEPS: Pairs = tuple((_people(step), _people(base)) for step, base in BASE.items())

PATH = Layout(
    "path",
    "People and events at each step from note to order",
    (_MERCHANT, Dimension("step", categories=tuple(Step))),
    (
        Measure("people", Use.COUNT, (_USER,), of=TOUCH_STEPS, parts=Parts.OVERLAP),
        # The smaller of two sides' counts may be another side's in each part.
        Measure("people", Use.COUNT, (_USER, _BUYER), of=STORE_STEPS, parts=Parts.WITHIN),
        Measure("events", Use.COUNT, ("touches.event_id", _USER), of=TOUCH_STEPS, parts=Parts.ADD),
        Measure(
            "events",
            Use.COUNT,
            ("visits.event_id", _USER, _BUYER),
            of=STORE_STEPS,
            parts=Parts.ADD,
        ),
    ),
    at_most=_both(
        _STEPS, *((_people(step), _events(step)) for step in Step if step not in _OF_ANY_KIND)
    ),
    among=_both(
        _STEPS,
        *((_events(step), _people(base)) for step, base in BASE.items()),
        *((_events(step), _people(step)) for step in Step),
    ),
)
MONEY = Layout(
    "money",
    "Cost, orders, and revenue net of refunds, in minor units",
    (_MERCHANT,),
    (
        Measure("cost", Use.SUM, ("touches.cost",), parts=Parts.ADD),
        # Purchases of one order may be owed to clicks in several parts.
        Measure("orders", Use.COUNT, ("visits.order",), parts=Parts.OVERLAP),
        Measure("revenue", Use.SUM, ("visits.amount",), parts=Parts.FREE),
    ),
    at_most=((_money("orders"), _events(Step.PURCHASE)),),
    among=(
        (_money("cost"), _people(Step.REACH)),
        *((_money(sum_), _people(Step.CLICK)) for sum_ in ("orders", "revenue")),
        *((_money(sum_), _people(Step.PURCHASE)) for sum_ in ("orders", "revenue")),
    ),
)
# Whoever came by a link has one, and is one of those who clicked with a CID.
_BY_LINK: Pairs = (
    (_link("clicked"), _people(Step.CLICK)),
    *((_link(outcome), _link("clicked")) for outcome in Outcome),
    (_people(Step.VISIT), _link(Outcome.LINKED)),
)
LINK = Layout(
    "link",
    "What became of the clicks that carried a CID, in people",
    (_MERCHANT, Dimension("outcome", categories=("clicked", *Outcome))),
    (
        Measure(
            "people",
            Use.COUNT,
            ("touches.cid", _USER, _BUYER),
            of=("clicked", *(o for o in Outcome if o is not Outcome.LINKED)),
            parts=Parts.OVERLAP,
        ),
        Measure("people", Use.COUNT, ("touches.cid", _USER, _BUYER), of=(Outcome.LINKED,)),
    ),
    at_most=_BY_LINK,
    among=_BY_LINK,
)
BOUNDS = Layout(
    "bounds",
    "People who did more than is counted of one person, by what was bounded",
    (_MERCHANT, Dimension("bounded", categories=(*Step, "cost", "orders", "revenue"))),
    (Measure("people", Use.COUNT, (_USER, _BUYER)),),
    among=_both(
        ((Place("bounds", "people", step), _people(step)) for step in Step),
        *((Place("bounds", "people", step), _people(base)) for step, base in BASE.items()),
        (Place("bounds", "people", "cost"), _people(Step.REACH)),
        *((Place("bounds", "people", s), _people(Step.PURCHASE)) for s in ("orders", "revenue")),
    ),
)
