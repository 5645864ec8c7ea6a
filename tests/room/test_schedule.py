"""A schedule by what was released: from a room's candidate to the files of its runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cleanroom.agreement import StudyKind, write
from cleanroom.bench.answer import answer
from cleanroom.bench.schedule import expected_from
from cleanroom.bench.settings import load_settings, study_for
from cleanroom.cli import app
from cleanroom.errors import StudyError
from cleanroom.gate.candidate import read_candidate
from cleanroom.study import ConversionStudy
from tests.room.event_log import Room
from tests.room.noisy import PERMITTED

DAYS = 5
SEEN, CLICKS, BOUGHT = 90, 60, 15  # a day


@pytest.fixture
def candidate(room: Room) -> Path:
    """Of five days, on each of which other people see a note; some click, come, and buy."""
    room.agree(policy={}, studies=PERMITTED)
    write(room.agreement, room.directory / "agreement.yaml")
    everyone = [(f"{day}x{n}", day, n) for day in range(1, DAYS + 1) for n in range(SEEN)]
    seen = [f"0{day}T09:00 impression u{one} -" for one, day, _ in everyone]
    people = [one for one in everyone if one[2] < CLICKS]
    clicks = [f"0{day}T10:00 click u{one} c{one}" for one, day, _ in people]
    visits = [f"0{day}T11:00 visit b{one} c{one} - -" for one, day, n in people if n % 4]
    visits += [f"0{day}T12:00 purchase b{one} - o{one} 900" for one, day, n in people if n % 4 == 1]
    room.vault(
        touches="\n".join(["time kind user cid", *seen, *clicks]),
        visits="\n".join(["time kind buyer cid order amount", *visits]),
    )
    study = ConversionStudy(merchant="m", start=date(2026, 3, 1), end=date(2026, 3, DAYS))
    (file,) = answer(room.directory, [study])
    return file


def plan(room: Room, tmp_path: Path, *more: str, stated: str = "") -> tuple[int, str]:
    run, wanted = tmp_path / "one.run.yaml", tmp_path / "one.schedule.yaml"
    run.write_text("studies: {conversion: {start: 2026-03-01, end: 2026-03-05}}\n")
    wanted.write_text(f"every: day\nruns: 3\nfirst: 2026-04-01\nregulars: 0\n{stated}")
    files = ["--settings", str(run), "--schedule", str(wanted), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["plan", str(room.directory), *files, *more])
    return done.exit_code, done.output + str(done.exception or "")


def test_what_was_released_says_what_to_expect(room: Room, candidate: Path) -> None:
    read = read_candidate(candidate, room.public_key)
    expected = expected_from(read, regulars=0)
    assert (expected.people, expected.converters) == (SEEN, BOUGHT)


def test_regulars_are_on_more_days_than_they_are_counted_on(room: Room, candidate: Path) -> None:
    read = read_candidate(candidate, room.public_key)
    assert expected_from(read, regulars=0.5).people == SEEN * DAYS / (DAYS / 2 + 0.5)


def test_a_plan_by_a_candidate_writes_what_a_run_takes(
    room: Room, candidate: Path, tmp_path: Path
) -> None:
    before = sorted(path for path in room.directory.rglob("*"))
    code, words = plan(room, tmp_path, "--like", str(candidate))
    assert code == 0, words
    assert "about 90 people from window to window" in words  # 15 a day, three days, both windows
    assert sorted(path for path in room.directory.rglob("*")) == before
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 3
    settings = load_settings(files[0])
    study = study_for(settings, StudyKind.CONVERSION, "m")
    assert (study.start, study.end) == (date(2026, 4, 1), date(2026, 4, 3))
    answer(room.directory, [study], settings.policy)


def test_what_is_stated_comes_before_what_was_released(
    room: Room, candidate: Path, tmp_path: Path
) -> None:
    stated = "people: 600\nconverters: 150\n"
    code, words = plan(room, tmp_path, "--like", str(candidate), stated=stated)
    assert code == 0, words
    assert "Windows: 1 day each" in words


def test_without_either_there_is_nothing_to_plan_by(room: Room, tmp_path: Path) -> None:
    room.agree(policy={}, studies=PERMITTED)
    write(room.agreement, room.directory / "agreement.yaml")
    code, words = plan(room, tmp_path)
    assert code != 0
    assert "one.schedule.yaml does not say what to expect" in words
    code, words = plan(room, tmp_path, stated="convertors: 3\n")
    assert "did you mean 'converters'?" in words


def test_a_candidate_that_tells_too_little_is_no_ground_to_plan_on(
    room: Room, candidate: Path
) -> None:
    study = ConversionStudy(merchant="m", start=date(2026, 3, 20), end=date(2026, 3, 21))
    (nothing,) = answer(room.directory, [study])
    assert nothing != candidate
    with pytest.raises(StudyError, match="too few numbers"):
        expected_from(read_candidate(nothing, room.public_key), regulars=0)
