"""Who is behind the cells of the conversion study's tables: the people that each count is of.

Where a count is the smaller of the distinct users and the distinct buyers, both are behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cleanroom.behind import Behind, Group
from cleanroom.room.conversion_layout import BASE, STORE_STEPS, TOUCH_STEPS, Step
from cleanroom.room.counting import Cell
from cleanroom.room.link import Outcome
from cleanroom.room.numbered import Counted, behind, on
from cleanroom.tables import Platform

_ANY = (Step.REACH, Step.VISIT)  # reached by any touch, linked by any attributed event


@dataclass(frozen=True)
class Counts:
    """A merchant's touches by user; its events, orders and links by user and by buyer."""

    touches: Counted
    by_user: Counted
    by_buyer: Counted
    orders_by_user: Counted
    orders_by_buyer: Counted
    links_by_user: Counted
    links_by_buyer: Counted


Of = Callable[[Counts, Cell], Behind]


def of_merchants(counts: Mapping[str, Counts], of: Of) -> Callable[[Cell], Behind]:
    """Who is behind a cell that begins with its merchant."""
    return lambda cell: of(counts[str(cell[0])], cell)


def path_people(own: Counts, cell: Cell) -> Behind:
    """Behind a step's people those people, behind its events what each of them did."""
    step, measure = Step(str(cell[1])), cell[2]
    base = _people(own, BASE.get(step, step))
    if measure == "people":
        return behind(_people(own, step), base if step in BASE else None)
    return behind(_sides(own, step, step), base)


def money_people(own: Counts, cell: Cell) -> Behind:
    """Behind cost, orders and revenue what each person makes up of it."""
    mark = str(cell[1])
    if mark == "cost":
        return behind(on(Platform.ADS, own.touches, mark), _people(own, Step.REACH))
    both = on(Platform.ADS, own.orders_by_user, mark) | on(
        Platform.STORE, own.orders_by_buyer, mark
    )
    return behind(both, _people(own, Step.CLICK))


def link_people(own: Counts, cell: Cell) -> Behind:
    """Behind an outcome the people whose clicks had it."""
    clicked, outcome = on(Platform.ADS, own.touches, "cid_people"), str(cell[1])
    if outcome == "clicked":
        return behind(clicked)
    value = on(Platform.ADS, own.links_by_user, f"{outcome}_people")
    if outcome == Outcome.LINKED:
        value |= on(Platform.STORE, own.links_by_buyer, f"{outcome}_people")
    return behind(value, clicked)


def bounds_people(own: Counts, cell: Cell) -> Behind:
    """Behind what was bounded the people who were cut."""
    mark = str(cell[1])
    if mark in (*TOUCH_STEPS, "cost"):
        value = on(Platform.ADS, own.touches, f"{mark}_capped")
        return behind(value, _people(own, Step.REACH))
    counted = own.orders_by_buyer if mark in ("orders", "revenue") else own.by_buyer
    value = on(Platform.STORE, counted, f"{mark}_capped")
    return behind(value, _people(own, Step.CLICK))


def _people(own: Counts, step: Step) -> dict[Platform, Group | None]:
    return _sides(own, step, f"{'any' if step in _ANY else step}_people")


def _sides(own: Counts, step: Step, name: str) -> dict[Platform, Group | None]:
    if step not in STORE_STEPS:
        return on(Platform.ADS, own.touches, name)
    return on(Platform.ADS, own.by_user, name) | on(Platform.STORE, own.by_buyer, name)
