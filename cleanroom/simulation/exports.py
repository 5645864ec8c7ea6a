"""What each platform delivers: the world's rows in the platform's own texts, dirt included."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cleanroom.simulation.advertising import NOTES_EACH_WAY
from cleanroom.simulation.catalogue import merchants_frame
from cleanroom.simulation.dirt import TOUCH_DIRT, VISIT_DIRT, spoiled
from cleanroom.simulation.settings import ZONE
from cleanroom.simulation.world import World

_CREATORS = 60
_PRODUCTS = 6  # of a merchant
_ON_PRODUCTS = ("cart", "view", "favourite", "deposit", "purchase", "refund")
_SLICE = 250_000  # rows written at once: texts under way take several times their final space
# Multiplied by a number coprime to their range, event numbers scatter and tell no order.
_SCATTER, _EVENT_IDS = 3**18, 10**9


@dataclass(frozen=True)
class AdsExport:
    """The ads platform's tables."""

    touches: pl.DataFrame
    assignments: pl.DataFrame
    users: pl.DataFrame
    onsite_orders: pl.DataFrame


@dataclass(frozen=True)
class StoreExport:
    """The store platform's tables; the cells of `visits` are the texts of a CSV file."""

    visits: pl.DataFrame
    buyers: pl.DataFrame
    merchants: pl.DataFrame


def ads_export(
    world: World, users: pl.DataFrame, cids: pl.Series, orders: pl.DataFrame
) -> AdsExport:
    """The ads platform's delivery from a `world` whose dirt is marked, and of the on-site `orders`;
    `cids`: texts by number."""
    parts = world.touches.iter_slices(_SLICE)
    touches = pl.concat(_touches(world, part, cids) for part in parts)
    return AdsExport(touches, _assignments(world), users, _onsite_orders(world, orders))


def store_export(world: World, buyers: pl.DataFrame, cids: pl.Series) -> StoreExport:
    """The store platform's delivery from a `world` whose dirt is marked; `cids` as above."""
    parts = world.visits.iter_slices(_SLICE)
    first = first_orders(world)
    visits = pl.concat(_visits(world, part, cids, first) for part in parts)
    return StoreExport(visits, buyers, merchants_frame(world.merchants))


def merchant_texts(world: World) -> pl.Series:
    """The merchants' identifiers by number."""
    return pl.Series([model.merchant for model in world.merchants])


def arm() -> pl.Expr:
    """The arm of an assignment, null if it is not known whether it is `treated`."""
    treated = pl.col("treated")
    return pl.when(treated).then(pl.lit("treated")).when(~treated).then(pl.lit("holdout"))


def _touches(world: World, rows: pl.DataFrame, cids: pl.Series) -> pl.DataFrame:
    notes = _notes(world)
    note = rows["merchant"].cast(pl.Int64) * (2 * NOTES_EACH_WAY) + rows["note"]
    export = rows.lazy().select(
        event_id=_event_id("T"),
        kind=pl.col("kind").cast(pl.String),
        user=world.population.users.gather(rows["account"]),
        merchant=merchant_texts(world).gather(rows["merchant"]),
        campaign=notes["campaign"].gather(note),
        creator=notes["creator"].gather(note),
        note=notes["note"].gather(note),
        time=_local("time"),
        cost=pl.col("cost").cast(pl.Int64),
        cid=cids.gather(_number(rows["cid"])),
        format=notes["format"].gather(note),
        task_group=notes["task_group"].gather(note),
        flaw="flaw",
    )
    return spoiled(export, TOUCH_DIRT).drop("flaw").collect()


def first_orders(world: World) -> pl.Series:
    """By number of order, whether it is its buyer's first with the merchant.

    Every fourth person had ordered before the period, so none of theirs is.
    """
    bought = world.visits.filter(pl.col("kind") == "purchase", pl.col("flaw").is_null())
    earliest = pl.col("time") == pl.col("time").min().over("person", "merchant")
    return bought.sort("order").select(earliest & (pl.col("person") % 4 > 0)).to_series()


def _visits(world: World, rows: pl.DataFrame, cids: pl.Series, first: pl.Series) -> pl.DataFrame:
    is_first = first.gather(_number(rows["order"]))
    bought = pl.col("kind") == "purchase"
    merchants = merchant_texts(world).gather(rows["merchant"])
    export = rows.lazy().select(
        event_id=_event_id("V"),
        kind=pl.col("kind").cast(pl.String),
        buyer=world.population.buyers.gather(rows["person"]),
        merchant=merchants,
        time=_local("time").dt.to_string("iso:strict"),
        order=pl.format("O{}", pl.when(pl.col("order") >= 0).then("order")),
        amount=pl.col("amount").cast(pl.String),
        cid=cids.gather(_number(rows["cid"])),
        product=pl.format("{}-product-{}", merchants, 1 + _product()),
        customer=pl.when(bought).then(
            pl.when(is_first).then(pl.lit("new")).otherwise(pl.lit("existing"))
        ),
        flaw="flaw",
    )
    return spoiled(export, VISIT_DIRT).drop("flaw").collect()


def _assignments(world: World) -> pl.DataFrame:
    rows = world.assignments
    merchant = merchant_texts(world).gather(rows["merchant"])
    return rows.select(
        user=world.population.users.gather(rows["account"]),
        study="holdout-" + merchant,
        merchant=merchant,
        arm=arm(),
        time=pl.lit(world.settings.after.start),
    ).with_columns(time=_local("time"))


def _notes(world: World) -> pl.DataFrame:
    """Every merchant's notes in order of their numbers: evergreen ones, then the campaign's."""
    rows = []
    for model in world.merchants:
        for number in range(2 * NOTES_EACH_WAY):
            campaign = "evergreen" if number < NOTES_EACH_WAY else "spring"
            creator = (model.index * 7 + number * 11) % _CREATORS
            rows.append(
                {
                    "note": f"{model.merchant}-note-{number + 1:02d}",
                    "campaign": f"{model.merchant}-{campaign}",
                    "creator": f"creator-{creator + 1:02d}",
                    "format": ("image", "video")[number % 2],
                    "task_group": _task_group(model.merchant, number),
                }
            )
    return pl.DataFrame(rows)


def _task_group(merchant: str, note: int) -> str | None:
    """The campaign's notes are written in two task groups, the evergreen ones in none."""
    return None if note < NOTES_EACH_WAY else f"{merchant}-task-{1 + note % 2}"


def _product() -> pl.Expr:
    """Of an order its product, of anything else what was looked at; null where nothing was."""
    about = pl.when(pl.col("order") >= 0).then("order").otherwise("event")
    on_product = pl.col("kind").cast(pl.String).is_in(_ON_PRODUCTS)
    return pl.when(on_product).then(about.cast(pl.Int64) % _PRODUCTS)


def _onsite_orders(world: World, orders: pl.DataFrame) -> pl.DataFrame:
    return orders.with_columns(event=pl.int_range(pl.len())).select(
        event_id=_event_id("S"),
        kind=pl.col("kind").cast(pl.String),
        user=world.population.users.gather(orders["account"]),
        merchant=merchant_texts(world).gather(orders["merchant"]),
        time=_local("time"),
        order=pl.format("S{}", "order"),
        amount="amount",
    )


def _event_id(side: str) -> pl.Expr:
    number = (pl.col("event").cast(pl.Int64) * _SCATTER) % _EVENT_IDS
    return side + number.cast(pl.String).str.zfill(9)


def _local(milliseconds: str) -> pl.Expr:
    moment = pl.col(milliseconds).cast(pl.Datetime("ms", "UTC"))
    return moment.dt.convert_time_zone(ZONE)


def _number(numbers: pl.Series) -> pl.Series:
    """Numbers to gather by: a null in place of -1, which would be the last."""
    return numbers.to_frame("n").select(pl.when(pl.col("n") >= 0).then("n")).to_series()
