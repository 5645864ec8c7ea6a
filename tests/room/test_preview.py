"""The preview of a study under noise: what it would cost, said without spending or counting."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cleanroom.agreement import write
from cleanroom.bench.answer import answer
from cleanroom.bench.preview import Plan, preview
from cleanroom.cli import app
from cleanroom.errors import StudyError
from cleanroom.room.place import ledger_of
from cleanroom.study import to_parameters
from tests.room.event_log import Room
from tests.room.noisy import CONVERSION, LIFT, PERMITTED, fill

NOISE = {"epsilon": 8.0, "standard_deviation": 3.0}


@pytest.fixture
def noisy(room: Room) -> Room:
    fill(room, NOISE)
    return room


def told(room: Room, study: Any = LIFT, plan: Plan | None = None) -> str:
    return "\n".join(preview(room.directory, study, plan))


def test_it_says_the_noise_the_cost_and_what_would_remain(noisy: Room) -> None:
    words = told(noisy)
    assert "discrete gaussian, standard deviation 3 people" in words
    assert "Noise on amount: standard deviation 3,000." in words
    assert "epsilon 8 at delta 1e-06 in any 365 days. Spent: 0.0%" in words
    assert "This question would take 54.1% of the budget; 45.9% would remain." in words


def test_it_spends_nothing_and_reads_no_row(noisy: Room) -> None:
    ledger = ledger_of(noisy.directory)
    told(noisy)  # which takes note of the agreement
    before = ledger.read_bytes()
    tables = [path for path in (noisy.directory / "vault").glob("*/*") if path.suffix != ".json"]
    assert len(tables) >= 6
    for path in tables:
        path.write_bytes(b"no rows any more")
    told(noisy, plan=Plan(20_000, 0.03, 0.01))
    assert ledger.read_bytes() == before
    assert not (noisy.directory / "noise").exists()
    assert not (noisy.directory / "derived").exists()


def test_what_was_asked_before_costs_nothing(noisy: Room) -> None:
    answer(noisy.directory, [LIFT])
    words = told(noisy)
    assert "This question was paid for: asked again it costs nothing" in words
    assert "Spent: 54.1%, which is epsilon 5.62" in words


def test_a_question_beyond_the_budget_is_called_so_and_when_that_ends(noisy: Room) -> None:
    answer(noisy.directory, [LIFT])
    words = told(noisy, CONVERSION)
    assert "of the budget; only 45.9% remains, so it would be refused." in words
    assert "54.1% comes back on 20" in words


def test_the_noise_stands_beside_the_effect_that_the_planner_expects(noisy: Room) -> None:
    large, small = Plan(20_000, 0.03, 0.01), Plan(20_000, 0.03, 0.005)
    words = told(noisy, plan=large)
    # Chance alone: Fleiss, Levin and Paik at 10,000 and 10,000; noise of 3 people adds little.
    assert "smallest lift likely found is 0.724 percentage points; without noise 0.714" in words
    assert "The expected lift of 1.000 percentage points is likely found." in words
    assert "is likely missed" in told(noisy, plan=small)
    assert "errs by 0.121% by chance and by 0.015% by noise" in told(noisy, CONVERSION, large)


def test_a_plan_that_makes_no_sense_is_refused(noisy: Room) -> None:
    for plan in (Plan(1, 0.03), Plan(100, 0.0), Plan(100, 1.5)):
        with pytest.raises(StudyError, match="plan makes no sense"):
            told(noisy, plan=plan)


def test_a_study_that_is_not_permitted_has_no_preview(room: Room) -> None:
    fill(room, NOISE)
    room.agree(policy={"noise": NOISE}, studies={"conversion": PERMITTED["conversion"]})
    write(room.agreement, room.directory / "agreement.yaml")
    with pytest.raises(StudyError, match="not permitted"):
        told(room)


def test_without_noise_there_is_nothing_to_spend(room: Room) -> None:
    room.agree(studies=PERMITTED)
    write(room.agreement, room.directory / "agreement.yaml")
    assert told(room) == "The agreement asks for no noise: nothing is spent."


def test_the_command_says_the_same(noisy: Room) -> None:
    parameters = json.dumps(to_parameters(LIFT))
    command = ["room", "preview", str(noisy.directory), "--kind", "lift"]
    plan = ["--people", "20000", "--rate", "0.03", "--lift", "0.01"]
    done = CliRunner().invoke(app, [*command, "--parameters", parameters, *plan])
    assert done.exit_code == 0
    assert done.stdout.splitlines() == preview(noisy.directory, LIFT, Plan(20_000, 0.03, 0.01))
