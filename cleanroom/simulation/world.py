"""All that truly happened: every merchant's period, in whole numbers, before anybody exports it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import polars as pl

from cleanroom.simulation.catalogue import MerchantModel, merchant_models
from cleanroom.simulation.hard_cases import stray_visits
from cleanroom.simulation.holdout import Holdout
from cleanroom.simulation.market import Half, play
from cleanroom.simulation.population import Population, populate
from cleanroom.simulation.scene import set_scene
from cleanroom.simulation.settings import SimulationSettings

_NARROW = {
    "account": pl.Int32,
    "person": pl.Int32,
    "note": pl.Int16,
    "cid": pl.Int32,
    "order": pl.Int32,
    "cost": pl.Int32,
}


@dataclass(frozen=True)
class World:
    """The people, the merchants, and the good rows of both sides.

    `touches`: account, note, time, kind, cost, cid, merchant. `visits`: person, time, cid, kind,
    order, amount, merchant. `assignments`: account, person, treated, merchant. All but `kind` are
    numbers; times in ms, money in fen; -1 in cid or order means none.
    """

    settings: SimulationSettings
    population: Population
    merchants: tuple[MerchantModel, ...]
    touches: pl.DataFrame
    visits: pl.DataFrame
    assignments: pl.DataFrame


def build_world(settings: SimulationSettings, seed: np.random.SeedSequence) -> World:
    """Let the people and merchants of `settings` live through the period.

    Every merchant has its own stream of random numbers, so none disturbs another.
    """
    people, hard_cases, *streams = map(np.random.default_rng, seed.spawn(2 + settings.merchants))
    population = populate(settings, people)
    merchants = merchant_models(settings.merchants)
    total = sum(merchant.baseline for merchant in merchants)
    halves: list[Half] = []
    holdouts: list[Holdout] = []
    for merchant, rng in zip(merchants, streams, strict=True):
        scene = set_scene(rng, population, merchant, merchant.baseline / total)
        before, after, holdout = play(scene, settings)
        halves += [_of_merchant(half, merchant.index) for half in (before, after)]
        holdouts.append(holdout)
    touches, visits = _numbered(halves)
    strays = stray_visits(hard_cases, settings, population, touches, visits)
    visits = pl.concat([visits, strays.select(visits.columns).cast(visits.schema)])
    assignments = pl.concat(_assigned(population, h, i) for i, h in enumerate(holdouts))
    return World(settings, population, merchants, touches, visits, assignments)


def merged(rows: pl.DataFrame, planted: pl.DataFrame) -> pl.DataFrame:
    """All rows, their dirt marked, in order of time; the `planted` ones get new event numbers."""
    last = int(rows["event"].to_numpy().max(initial=-1))
    numbered = planted.with_columns(event=pl.int_range(pl.len()) + last + 1)
    numbered = numbered.select(rows.columns).cast(rows.schema)
    return rows.merge_sorted(numbered.sort("time"), key="time")


def _of_merchant(half: Half, index: int) -> Half:
    return Half(
        *(
            frame.with_columns(merchant=pl.lit(index, dtype=pl.Int16)).cast(
                {name: _NARROW[name] for name in frame.columns if name in _NARROW}
            )
            for frame in (half.touches, half.visits)
        )
    )


def _numbered(halves: list[Half]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All touches and all visits, CIDs and orders numbered through instead of by half."""
    clicks = [0, *accumulate(half.touches.filter(pl.col("cid") >= 0).height for half in halves)]
    bought = pl.col("kind") == "purchase"
    orders = [0, *accumulate(half.visits.filter(bought).height for half in halves)]
    touches = [
        half.touches.with_columns(_shifted("cid", start))
        for half, start in zip(halves, clicks, strict=False)
    ]
    visits = [
        half.visits.with_columns(_shifted("cid", start), _shifted("order", first))
        for half, start, first in zip(halves, clicks, orders, strict=False)
    ]
    return pl.concat(touches), pl.concat(visits)


def _shifted(number: str, start: int) -> pl.Expr:
    shifted = pl.when(pl.col(number) >= 0).then(pl.col(number) + start).otherwise(-1)
    return shifted.cast(pl.Int32).alias(number)


def _assigned(population: Population, holdout: Holdout, index: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account": holdout.accounts,
            "person": population.person[holdout.accounts],
            "treated": holdout.treated,
        },
        schema={"account": pl.Int32, "person": pl.Int32, "treated": pl.Boolean},
    ).with_columns(merchant=pl.lit(index, dtype=pl.Int16))
