"""What people do besides: searches after reading, blue links, and what a store sees but no order.

Planted after all else from a stream of its own, and numbered after all other rows. None of it
carries a CID, and nobody does it who has not read a note, or been in the store, anyway: so nothing
that was counted before moves, unless a `spillover_rate` is asked for.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from cleanroom.simulation.advertising import TouchKind
from cleanroom.simulation.chance import DAY, MINUTE, Whole, later
from cleanroom.simulation.shopping import VisitKind, organic
from cleanroom.simulation.world import World, merged
from cleanroom.tables import ENGAGEMENTS

# By kind: the share of reads, or of visits, that it follows, and after how long.
_AFTER_READS = {"back_search": (0.08, 20 * MINUTE), "blue_link": (0.06, MINUTE)}
_AFTER_VISITS = {
    "view": (0.6, 4 * MINUTE),
    "favourite": (0.07, 6 * MINUTE),
    "subscribe": (0.04, 6 * MINUTE),
    "join": (0.02, 8 * MINUTE),
}
_PRE_SALE = 0.1  # of the orders
_DEPOSIT = 0.15  # of the order's amount, which holds it


def with_further_events(rng: np.random.Generator, world: World) -> World:
    """`world`, whose dirt is marked, with touches and visits of the contract's further kinds."""
    end = world.settings.after.end
    good = pl.col("flaw").is_null()
    reads = world.touches.filter(good, pl.col("kind") == "read")
    visits = world.visits.filter(good, pl.col("kind") == "visit")
    touches = [
        _following(rng, reads, share, typical, end).with_columns(_kind(kind, TouchKind))
        for kind, (share, typical) in _AFTER_READS.items()
    ]
    seen = [
        _following(rng, visits, share, typical, end).with_columns(_kind(kind, VisitKind))
        for kind, (share, typical) in _AFTER_VISITS.items()
    ]
    return replace(
        world,
        touches=merged(world.touches, pl.concat(touches)),
        visits=merged(
            world.visits, pl.concat([*seen, _deposits(rng, world), _spilled_over(rng, world)])
        ),
    )


def _following(
    rng: np.random.Generator, events: pl.DataFrame, share: float, typical: float, end: int
) -> pl.DataFrame:
    chosen = events.filter(pl.Series(rng.random(len(events)) < share))
    time = later(rng, chosen["time"].to_numpy(), typical, end)
    return _without_cid(chosen, time)


def _spilled_over(rng: np.random.Generator, world: World) -> pl.DataFrame:
    """Visits that engagements bring about with no click, soon and by no link."""
    rate, people = world.settings.spillover_rate, world.population
    engaged = world.touches.filter(pl.col("flaw").is_null(), _is_in("kind", ENGAGEMENTS))
    person = people.person[engaged["account"].to_numpy()]
    comes = people.has_store[person] & (rng.random(len(engaged)) < rate)
    time = later(rng, engaged["time"].to_numpy()[comes], DAY, world.settings.after.end)
    merchant = engaged["merchant"].filter(pl.Series(comes))
    visits = organic(person[comes], time).with_columns(
        merchant, event=pl.lit(-1), flaw=pl.lit(None)
    )
    return visits.select(world.visits.columns).cast(world.visits.schema)


def _is_in(column: str, kinds: tuple[str, ...]) -> pl.Expr:
    return pl.col(column).cast(pl.String).is_in(kinds)


def _deposits(rng: np.random.Generator, world: World) -> pl.DataFrame:
    """Deposits of some orders: paid within the two days before, but not before the period."""
    bought = world.visits.filter(pl.col("flaw").is_null(), pl.col("kind") == "purchase")
    chosen = bought.filter(pl.Series(rng.random(len(bought)) < _PRE_SALE))
    time = chosen["time"].to_numpy()
    start = np.where(
        time < world.settings.after.start, world.settings.before.start, world.settings.after.start
    )
    ahead = rng.random(len(chosen)) * np.minimum(2 * DAY, time - start - 1)
    share = (pl.col("amount") * _DEPOSIT).cast(pl.Int64)
    return _without_cid(chosen, time - ahead.astype(np.int64)).with_columns(
        _kind("deposit", VisitKind), amount=share
    )


def _without_cid(events: pl.DataFrame, time: Whole) -> pl.DataFrame:
    free = {"cost": pl.lit(0)} if "cost" in events.columns else {}
    return events.with_columns(time=pl.Series(time), cid=pl.lit(-1), **free)


def _kind(kind: str, kinds: pl.Enum) -> pl.Expr:
    return pl.lit(kind, dtype=kinds).alias("kind")
