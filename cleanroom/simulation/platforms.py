"""Two platforms with known truth: simulate them, and write what each would deliver."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from cleanroom.simulation.chance import distinct_numbers, hexadecimal
from cleanroom.simulation.dirt import with_dirt
from cleanroom.simulation.exports import AdsExport, StoreExport, ads_export, store_export
from cleanroom.simulation.further_events import with_further_events
from cleanroom.simulation.misplaced import with_misplaced_cids
from cleanroom.simulation.onsite import onsite_orders
from cleanroom.simulation.population import buyers_frame, users_frame
from cleanroom.simulation.settings import SimulationSettings
from cleanroom.simulation.truth import Truth, tell_truth
from cleanroom.simulation.world import World, build_world


@dataclass(frozen=True)
class Simulation:
    """The raw deliveries of both platforms, dirt included, and the truth behind them."""

    settings: SimulationSettings
    ads: AdsExport
    store: StoreExport
    truth: Truth


def simulate(settings: SimulationSettings) -> Simulation:
    """Simulate both platforms; equal settings give equal frames.

    The columns are those of `cleanroom.tables`, without the optional shared identifiers. Money is
    in fen, times in the zone of Shanghai.
    """
    life, delivery, *later = np.random.SeedSequence(settings.seed).spawn(5)
    misplacing, further, ordering = map(np.random.default_rng, later)
    rng = np.random.default_rng(delivery)
    world = with_dirt(rng, build_world(settings, life))
    world = with_misplaced_cids(misplacing, world)
    cids = _cids(rng, world)
    world = with_further_events(further, world)
    orders = onsite_orders(ordering, world)
    truth = tell_truth(world, cids, orders)
    ads = ads_export(world, users_frame(world.population, rng), cids, orders)
    store = store_export(world, buyers_frame(world.population, rng), cids)
    return Simulation(settings, ads, store, truth)


def write_exports(simulation: Simulation, directory: Path) -> None:
    """Write `ads/`, `store/` and `truth/` under `directory`, replacing what they hold.

    All tables are Parquet, except `store/visits.csv`, whose times are ISO 8601 with an offset,
    and `truth/events.json`.
    """
    ads, store, truth = simulation.ads, simulation.store, simulation.truth
    tables = {
        "ads": vars(ads),
        "store": {"buyers": store.buyers, "merchants": store.merchants},
        "truth": {
            "lift": truth.lift,
            "panel": truth.panel,
            "totals": truth.totals,
            "links": truth.links,
            "onsite": truth.onsite,
        },
    }
    for owner, frames in tables.items():
        (directory / owner).mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            frame.write_parquet(directory / owner / f"{name}.parquet")
    store.visits.write_csv(directory / "store" / "visits.csv")
    events = json.dumps(truth.events, indent=2)
    (directory / "truth" / "events.json").write_text(events + "\n", encoding="utf-8")


def _cids(rng: np.random.Generator, world: World) -> pl.Series:
    """The CIDs' texts by number; those that only the store has seen come after the clicks'."""
    seen = pl.concat([world.touches["cid"], world.visits["cid"]])
    count = 1 + int(seen.to_numpy().max(initial=-1))
    return hexadecimal(distinct_numbers(rng, count, 2**64 - 1), "c")
