"""The regional study's tables: each merchant's orders by region and period, no person joined.

Only the store's own rows are read: who bought, and the region it knows of each buyer. Orders net of
refunds count in the period of their first purchase. What one person counts is bounded by the
policy, in each region and period.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import narwhals as nw

from cleanroom.absences import NoData
from cleanroom.behind import Behind
from cleanroom.borders import EVENTS, MONEY, PEOPLE, Table
from cleanroom.layout import Dimension, Layout, Measure, Parts, Place, Use
from cleanroom.policy import Policy
from cleanroom.room.counting import (
    Cell,
    Key,
    no_data,
    on_local_days,
    single,
    table,
)
from cleanroom.room.engine import Frame
from cleanroom.room.journeys import net_orders
from cleanroom.room.numbered import Counted, behind, numbering, on
from cleanroom.room.recorded import unrecorded
from cleanroom.room.vault import Vault, rows_of
from cleanroom.study import GeoStudy
from cleanroom.tables import Platform

_PLACE = ("merchant", "region", "period")
_MERCHANT = Dimension("merchant", ("visits.merchant",))
PLACED_LAYOUT = Layout(
    "placed",
    "Buyers whose region the store knows, and the others, who are in no region",
    (_MERCHANT, Dimension("outcome", categories=("placed", "unplaced"))),
    # Of whole periods alone, which are others in other days.
    (Measure("people", Use.COUNT, ("visits.buyer",), parts=Parts.FREE),),
)


def regions_layout(periods: Sequence[str], days: int) -> Layout:
    """Of the table `regions`: periods go by their first day, and are of so many `days`."""
    # A day is the same day in every study; a week may be a week shifted by some days.
    about = f"regions by {days} days"
    pairs = tuple(
        (Place(about, "buyers", period), Place(about, "orders", period)) for period in periods
    )
    among = tuple(
        (Place(about, mark, period), Place(about, "buyers", period))
        for mark in ("orders", "revenue")
        for period in periods
    )
    return Layout(
        "regions",
        "Buyers, orders and revenue net of refunds, by region and period",
        (
            _MERCHANT,
            Dimension("region", ("buyers.region",)),
            Dimension("period", (), (*periods,), parts=days > 1),
        ),
        (
            Measure("buyers", Use.COUNT, ("visits.buyer",)),
            Measure("orders", Use.COUNT, ("visits.order",)),
            Measure("revenue", Use.SUM, ("visits.amount",)),
        ),
        about=about,
        at_most=pairs,
        among=among,
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
    buyers = rows_of(vault, "buyers")
    orders = _orders(vault, merchants, starts, days)
    marks = {"orders": ~nw.col("order").is_null(), "revenue": nw.col("net")}
    sums = {"orders": policy.max_events_per_person, "revenue": policy.max_amount_per_person}
    placed = orders.filter(~nw.col("region").is_null())
    named = numbering(vault)
    counts = named.count(placed, _PLACE, "buyer", marks, sums)
    settled = buyers.filter(~nw.col("region").is_null())
    living = named.count(settled, ("region",), "buyer", {"any": nw.lit(1)})
    regions = sorted(region for (region,) in living)
    known = {"placed": ~nw.col("region").is_null(), "unplaced": nw.col("region").is_null()}
    told = named.count(orders, ("merchant",), "buyer", {**known, "any": nw.lit(1)})
    absent = "purchase" in unrecorded(vault, policy.min_people)
    cells = (
        no_data(cell, 3, NoData.NOT_RECORDED) if absent else cell
        for merchant in merchants
        for region in regions
        for place, period in enumerate(names)
        for cell in _cells(
            (merchant, region, period),
            counts.get((merchant, region, str(place)), Counted()),
            living[(region,)]["any_people"],
        )
    )
    others = (cell for merchant in merchants for cell in _placed(merchant, told))
    places = {name: str(place) for place, name in enumerate(names)}
    return [
        table(
            regions_layout(names, days),
            cells,
            lambda cell: _buyers(
                counts.get((str(cell[0]), str(cell[1]), places[str(cell[2])]), Counted()),
                living[(str(cell[1]),)],
                str(cell[3]),
            ),
        ),
        table(
            PLACED_LAYOUT,
            others,
            lambda cell: _of_all(told.get((str(cell[0]),), Counted()), str(cell[1])),
        ),
    ]


def _buyers(counted: Counted, living: Counted, measure: str) -> Behind:
    """Behind a number of a region its buyers, of all buyers who live there."""
    name = "orders_people" if measure == "buyers" else measure
    base = on(Platform.STORE, living, "any_people")
    return behind(on(Platform.STORE, counted, name), base)


def _of_all(counted: Counted, outcome: str) -> Behind:
    """Behind those of a known region, or of none, they, of all the merchant's buyers."""
    value = on(Platform.STORE, counted, f"{outcome}_people")
    return behind(value, on(Platform.STORE, counted, "any_people"))


def _orders(vault: Vault, merchants: Sequence[str], starts: Sequence[date], days: int) -> Frame:
    """One row an order of the whole periods: buyer, `region`, `period` by its place, `net`."""
    zone = vault.agreement.timezone
    visits = rows_of(vault, "visits").filter(nw.col("merchant").is_in([*merchants]))
    last = starts[-1] + timedelta(days=days - 1)
    bought = visits.filter(
        nw.col("kind") == "purchase", on_local_days("time", starts[0], last, zone)
    )
    orders = net_orders(bought, visits, by=("merchant", "order"), whose=("buyer",))
    regions = rows_of(vault, "buyers").group_by("buyer").agg(nw.col("region").min())
    # By comparison with each start: not every engine converts time zones.
    begun = [nw.col("time") >= _midnight(start, zone) for start in starts[1:]]
    place = nw.sum_horizontal(nw.lit(0), *(flag.cast(nw.Int64) for flag in begun))
    return orders.join(regions, on="buyer", how="left").with_columns(period=place.cast(nw.String))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _cells(place: Key, counts: Counted, living: int) -> Iterator[Cell]:
    buyers = counts["orders_people"]
    yield *place, "buyers", buyers, PEOPLE, living, buyers
    for mark, unit in (("orders", EVENTS), ("revenue", MONEY)):
        yield *place, mark, counts[mark], unit, living, buyers, *single(mark, counts)


def _placed(merchant: str, told: dict[Key, Counted]) -> Iterator[Cell]:
    counts = told.get((merchant,), Counted())
    for outcome in ("placed", "unplaced"):
        people = counts[f"{outcome}_people"]
        yield merchant, outcome, "people", people, PEOPLE, counts["any_people"], people
