"""Attribution tables: what each rule credits to whom, and the steps that journeys take.

Orders are dated by the order, in the local days of the study, and net of their refunds. What no
touchpoint came before is `unattributed`, so that by every rule the parts make up all orders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import narwhals as nw

from cleanroom.borders import EVENTS, MONEY, Table
from cleanroom.layout import Dimension, Layout, Measure, Use
from cleanroom.policy import Policy
from cleanroom.room.counting import (
    Cell,
    Key,
    count_people,
    fewer,
    on_local_days,
    single,
    table,
)
from cleanroom.room.credit import CREDIT_RULES, ORDER, credited
from cleanroom.room.derived import links
from cleanroom.room.engine import Frame, scan
from cleanroom.room.journeys import net_orders
from cleanroom.room.touchpoints import touched, touchpoints, transitions
from cleanroom.room.vault import Vault, table_path

UNATTRIBUTED, EVERY_RULE = "unattributed", "every"
_RULES = [rule.id for rule in CREDIT_RULES]
_MERCHANT = Dimension("merchant", ("touches.merchant", "visits.merchant"))
_USER, _BUYER = "touches.user", "visits.buyer"


def credit_layout(channel: str) -> Layout:
    """The table `credit`, by rule and by a column of touches."""
    return Layout(
        "credit",
        "Orders and revenue net of refunds that each rule credits to each channel",
        (
            _MERCHANT,
            Dimension("rule", categories=(*_RULES, EVERY_RULE)),
            Dimension("channel", (f"touches.{channel}",)),
        ),
        (
            Measure("orders", Use.COUNT, ("visits.order", _USER, _BUYER)),
            Measure("revenue", Use.SUM, ("visits.amount",)),
        ),
    )


def steps_layout(channel: str) -> Layout:
    """The table `steps`, from a value of a column of touches, or the start, to the next."""
    column = (f"touches.{channel}",)
    return Layout(
        "steps",
        "Steps of journeys, from one touchpoint straight to the next or to their end",
        (_MERCHANT, Dimension("from", column), Dimension("to", column)),
        (Measure("steps", Use.COUNT, ("touches.event_id", _USER, _BUYER)),),
    )


@dataclass(frozen=True)
class _Sides:
    """The same counts by user and by buyer: of people the smaller rules."""

    by_user: Mapping[Key, Counter[str]]
    by_buyer: Mapping[Key, Counter[str]]


def attribution_tables(
    vault: Vault,
    merchants: Sequence[str],
    start: date,
    end: date,
    channel: str,
    windows: Mapping[str, int],
    policy: Policy,
) -> list[Table]:
    """Tables `credit` and `steps` of all `merchants`, in one pass.

    `channel`: the column of touches that is credited. `windows`: by kind of touch, how many times
    24 hours before an order it may lie. Raises `HandoverError` if the engine fails.
    """
    wanted = nw.col("merchant").is_in(sorted(set(merchants)))
    days = on_local_days("time", start, end, vault.agreement.timezone)
    visits = scan(table_path(vault, "visits")).filter(wanted)
    bought = visits.filter(nw.col("kind") == "purchase", days)
    orders = net_orders(bought, visits, by=("merchant", "order"), whose=("buyer",))
    own = touched(scan(table_path(vault, "touches")).filter(wanted), links(vault), channel)
    points = touchpoints(own, orders, windows)
    credit = list(_credit_cells(points, orders, max(windows.values()), policy))
    steps = transitions(own.filter(days), orders, max(windows.values()))
    return [
        table(credit_layout(channel), credit),
        table(steps_layout(channel), _step_cells(steps, policy)),
    ]


def _credit_cells(points: Frame, orders: Frame, window_days: int, policy: Policy) -> Iterator[Cell]:
    shared = credited(points, ("merchant", "order"), window_days)
    marks = {rule: nw.col(rule) for rule in _RULES}
    marks |= {f"{rule}_net": nw.col(rule) * nw.col("net") for rule in _RULES}
    most = {rule: _bound(policy.max_events_per_person) for rule in _RULES}
    most |= {f"{rule}_net": _bound(policy.max_amount_per_person) for rule in _RULES}
    by = ("merchant", "channel")
    counts = _Sides(*(count_people(shared, by, who, marks, most) for who in ("user", "buyer")))
    buyers = count_people(orders, ("merchant",), "buyer", {"any": ~nw.col("order").is_null()})
    for key in sorted(counts.by_buyer):
        own = (counts.by_user[key], counts.by_buyer[key])
        for rule in _RULES:
            place = (key[0], rule, key[1])
            yield from _cells(place, rule, own, buyers[key[:1]]["any_people"])
    yield from _unattributed(points, orders, buyers, policy)


def _unattributed(
    points: Frame, orders: Frame, buyers: Mapping[Key, Counter[str]], policy: Policy
) -> Iterator[Cell]:
    owed = points.select("merchant", "order").unique()
    alone = orders.join(owed, on=["merchant", "order"], how="anti")
    marks = {"own": nw.lit(ORDER), "own_net": nw.col("net") * ORDER}
    most = {
        "own": _bound(policy.max_events_per_person),
        "own_net": _bound(policy.max_amount_per_person),
    }
    counts = count_people(alone, ("merchant",), "buyer", marks, most)
    for key in sorted(buyers):
        own = counts.get(key, Counter())
        place = (key[0], EVERY_RULE, UNATTRIBUTED)
        yield from _cells(place, "own", (own, own), buyers[key]["any_people"])


def _cells(
    place: Key, mark: str, own: tuple[Counter[str], Counter[str]], base: int
) -> Iterator[Cell]:
    people = fewer(*own, mark)
    for measure, name, unit in (("orders", mark, EVENTS), ("revenue", f"{mark}_net", MONEY)):
        most = (part / ORDER for part in single(name, *own))
        yield *place, measure, own[1][name] / ORDER, unit, base, people, *most


def _step_cells(steps: Frame, policy: Policy) -> Iterator[Cell]:
    most = {"steps": policy.max_events_per_person}
    marks = {"steps": nw.lit(1)}
    counts = count_people(steps, ("merchant", "from", "to"), "person", marks, most)
    people = count_people(steps, ("merchant",), "person", marks)
    for key, own in sorted(counts.items()):
        base = people[key[:1]]["steps_people"]
        contributors = own["steps_people"]
        yield *key, "steps", own["steps"], EVENTS, base, contributors, *single("steps", own)


def _bound(most: int | None) -> int | None:
    return None if most is None else most * ORDER
