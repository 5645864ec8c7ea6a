"""The dirt in the exports is what the truth says it is, and changes nothing else."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
from polars.testing import assert_frame_equal

from cleanroom.simulation import Simulation, SimulationSettings, simulate
from cleanroom.simulation.dirt import PLACEHOLDERS
from cleanroom.tables import TOUCH_KINDS, VISIT_KINDS

KNOWN_PLACEHOLDERS = [text for text in PLACEHOLDERS if text]


def unknown(column: str) -> pl.Expr:
    return pl.col(column).is_null() | pl.col(column).is_in(KNOWN_PLACEHOLDERS)


TOUCH_FLAWS = {
    "negative_amount": pl.col("cost") < 0,
    "unknown_kind": ~pl.col("kind").is_in(TOUCH_KINDS),
    "future_time": pl.col("time").dt.year() > 2090,
    "missing_value": pl.col("merchant").is_null(),
    "placeholder_identifier": unknown("user"),
    "placeholder_cid": (pl.col("kind") == "click") & unknown("cid"),
}
VISIT_FLAWS = {
    "negative_amount": pl.col("amount").str.starts_with("-"),
    "unknown_kind": ~pl.col("kind").is_in(VISIT_KINDS),
    "future_time": pl.col("time").str.starts_with("21"),
    "time_without_zone": ~pl.col("time").str.ends_with("+08:00"),
    "missing_value": pl.col("merchant").is_null(),
    "wrong_type": pl.col("amount").str.contains(r"[^0-9-]"),
    "placeholder_identifier": unknown("buyer"),
}
KEPT = ("placeholder_identifier", "placeholder_cid")


def counted(rows: pl.DataFrame, flaws: dict[str, pl.Expr]) -> dict[str, int]:
    """Rows of each flaw, repeated deliveries first taken out."""
    once = rows.unique(maintain_order=True)
    counts = once.select(
        **{name: flaw.fill_null(value=False).sum() for name, flaw in flaws.items()}
    )
    return {"duplicate_event": rows.height - once.height, **counts.row(0, named=True)}


def sound(rows: pl.DataFrame, flaws: dict[str, pl.Expr]) -> pl.DataFrame:
    """What is left when every planted row is taken out."""
    flawed = pl.any_horizontal(flaw.fill_null(value=False) for flaw in flaws.values())
    return rows.unique(maintain_order=True).filter(~flawed)


def test_touches_hold_as_many_rows_of_each_flaw_as_the_truth_says(simulation: Simulation) -> None:
    assert (
        counted(simulation.ads.touches, TOUCH_FLAWS) == simulation.truth.events["dirt"]["touches"]
    )


def test_visits_hold_as_many_rows_of_each_flaw_as_the_truth_says(simulation: Simulation) -> None:
    planted = dict(simulation.truth.events["dirt"]["visits"])
    # A null CID on a visit is an organic visit; three of four placeholders can be told from it.
    assert (
        0
        < simulation.store.visits["cid"].is_in(KNOWN_PLACEHOLDERS).sum()
        <= planted["placeholder_cid"]
    )
    del planted["placeholder_cid"]
    assert counted(simulation.store.visits, VISIT_FLAWS) == planted


def test_every_flaw_is_planted_at_least_three_times(simulation: Simulation) -> None:
    dirt = simulation.truth.events["dirt"]
    assert min(count for table in dirt.values() for count in table.values()) >= 3


def test_every_placeholder_comes_up(simulation: Simulation) -> None:
    users = set(simulation.ads.touches.filter(unknown("user"))["user"])
    assert users <= set(PLACEHOLDERS)
    assert len(users) > 1


def test_good_rows_by_kind_are_as_the_truth_says(simulation: Simulation) -> None:
    clean = simulation.truth.events["clean"]
    touches = sound(simulation.ads.touches, TOUCH_FLAWS)
    assert dict(touches["kind"].value_counts().iter_rows()) == clean["touches"]
    assert (
        dict(simulation.ads.assignments["arm"].value_counts().iter_rows()) == clean["assignments"]
    )
    visits = sound(simulation.store.visits, VISIT_FLAWS)
    planted = simulation.truth.events["dirt"]["visits"]["placeholder_cid"]
    kinds = dict(visits["kind"].value_counts().iter_rows())
    assert kinds == clean["visits"] | {"visit": clean["visits"]["visit"] + planted}


def test_totals_are_those_of_the_rows_that_an_ingest_keeps(simulation: Simulation) -> None:
    touches = sound(simulation.ads.touches, {k: v for k, v in TOUCH_FLAWS.items() if k not in KEPT})
    visits = sound(simulation.store.visits, {k: v for k, v in VISIT_FLAWS.items() if k not in KEPT})
    kind, amount = pl.col("kind"), pl.col("amount").cast(pl.Int64)
    store = visits.group_by("merchant").agg(
        purchases=(kind == "purchase").sum(),
        revenue=amount.filter(kind == "purchase").sum(),
        refunds=(kind == "refund").sum(),
        refunded=amount.filter(kind == "refund").sum(),
        **{
            f"buyers_{name}": pl.col("buyer").filter(kind == name, ~unknown("buyer")).n_unique()
            for name in VISIT_KINDS
        },
    )
    ads = touches.group_by("merchant").agg(
        cost=pl.col("cost").sum(),
        **{
            f"users_{name}": pl.col("user").filter(kind == name, ~unknown("user")).n_unique()
            for name in TOUCH_KINDS
        },
    )
    expected = store.join(ads, on="merchant").sort("merchant")
    assert_frame_equal(simulation.truth.totals, expected, check_dtypes=False)


def test_a_clean_world_has_the_same_truth(
    settings: SimulationSettings, simulation: Simulation
) -> None:
    clean = simulate(replace(settings, dirt_rate=0))
    assert clean.truth.events["dirt"] == {"touches": {}, "visits": {}}
    assert clean.truth.events["clean"] == simulation.truth.events["clean"]
    for name in ("lift", "totals"):
        assert_frame_equal(getattr(clean.truth, name), getattr(simulation.truth, name))
    assert counted(clean.ads.touches, TOUCH_FLAWS) == dict.fromkeys(
        ("duplicate_event", *TOUCH_FLAWS), 0
    )
