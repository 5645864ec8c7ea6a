"""What the benchmark `attribution` is measured on: events of both platforms, and journeys."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

_BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
_SECONDS = 60 * 86_400
_MERCHANTS = 200
CHANNELS = 10


def write_events(folder: Path, rows: int) -> None:
    """`touches.parquet`, clicks and reads, and `visits.parquet`, of `rows` events each.

    Every click has a CID of its own, three in five are followed; a third of the store's events are
    purchases of people who came by one, a tenth of these are refunded.
    """
    rng = np.random.default_rng(7)
    is_click = rng.random(rows) < 0.5
    person, merchant = rng.integers(0, rows // 8 + 1, rows), rng.integers(0, _MERCHANTS, rows)
    at = rng.integers(0, _SECONDS, rows)
    number = pl.int_range(rows, eager=True)
    touches = pl.DataFrame(
        {
            "event_id": _tokens("touch", number),
            "kind": pl.Series(is_click).replace_strict({True: "click", False: "read"}),
            "user": _tokens("user", pl.Series(person)),
            "merchant": "M" + pl.Series(merchant).cast(pl.String),
            "campaign": "C" + pl.Series(rng.integers(0, 5, rows)).cast(pl.String),
            "creator": pl.Series(["one"]).extend_constant("one", rows - 1),
            "note": pl.Series(["one"]).extend_constant("one", rows - 1),
            "time": _times(at),
            "cid": pl.DataFrame({"c": _tokens("cid", number), "is": is_click}).select(
                pl.when("is").then("c")
            )["c"],
        }
    )
    touches.write_parquet(folder / "touches.parquet")
    _visits(rows, np.flatnonzero(is_click), person, merchant, at, rng).write_parquet(
        folder / "visits.parquet"
    )


def _visits(
    rows: int,
    clicks: np.ndarray,
    person: np.ndarray,
    merchant: np.ndarray,
    at: np.ndarray,
    rng: np.random.Generator,
) -> pl.DataFrame:
    arrivals = rng.choice(clicks, min(3 * len(clicks) // 5, rows // 2), replace=False)
    later = rng.choice(arrivals, rows - len(arrivals))
    of, bought = np.concatenate([arrivals, later]), np.zeros(rows, dtype=bool)
    bought[len(arrivals) :] = rng.random(len(later)) < 0.6
    refunded = bought & (rng.random(rows) < 0.1)
    delay = np.where(np.arange(rows) < len(arrivals), 60, rng.integers(60, 20 * 86_400, rows))
    frame = pl.DataFrame(
        {
            "event_id": _tokens("visit", pl.int_range(rows, eager=True)),
            "kind": pl.Series(np.where(bought, "purchase", "visit")),
            "buyer": _tokens("buyer", pl.Series(person[of])),
            "merchant": "M" + pl.Series(merchant[of]).cast(pl.String),
            "time": _times(at[of] + delay),
            "order": _tokens("order", pl.int_range(rows, eager=True)),
            "amount": pl.Series(rng.integers(1_000, 90_000, rows)),
            "cid": _tokens("cid", pl.Series(of)),
        }
    ).with_columns(
        pl.when(kind="purchase").then("order").alias("order"),
        pl.when(kind="purchase").then("amount").alias("amount"),
        pl.when(pl.int_range(pl.len()) < len(arrivals)).then("cid").alias("cid"),
    )
    refunds = frame.filter(pl.Series(refunded)).with_columns(
        kind=pl.lit("refund"),
        event_id=pl.col("event_id").str.replace("^.", "r"),
        time=pl.col("time").dt.offset_by("1h"),
        amount=pl.col("amount") // 2,
    )
    return pl.concat([frame, refunds])


def write_journeys(folder: Path, rows: int) -> None:
    """`journeys.parquet`, one row a touch, and `journeys.csv`, one a path: `rows` journeys of one
    to six of ten channels each, a fifth of which convert."""
    rng = np.random.default_rng(8)
    lengths = rng.integers(1, 7, rows)
    of = np.repeat(np.arange(rows), lengths)
    channel = np.minimum(rng.geometric(0.3, len(of)), CHANNELS) - 1
    converts = rng.random(rows) < 0.2
    touches = pl.DataFrame({"journey": of, "channel": "c" + pl.Series(channel).cast(pl.String)})
    touches = touches.with_columns(converts=pl.Series(converts[of]))
    touches.write_parquet(folder / "journeys.parquet")
    paths = touches.group_by("journey", maintain_order=True).agg(
        path=pl.col("channel").str.join(" > "), converts=pl.col("converts").first()
    )
    paths.select(
        "path", conversions=pl.col("converts").cast(int), none=(~pl.col("converts")).cast(int)
    ).write_csv(folder / "journeys.csv")


def _tokens(what: str, number: pl.Series) -> pl.Series:
    """Texts as long as tokens."""
    return (what[0] + number.cast(pl.String).str.zfill(63)).alias(what)


def _times(seconds: np.ndarray) -> pl.Series:
    frame = pl.DataFrame({"seconds": seconds})
    return frame.select(time=pl.lit(_BEGIN) + pl.duration(seconds="seconds"))["time"]
