"""The regional study's tables: each merchant's orders by region and period, no person joined.

Only the store's own rows are read: who bought, and the region it knows of each buyer. Orders net of
refunds count in the period of their first purchase. What one person counts is bounded by the
policy, in each region and period.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import narwhals as nw

from cleanroom.absences import NoData
from cleanroom.borders import EVENTS, MONEY, PEOPLE, Table
from cleanroom.layout import Dimension, Layout, Measure, Use
from cleanroom.policy import Policy
from cleanroom.room.counting import (
    Cell,
    Key,
    count_people,
    no_data,
    on_local_days,
    single,
    table,
)
from cleanroom.room.engine import Frame, scan
from cleanroom.room.journeys import net_orders
from cleanroom.room.recorded import unrecorded
from cleanroom.room.vault import Vault, table_path
from cleanroom.study import GeoStudy

_PLACE = ("merchant", "region", "period")
_MERCHANT = Dimension("merchant", ("visits.merchant",))
PLACED_LAYOUT = Layout(
    "placed",
    "Buyers whose region the store knows, and the others, who are in no region",
    (_MERCHANT, Dimension("outcome", categories=("placed", "unplaced"))),
    (Measure("people", Use.COUNT, ("visits.buyer",)),),
)


def regions_layout(periods: Sequence[str]) -> Layout:
    """Of the table `regions`: periods go by their first day."""
    return Layout(
        "regions",
        "Buyers, orders and revenue net of refunds, by region and period",
        (_MERCHANT, Dimension("region", ("buyers.region",)), Dimension("period", (), (*periods,))),
        (
            Measure("buyers", Use.COUNT, ("visits.buyer",)),
            Measure("orders", Use.COUNT, ("visits.order",)),
            Measure("revenue", Use.SUM, ("visits.amount",)),
        ),
    )


def periods_of(study: GeoStudy, days: int) -> list[date]:
    """The first day of each whole period of so many `days`; one begins when the campaign does."""
    before = (study.campaign_start - study.start).days // days
    after = ((study.end - study.campaign_start).days + 1) // days
    return [study.campaign_start + timedelta(days=days * n) for n in range(-before, after)]


def geo_tables(
    vault: Vault, studies: Sequence[GeoStudy], days: int, policy: Policy | None = None
) -> list[Table]:
    """Tables `regions` and `placed` of all `studies`, which differ in their merchant and regions
    alone, in one pass; periods are of so many `days`.

    `policy`: the agreement's, or a stricter one. Raises `HandoverError` if the engine fails.
    """
    policy = policy or vault.agreement.effective_policy
    first, merchants = studies[0], [study.merchant for study in studies]
    starts = periods_of(first, days)
    names = [start.isoformat() for start in starts]
    buyers = scan(table_path(vault, "buyers"))
    orders = _orders(vault, merchants, starts, days)
    marks = {"orders": ~nw.col("order").is_null(), "revenue": nw.col("net")}
    sums = {"orders": policy.max_events_per_person, "revenue": policy.max_amount_per_person}
    placed = orders.filter(~nw.col("region").is_null())
    counts = count_people(placed, _PLACE, "buyer", marks, sums)
    settled = buyers.filter(~nw.col("region").is_null())
    living = count_people(settled, ("region",), "buyer", {"any": nw.lit(1)})
    regions = sorted(region for (region,) in living)
    known = {"placed": ~nw.col("region").is_null(), "unplaced": nw.col("region").is_null()}
    told = count_people(orders, ("merchant",), "buyer", {**known, "any": nw.lit(1)})
    absent = "purchase" in unrecorded(vault, policy.min_people)
    cells = (
        no_data(cell, 3, NoData.NOT_RECORDED) if absent else cell
        for merchant in merchants
        for region in regions
        for place, period in enumerate(names)
        for cell in _cells(
            (merchant, region, period),
            counts.get((merchant, region, str(place)), Counter()),
            living[(region,)]["any_people"],
        )
    )
    others = (cell for merchant in merchants for cell in _placed(merchant, told))
    return [table(regions_layout(names), cells), table(PLACED_LAYOUT, others)]


def _orders(vault: Vault, merchants: Sequence[str], starts: Sequence[date], days: int) -> Frame:
    """One row an order of the whole periods: buyer, `region`, `period` by its place, `net`."""
    zone = vault.agreement.timezone
    visits = scan(table_path(vault, "visits")).filter(nw.col("merchant").is_in([*merchants]))
    last = starts[-1] + timedelta(days=days - 1)
    bought = visits.filter(
        nw.col("kind") == "purchase", on_local_days("time", starts[0], last, zone)
    )
    orders = net_orders(bought, visits, by=("merchant", "order"), whose=("buyer",))
    regions = scan(table_path(vault, "buyers")).group_by("buyer").agg(nw.col("region").min())
    # By comparison with each start: not every engine converts time zones.
    begun = [nw.col("time") >= _midnight(start, zone) for start in starts[1:]]
    place = nw.sum_horizontal(nw.lit(0), *(flag.cast(nw.Int64) for flag in begun))
    return orders.join(regions, on="buyer", how="left").with_columns(period=place.cast(nw.String))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _cells(place: Key, counts: Counter[str], living: int) -> Iterator[Cell]:
    buyers = counts["orders_people"]
    yield *place, "buyers", buyers, PEOPLE, living, buyers
    for mark, unit in (("orders", EVENTS), ("revenue", MONEY)):
        yield *place, mark, counts[mark], unit, living, buyers, *single(mark, counts)


def _placed(merchant: str, told: dict[Key, Counter[str]]) -> Iterator[Cell]:
    counts = told.get((merchant,), Counter())
    for outcome in ("placed", "unplaced"):
        people = counts[f"{outcome}_people"]
        yield merchant, outcome, "people", people, PEOPLE, counts["any_people"], people
