"""Delay tables: how long after a click orders come, for people and for weekly cohorts of clicks.

Time runs in spans of whole times 24 hours since the click. A span counts for a person, or for a
cohort, once the data reaches its end; what has happened in a span that is still open is left out.
All of it is dated by the click.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import narwhals as nw

from cleanroom.borders import EVENTS, MONEY, PEOPLE, Table
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
from cleanroom.room.derived import attributed
from cleanroom.room.engine import Frame, scan
from cleanroom.room.journeys import net_orders
from cleanroom.room.vault import Vault, table_path

SPAN_ENDS = (1, 2, 3, 5, 7, 10, 14, 21, 30)  # days since the click
SPANS = tuple(
    f"{start + 1}" if end == start + 1 else f"{start + 1}–{end}"
    for start, end in zip((0, *SPAN_ENDS), SPAN_ENDS, strict=False)
)
COHORT_DAYS = 7
_MERCHANT = Dimension("merchant", ("touches.merchant", "visits.merchant"))
_USER, _BUYER = "touches.user", "visits.buyer"

DELAY = Layout(
    "delay",
    "People by the days from their first click to their first order, as far as the data reaches",
    (_MERCHANT, Dimension("days", categories=SPANS)),
    (
        Measure("converted", Use.COUNT, (_USER, _BUYER), adds_up=True),
        Measure("lost", Use.COUNT, (_USER,), adds_up=True),
    ),
)
_COHORTS = 60
COHORTS = tuple(f"week {number}" for number in range(1, _COHORTS + 1))
MATURITY = Layout(
    "maturity",
    "Orders and revenue net of refunds, by week of the click and by the days until the order",
    (_MERCHANT, Dimension("cohort", categories=COHORTS), Dimension("days", categories=SPANS)),
    (
        Measure("orders", Use.COUNT, ("visits.order", _USER, _BUYER)),
        Measure("revenue", Use.SUM, ("visits.amount",)),
    ),
)


@dataclass(frozen=True)
class _Days:
    """The study's first and last day and the moment that the store's data reaches, local midnight
    before its first moment that may be missing."""

    start: date
    end: date
    timezone: str
    until: datetime

    def cohorts(self) -> list[datetime]:
        """The first moment of each week of the study, UTC."""
        zone, days = ZoneInfo(self.timezone), (self.end - self.start).days + 1
        first = [self.start + timedelta(days=day) for day in range(0, days, COHORT_DAYS)]
        return [datetime.combine(day, time(), zone).astimezone(UTC) for day in first]


def delay_tables(
    vault: Vault, merchants: Sequence[str], start: date, end: date, until: date, policy: Policy
) -> list[Table]:
    """Tables `delay` and `maturity` of all `merchants`.

    `until` is the last day of which the store's data is complete, in the agreement's time zone. A
    person is `lost` in the last span that the data reaches the end of. Raises `HandoverError` if
    the engine fails.
    """
    zone = ZoneInfo(vault.agreement.timezone)
    reached = datetime.combine(until + timedelta(days=1), time(), zone).astimezone(UTC)
    days = _Days(start, end, vault.agreement.timezone, reached)
    wanted = nw.col("merchant").is_in(sorted(set(merchants)))
    clicks = scan(table_path(vault, "touches")).filter(
        wanted, nw.col("kind") == "click", on_local_days("time", start, end, days.timezone)
    )
    purchases = attributed(vault).filter(
        wanted,
        nw.col("kind") == "purchase",
        on_local_days("click_time", start, end, days.timezone),
    )
    visits = scan(table_path(vault, "visits")).filter(wanted)
    people = list(_delay_cells(_people(clicks, purchases, days)))
    return [
        table(DELAY, people),
        table(MATURITY, _maturity_cells(_cohorts(purchases, visits, days), days, policy)),
    ]


def _passed(since: str, moment: nw.Expr) -> nw.Expr:
    """How many spans since a time have ended by a moment."""
    ended = [
        (nw.col(since).dt.offset_by(f"{24 * days}h") <= moment).cast(nw.Int64) for days in SPAN_ENDS
    ]
    return nw.sum_horizontal(*ended)


def _people(clicks: Frame, purchases: Frame, days: _Days) -> Frame:
    """One row a user and merchant: `span` of the first order or of being lost, `converted`."""
    first = clicks.group_by("merchant", "user").agg(click_time=nw.col("time").min())
    orders = purchases.group_by("merchant", "user", "buyer").agg(time=nw.col("time").min())
    orders = orders.unique(subset=["merchant", "user"], keep="first", order_by=["time", "buyer"])
    both = first.join(orders, on=["merchant", "user"], how="left")
    watched = both.with_columns(
        watched=_passed("click_time", nw.lit(days.until)),
        ordered=_passed("click_time", nw.col("time")),
    ).filter(nw.col("watched") > 0)
    converted = ~nw.col("time").is_null() & (nw.col("ordered") < nw.col("watched"))
    return watched.with_columns(
        span=nw.when(converted).then(nw.col("ordered")).otherwise(nw.col("watched") - 1),
        converted=converted.cast(nw.Int64),
        lost=(~converted).cast(nw.Int64),
    )


def _delay_cells(people: Frame) -> Iterator[Cell]:
    marks = {"converted": nw.col("converted"), "lost": nw.col("lost")}
    in_spans = people.with_columns(span=nw.col("span").cast(nw.String))
    by = ("merchant", "span")
    by_user = count_people(in_spans, by, "user", marks)
    bought = in_spans.filter(nw.col("converted") == 1)
    by_buyer = count_people(bought, by, "buyer", marks)
    base = count_people(people, ("merchant",), "user", {"any": nw.lit(1)})
    for merchant, own in sorted(base.items()):
        for number, span in enumerate(SPANS):
            key = (*merchant, str(number))
            users, buyers = by_user.get(key, Counter()), by_buyer.get(key, Counter())
            converted = fewer(users, buyers, "converted")
            place, everyone = (*merchant, span), own["any_people"]
            yield *place, "converted", converted, PEOPLE, everyone, converted
            lost = users["lost_people"]
            yield *place, "lost", lost, PEOPLE, everyone, lost


def _cohorts(purchases: Frame, visits: Frame, days: _Days) -> Frame:
    """One row an order: `user`, `buyer`, `net`, and as text `cohort` and `span`, both from 0."""
    orders = net_orders(
        purchases, visits, by=("merchant", "order"), whose=("user", "buyer", "click_time")
    )
    begun = [(nw.col("click_time") >= nw.lit(first)).cast(nw.Int64) for first in days.cohorts()[1:]]
    week = nw.sum_horizontal(nw.lit(0).cast(nw.Int64), *begun)
    span = _passed("click_time", nw.col("time"))
    return orders.with_columns(cohort=week.cast(nw.String), span=span.cast(nw.String))


def _maturity_cells(orders: Frame, days: _Days, policy: Policy) -> Iterator[Cell]:
    marks = {"orders": ~nw.col("order").is_null(), "revenue": nw.col("net")}
    most = {"orders": policy.max_events_per_person, "revenue": policy.max_amount_per_person}
    by = ("merchant", "cohort", "span")
    counts = [count_people(orders, by, who, marks, most) for who in ("user", "buyer")]
    buyers = count_people(orders, ("merchant",), "buyer", marks)
    for merchant, own in sorted(buyers.items()):
        for cohort, span in _complete(days):
            key = (*merchant, str(cohort), str(span))
            sides = tuple(one.get(key, Counter()) for one in counts)
            yield from _cells(merchant, (COHORTS[cohort], SPANS[span]), sides, own["orders_people"])


def _complete(days: _Days) -> Iterator[tuple[int, int]]:
    """The spans whose end the data reaches for every click of a cohort."""
    for cohort, first in enumerate(days.cohorts()[:_COHORTS]):
        last = first + timedelta(days=COHORT_DAYS)
        for span, end in enumerate(SPAN_ENDS):
            if last + timedelta(days=end) <= days.until:
                yield cohort, span


def _cells(
    merchant: Key, place: tuple[str, str], sides: tuple[Mapping[str, int], ...], base: int
) -> Iterator[Cell]:
    for mark, unit in (("orders", EVENTS), ("revenue", MONEY)):
        doers = fewer(sides[0], sides[1], "orders")
        value = sides[1][mark]
        yield *merchant, *place, mark, value, unit, base, doers, *single(mark, *sides)
