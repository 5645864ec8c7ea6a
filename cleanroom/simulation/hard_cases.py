"""The hard cases of the link, planted as further store visits; none of them buys anything.

They change which accounts are bridged to which buyers, never a purchase. (CIDs on several clicks
and at another merchant are planted by `misplaced`; several accounts of one person come with the
population, clicks that never reach the store with `shopping.arrivals`. `true_links` counts all.)
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cleanroom.simulation.chance import DAY, Whole, later, moments
from cleanroom.simulation.population import Population
from cleanroom.simulation.settings import MILLISECONDS_PER_DAY, Period, SimulationSettings
from cleanroom.simulation.shopping import organic

WINDOW_DAYS = 15  # from a click to a visit that may still be taken for its consequence
_REPLAY_DAYS = (16, 25)  # after the click
_EARLY_MS = (1_000, 600_000)  # before the click: a clock that is behind, or a row that is wrong


def stray_visits(
    rng: np.random.Generator,
    settings: SimulationSettings,
    population: Population,
    touches: pl.DataFrame,
    visits: pl.DataFrame,
) -> pl.DataFrame:
    """Visits that no honest click explains, in the columns of `visits`.

    Each case takes `hard_case_rate` of the clicks, and no click serves two: a link passed on to
    one to three friends, a CID replayed after weeks, a visit before its click, a CID that no
    click has (numbered beyond the clicks).
    """
    clicks = _shuffled_clicks(rng, population, touches, visits)
    count = round(settings.hard_case_rate * len(clicks))
    passed_on, rest = clicks.head(count), clicks.slice(count)
    replayable = settings.after.end - (_REPLAY_DAYS[1] + 1) * MILLISECONDS_PER_DAY
    replayed = rest.filter("arrived", pl.col("time") < replayable).head(count)
    early = rest.filter(~pl.col("arrived"), "has_store").head(count)
    return pl.concat(
        [
            _passed_on(rng, settings, population, passed_on),
            _at(replayed, replayed["time"].to_numpy() + _uniform(rng, _REPLAY_DAYS, replayed)),
            _at(early, early["time"].to_numpy() - rng.integers(*_EARLY_MS, len(early))),
            _unknown(rng, settings, population, clicks, count),
        ]
    )


def _shuffled_clicks(
    rng: np.random.Generator,
    population: Population,
    touches: pl.DataFrame,
    visits: pl.DataFrame,
) -> pl.DataFrame:
    """The clicks in random order: cid, time, merchant, person, arrived, has_store."""
    clicks = touches.filter(pl.col("cid") >= 0).select("cid", "time", "merchant", "account")
    person = population.person[clicks["account"].to_numpy()]
    arrived = np.zeros(len(clicks), dtype=np.bool_)
    arrived[visits["cid"].filter(visits["cid"] >= 0).to_numpy()] = True
    return clicks.with_columns(
        person=pl.Series(person),
        arrived=pl.Series(arrived).gather(clicks["cid"]),
        has_store=pl.Series(population.has_store[person]),
    )[rng.permutation(len(clicks))]


def _passed_on(
    rng: np.random.Generator,
    settings: SimulationSettings,
    population: Population,
    clicks: pl.DataFrame,
) -> pl.DataFrame:
    friends = clicks[np.repeat(np.arange(len(clicks)), rng.integers(1, 4, len(clicks)))]
    time = later(rng, friends["time"].to_numpy(), DAY, settings.after.end)
    return _at(friends.with_columns(person=_buyers(rng, population, len(friends))), time)


def _unknown(
    rng: np.random.Generator,
    settings: SimulationSettings,
    population: Population,
    clicks: pl.DataFrame,
    count: int,
) -> pl.DataFrame:
    period = Period(settings.before.start, settings.after.end)
    models = clicks.tail(count).with_columns(
        person=_buyers(rng, population, count), cid=pl.int_range(pl.len()) + len(clicks)
    )
    return _at(models, moments(rng, count, period))


def _buyers(rng: np.random.Generator, population: Population, count: int) -> pl.Series:
    return pl.Series(rng.choice(np.flatnonzero(population.has_store), count))


def _uniform(rng: np.random.Generator, days: tuple[int, int], clicks: pl.DataFrame) -> Whole:
    return rng.integers(days[0] * MILLISECONDS_PER_DAY, days[1] * MILLISECONDS_PER_DAY, len(clicks))


def _at(clicks: pl.DataFrame, time: Whole) -> pl.DataFrame:
    visits = organic(clicks["person"].to_numpy(), time)
    return visits.with_columns(clicks["cid"].cast(pl.Int64), clicks["merchant"])
