"""The conversion study's tables: each merchant's path from note to order, its money, its links.

Touches count in the local days of the study. A store event counts if the click it is owed to lies
in those days; its orders' refunds count whenever they come. What one person counts is bounded as
the policy says: of touches a user, of store events and orders a buyer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import narwhals as nw

from cleanroom.absences import NoData
from cleanroom.borders import (
    EVENTS,
    MONEY,
    PEOPLE,
    Table,
)
from cleanroom.policy import Policy
from cleanroom.room import conversion_layout as layout
from cleanroom.room.channels import channels_of, in_channel
from cleanroom.room.conversion_layout import BASE, STORE_STEPS, TOUCH_STEPS, Step
from cleanroom.room.conversion_parts import parted
from cleanroom.room.conversion_people import (
    Counts,
    bounds_people,
    link_people,
    money_people,
    of_merchants,
    path_people,
)
from cleanroom.room.counting import (
    Cell,
    Key,
    fewer,
    no_data,
    on_local_days,
    single,
    table,
)
from cleanroom.room.derived import attributed, links
from cleanroom.room.engine import Frame
from cleanroom.room.journeys import net_orders
from cleanroom.room.link import Outcome
from cleanroom.room.numbered import Counted, numbering
from cleanroom.room.recorded import unrecorded
from cleanroom.room.vault import Vault, rows_of
from cleanroom.study import ALL
from cleanroom.tables import ENGAGEMENTS

_MERCHANT: Key = ("merchant",)
_Counted = tuple[Mapping[Key, Counted], ...]

# The kinds of events that a step consists of, where they are not called as the step is.
_KINDS: dict[str, tuple[str, ...]] = {Step.REACH: ("impression",), Step.ENGAGE: ENGAGEMENTS}


def conversion_tables(
    vault: Vault,
    merchants: Sequence[str],
    start: date,
    end: date,
    policy: Policy | None = None,
    by: str | None = None,
) -> list[Table]:
    """Tables `path`, `money` and `link` of all `merchants`, in one pass over the data; and
    `bounds`, the people who were cut to what one person counts, if there is such a bound.

    `by`: a column of touches; then `path_by` and `money_by` tell the parts beside the whole.

    `start` … `end` are days in the agreement's time zone, both included. Store-side people are the
    smaller of the distinct users and the distinct buyers. `policy`: the agreement's, or a stricter
    one; where it asks for noise nothing is called unrecorded, because true rows would tell that.
    Raises `HandoverError` if the engine fails.
    """
    policy = policy or vault.agreement.effective_policy
    names = sorted(set(merchants))
    found = _count(vault, names, start, end, policy)
    counts = {merchant: _of((merchant,), found) for merchant in names}
    exact = policy.noise is None
    absent = unrecorded(vault, policy.min_people) if exact else frozenset()

    bounded = bounded_parts(policy)

    def money_absent(cell: Cell) -> bool:
        touches = counts[str(cell[0])].touches
        return exact and _money_absent(cell, absent, touches, policy.min_people)

    def path_cells(own: Mapping[str, Counts]) -> Iterator[Cell]:
        return _recorded(_cells(_path, own), 2, lambda cell: _step_absent(cell, absent))

    def money_cells(own: Mapping[str, Counts]) -> Iterator[Cell]:
        return _recorded(_cells(_money, own), 1, money_absent)

    link = _cells(_link, counts)
    cut = _cells(lambda merchant, own: _bounds(merchant, own, bounded), counts)
    tables = [
        table(layout.PATH, path_cells(counts), of_merchants(counts, path_people)),
        table(layout.MONEY, money_cells(counts), of_merchants(counts, money_people)),
        table(layout.LINK, link, of_merchants(counts, link_people)),
    ]
    people = of_merchants(counts, bounds_people)
    if bounded:
        tables.append(table(layout.BOUNDS, cut, people))
    if by is None:
        return tables
    parts = _parts(vault, counts, start, end, policy, by)
    return [
        *tables,
        parted(layout.PATH, by, parts, path_cells, path_people),
        parted(layout.MONEY, by, parts, money_cells, money_people),
    ]


def _parts(
    vault: Vault, counts: Mapping[str, Counts], start: date, end: date, policy: Policy, by: str
) -> dict[str, dict[str, Counts]]:
    """By merchant the counts of all, then those of each part, in order."""
    touches, before = rows_of(vault, "touches"), vault.agreement.join
    names = channels_of(
        touches, by, start, end, before.attribution_window_days, vault.agreement.timezone
    )
    found = _count(vault, [*counts], start, end, policy, by)
    return {
        merchant: {ALL: own, **{n: _of((merchant, n), found) for n in names.get(merchant, ())}}
        for merchant, own in counts.items()
    }


def _cells(
    of_merchant: Callable[[str, Counts], Iterator[Cell]], counts: Mapping[str, Counts]
) -> Iterator[Cell]:
    return (cell for merchant, own in counts.items() for cell in of_merchant(merchant, own))


def _count(
    vault: Vault,
    merchants: Sequence[str],
    start: date,
    end: date,
    policy: Policy,
    by: str | None = None,
) -> _Counted:
    """All counts by merchant, and by the value of a column of touches where one is named."""
    zone = vault.agreement.timezone
    wanted = nw.col("merchant").is_in(list(merchants))
    clicked = wanted & on_local_days("click_time", start, end, zone)
    touched = wanted & on_local_days("time", start, end, zone)
    touches = rows_of(vault, "touches").filter(touched)
    events, linked = attributed(vault).filter(clicked), links(vault).filter(clicked)
    keys = _MERCHANT
    if by is not None:
        keys = ("merchant", by)
        told = {by: in_channel(by)}
        touches, events, linked = (rows.with_columns(**told) for rows in (touches, events, linked))
    orders = _orders(events, rows_of(vault, "visits"), keys)
    events_a_person, amount_a_person = policy.max_events_per_person, policy.max_amount_per_person
    shown: dict[str, int | None] = dict.fromkeys(TOUCH_STEPS, events_a_person)
    shown["cost"] = amount_a_person
    done: dict[str, int | None] = dict.fromkeys(STORE_STEPS, events_a_person)
    bought = {"orders": events_a_person, "revenue": amount_a_person}
    count = numbering(vault).count
    return (
        count(touches, keys, "user", _touch_marks(), shown),
        count(events, keys, "user", _event_marks(), done),
        count(events, keys, "buyer", _event_marks(), done),
        count(orders, keys, "user", _order_marks(), bought),
        count(orders, keys, "buyer", _order_marks(), bought),
        count(linked, keys, "user", {o: nw.col(o) for o in Outcome}),
        count(_bridged(linked), keys, "buyer", {Outcome.LINKED: nw.col("linked")}),
    )


def _of(key: Key, found: _Counted) -> Counts:
    return Counts(*(part.get(key, Counted()) for part in found))


def _touch_marks() -> dict[str, nw.Expr]:
    kind, cost = nw.col("kind"), nw.col("cost")
    return {
        "any": ~kind.is_null(),
        Step.REACH: kind == "impression",
        Step.READ: kind == "read",
        Step.ENGAGE: kind.is_in(ENGAGEMENTS),
        Step.CLICK: kind == "click",
        "cid": ~nw.col("cid").is_null() & (kind == "click"),
        "cost": cost,
        "cost_known": ~cost.is_null(),
    }


def _event_marks() -> dict[str, nw.Expr]:
    kind = nw.col("kind")
    return {"any": ~kind.is_null(), **{step: kind == step for step in STORE_STEPS}}


def _order_marks() -> dict[str, nw.Expr]:
    return {"orders": ~nw.col("order").is_null(), "revenue": nw.col("net")}


def _bridged(linked: Frame) -> Frame:
    return linked.filter(~nw.col("buyer").is_null())


def _orders(events: Frame, visits: Frame, keys: Key) -> Frame:
    """The orders of attributed purchases, each with its net amount and its one user and buyer."""
    purchases = events.filter(nw.col("kind") == "purchase")
    return net_orders(purchases, visits, by=(*keys, "order"), whose=("user", "buyer"))


def _recorded(
    cells: Iterator[Cell], dimensions: int, is_absent: Callable[[Cell], bool]
) -> Iterator[Cell]:
    for cell in cells:
        yield no_data(cell, dimensions, NoData.NOT_RECORDED) if is_absent(cell) else cell


def _step_absent(cell: Cell, absent: frozenset[str]) -> bool:
    """Whether no event of the step was ever handed over. Reach is any touch, a visit any event."""
    _, step, measure, *_ = cell
    if measure == "people" and step in (Step.REACH, Step.VISIT):
        kinds: tuple[str, ...] = ()
    else:
        kinds = _KINDS.get(str(step), (str(step),))
    return bool(kinds) and absent.issuperset(kinds)


def _money_absent(
    cell: Cell, absent: frozenset[str], touches: Mapping[str, int], least: int
) -> bool:
    if cell[1] == "cost":
        return touches["any_people"] >= least and touches["cost_known"] == 0
    return Step.PURCHASE in absent


def _path(merchant: str, counts: Counts) -> Iterator[Cell]:
    people = _people(counts)
    for step in Step:
        base = people[BASE.get(step, step)]
        contributors = people[step] if step in BASE else None
        yield merchant, step, "people", people[step], PEOPLE, base, contributors
        if step in STORE_STEPS:
            events, doers = counts.by_buyer[step], fewer(counts.by_user, counts.by_buyer, step)
            most = single(step, counts.by_user, counts.by_buyer)
        else:
            events, doers = counts.touches[step], counts.touches[f"{step}_people"]
            most = single(step, counts.touches)
        yield merchant, step, "events", events, EVENTS, base, doers, *most


def _people(counts: Counts) -> Mapping[Step, int]:
    """Distinct people at each step: reached by any touch, linked by any attributed event."""
    people = {step: counts.touches[f"{step}_people"] for step in TOUCH_STEPS}
    people |= {step: fewer(counts.by_user, counts.by_buyer, step) for step in STORE_STEPS}
    people[Step.REACH] = counts.touches["any_people"]
    people[Step.VISIT] = fewer(counts.by_user, counts.by_buyer, "any")
    return people


def _money(merchant: str, counts: Counts) -> Iterator[Cell]:
    touches, orders = counts.touches, (counts.orders_by_user, counts.orders_by_buyer)
    reached, buyers = touches["any_people"], fewer(counts.by_user, counts.by_buyer, Step.PURCHASE)
    cost = (touches["cost"], MONEY, reached, touches["cost_people"], *single("cost", touches))
    yield merchant, "cost", *cost
    clicked = touches[f"{Step.CLICK}_people"]
    for mark, unit in (("orders", EVENTS), ("revenue", MONEY)):
        value = counts.orders_by_buyer[mark]
        yield merchant, mark, value, unit, clicked, buyers, *single(mark, *orders)


def _link(merchant: str, counts: Counts) -> Iterator[Cell]:
    clicked = counts.touches["cid_people"]
    yield merchant, "clicked", "people", clicked, PEOPLE, clicked, None
    for outcome in Outcome:
        people = counts.links_by_user[f"{outcome}_people"]
        if outcome is Outcome.LINKED:
            people = fewer(counts.links_by_user, counts.links_by_buyer, outcome)
        yield merchant, outcome, "people", people, PEOPLE, clicked, people


def _bounds(merchant: str, counts: Counts, bounded: Sequence[str]) -> Iterator[Cell]:
    """Of the people behind a sum, those who were cut to what one person counts.

    The base is that of the sum: of the people behind it, how many there are may be withheld.
    """
    touched = (*TOUCH_STEPS, "cost")
    parts = {"orders": counts.orders_by_buyer, "revenue": counts.orders_by_buyer}
    parts |= dict.fromkeys(STORE_STEPS, counts.by_buyer)
    for mark in bounded:
        own = parts.get(mark, counts.touches)
        doers, cut = own[f"{mark}_people"], own[f"{mark}_capped"]
        base = counts.touches["any_people" if mark in touched else f"{Step.CLICK}_people"]
        yield merchant, mark, "people", cut, PEOPLE, base, min(cut, doers - cut)


def bounded_parts(policy: Policy) -> list[str]:
    """The steps and sums of which the policy bounds what one person counts."""
    events = [*Step, "orders"] if policy.max_events_per_person is not None else []
    return [*events, *(["cost", "revenue"] if policy.max_amount_per_person is not None else [])]
