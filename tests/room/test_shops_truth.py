"""Substitution and spillover through handover and room, beside what is true of the simulation."""

from __future__ import annotations

from datetime import date
from math import sqrt
from pathlib import Path

import polars as pl
import pytest

from benchmarks.rooms import FilledRoom, filled_room
from cleanroom.borders import Table
from cleanroom.policy import Policy
from cleanroom.room import engine
from cleanroom.room.spillover import spillover_tables
from cleanroom.room.substitution import substitution_tables
from cleanroom.simulation import SimulationSettings, simulate
from cleanroom.study import SpilloverStudy, SubstitutionStudy
from tests.simulation.test_onsite import seen

MERCHANTS = ("M01", "M02", "M03")
SETTINGS = SimulationSettings(people=8_000, merchants=3, spillover_rate=0.3, seed=21)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> FilledRoom:
    return filled_room(tmp_path_factory.mktemp("shops"), SETTINGS)


def counted(cells: pl.DataFrame, by: str) -> dict[tuple[str, str, str], float]:
    """The values by merchant, arm or exposure, and measure."""
    rows = cells.select("merchant", by, "measure", "value").iter_rows()
    return {tuple(row[:3]): row[3] for row in rows}


def holdouts() -> list[SubstitutionStudy]:
    """Each merchant's substitution study."""
    start, end = date(2026, 5, 1), date(2026, 5, 30)
    return [
        SubstitutionStudy(merchant=m, study=f"holdout-{m}", start=start, end=end) for m in MERCHANTS
    ]


def test_on_site_buyers_by_arm_are_those_of_the_raw_exports(filled: FilledRoom) -> None:
    (cells,) = (table.cells for table in substitution_tables(filled.vault, holdouts()))
    found = counted(cells, "arm")
    wanted = (
        seen(simulate(SETTINGS))
        .group_by("merchant", "arm")
        .agg(people=pl.len(), onsite_buyers=pl.col("ordered").sum())
    )
    for merchant, arm, people, buyers in wanted.iter_rows():
        assert found[merchant, arm, "people"] == people
        assert found[merchant, arm, "onsite_buyers"] == buyers
        assert found[merchant, arm, "both_buyers"] <= buyers


def test_duckdb_gives_the_same_tables_as_polars(
    filled: FilledRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = SpilloverStudy(merchant="M01", start=date(2026, 4, 10), end=date(2026, 5, 10))
    few = Policy(min_people=10, min_converters=2)

    def tables() -> list[Table]:
        return [
            *substitution_tables(filled.vault, holdouts()),
            *spillover_tables(filled.vault, [asked], few),
        ]

    by_polars = tables()
    monkeypatch.setattr(engine, "BACKEND", "duckdb")
    for one, other in zip(by_polars, tables(), strict=True):
        assert one.cells.height > 0
        assert one.cells.equals(other.cells), one.name


def visits_of(filled: FilledRoom) -> dict[str, tuple[float, float]]:
    """By exposure, over all merchants: people, and those who visited within 15 days."""
    asked = [
        SpilloverStudy(merchant=m, start=date(2026, 4, 10), end=date(2026, 5, 10), by="none")
        for m in MERCHANTS
    ]
    found = counted(spillover_tables(filled.vault, asked)[0].cells, "exposure")
    return {
        exposure: (
            sum(found[m, exposure, "people"] for m in MERCHANTS),
            sum(found[m, exposure, "visitors"] for m in MERCHANTS),
        )
        for exposure in ("engaged", "shown")
    }


def test_what_engagement_brings_to_the_store_is_seen(filled: FilledRoom) -> None:
    """Each engagement brings a visit with a chance of 30 %; a few people engage more than once."""
    found = visits_of(filled)
    (n, x), (m, y) = found["engaged"], found["shown"]
    difference, error = x / n - y / m, sqrt(0.25 / n)
    assert 0.3 - 3 * error < difference < 0.45 + 3 * error


def test_where_engagement_brings_nobody_next_to_nothing_is_seen(tmp_path: Path) -> None:
    without = SimulationSettings(people=8_000, merchants=3, seed=21)
    found = visits_of(filled_room(tmp_path, without))
    (n, x), (m, y) = found["engaged"], found["shown"]
    assert abs(x / n - y / m) < 3 * sqrt(0.05 / n)
