"""Delay tables: how long after a click orders come, for people and for weekly cohorts of clicks.

Time runs in spans of whole times 24 hours since the click. A span counts for a person, or for a
cohort, once the data reaches its end; orders in a span that is still open stand apart.
All of it is dated by the click.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import narwhals as nw

from cleanroom.behind import Behind
from cleanroom.borders import EVENTS, MONEY, PEOPLE, Table
from cleanroom.policy import Policy
from cleanroom.room.counting import Cell, Key, fewer, on_local_days, single, table
from cleanroom.room.delay_layout import (
    COHORT_DAYS,
    LOST,
    OPEN,
    ORDERED,
    SPAN_ENDS,
    SPANS,
    cohorts,
    delay_layout,
    maturity_layout,
)
from cleanroom.room.derived import attributed
from cleanroom.room.engine import Frame, collect
from cleanroom.room.journeys import net_orders
from cleanroom.room.numbered import Counted, Numbering, behind, numbering, on
from cleanroom.room.vault import Vault, rows_of
from cleanroom.study import ALL
from cleanroom.tables import Platform

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Days:
    """The study's first and last day, and the last of which the store's data is complete."""

    start: date
    end: date
    until: date
    zone: ZoneInfo
    window: int  # days after its last click within which an order is owed to it

    def first_of(self, day: date) -> datetime:
        """The first moment of a local day, UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    @property
    def reached(self) -> datetime:
        """The moment that the store's data reaches."""
        return self.first_of(self.until + _DAY)

    def watched(self, day: date) -> int:
        """The spans whose end the data reaches for every click before a day."""
        return sum(end <= (self.until + _DAY - day).days for end in SPAN_ENDS)

    def complete(self, week: date) -> int:
        """The spans within the window that are complete for all clicks of a week."""
        after = min(week + timedelta(days=COHORT_DAYS), self.end + _DAY)
        return min(self.watched(after), self.within)

    @property
    def within(self) -> int:
        """The spans that begin within the window."""
        return sum(start < self.window for start in (0, *SPAN_ENDS[:-1]))

    @property
    def most_watched(self) -> int:
        """The spans whose end the data reaches for some click of the study."""
        return sum(end < (self.until + _DAY - self.start).days for end in SPAN_ENDS)


def last_complete_day(vault: Vault, policy: Policy) -> date:
    """The day before the last one that `min_people` buyers were seen on, or after: that day may
    not be whole, and what fewer did is told of nobody. Raises `HandoverError` if the engine fails.
    """
    rows = rows_of(vault, "visits")
    seen = rows.group_by("buyer").agg(time=nw.col("time").max())
    times = collect(seen.select("time"), "last events of buyers")["time"].sort(descending=True)
    zone = ZoneInfo(vault.agreement.timezone)
    if times.is_empty():
        return date.min + _DAY
    last: datetime = times.head(policy.min_people)[-1]
    return last.astimezone(zone).date() - _DAY


def delay_tables(
    vault: Vault, merchants: Sequence[str], start: date, end: date, until: date, policy: Policy
) -> list[Table]:
    """Tables `delay` and `maturity` of all `merchants`.

    `until` is the last day of which the store's data is complete, in the agreement's time zone. A
    person is `lost` in the last span that the data reaches the end of. Raises `HandoverError` if
    the engine fails.
    """
    zone = vault.agreement.timezone
    window = vault.agreement.join.attribution_window_days
    days = _Days(start, end, until, ZoneInfo(zone), window)
    names = sorted(set(merchants))
    wanted = nw.col("merchant").is_in(names)
    clicks = rows_of(vault, "touches").filter(
        wanted, nw.col("kind") == "click", on_local_days("time", start, end, zone)
    )
    clicked = on_local_days("click_time", start, end, zone)
    purchases = attributed(vault).filter(wanted, nw.col("kind") == "purchase", clicked)
    visits = rows_of(vault, "visits").filter(wanted)
    numbers = numbering(vault)
    delay = _Counts.of_people(_people(clicks, purchases, days), numbers)
    mature = _Counts.of_orders(_cohorts(purchases, visits, days), clicks, policy, numbers)
    return [
        table(delay_layout(end, until), list(_delay(names, delay, days)), delay.who),
        table(
            maturity_layout(start, end, until, policy),
            list(_maturity(names, mature, days)),
            mature.who,
        ),
    ]


@dataclass(frozen=True)
class _Counts:
    """By merchant, and by merchant and place, the same counts by user and by buyer; `base`: the
    users who clicked, by merchant; `mark`: under which name a measure's people are."""

    by_user: Mapping[Key, Counted]
    by_buyer: Mapping[Key, Counted]
    base: Mapping[Key, Counted]
    mark: Callable[[str], str]

    @staticmethod
    def of_people(people: Frame, numbers: Numbering) -> _Counts:
        every = {"any": nw.lit(1)}
        places = ("merchant", "outcome", "span")
        base = numbers.count(people, ("merchant",), "user", every)
        ordered = people.filter(nw.col("outcome") == ORDERED)
        by_user = numbers.count(people, places, "user", every)
        return _Counts(
            by_user | base,
            numbers.count(ordered, places, "buyer", every),
            base,
            lambda measure: "any_people",
        )

    @staticmethod
    def of_orders(orders: Frame, clicks: Frame, policy: Policy, numbers: Numbering) -> _Counts:
        marks = {"orders": ~nw.col("order").is_null(), "revenue": nw.col("net")}
        most = {"orders": policy.max_events_per_person, "revenue": policy.max_amount_per_person}
        whole, places = ("merchant",), ("merchant", "week", "span")

        def side(person: str) -> dict[Key, Counted]:
            all_together = numbers.count(orders, whole, person, marks, most)
            return all_together | numbers.count(orders, places, person, marks, most)

        base = numbers.count(clicks, whole, "user", {"any": nw.lit(1)})
        return _Counts(side("user"), side("buyer"), base, lambda measure: measure)

    def of(self, key: Key) -> tuple[Counted, Counted]:
        return self.by_user.get(key, Counted()), self.by_buyer.get(key, Counted())

    def people(self, merchant: str) -> int:
        return self.base.get((merchant,), Counted())["any_people"]

    def who(self, cell: Cell) -> Behind:
        """The people behind a cell that begins with merchant, a category, days and a measure."""
        merchant, category, days, measure = map(str, cell[:4])
        every = on(Platform.ADS, self.base.get((merchant,), Counted()), "any_people")
        key = (merchant,) if category == ALL else (merchant, category, days)
        user, buyer = self.of(key)
        name = self.mark(measure)
        value = on(Platform.ADS, user, name) | on(Platform.STORE, buyer, name)
        is_base = category == ALL and measure == "people"
        return behind(every) if is_base else behind(value, every)


def _ended(since: str, moment: nw.Expr) -> nw.Expr:
    """How many spans since a time have ended by a moment."""
    ended = [
        (nw.col(since).dt.offset_by(f"{24 * days}h") < moment).cast(nw.Int64) for days in SPAN_ENDS
    ]
    return nw.sum_horizontal(*ended)


def _named(place: nw.Expr, names: Sequence[str]) -> nw.Expr:
    """The name at a place, from 0."""
    named = nw.lit(names[-1])
    for number, name in enumerate(names[:-1]):
        named = nw.when(place == number).then(nw.lit(name)).otherwise(named)
    return named


def _people(clicks: Frame, purchases: Frame, days: _Days) -> Frame:
    """One row a user and merchant: `outcome`, and the `span` in which it came."""
    first = clicks.group_by("merchant", "user").agg(click_time=nw.col("time").min())
    orders = purchases.group_by("merchant", "user", "buyer").agg(time=nw.col("time").min())
    orders = orders.unique(subset=["merchant", "user"], keep="first", order_by=["time", "buyer"])
    both = first.join(orders, on=["merchant", "user"], how="left")
    watched = both.with_columns(
        watched=_ended("click_time", nw.lit(days.reached)),
        after=_ended("click_time", nw.col("time")),
    ).filter(nw.col("watched") > 0)
    ordered = ~nw.col("time").is_null() & (nw.col("after") < nw.col("watched"))
    place = nw.when(ordered).then(nw.col("after")).otherwise(nw.col("watched") - 1)
    return watched.with_columns(
        outcome=nw.when(ordered).then(nw.lit(ORDERED)).otherwise(nw.lit(LOST)),
        span=_named(place, SPANS),
    )


def _delay(merchants: Sequence[str], counts: _Counts, days: _Days) -> Iterator[Cell]:
    """Everybody watched, then each outcome that the calendar leaves possible."""
    least, most = days.watched(days.end + _DAY), days.most_watched
    places = [(ORDERED, span) for span in SPANS[:most]]
    places += [(LOST, span) for span in SPANS[max(least, 1) - 1 : most]]
    for merchant in merchants if most else ():
        everyone = counts.people(merchant)
        yield merchant, ALL, ALL, "people", everyone, PEOPLE, everyone, None
        for outcome, span in places:
            users, buyers = counts.of((merchant, outcome, span))
            doers = users["any_people"]
            # So that all add up, users are told; of people behind them the smaller number rules.
            fewest = fewer(users, buyers, "any") if outcome == ORDERED else doers
            yield merchant, outcome, span, "people", doers, PEOPLE, everyone, fewest


def _cohorts(purchases: Frame, visits: Frame, days: _Days) -> Frame:
    """One row an order: `user`, `buyer`, `net`, the `week` of its click and its `span`."""
    orders = net_orders(
        purchases, visits, by=("merchant", "order"), whose=("user", "buyer", "click_time")
    )
    weeks = cohorts(days.start, days.end)
    begun = [
        (nw.col("click_time") >= nw.lit(days.first_of(day))).cast(nw.Int64) for day in weeks[1:]
    ]
    week = nw.sum_horizontal(nw.lit(0).cast(nw.Int64), *begun)
    span = nw.min_horizontal(_ended("click_time", nw.col("time")), _complete(week, days))
    names = (*SPANS, OPEN)
    told = nw.when(span == _complete(week, days)).then(nw.lit(OPEN)).otherwise(_named(span, names))
    return orders.with_columns(week=_named(week, [day.isoformat() for day in weeks]), span=told)


def _complete(week: nw.Expr, days: _Days) -> nw.Expr:
    """How many spans are complete for a week of clicks, by its place."""
    counts = [days.complete(day) for day in cohorts(days.start, days.end)]
    told = nw.lit(counts[-1]).cast(nw.Int64)
    for number, count in enumerate(counts[:-1]):
        told = nw.when(week == number).then(nw.lit(count).cast(nw.Int64)).otherwise(told)
    return told


def _maturity(merchants: Sequence[str], counts: _Counts, days: _Days) -> Iterator[Cell]:
    """All orders, then each week's, in the spans complete for all of its clicks, and later."""
    for merchant in merchants:
        yield from _sums((merchant, ALL, ALL), (merchant,), counts)
        for first in cohorts(days.start, days.end):
            complete = days.complete(first)
            still_open = (OPEN,) if complete < days.within else ()
            for span in (*SPANS[:complete], *still_open):
                place = (merchant, first.isoformat(), span)
                yield from _sums(place, place, counts)


def _sums(place: Key, key: Key, counts: _Counts) -> Iterator[Cell]:
    sides, base = counts.of(key), counts.people(place[0])
    for mark, unit in (("orders", EVENTS), ("revenue", MONEY)):
        doers = fewer(*sides, "orders")
        yield *place, mark, sides[1][mark], unit, base, doers, *single(mark, *sides)
