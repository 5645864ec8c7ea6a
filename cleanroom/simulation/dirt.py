"""Rows that go wrong on the way into an export: planted beside the good ones, counted by reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import polars as pl

from cleanroom.simulation.world import World


class Flaw(StrEnum):
    """What is wrong with a planted row, in the words an ingest gives as its reason.

    It counts a repeated delivery (`duplicate_event`) once, keeps the two kinds of placeholder, as
    nobody and as no CID, and sets all others aside.
    """

    DUPLICATE_EVENT = "duplicate_event"
    NEGATIVE_AMOUNT = "negative_amount"
    UNKNOWN_KIND = "unknown_kind"
    FUTURE_TIME = "future_time"
    TIME_WITHOUT_ZONE = "time_without_zone"
    MISSING_VALUE = "missing_value"
    WRONG_TYPE = "wrong_type"
    PLACEHOLDER_IDENTIFIER = "placeholder_identifier"
    PLACEHOLDER_CID = "placeholder_cid"


@dataclass(frozen=True)
class Dirt:
    """Which good rows a flaw's rows are copied from, and what then spoils the copy's cells."""

    copies: pl.Expr
    spoils: tuple[pl.Expr, ...]


FlawKind = pl.Enum(Flaw)
PLACEHOLDERS = ("0", "unknown", "00000000-0000-0000-0000-000000000000", None)
_PLACEHOLDER = (pl.int_range(pl.len()) % len(PLACEHOLDERS)).replace_strict(
    dict(enumerate(PLACEHOLDERS)), return_dtype=pl.String
)
_ALL = pl.col("kind").is_not_null()
_PURCHASE = pl.col("kind") == "purchase"
_PLAIN_VISIT = (pl.col("kind") == "visit") & (pl.col("cid") < 0)
_MISSING = Dirt(_ALL, (pl.lit(None, dtype=pl.String).alias("merchant"),))

# Kept rows are of kinds without money, and a placeholder CID stands in a second click or visit of
# the same person at the same merchant: so no sum and no count of people moves.
TOUCH_DIRT = {
    Flaw.DUPLICATE_EVENT: Dirt(_ALL, ()),
    Flaw.NEGATIVE_AMOUNT: Dirt(_ALL, (-pl.col("cost") - 1,)),
    Flaw.UNKNOWN_KIND: Dirt(_ALL, (pl.lit("swipe").alias("kind"),)),
    Flaw.FUTURE_TIME: Dirt(_ALL, (pl.col("time") + pl.duration(days=80 * 365),)),
    Flaw.MISSING_VALUE: _MISSING,
    Flaw.PLACEHOLDER_IDENTIFIER: Dirt(pl.col("kind") == "read", (_PLACEHOLDER.alias("user"),)),
    Flaw.PLACEHOLDER_CID: Dirt(
        pl.col("kind") == "click", (_PLACEHOLDER.alias("cid"), pl.lit(0).alias("cost"))
    ),
}
# Visits are delivered as CSV, so their times and amounts are texts and can be wrong as texts.
VISIT_DIRT = {
    Flaw.DUPLICATE_EVENT: Dirt(_ALL, ()),
    Flaw.NEGATIVE_AMOUNT: Dirt(_PURCHASE, (pl.format("-{}", "amount").alias("amount"),)),
    Flaw.UNKNOWN_KIND: Dirt(_ALL, (pl.lit("preorder").alias("kind"),)),
    Flaw.FUTURE_TIME: Dirt(_ALL, (pl.format("21{}", pl.col("time").str.slice(2)).alias("time"),)),
    Flaw.TIME_WITHOUT_ZONE: Dirt(_ALL, (pl.col("time").str.head(-6),)),
    Flaw.MISSING_VALUE: _MISSING,
    Flaw.WRONG_TYPE: Dirt(_PURCHASE, (pl.format("{} yuan", "amount").alias("amount"),)),
    Flaw.PLACEHOLDER_IDENTIFIER: Dirt(_PLAIN_VISIT, (_PLACEHOLDER.alias("buyer"),)),
    Flaw.PLACEHOLDER_CID: Dirt(_PLAIN_VISIT, (_PLACEHOLDER.alias("cid"),)),
}


def with_dirt(rng: np.random.Generator, world: World) -> World:
    """`world` with copies of some rows added, marked in the column `flaw`, in order of time.

    `event` numbers the events: a copy is a new one, except a repeated delivery. `spoiled` spoils
    the copies, once they are texts.
    """
    rate = world.settings.dirt_rate
    touches = _planted(rng, world.touches, TOUCH_DIRT, rate)
    return replace(world, touches=touches, visits=_planted(rng, world.visits, VISIT_DIRT, rate))


def without_dirt(world: World) -> World:
    """The good rows that `with_dirt` was given."""
    good = pl.col("flaw").is_null()
    touches = world.touches.filter(good).drop("event", "flaw")
    return replace(world, touches=touches, visits=world.visits.filter(good).drop("event", "flaw"))


def spoiled(export: pl.LazyFrame, dirt: dict[Flaw, Dirt]) -> pl.LazyFrame:
    """`export` with the rows spoiled that its column `flaw` marks."""
    for flaw, what in dirt.items():
        hit = pl.col("flaw") == pl.lit(flaw, dtype=FlawKind)
        export = export.with_columns(
            pl.when(hit)
            .then(spoil)
            .otherwise(spoil.meta.output_name())
            .alias(spoil.meta.output_name())
            for spoil in what.spoils
        )
    return export


def dirt_counts(rows: pl.DataFrame) -> dict[str, int]:
    """How many rows of each flaw are among `rows`."""
    counts = rows["flaw"].drop_nulls().value_counts().sort("flaw")
    return dict(zip(counts["flaw"].cast(pl.String), counts["count"], strict=True))


def _planted(
    rng: np.random.Generator, good: pl.DataFrame, dirt: dict[Flaw, Dirt], rate: float
) -> pl.DataFrame:
    count = max(3, round(rate * len(good))) if rate else 0
    good = good.with_columns(event=pl.int_range(pl.len()), flaw=pl.lit(None, dtype=FlawKind))
    copies = pl.concat(_copied(rng, good, flaw, what, count) for flaw, what in dirt.items())
    repeated = pl.col("flaw") == Flaw.DUPLICATE_EVENT
    new = pl.int_range(pl.len()) + len(good)
    copies = copies.with_columns(event=pl.when(repeated).then("event").otherwise(new))
    return pl.concat([good, copies]).sort("time", "event", maintain_order=True)


def _copied(
    rng: np.random.Generator, good: pl.DataFrame, flaw: Flaw, dirt: Dirt, count: int
) -> pl.DataFrame:
    suitable = good.select(pl.arg_where(dirt.copies)).to_series().to_numpy()
    rows = rng.choice(suitable, min(count, len(suitable)), replace=False)
    return good[rows].with_columns(flaw=pl.lit(flaw, dtype=FlawKind))
