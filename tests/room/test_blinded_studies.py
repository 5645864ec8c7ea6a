"""What is counted does not depend on how the join key is protected: keyed and blinded agree."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from cleanroom.borders import Table
from cleanroom.errors import HandoverError
from cleanroom.room import engine
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.lift import lift_tables
from cleanroom.room.vault import Vault
from cleanroom.simulation import SimulationSettings, simulate, write_exports
from cleanroom.study import LiftStudy
from cleanroom.tables import Platform
from tests.blinding import Scene, empty_scene, scene

SETTINGS = SimulationSettings(people=3_000, merchants=4, days=40, hard_case_rate=0.03)
HALF = SETTINGS.start + timedelta(days=20)
LAST = SETTINGS.start + timedelta(days=39)
MERCHANTS = ["M01", "M02", "M03", "M04"]
LIFT = ("arms", "panel", "prior", "exposure", "weeks", "customers", "regions")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both platforms' exports of a small simulated world."""
    folder = tmp_path_factory.mktemp("exports")
    write_exports(simulate(SETTINGS), folder)
    for file in (folder / "ads" / "users.parquet", folder / "store" / "buyers.parquet"):
        people = pl.read_parquet(file).with_row_index("n")
        address = pl.format("Person-{}@example.org", "n")
        known = pl.when(pl.col("n") % 3 > 0).then(address).alias("email")
        people.with_columns(known).drop("n").write_parquet(file)
    return folder


@pytest.fixture(scope="module")
def keyed(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return delivered(exports, tmp_path_factory.mktemp("keyed"), "keyed")


@pytest.fixture(scope="module")
def blinded(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    made = delivered(exports, tmp_path_factory.mktemp("blinded"), "blinded")
    made.play()
    return made


def delivered(exports: Path, home: Path, mode: str) -> Scene:
    """The scene after both platforms handed the simulated world over."""
    made = empty_scene(home, shared=True, join={"mode": mode, "attribution_window_days": 10})
    made.chunk = 500
    for party in Platform:
        shutil.copytree(exports / party, home / party / "export")
        made.deliver(party, now=None)
    return made


def tables(vault: Vault) -> list[Table]:
    """The tables of all studies, computed anew."""
    shutil.rmtree(vault.room / "derived", ignore_errors=True)
    lifts = [
        [
            LiftStudy(
                merchant=merchant,
                start=HALF,
                end=LAST,
                study=f"holdout-{merchant}",
                population=population,
                segments=("customer", "region"),
            )
            for merchant in MERCHANTS
        ]
        for population in ("linked_panel", "shared_identifier")
    ]
    found = conversion_tables(vault, MERCHANTS, HALF, LAST)
    return [*found, *(table for studies in lifts for table in lift_tables(vault, studies))]


def test_without_a_match_there_is_nothing_to_count(tmp_path: Path) -> None:
    unmatched = scene(tmp_path, ["a"], ["a"], emails=["ann@example.org"])
    study = LiftStudy(
        merchant="M01", start=HALF, end=LAST, study="s1", population="shared_identifier"
    )
    with pytest.raises(HandoverError, match="no blinded match for these handovers yet"):
        conversion_tables(unmatched.vault, ["M01"], HALF, LAST)
    with pytest.raises(HandoverError, match="no blinded match for these handovers yet"):
        lift_tables(unmatched.vault, [study])


@pytest.mark.parametrize("backend", ["polars", "duckdb"])
def test_blinded_studies_give_the_tables_of_keyed_ones(
    backend: str, keyed: Scene, blinded: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tables(keyed.vault)
    monkeypatch.setattr(engine, "BACKEND", backend)
    found = tables(blinded.vault)
    assert [table.name for table in found] == ["path", "money", "link", *LIFT * 2]
    for one, other in zip(expected, found, strict=True):
        assert one.name == "panel" or one.cells.filter(pl.col("value") != 0).height
        assert one.cells.equals(other.cells), one.name
