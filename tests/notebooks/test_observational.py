"""The notebook of an observational study, executed as a run executes it."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from cleanroom.bench.execute import execute
from tests.room.event_log import Room
from tests.room.test_beside_holdout import EXPOSURES, both

pytestmark = pytest.mark.slow
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def test_the_observational_notebook_tells_of_a_planted_effect(tmp_path: Path) -> None:
    room, evidence = Room(tmp_path), tmp_path / "evidence.ipynb"
    study, _ = both(room, unseen=0.0)
    execute(NOTEBOOKS / "observational.ipynb", EXPOSURES, room.directory, evidence)
    book = nbformat.read(evidence, as_version=4)
    told = json.dumps([cell.get("outputs", []) for cell in book.cells], ensure_ascii=False)
    assert study.findings.summary[0] in told
    assert told.count("image/svg+xml") == 3
    assert "error" not in {o.output_type for c in book.cells for o in c.get("outputs", [])}
