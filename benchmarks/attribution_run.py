"""One contender of the benchmark `attribution`, in a process of its own: NAME, FOLDER.

Prints what it found and the seconds it took: from Parquet files to orders and revenue by merchant
and campaign, or from journeys in memory to the credits of channels.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from cleanroom.room.engine import collect, scan, sink
from cleanroom.room.journeys import attribute, net_orders
from cleanroom.room.link import link
from cleanroom.room.match import match
from cleanroom.studies.markov import CONVERSION, NONE, START, removal_effects, shares

WINDOW_DAYS = 15
BY = ("merchant", "campaign")
Found = dict[str, Any]


def by_cleanroom(folder: Path) -> Found:
    """As the room does it: links are laid down, store events owed, orders net of refunds."""
    touches, visits = scan(folder / "touches.parquet"), scan(folder / "visits.parquet")
    sink(link(match(touches, visits, WINDOW_DAYS)), folder / "links.parquet")
    owed = attribute(scan(folder / "links.parquet"), visits, WINDOW_DAYS)
    purchases = owed.filter(nw.col("kind") == "purchase")
    orders = net_orders(purchases, visits, by=(*BY, "order"))
    return _told(
        collect(orders.group_by(*BY).agg(orders=nw.len(), revenue=nw.col("net").sum()), "orders")
    )


def by_polars(folder: Path) -> Found:
    """A query as somebody would write it by hand, with an as-of join."""
    touches, visits = (pl.scan_parquet(folder / f"{n}.parquet") for n in ("touches", "visits"))
    window = timedelta(days=WINDOW_DAYS)
    clicks = touches.filter(pl.col("kind") == "click", pl.col("cid").is_not_null()).select(
        "cid", *BY, click_time="time"
    )
    came = visits.filter(pl.col("kind") != "refund", pl.col("cid").is_not_null())
    pairs = clicks.join(came.select("cid", "merchant", "buyer", "time"), on=["cid", "merchant"])
    links = pairs.filter(
        pl.col("time").is_between(pl.col("click_time"), pl.col("click_time") + window)
    ).select("buyer", *BY, "click_time")
    purchases = visits.filter(pl.col("kind") == "purchase").sort("time")
    owed = purchases.drop("cid").join_asof(
        links.unique().sort("click_time"),
        left_on="time",
        right_on="click_time",
        by=["buyer", "merchant"],
        check_sortedness=False,
    )
    refunds = visits.filter(pl.col("kind") == "refund").group_by("merchant", "order")
    orders = owed.filter(pl.col("time") <= pl.col("click_time") + window).join(
        refunds.agg(refund=pl.col("amount").sum()), on=["merchant", "order"], how="left"
    )
    net = pl.col("amount") - pl.col("refund").fill_null(0)
    told = orders.group_by(*BY).agg(orders=pl.len(), revenue=net.sum())
    return _told(told.collect(engine="streaming"))


def by_duckdb(folder: Path) -> Found:
    """The same in SQL."""
    import duckdb

    touches, visits = folder / "touches.parquet", folder / "visits.parquet"
    rows = duckdb.execute(f"""
        WITH clicks AS (
          SELECT cid, merchant, campaign, time AS click_time FROM '{touches}'
          WHERE kind = 'click' AND cid IS NOT NULL
        ), links AS (
          SELECT DISTINCT v.buyer, c.merchant, c.campaign, c.click_time
          FROM clicks c JOIN '{visits}' v USING (cid, merchant)
          WHERE v.kind <> 'refund' AND v.time >= c.click_time
            AND v.time <= c.click_time + INTERVAL {WINDOW_DAYS} DAY
        ), refunds AS (
          SELECT merchant, "order", sum(amount) AS refund FROM '{visits}'
          WHERE kind = 'refund' GROUP BY ALL
        )
        SELECT v.merchant, l.campaign, count(*) AS orders,
          sum(v.amount - coalesce(r.refund, 0))::BIGINT AS revenue
        FROM (SELECT * FROM '{visits}' WHERE kind = 'purchase') v
        ASOF JOIN links l
          ON v.buyer = l.buyer AND v.merchant = l.merchant AND v.time >= l.click_time
        LEFT JOIN refunds r ON v.merchant = r.merchant AND v."order" = r."order"
        WHERE v.time <= l.click_time + INTERVAL {WINDOW_DAYS} DAY
        GROUP BY ALL
    """).fetchall()
    return _told(pl.DataFrame(rows, [*BY, "orders", "revenue"], orient="row"))


def by_markov(journeys: pl.DataFrame) -> Found:
    """Credits by removal, from one row a touch in order: steps are counted, the chain solved."""
    channel, journey = pl.col("channel"), pl.col("journey")
    follows = (journey == journey.shift(1)).fill_null(value=False)
    is_last = (journey != journey.shift(-1)).fill_null(value=True)
    into = journeys.lazy().select(origin=pl.when(follows).then(channel.shift(1)), target=channel)
    ends = journeys.lazy().filter(is_last).group_by("channel", "converts").len()
    entered, ended = pl.collect_all([into.group_by("origin", "target").len(), ends])
    steps = {(origin or START, target): count for origin, target, count in entered.iter_rows()}
    steps |= {(last, CONVERSION if c else NONE): count for last, c, count in ended.iter_rows()}
    orders = sum(count for (_, target), count in steps.items() if target == CONVERSION)
    return {channel: orders * share for channel, share in shares(removal_effects(steps)).items()}


# Each is given the folder, and gives the work that is timed.
CONTENDERS: dict[str, Callable[[Path], Callable[[], Found]]] = {
    "cleanroom": lambda folder: partial(by_cleanroom, folder),
    "polars": lambda folder: partial(by_polars, folder),
    "duckdb": lambda folder: partial(by_duckdb, folder),
    "markov": lambda folder: partial(by_markov, pl.read_parquet(folder / "journeys.parquet")),
}


def _told(orders: pl.DataFrame) -> Found:
    rows = orders.sort(BY).select(*BY, "orders", "revenue").rows()
    return {f"{merchant} {campaign}": counted for merchant, campaign, *counted in rows}


def main() -> None:
    """Run the contender named."""
    name, folder = sys.argv[1:]
    work = CONTENDERS[name](Path(folder))
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps({"found": found, **took}))


if __name__ == "__main__":
    main()
