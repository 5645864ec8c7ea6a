"""The desk at work in a room: candidates in files, releases written, the machine's own order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cleanroom import ledger
from cleanroom.behind import Answer, Behind, Share, Shown, group_of
from cleanroom.bench.enrol import create_keys
from cleanroom.borders import candidate_digest
from cleanroom.desk.decide import act, decide, release_approved, reviewer
from cleanroom.desk.queue import drafts, exceptions, last_release, named, opened, queue, undecided
from cleanroom.desk.submit import submit_cases
from cleanroom.errors import KeysError, ReviewError
from cleanroom.gate.candidate import make_candidate, write_candidate
from cleanroom.gate.release import read_release
from cleanroom.ledger import Event
from cleanroom.review.case import Case
from cleanroom.review.office import docket
from cleanroom.review.records import ActKind, Decision, Reviewer
from cleanroom.review.states import State
from cleanroom.room.place import ledger_of
from cleanroom.room.shown import holding, memory_in
from cleanroom.room.vault import room_keys
from cleanroom.tables import KeyRole, Platform
from tests import templates
from tests.review.stage import candidate, facts
from tests.room.event_log import Room

PLATFORMS = (Platform.ADS, Platform.STORE)
TERMS = {"conversion": {"notebook": "conversion.ipynb"}}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    room = Room(tmp_path)
    room.agree(studies=TERMS)
    return room


def laid(room: Room, value: float | None, merchant: str = "m", people: int = 0) -> str:
    """A candidate that the room made and signed; its digest. The first `people` are behind it."""
    key = room_keys(room.directory, "test").identity
    of = candidate(value, room.agreement, merchant=merchant)
    made = make_candidate(of.manifest, [*of.tables.values()], of.findings, key)
    digest = candidate_digest(made)
    group = group_of(np.arange(people, dtype=np.uint32), None, 0)
    cell = Shown("people", {"merchant": merchant}, Behind({(Share.VALUE, Platform.ADS): group}))
    study, cells = made.manifest["study"], [cell] if people else []
    with holding(room.directory):
        answer = Answer(digest, "2026-06-01T00:00:00+00:00", study, cells)
        memory_in(room.directory, "test").remember([answer], 30)
    write_candidate(made, room.directory / "candidates" / f"{digest[:8]}.json")
    told = {"candidate": digest, "file": f"{digest[:8]}.json"}
    ledger.append(ledger_of(room.directory), Event.CANDIDATE_MADE, told)
    return digest


def by(room: Room, platform: Platform) -> Reviewer:
    return Reviewer(platform, templates.REVIEWER, room.reviewers[platform])


def approve_all(room: Room) -> None:
    for platform in PLATFORMS:
        cases = undecided(queue(room.directory), platform, templates.REVIEWER)
        who = by(room, platform)
        decide(room.directory, room.agreement, cases, who, Decision.APPROVE, "looked at")


def submitted(room: Room) -> list[Case]:
    return submit_cases(room.directory, room.agreement, drafts(room.directory), "analyst")


def test_what_is_exceptional_is_on_top_of_the_queue(room: Room) -> None:
    plain, strange = laid(room, 60.0), laid(room, None, merchant="n")
    later = laid(room, 60.0, merchant="o")
    assert {case.candidate for case in drafts(room.directory)} == {plain, strange, later}
    submitted(room)
    cases = queue(room.directory)
    assert cases[0].candidate == strange
    assert [case.candidate for case in exceptions(cases)] == [strange]


def test_candidates_go_from_files_to_verified_releases_once(room: Room, tmp_path: Path) -> None:
    digests = {laid(room, 60.0), laid(room, 60.0, merchant="n")}
    submitted(room)
    out = tmp_path / "out"
    assert release_approved(room.directory, room.agreement, out) == (
        [],
        {f"{d[:8]}.json": "No reviewer of ads and store has approved." for d in digests},
    )
    approve_all(room)
    for _ in range(2):
        written, waiting = release_approved(room.directory, room.agreement, out)
        assert ({path.stem for path in written}, waiting) == ({d[:8] for d in digests}, {})
    assert len(facts(ledger_of(room.directory), Event.RELEASE_MADE)) == 2
    for path in written:
        assert len(read_release(path, room.agreement).votes) == 2


def test_a_release_that_a_crash_kept_from_being_written_is_written_later(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = laid(room, 60.0)
    submitted(room)
    approve_all(room)

    def crash(*_: object) -> None:
        raise InterruptedError("the machine stops")

    with monkeypatch.context() as patch:
        patch.setattr("cleanroom.desk.decide.write_release", crash)
        with pytest.raises(InterruptedError, match="stops"):
            release_approved(room.directory, room.agreement, tmp_path / "out")
    assert docket(ledger_of(room.directory)).named(digest).state is State.RELEASED
    written, _ = release_approved(room.directory, room.agreement, tmp_path / "out")
    assert [path.stem for path in written] == [digest[:8]]


def test_what_differs_by_too_few_people_from_an_earlier_answer_is_not_released(
    room: Room, tmp_path: Path
) -> None:
    one, two = laid(room, 60.0, people=60), laid(room, 60.0, merchant="n", people=61)
    submitted(room)
    approve_all(room)
    written, waiting = release_approved(room.directory, room.agreement, tmp_path / "out")
    assert [path.stem for path in written] == [one[:8]]
    (reason,) = waiting.values()
    assert reason.startswith("One of its numbers differs from the answer of 1 June 2026")
    assert docket(ledger_of(room.directory)).named(two).state is State.APPROVED


def test_a_candidate_that_was_exchanged_is_not_opened(room: Room, tmp_path: Path) -> None:
    one, two = laid(room, 60.0), laid(room, 61.0, merchant="n")
    folder = room.directory / "candidates"
    (folder / f"{one[:8]}.json").write_bytes((folder / f"{two[:8]}.json").read_bytes())
    (case,) = named(queue(room.directory), [one])
    with pytest.raises(ReviewError, match="is not the candidate that the ledger names"):
        opened(room.directory, case, room.agreement)


def test_what_is_recalled_is_written_no_more_and_still_there_to_compare_with(
    room: Room, tmp_path: Path
) -> None:
    digest = laid(room, 60.0)
    submitted(room)
    approve_all(room)
    release_approved(room.directory, room.agreement, tmp_path / "out")
    who = by(room, Platform.STORE)
    act(room.directory, room.agreement, [digest], who, ActKind.RECALL, "wrong days")
    assert release_approved(room.directory, room.agreement, tmp_path / "new") == ([], {})
    known = docket(ledger_of(room.directory))
    again = Case("f" * 64, "again.json", study=known.named(digest).study)
    compared = last_release(known.cases.values(), again)
    assert compared is not None
    assert compared.candidate == digest


def test_a_reviewer_decides_with_their_own_key_alone(room: Room, tmp_path: Path) -> None:
    create_keys(
        KeyRole.REVIEWER,
        tmp_path / "ann",
        room.agreement,
        key_file=tmp_path / "ann.key",
        platform=Platform.ADS,
        name="ann",
    )
    with pytest.raises(KeysError, match="does not hold the key that the agreement names"):
        reviewer(room.agreement, Platform.ADS, "ann", tmp_path / "ann")
