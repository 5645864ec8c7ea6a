"""Two hard cases of the link that show in both exports: CIDs where they do not belong.

A CID stands on several clicks where a tracker fires twice, or where a page kept in a cache serves
one person's link to another. It comes up at another merchant than its click's where a landing page
leads on to another shop.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from cleanroom.simulation.chance import DAY, MINUTE, SECOND, Whole, later
from cleanroom.simulation.hard_cases import WINDOW_DAYS
from cleanroom.simulation.settings import MILLISECONDS_PER_DAY
from cleanroom.simulation.shopping import organic
from cleanroom.simulation.world import World, merged

_LAST_REPLAY = 3 * MILLISECONDS_PER_DAY  # after the click


def with_misplaced_cids(rng: np.random.Generator, world: World) -> World:
    """`world`, whose dirt is marked, with further good rows, numbered after all others.

    Each case takes `hard_case_rate` of the CIDs, none that is a hard case already. Of those on two
    clicks somewhat less than half are clicked by another account within three days, whose person
    then comes with the CID too; the others by the same account once more, at once. Nothing is
    paid for the second click. At another merchant comes who clicked. Nobody buys.
    """
    clicks = _honest_clicks(world)
    clicks = clicks[rng.permutation(len(clicks))]
    count = round(world.settings.hard_case_rate * _good(world.touches)["cid"].n_unique())
    again = _second_clicks(rng, world, clicks.head(count))
    elsewhere = (
        clicks.slice(count).filter("has_store").head(count if len(world.merchants) > 1 else 0)
    )
    followed = again.filter(pl.col("other") & pl.col("has_store"))
    visits = pl.concat([_visits_with(rng, world, followed), _elsewhere(rng, world, elsewhere)])
    return replace(world, touches=merged(world.touches, again), visits=merged(world.visits, visits))


def _good(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a CID and without dirt."""
    return rows.filter(pl.col("flaw").is_null(), pl.col("cid") >= 0)


def _honest_clicks(world: World) -> pl.DataFrame:
    """The clicks whose CID nobody but who clicked came with, and not before or after its time."""
    clicks = _good(world.touches)
    clicks = _with_person(world, clicks)
    delay = pl.col("time_seen") - pl.col("time")
    strange = (
        _good(world.visits)
        .select("cid", seen="person", time_seen="time")
        .join(clicks.select("cid", "person", "time"), on="cid")
        .filter(
            (pl.col("seen") != pl.col("person"))
            | ~delay.is_between(0, WINDOW_DAYS * MILLISECONDS_PER_DAY)
        )
    )
    return clicks.join(strange, on="cid", how="anti", maintain_order="left")


def _with_person(world: World, clicks: pl.DataFrame) -> pl.DataFrame:
    person = world.population.person[clicks["account"].to_numpy()]
    has_store = world.population.has_store[person]
    return clicks.with_columns(person=pl.Series(person), has_store=pl.Series(has_store))


def _second_clicks(rng: np.random.Generator, world: World, clicks: pl.DataFrame) -> pl.DataFrame:
    """The same clicks once more, later, at no cost; `other` marks those of another account.

    Nobody whom the merchant's study has assigned: the held out never see the merchant.
    """
    first, end = clicks["time"].to_numpy(), world.settings.after.end
    account = rng.integers(0, len(world.population.person), len(clicks))
    assigned = world.assignments.select("account", "merchant", assigned=True)
    other = (
        clicks.select("merchant", account=pl.Series(account).cast(pl.Int32))
        .join(assigned, on=["account", "merchant"], how="left", maintain_order="left")["assigned"]
        .is_null()
        .to_numpy()
    ) & (np.arange(len(clicks)) % 2 == 0)
    at_once = later(rng, first, 5 * SECOND, end)
    soon = later(rng, first, DAY, np.minimum(end, first + _LAST_REPLAY))
    return _with_person(
        world,
        clicks.with_columns(
            account=pl.Series(np.where(other, account, clicks["account"].to_numpy())),
            time=pl.Series(np.where(other, soon, at_once)),
            cost=pl.lit(0),
            other=pl.Series(other),
        ),
    )


def _elsewhere(rng: np.random.Generator, world: World, clicks: pl.DataFrame) -> pl.DataFrame:
    """Visits by who clicked, at another merchant."""
    merchants = len(world.merchants)
    away = rng.integers(1, max(merchants, 2), len(clicks))
    merchant = (pl.col("merchant").cast(pl.Int64) + pl.Series(away)) % merchants
    return _visits_with(rng, world, clicks.with_columns(merchant=merchant))


def _visits_with(rng: np.random.Generator, world: World, clicks: pl.DataFrame) -> pl.DataFrame:
    """A visit with each click's CID soon after it."""
    time: Whole = later(rng, clicks["time"].to_numpy(), 12 * MINUTE, world.settings.after.end)
    visits = organic(clicks["person"].to_numpy(), time)
    merchant = clicks["merchant"].cast(pl.Int64)
    return visits.with_columns(clicks["cid"].cast(pl.Int64), merchant, flaw=pl.lit(None))
