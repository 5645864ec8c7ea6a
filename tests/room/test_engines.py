"""A small simulated log: equal tables from every engine, and the totals that plain Polars gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from cleanroom.borders import Table
from cleanroom.errors import HandoverError
from cleanroom.policy import Policy
from cleanroom.room import engine
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.diagnostics import link_diagnostics
from cleanroom.room.eligibility import eligibility
from cleanroom.room.engine import collect
from cleanroom.room.exposure import exposure_panel
from cleanroom.room.lift import lift_tables
from cleanroom.room.vault import Vault, accept, open_vault, table_paths
from cleanroom.simulation import Simulation, SimulationSettings, simulate
from cleanroom.study import LiftStudy, ObservationalStudy
from cleanroom.tables import ENGAGEMENTS, Platform
from tests.room.event_log import Room, shown

SETTINGS = SimulationSettings(people=3_000, merchants=4, days=40, hard_case_rate=0.03, dirt_rate=0)
HALF = SETTINGS.start + timedelta(days=20)
LAST = SETTINGS.start + timedelta(days=39)
PERIOD = (HALF - timedelta(days=7), HALF + timedelta(days=6))
MERCHANTS = ["M01", "M02", "M03", "M04"]
WINDOW = timedelta(days=10)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(SETTINGS)


@pytest.fixture(scope="module")
def vault(simulation: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """The room after both platforms handed the simulated log over."""
    return filled(Room(tmp_path_factory.mktemp("simulated")), simulation)


def filled(room: Room, simulation: Simulation) -> Vault:
    """A room's vault with the simulated log."""
    for party in Platform:
        frames = room.frames(party, {name: table.to_dicts() for name, table in raw(simulation)})
        accept(room.directory, room.hand_over(party, frames), room.agreement)
    return open_vault(room.directory, room.agreement)


def raw(simulation: Simulation) -> Iterator[tuple[str, pl.DataFrame]]:
    """The platforms' tables before they are tokenised, times in UTC and amounts as numbers."""
    ads, store = simulation.ads, simulation.store
    utc = pl.col("time").dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    read = pl.col("time").str.to_datetime("%+", time_unit="us", time_zone="UTC")
    yield "touches", ads.touches.with_columns(utc)
    yield "assignments", ads.assignments.with_columns(utc)
    yield "users", ads.users
    yield "buyers", store.buyers
    yield "merchants", store.merchants
    yield "visits", store.visits.with_columns(read, pl.col("amount").cast(pl.Int64))


BOUNDED = Policy(max_events_per_person=3, max_amount_per_person=20_000)


def tables(vault: Vault, policy: Policy | None = None) -> list[Table]:
    """All tables, computed anew from the handovers."""
    shutil.rmtree(vault.room / "derived", ignore_errors=True)
    studies = [
        LiftStudy(
            merchant=merchant,
            start=HALF,
            end=LAST,
            study=f"holdout-{merchant}",
            segments=("customer", "region"),
        )
        for merchant in MERCHANTS
    ]
    return [
        *conversion_tables(vault, MERCHANTS, *PERIOD, policy),
        *lift_tables(vault, studies, policy),
        link_diagnostics(vault),
    ]


@pytest.mark.slow
def test_duckdb_gives_the_same_tables_as_polars(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_polars = tables(vault, BOUNDED)
    merchants = eligibility(vault, vault.agreement)
    monkeypatch.setattr(engine, "BACKEND", "duckdb")
    by_duckdb = tables(vault, BOUNDED)
    lifts = ["arms", "panel", "prior", "exposure", "weeks", "customers", "regions"]
    names = ["path", "money", "link", "bounds", *lifts, "link_rules"]
    assert [table.name for table in by_duckdb] == names
    for one, other in zip(by_polars, by_duckdb, strict=True):
        assert one.cells.height > 0
        assert one.cells.equals(other.cells)
        assert people(one) == people(other)
    assert eligibility(vault, vault.agreement) == merchants


def people(table: Table) -> list[dict[Any, tuple[bytes, bytes]]]:
    """Who is behind each cell, and what each adds."""
    return [
        {key: group.content for key, group in behind.groups.items()}
        for behind in table.behind or ()
    ]


@pytest.mark.slow
def test_duckdb_gives_the_same_panel_as_polars(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = ObservationalStudy(merchant=MERCHANTS[0], start=HALF, end=LAST, follow_up_days=10)
    by_polars, buyers = exposure_panel(vault, study)
    monkeypatch.setattr(engine, "BACKEND", "duckdb")
    by_duckdb, same = exposure_panel(vault, study)
    assert buyers.equals(same)
    assert by_polars.exposed.sum() > 50
    assert by_polars.names == by_duckdb.names
    for field in ("exposed", "bought", "spent", "bought_elsewhere", "bought_before", "covariates"):
        assert (getattr(by_polars, field) == getattr(by_duckdb, field)).all(), field


def test_the_ads_side_is_what_plain_polars_counts(vault: Vault, simulation: Simulation) -> None:
    path, money, _ = conversion_tables(vault, MERCHANTS, *PERIOD)
    touches = dict(raw(simulation))["touches"]
    day = pl.col("time").dt.convert_time_zone("Asia/Shanghai").dt.date()
    for merchant in MERCHANTS:
        own = touches.filter(day.is_between(*PERIOD), merchant=merchant)
        people = {
            "reach": own["user"].n_unique(),
            "read": own.filter(kind="read")["user"].n_unique(),
            "engage": own.filter(pl.col("kind").is_in(ENGAGEMENTS))["user"].n_unique(),
            "click": own.filter(kind="click")["user"].n_unique(),
        }
        cells = shown(path, merchant)
        assert people["click"] > 50
        assert {step: cells[step, "people"][0] for step in people} == people
        assert cells["click", "events"][0] == own.filter(kind="click").height
        assert shown(money, merchant)["cost",][0] == own["cost"].sum()


def test_the_store_side_is_what_an_as_of_join_in_plain_polars_gives(
    vault: Vault, simulation: Simulation
) -> None:
    path, money, _ = conversion_tables(vault, MERCHANTS, *PERIOD)
    events = plain_attribution(dict(raw(simulation)))
    visits = dict(raw(simulation))["visits"]
    refunded = visits.filter(kind="refund").group_by("order").agg(refund=pl.col("amount").sum())
    for merchant in MERCHANTS:
        own = events.filter(merchant=merchant)
        bought = own.filter(kind="purchase")
        people = min(bought["user"].n_unique(), bought["buyer"].n_unique())
        net = bought.join(refunded, on="order", how="left").fill_null(0)
        cells = shown(path, merchant)
        assert cells["visit", "events"][0] == own.filter(kind="visit").height > 20
        assert cells["purchase", "people"] == (people, cells["visit", "people"][0], people)
        clicked = cells["click", "people"][0]
        assert shown(money, merchant)["orders",] == (bought["order"].n_unique(), clicked, people)
        assert shown(money, merchant)["revenue",][0] == (net["amount"] - net["refund"]).sum()


def plain_attribution(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Store events with the user of the last linked click before them, clicks in the period."""
    clicks = tables["touches"].filter(pl.col("cid").is_not_null())
    clicks = clicks.select("cid", "user", "merchant", clicked="time")
    visits = tables["visits"].filter(pl.col("kind") != "refund")
    came = pl.col("time") - pl.col("clicked")
    links = (
        visits.join(clicks, on=["cid", "merchant"])
        .filter(came.is_between(timedelta(0), WINDOW))
        .sort("time")
        .unique("cid", keep="first", maintain_order=True)
        .select("buyer", "merchant", "user", "clicked")
        .sort("clicked")
    )
    owed = visits.sort("time").join_asof(
        links,
        left_on="time",
        right_on="clicked",
        by=["buyer", "merchant"],
        tolerance=WINDOW,
        check_sortedness=False,
    )
    day = pl.col("clicked").dt.convert_time_zone("Asia/Shanghai").dt.date()
    return owed.filter(day.is_between(*PERIOD))


def test_rules_are_needed_as_often_as_the_simulation_planted_them(
    simulation: Simulation, tmp_path: Path
) -> None:
    room = Room(tmp_path)
    room.agree(join={"attribution_window_days": 15})
    counts = counted(link_diagnostics(filled(room, simulation)))
    planted = simulation.truth.events["hard_cases"]["cids"]
    told = {
        "several_clicks": "several_clicks",
        "never_seen": "never_seen",
        "without_click": "without_click",
        "other_merchant": "other_merchant",
        "before_click": "before_click",
        "outside_window": "later",
        "passed_on": "several_buyers",
    }
    assert {rule: counts[rule] for rule in told} == {r: planted[case] for r, case in told.items()}
    assert min(planted.values()) > 100
    assert counts["unknown_buyer"] == counts["unknown_user"] == 0
    assert min(counts["several_users"], counts["several_buyers"]) > 20


def counted(table: Table) -> dict[str, float]:
    """CIDs by rule."""
    return dict(table.cells.filter(measure="cids").select("rule", "value").iter_rows())


def test_the_panel_is_nearly_the_simulation_s_own(vault: Vault, simulation: Simulation) -> None:
    # Nearly: its window is 15 days, the agreement's here 10, and it takes a passed-on link's
    # every buyer. Who is assigned is no matter of definition.
    arms = next(table for table in tables(vault) if table.name == "arms")
    for truth in simulation.truth.lift.to_dicts():
        cells = shown(arms, truth["merchant"])
        for arm in ("treated", "holdout"):
            assert cells[arm, "assigned"][0] == truth[f"assigned_{arm}"]
            expected = truth[f"panel_people_{arm}"]
            assert cells[arm, "people"][0] == pytest.approx(expected, rel=0.05, abs=2)


def test_what_was_derived_once_is_read_again(vault: Vault) -> None:
    first = tables(vault)
    files = {path: path.stat().st_mtime_ns for path in (vault.room / "derived").rglob("*.sealed")}
    again = conversion_tables(vault, MERCHANTS, *PERIOD)
    assert [a.cells.equals(b.cells) for a, b in zip(first, again, strict=False)] == [True] * 3
    assert sorted(path.name for path in files) == ["attributed.sealed", "links.sealed"]
    assert files == {
        path: path.stat().st_mtime_ns for path in (vault.room / "derived").rglob("*.sealed")
    }


SPILLING = """
import sys
import narwhals as nw
import polars as pl

numbers = pl.LazyFrame({"n": pl.int_range(300_000, eager=True)})
many = numbers.with_columns(t=pl.col("n").cast(pl.String)).sort("t", descending=True)
query = many.group_by("t").agg(pl.col("n").sum()).select(pl.len())
if sys.argv[1] == "room":
    from cleanroom.errors import HandoverError
    from cleanroom.room.engine import collect
    try:
        print(collect(nw.from_native(query), "numbers").item())
    except HandoverError as error:
        print(error.problem)
else:
    print(query.collect(engine="streaming").item())
"""


@pytest.mark.parametrize(
    ("where", "says"),
    [("elsewhere", "300000"), ("room", "failed to compute 'numbers' (ComputeError)")],
)
def test_short_of_memory_the_room_s_engine_gives_up_and_lays_no_row_on_disk(
    where: str, says: str, tmp_path: Path
) -> None:
    # Elsewhere the same query lays rows down: what shows that this memory is short for it.
    scarce = {"POLARS_OOC_MEMORY_BUDGET_MB": "1", "POLARS_OOC_SPILL_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SPILLING, where],
        env={**os.environ, **scarce, "POLARS_OOC_DISK_BUDGET_MB": "1000"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert says in done.stdout
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_engine_s_error_leaves_without_its_text() -> None:
    frame = nw.from_native(pl.LazyFrame({"user": ["ann@example.org"]}))
    with pytest.raises(HandoverError, match=r"compute 'people' \(InvalidOperationError\)") as error:
        collect(frame.select(nw.col("user").cast(nw.Int64)), "people")
    assert "ann" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


def test_a_damaged_file_of_the_room_is_named_without_its_path(vault: Vault, tmp_path: Path) -> None:
    damaged = tmp_path / "touches.parquet"
    damaged.write_bytes(table_paths(vault, "touches")[0].read_bytes()[:100])
    with pytest.raises(HandoverError, match="'touches'") as error:
        collect(engine.scan(damaged), "touches")
    assert str(tmp_path) not in str(error.value)
