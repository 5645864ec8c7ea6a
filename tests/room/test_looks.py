"""A test that is read while it runs: how often it was looked at, and whether it is over."""

from __future__ import annotations

from datetime import date

from cleanroom.agreement import write
from cleanroom.bench.answer import answer
from cleanroom.borders import Candidate, Verdict
from cleanroom.gate.candidate import read_candidate
from cleanroom.study import LiftStudy
from tests.room.event_log import FEW, Room
from tests.room.noisy import PERMITTED

STUDY = LiftStudy(merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 12), study="s")


def asked(room: Room, last: int, study: str = "s") -> Candidate:
    one = STUDY.model_copy(update={"end": date(2026, 3, last), "study": study})
    (file,) = answer(room.directory, [one])
    return read_candidate(file, room.public_key)


def test_each_answer_about_one_assignment_is_a_look_and_the_same_question_is_none(
    room: Room,
) -> None:
    room.agree(studies=PERMITTED, policy=FEW)
    write(room.agreement, room.directory / "agreement.yaml")
    room.vault(
        touches="time kind user cid\n02T10:00 click ann c1",
        visits="time kind buyer cid order amount\n02T10:05 visit b1 c1 - -\n"
        "14T10:00 purchase b1 - o1 900",
        assignments="user study arm time\nann s treated 10T00:00\nann t treated 10T00:00",
    )
    looks = [asked(room, last).manifest["looks"] for last in (12, 14, 12, 20)]
    assert looks == [1, 2, 1, 3]
    assert asked(room, 12, study="t").manifest["looks"] == 1
    over = {last: asked(room, last) for last in (12, 14, 20)}
    assert [one.manifest["complete"] for one in over.values()] == [True, True, False]
    checks = over[20].findings.checks
    assert checks["windows_closed"].verdict is Verdict.FAILED
    assert checks["multiple_looks"].verdict is Verdict.UNKNOWN  # its numbers are withheld
