"""Links, journeys and net orders against the same rules told once more, row by row, in Python.

The logs are small and crowded (few people, CIDs, moments), so that every hard case comes often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.room.diagnostics import count_rules
from cleanroom.room.journeys import attribute, net_orders
from cleanroom.room.link import link
from cleanroom.room.link_rules import BASES, BUYER, LINK_RULES, USER
from cleanroom.room.match import match

WINDOW = 3  # days
HOURS = st.sampled_from([0, 12, 24, 48, 72, 73, 84, 120])
MERCHANT = st.sampled_from(["m", "m", "m", "n"])


class Touch(NamedTuple):
    event_id: str
    kind: str
    user: str | None
    merchant: str
    time: int
    cid: str | None


class Event(NamedTuple):
    event_id: str
    kind: str
    buyer: str | None
    merchant: str
    time: int
    order: str | None
    amount: int | None
    cid: str | None


@st.composite
def touches(draw: st.DrawFn) -> list[Touch]:
    rows = st.tuples(
        st.sampled_from(["click", "click", "click", "read"]),
        st.sampled_from(["ann", "bob", None]),
        MERCHANT,
        HOURS,
        st.sampled_from(["c1", "c2", "c3", None]),
    )
    drawn = enumerate(draw(st.lists(rows, min_size=2, max_size=8)))
    return [Touch(f"t{i}", k, u, m, t, c if k == "click" else None) for i, (k, u, m, t, c) in drawn]


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    rows = st.tuples(
        st.sampled_from(["visit", "purchase", "refund"]),
        st.sampled_from(["b1", "b1", "b2", "b3", None]),
        MERCHANT,
        HOURS,
        st.sampled_from(["o1", "o2"]),
        st.integers(0, 9),
        st.sampled_from(["c1", "c1", "c2", "c3", "c4", None]),
    )
    made = []
    for i, (kind, buyer, merchant, time, order, amount, cid) in enumerate(
        draw(st.lists(rows, min_size=4, max_size=14))
    ):
        if kind == "visit":
            made.append(Event(f"v{i}", kind, buyer, merchant, time, None, None, cid))
        else:
            made.append(Event(f"v{i}", kind, buyer, merchant, time, order, amount, cid))
    return made


def frame(rows: list[Any], kind: type) -> nw.LazyFrame[pl.LazyFrame]:
    names = kind.__annotations__
    schema: dict[str, Any] = dict.fromkeys(names, pl.String) | {"time": pl.Int64}
    schema |= {"amount": pl.Int64} if "amount" in names else {}
    start = pl.datetime(2026, 3, 1, time_unit="us", time_zone="UTC")
    told = pl.LazyFrame(rows, schema, orient="row")
    told = told.with_columns(time=start + pl.duration(hours="time"))
    if kind is Touch:
        none = pl.lit(None, dtype=pl.String)
        told = told.with_columns(campaign=none, creator=none, note=none)
    return nw.from_native(told)


def after(click: Touch, event: Event) -> bool:
    return click.time <= event.time <= click.time + 24 * WINDOW


def told_links(log: list[Touch], store: list[Event]) -> dict[str, tuple[Any, ...]]:
    """By CID seen: user, buyer, first event, before_click, outside_window, passed_on, several."""
    clicks: dict[str, Touch] = {}
    for touch in sorted(log, key=lambda t: (t.time, t.event_id)):
        if touch.kind == "click" and touch.cid is not None:
            clicks.setdefault(touch.cid, touch)
    told = {}
    for cid, click in clicks.items():
        seen = [
            e for e in store if e.cid == cid and e.merchant == click.merchant and e.kind != "refund"
        ]
        if not seen:
            continue
        valid = sorted((e.time, e.buyer) for e in seen if after(click, e) and e.buyer is not None)
        time, buyer = valid[0] if valid else (None, None)
        early = any(e.time < click.time for e in seen)
        late = any(e.time > click.time + 24 * WINDOW for e in seen)
        told[cid] = (click, buyer, time, early, late, len({b for _, b in valid}) > 1)
    users: dict[tuple[str | None, str], set[str | None]] = defaultdict(set)
    for click, buyer, *_ in told.values():
        if buyer is not None:
            users[buyer, click.merchant].add(click.user)
    return {
        cid: (click.user, buyer, *rest, len(users[buyer, click.merchant]) > 1)
        for cid, (click, buyer, *rest) in told.items()
    }


def told_rules(log: list[Touch], store: list[Event]) -> dict[str, set[tuple[Any, ...]]]:
    """By rule: the (CID, user, buyer) it was needed for, one by one."""
    linked = told_links(log, store)
    clicks = sorted((t for t in log if t.cid is not None), key=lambda t: (t.time, t.event_id))
    events = [e for e in store if e.cid is not None and e.kind != "refund"]
    first = {t.cid: t for t in reversed(clicks)}
    told: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for touch in clicks:
        told["clicked"].add((touch.cid, touch.user, None))
        if sum(t.cid == touch.cid for t in clicks) > 1:
            told["several_clicks"].add((touch.cid, touch.user, None))
        if all(e.cid != touch.cid for e in events):
            told["never_seen"].add((touch.cid, touch.user, None))
    for event in events:
        click = first.get(event.cid)
        for rule in rules_of(event, click, linked):
            told[rule].add((event.cid, click.user if click else None, event.buyer))
    for cid, (user, buyer, *_) in linked.items():
        if buyer is not None:
            others = [other for other in linked.values() if other[1] is not None]
            met = {
                "several_users": len({u for u, b, *_ in others if b == buyer}) > 1,
                "several_buyers": user and len({b for u, b, *_ in others if u == user}) > 1,
                "unknown_user": user is None,
            }
            for rule in (rule for rule, applies in met.items() if applies):
                told[rule].add((cid, user, buyer))
    return told


def rules_of(
    event: Event, click: Touch | None, linked: dict[str, tuple[Any, ...]]
) -> Iterator[str]:
    """The rules that one store event with a CID falls under."""
    yield "came"
    if click is None:
        yield "without_click"
    elif event.merchant != click.merchant:
        yield "other_merchant"
    elif not after(click, event):
        yield "before_click" if event.time < click.time else "outside_window"
    else:
        _, buyer, *_, passed_on, _ = linked[str(event.cid)]
        if buyer is None:
            yield "unknown_buyer"
        if event.buyer is not None and event.buyer == buyer:
            yield "linked"
        if event.buyer is not None and passed_on:
            yield "passed_on"


def told_journeys(log: list[Touch], store: list[Event]) -> dict[str, str]:
    """By event: the CID it is owed to."""
    linked = told_links(log, store)
    clicks = {
        t.cid: t
        for t in sorted(log, key=lambda t: (t.time, t.event_id), reverse=True)
        if t.kind == "click" and t.cid in linked
    }
    owed = {}
    for event in store:
        owners = [
            (click.time, cid)
            for cid, click in clicks.items()
            if event.buyer is not None
            and linked[cid][1] == event.buyer
            and click.merchant == event.merchant
            and after(click, event)
        ]
        if owners and event.kind != "refund":
            owed[event.event_id] = max(owners)[1]
    return owed


def hours(moment: datetime | None) -> float | None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return None if moment is None else (moment - start) / timedelta(hours=1)


@pytest.mark.slow
@given(touches(), events())
def test_links_are_what_the_rules_say(log: list[Touch], store: list[Event]) -> None:
    links = link(match(frame(log, Touch), frame(store, Event), WINDOW)).to_native().collect()
    found = {
        row["cid"]: (
            row["user"],
            row["buyer"],
            hours(row["first_event"]),
            *(bool(row[name]) for name in ("before_click", "outside_window", "passed_on")),
            bool(row["several_users"]),
        )
        for row in links.iter_rows(named=True)
    }
    assert found == told_links(log, store)
    assert links.height == len(found)


@pytest.mark.slow
@given(touches(), events())
def test_rules_are_counted_as_often_as_they_are_needed(
    log: list[Touch], store: list[Event]
) -> None:
    ads, visits = frame(log, Touch), frame(store, Event)
    counts = count_rules(ads, visits, link(match(ads, visits, WINDOW)), WINDOW)
    told = told_rules(log, store)
    rules = (*BASES, *LINK_RULES)
    assert {rule.id for rule in rules} == counts.keys() >= told.keys()
    for rule in rules:
        cids, users, buyers = (len({row[i] for row in told[rule.id]}) for i in range(3))
        people = min({USER: users, BUYER: buyers}[side] for side in rule.known_by)
        assert (counts[rule.id].cids, counts[rule.id].people(rule)) == (cids, people), rule.id


@pytest.mark.slow
@given(touches(), events())
def test_each_event_is_owed_once_and_to_the_click_the_rules_say(
    log: list[Touch], store: list[Event]
) -> None:
    visits = frame(store, Event)
    links = link(match(frame(log, Touch), visits, WINDOW))
    journeys = attribute(links, visits, WINDOW).to_native().collect()
    found = dict(journeys.select("event_id", "cid").iter_rows())
    assert found == told_journeys(log, store)
    assert journeys.height == len(found)


@given(events())
def test_an_order_is_its_purchases_minus_its_later_refunds(store: list[Event]) -> None:
    visits = frame(store, Event)
    purchases = visits.filter(nw.col("kind") == "purchase")
    orders = net_orders(purchases, visits, by=("merchant", "order")).to_native().collect()
    told = {}
    for merchant, order in {(e.merchant, e.order) for e in store if e.kind == "purchase"}:
        own = [e for e in store if (e.merchant, e.order) == (merchant, order)]
        bought = [e for e in own if e.kind == "purchase"]
        first = min(e.time for e in bought)
        back = [e.amount or 0 for e in own if e.kind == "refund" and e.time >= first]
        told[merchant, order] = sum(e.amount or 0 for e in bought) - sum(back)
    found = orders.select("merchant", "order", "net").iter_rows()
    assert {(merchant, order): net for merchant, order, net in found} == told
    assert orders.height == len(told)
