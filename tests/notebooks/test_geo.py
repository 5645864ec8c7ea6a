"""The notebook of a regional study, executed as a run executes it."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from cleanroom.agreement import write
from cleanroom.bench.execute import execute
from tests.known_answers.regions import Regions
from tests.room.event_log import FEW, Room
from tests.room.regional import regional_log

pytestmark = pytest.mark.slow
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
WORLD = Regions(count=10, treated=2, periods=60, after=12, effect=0.4, size=4.2)


def test_the_regional_notebook_tells_of_a_planted_campaign(tmp_path: Path) -> None:
    log, room = regional_log(WORLD, seed=6), Room(tmp_path)
    permitted = {"notebook": "geo.ipynb"}
    policy = {**FEW, "min_people": 50, "min_converters": 5}
    room.agree(policy=policy, studies={"geo": permitted})
    write(room.agreement, room.directory / "agreement.yaml")
    room.vault(buyers=log.buyers, visits=log.visits)
    evidence = tmp_path / "evidence.ipynb"
    execute(NOTEBOOKS / "geo.ipynb", log.study, room.directory, evidence)
    book = nbformat.read(evidence, as_version=4)
    told = json.dumps([cell.get("outputs", []) for cell in book.cells])
    assert "evidence grade B" in told
    assert "more orders in" in told
    assert told.count("image/svg+xml") == 2
    assert "error" not in {o.output_type for c in book.cells for o in c.get("outputs", [])}
