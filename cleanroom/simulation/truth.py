"""What only a simulation knows: true effects, and counts to hold the clean room's own against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from cleanroom.simulation.dirt import dirt_counts, without_dirt
from cleanroom.simulation.exports import arm, merchant_texts
from cleanroom.simulation.linked_panel import linked_panel
from cleanroom.simulation.onsite import onsite_truth
from cleanroom.simulation.population import uplift
from cleanroom.simulation.true_links import hard_case_counts, true_links
from cleanroom.simulation.world import World
from cleanroom.tables import TOUCH_KINDS, VISIT_KINDS

Counts = dict[str, dict[str, dict[str, int]]]


@dataclass(frozen=True)
class Truth:
    """The truth of a simulation; it belongs to neither platform's export.

    `lift`, by merchant: `study`; ads accounts `assigned_treated` and `assigned_holdout`; the
    linked panel's `panel_people_treated` and `panel_people_holdout` (and `panel_people_both_arms`,
    left out of it), its `true_absolute_lift` and `true_holdout_rate`; all people of the audience,
    `population_people`, and their `population_absolute_lift` (zero for who has no store account).
    `panel`: the linked panel by `study` and raw `buyer`, with `arm` (null if in both),
    `p_treated`, `p_holdout`, `bought`.
    `totals`, by merchant, good rows only: `purchases`, `revenue` (gross, fen), `refunds`,
    `refunded` (fen), `cost` (fen), distinct `users_<touch kind>` and `buyers_<visit kind>`.
    `events`: good rows by table and kind (`clean`), planted rows by table and flaw (`dirt`), and
    what the good rows show of each hard case of the link (`hard_cases`).
    `links`: who truly stands behind each CID (see `true_links`).
    `onsite`, by merchant: what its campaign takes from the content platform's own shop (see
    `onsite_truth`).
    """

    lift: pl.DataFrame
    panel: pl.DataFrame
    totals: pl.DataFrame
    events: Counts
    links: pl.DataFrame
    onsite: pl.DataFrame


def tell_truth(world: World, cids: pl.Series, orders: pl.DataFrame) -> Truth:
    """Work out the truth of a `world` whose dirt is marked, and of its on-site `orders`; `cids`:
    texts by number."""
    dirt = {"touches": dirt_counts(world.touches), "visits": dirt_counts(world.visits)}
    world = without_dirt(world)
    panel = linked_panel(world)
    study = "holdout-" + merchant_texts(world).gather(panel["merchant"])
    return Truth(
        lift=_lift(world, panel),
        panel=panel.select(
            study=study,
            buyer=world.population.buyers.gather(panel["person"]),
            arm=arm(),
            **{name: pl.col(name) for name in ("p_treated", "p_holdout", "bought")},
        ),
        totals=_totals(world),
        events=_events(world) | {"dirt": dirt},
        links=true_links(world, cids),
        onsite=onsite_truth(world, orders).with_columns(merchant=merchant_texts(world)),
    )


def _lift(world: World, panel: pl.DataFrame) -> pl.DataFrame:
    known = pl.col("treated").is_not_null()
    measured = panel.group_by("merchant").agg(
        panel_people_treated=pl.col("treated").sum(),
        panel_people_holdout=(~pl.col("treated")).sum(),
        panel_people_both_arms=pl.col("treated").null_count(),
        true_absolute_lift=(pl.col("p_treated") - pl.col("p_holdout")).filter(known).mean(),
        true_holdout_rate=pl.col("p_holdout").filter(known).mean(),
    )
    assigned = world.assignments.group_by("merchant").agg(
        assigned_treated=pl.col("treated").sum(), assigned_holdout=(~pl.col("treated")).sum()
    )
    merchant = merchant_texts(world)
    return (
        _merchants(world)
        .join(assigned, on="merchant")
        .join(measured, on="merchant", how="left")
        .join(_population_lift(world), on="merchant")
        .with_columns(pl.col("^panel_people_.*$").fill_null(0))
        .sort("merchant")
        .with_columns(merchant=merchant, study="holdout-" + merchant)
        .select("merchant", "study", pl.exclude("merchant", "study"))
    )


def _population_lift(world: World) -> pl.DataFrame:
    rows = []
    for model in world.merchants:
        audience = world.assignments.filter(pl.col("merchant") == model.index)
        people = np.unique(audience["person"].to_numpy())
        lift = float(uplift(world.population, model)[people].mean())
        rows.append((model.index, len(people), lift))
    names = ["merchant", "population_people", "population_absolute_lift"]
    schema = {"merchant": pl.Int16, names[1]: pl.Int64, names[2]: pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _totals(world: World) -> pl.DataFrame:
    amount, kind = pl.col("amount"), pl.col("kind")
    store = world.visits.group_by("merchant").agg(
        purchases=(kind == "purchase").sum(),
        revenue=amount.filter(kind == "purchase").sum(),
        refunds=(kind == "refund").sum(),
        refunded=amount.filter(kind == "refund").sum(),
        **{f"buyers_{name}": _people("person", name) for name in VISIT_KINDS},
    )
    ads = world.touches.group_by("merchant").agg(
        cost=pl.col("cost").cast(pl.Int64).sum(),
        **{f"users_{name}": _people("account", name) for name in TOUCH_KINDS},
    )
    return (
        _merchants(world)
        .join(store, on="merchant", how="left")
        .join(ads, on="merchant", how="left")
        .fill_null(0)
        .sort("merchant")
        .with_columns(merchant=merchant_texts(world))
    )


def _merchants(world: World) -> pl.DataFrame:
    return pl.DataFrame({"merchant": range(len(world.merchants))}, schema={"merchant": pl.Int16})


def _people(who: str, kind: str) -> pl.Expr:
    return pl.col(who).filter(pl.col("kind") == kind).n_unique()


def _events(world: World) -> Counts:
    assigned = world.assignments.select(kind=arm())
    tables = {"touches": world.touches, "visits": world.visits, "assignments": assigned}
    return {
        "clean": {table: _by_kind(rows) for table, rows in tables.items()},
        "hard_cases": hard_case_counts(world),
    }


def _by_kind(rows: pl.DataFrame) -> dict[str, int]:
    counts = rows["kind"].cast(pl.String).value_counts().sort("kind")
    return dict(counts.iter_rows())
