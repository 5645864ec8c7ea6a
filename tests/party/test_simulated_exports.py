"""The simulated exports, whose dirt is counted: every planted fault is found, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cleanroom.agreement import Agreement
from cleanroom.simulation import SimulationSettings, simulate, write_exports
from cleanroom.tables import Platform
from tests.party.exports import Party, report_on

KEPT_DIRT = ("placeholder_identifier", "placeholder_cid")  # no fault: they count as null


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("exports")
    settings = SimulationSettings(people=1000, merchants=2, days=40, dirt_rate=0.002)
    write_exports(simulate(settings), directory)
    return directory


@pytest.mark.parametrize(("platform", "table"), [("ads", "touches"), ("store", "visits")])
def test_every_planted_fault_is_set_aside_for_its_reason(
    platform: str, table: str, exports: Path, agreement: Agreement, tmp_path: Path
) -> None:
    truth: dict[str, Any] = json.loads((exports / "truth" / "events.json").read_bytes())
    dirt = truth["dirt"][table]
    home = tmp_path / platform
    party = Party(Platform(platform), agreement, home / "keys", exports / platform, home / "out")
    _, report = party.hand_over()
    found = report_on(table, report)
    assert found.quarantined == {r: n for r, n in dirt.items() if r not in KEPT_DIRT}
    kept_dirt = sum(dirt[reason] for reason in KEPT_DIRT)
    assert found.kept == sum(truth["clean"][table].values()) + kept_dirt
    assert min(dirt.values()) > 0


def test_the_tables_without_dirt_are_kept_whole(
    exports: Path, agreement: Agreement, tmp_path: Path
) -> None:
    home = tmp_path / "ads"
    _, report = Party(
        Platform.ADS, agreement, home / "keys", exports / "ads", home / "out"
    ).hand_over()
    clean = [table for table in report.tables if table.table != "touches"]
    assert {table.table for table in clean} == {"assignments", "users", "onsite_orders"}
    assert not [fault for table in clean for fault in table.faults]
