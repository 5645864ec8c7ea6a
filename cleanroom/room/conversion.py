"""The conversion study's tables: each merchant's path from note to order, its money, its links.

Touches count in the local days of the study. A store event counts if the click it is owed to lies
in those days; its orders' refunds count whenever they come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import narwhals as nw

from cleanroom.borders import EVENTS, MONEY, PEOPLE, Table
from cleanroom.room.counting import Cell, Key, by_key, count_people, fewer, on_local_days, table
from cleanroom.room.derived import attributed, links
from cleanroom.room.engine import Frame, collect, scan
from cleanroom.room.journeys import net_orders
from cleanroom.room.link import Outcome
from cleanroom.room.vault import Vault, table_path
from cleanroom.tables import ENGAGEMENTS

_MERCHANT = ("merchant",)


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


# Whose share a step's people are: those who could have taken it.
_BASE = {
    Step.READ: Step.REACH,
    Step.ENGAGE: Step.REACH,
    Step.CLICK: Step.REACH,
    Step.VISIT: Step.CLICK,
    Step.SEARCH: Step.VISIT,
    Step.CART: Step.VISIT,
    Step.PURCHASE: Step.VISIT,
}
_STORE_STEPS = (Step.VISIT, Step.SEARCH, Step.CART, Step.PURCHASE)


@dataclass(frozen=True)
class _Counts:
    """A merchant's touches by user, its events and links by user and by buyer, its orders."""

    touches: Counter[str]
    by_user: Counter[str]
    by_buyer: Counter[str]
    links_by_user: Counter[str]
    links_by_buyer: Counter[str]
    orders: Counter[str]


def conversion_tables(
    vault: Vault, merchants: Sequence[str], start: date, end: date
) -> list[Table]:
    """Tables `path`, `money` and `link` of all `merchants`, in one pass over the data.

    `start` … `end` are days in the agreement's time zone, both included. Store-side people are the
    smaller of the distinct users and the distinct buyers. Raises `HandoverError` if the engine
    fails.
    """
    counts = _count(vault, sorted(set(merchants)), start, end)
    path = "People and events at each step from note to order"
    money = "Cost, orders, and revenue net of refunds, in minor units"
    link = "What became of the clicks that carried a CID, in people"
    return [
        table("path", path, ("merchant", "step"), _cells(_path, counts)),
        table("money", money, _MERCHANT, _cells(_money, counts)),
        table("link", link, ("merchant", "outcome"), _cells(_link, counts)),
    ]


def _cells(
    of_merchant: Callable[[str, _Counts], Iterator[Cell]], counts: dict[str, _Counts]
) -> list[Cell]:
    return [cell for merchant, own in counts.items() for cell in of_merchant(merchant, own)]


def _count(vault: Vault, merchants: Sequence[str], start: date, end: date) -> dict[str, _Counts]:
    zone = vault.agreement.timezone
    wanted = nw.col("merchant").is_in(list(merchants))
    clicked = wanted & on_local_days("click_time", start, end, zone)
    touched = wanted & on_local_days("time", start, end, zone)
    touches = scan(table_path(vault, "touches")).filter(touched)
    events, linked = attributed(vault).filter(clicked), links(vault).filter(clicked)
    counted = (
        count_people(touches, _MERCHANT, "user", _touch_marks()),
        count_people(events, _MERCHANT, "user", _event_marks()),
        count_people(events, _MERCHANT, "buyer", _event_marks()),
        count_people(linked, _MERCHANT, "user", {o: nw.col(o) for o in Outcome}),
        count_people(_bridged(linked), _MERCHANT, "buyer", {Outcome.LINKED: nw.col("linked")}),
        _count_orders(events, scan(table_path(vault, "visits"))),
    )
    return {m: _Counts(*(part.get((m,), Counter()) for part in counted)) for m in merchants}


def _touch_marks() -> dict[str, nw.Expr]:
    kind = nw.col("kind")
    return {
        "any": ~kind.is_null(),
        Step.REACH: kind == "impression",
        Step.READ: kind == "read",
        Step.ENGAGE: kind.is_in(ENGAGEMENTS),
        Step.CLICK: kind == "click",
        "cid": ~nw.col("cid").is_null() & (kind == "click"),
        "cost": nw.col("cost"),
    }


def _event_marks() -> dict[str, nw.Expr]:
    kind = nw.col("kind")
    return {"any": ~kind.is_null(), **{step: kind == step for step in _STORE_STEPS}}


def _bridged(linked: Frame) -> Frame:
    return linked.filter(~nw.col("buyer").is_null())


def _count_orders(events: Frame, visits: Frame) -> dict[Key, Counter[str]]:
    purchases = events.filter(nw.col("kind") == "purchase")
    orders = net_orders(purchases, visits, by=("merchant", "order"))
    totals = orders.group_by(*_MERCHANT).agg(
        orders=nw.col("order").count(), revenue=nw.col("net").sum().cast(nw.Int64)
    )
    return by_key(collect(totals, "orders by merchant"), _MERCHANT)


def _path(merchant: str, counts: _Counts) -> Iterator[Cell]:
    people = _people(counts)
    for step in Step:
        base = people[_BASE.get(step, step)]
        contributors = people[step] if step in _BASE else None
        yield merchant, step, "people", people[step], PEOPLE, base, contributors
        if step in _STORE_STEPS:
            events, doers = counts.by_user[step], fewer(counts.by_user, counts.by_buyer, step)
        else:
            events, doers = counts.touches[step], counts.touches[f"{step}_people"]
        yield merchant, step, "events", events, EVENTS, base, doers


def _people(counts: _Counts) -> Mapping[Step, int]:
    """Distinct people at each step: reached by any touch, linked by any attributed event."""
    people = {step: counts.touches[f"{step}_people"] for step in Step if step not in _STORE_STEPS}
    people |= {step: fewer(counts.by_user, counts.by_buyer, step) for step in _STORE_STEPS}
    people[Step.REACH] = counts.touches["any_people"]
    people[Step.VISIT] = fewer(counts.by_user, counts.by_buyer, "any")
    return people


def _money(merchant: str, counts: _Counts) -> Iterator[Cell]:
    touches, orders = counts.touches, counts.orders
    reached, buyers = touches["any_people"], fewer(counts.by_user, counts.by_buyer, Step.PURCHASE)
    yield merchant, "cost", touches["cost"], MONEY, reached, touches["cost_people"]
    clicked = touches[f"{Step.CLICK}_people"]
    yield merchant, "orders", orders["orders"], EVENTS, clicked, buyers
    yield merchant, "revenue", orders["revenue"], MONEY, clicked, buyers


def _link(merchant: str, counts: _Counts) -> Iterator[Cell]:
    clicked = counts.touches["cid_people"]
    yield merchant, "clicked", "people", clicked, PEOPLE, clicked, None
    for outcome in Outcome:
        people = counts.links_by_user[f"{outcome}_people"]
        if outcome is Outcome.LINKED:
            people = fewer(counts.links_by_user, counts.links_by_buyer, outcome)
        yield merchant, outcome, "people", people, PEOPLE, clicked, people
