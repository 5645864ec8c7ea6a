"""A reviewer at home: a packet of the room, the desk there, and what comes back of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cleanroom.borders import Candidate, candidate_digest
from cleanroom.desk import acting, reading
from cleanroom.desk.acting import Signed
from cleanroom.desk.packing import pack, record
from cleanroom.desk.reading import CHECKLIST
from cleanroom.desk.sitting import sitting_at
from cleanroom.desk.standing import Desk, opened, packet_words, read_papers
from cleanroom.errors import LedgerError, ReviewError
from cleanroom.gate.verification import verify_ledger
from cleanroom.review.packet import Carried, read_words, require_held
from cleanroom.review.records import ActKind
from cleanroom.review.states import State
from cleanroom.tables import Platform
from tests.desk.rooms import WORDS, Place, make_place
from tests.outside import factories


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = make_place(tmp_path_factory.mktemp("room"))
    first = made.add(factories.rich()[0], created="2026-05-02T08:15:00+00:00")
    for platform in Platform:
        made.vote(first, platform)
    made.release()
    made.add(factories.fewer_buyers())
    return made


def form(desk: Desk, candidate: Candidate) -> Signed:
    digest = candidate_digest(candidate)
    seen = reading.seen([read_papers(desk.room).by_digest[digest]])
    return Signed((digest,), seen, {"": "approve"}, {"": "Fine."}, len(CHECKLIST), WORDS)


def sign(desk: Desk, signed: Signed) -> str:
    by = sitting_at(desk, read_papers(desk.room).agreement)
    return acting.sign(desk, by, signed).message


def test_a_packet_holds_what_is_reviewed_and_nothing_else_of_the_room(
    place: Place, tmp_path: Path
) -> None:
    pack(place.room, tmp_path / "home")
    names = {file.name for file in (tmp_path / "home").iterdir()}
    assert names == {
        "agreement.in-force.json",
        "agreement.yaml",
        "candidates",
        "ledger.jsonl",
        "packet.json",
        "room.json",
    }
    papers = read_papers(tmp_path / "home")
    assert len(list((tmp_path / "home" / "candidates").iterdir())) == len(papers.by_digest) == 2
    secret = [file.read_bytes() for file in place.room.rglob("keys.json")]
    assert secret
    assert all(secret[0] not in file.read_bytes() for file in tmp_path.rglob("*.*"))


def test_a_packet_is_not_made_over_something_else(place: Place, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(ReviewError, match="There is something in"):
        pack(place.room, tmp_path)
    pack(place.room, tmp_path / "home")
    with pytest.raises(ReviewError, match="a packet already"):
        pack(tmp_path / "home", tmp_path / "again")


def test_what_is_signed_at_home_with_the_desk_is_recorded_in_a_room_without_the_key(
    place: Place, tmp_path: Path
) -> None:
    candidate = place.add(factories.rich("Heron Works", "m-101")[1])
    for platform in Platform:
        home = tmp_path / platform.value
        pack(place.room, home)
        desk = Desk(home, place.keys[platform])
        assert packet_words(desk) is not None
        signed = form(desk, candidate)
        assert "Send %(file)s to the room’s operator" in sign(desk, signed)
        assert sign(desk, signed) == "Signed already: nothing has changed."
    away = [shutil.move(folder, tmp_path / f"keys-{p}") for p, folder in place.keys.items()]
    try:
        for platform in Platform:
            file = tmp_path / platform.value / "signed.jsonl"
            assert [one.outcome for one in record(place.room, file)] == [Carried.RECORDED]
            assert [one.outcome for one in record(place.room, file)] == [Carried.THERE]
            verified = verify_ledger(place.ledger, [place.agreement])
            require_held(verified.docket, read_words(file))
    finally:
        for folder, kept in zip(place.keys.values(), away, strict=True):
            shutil.move(kept, folder)
    digest = candidate_digest(candidate)
    assert read_papers(place.room).by_digest[digest].case.state is State.APPROVED
    place.release()
    assert read_papers(place.room).by_digest[digest].case.state is State.RELEASED


def test_a_recall_travels_as_well(place: Place, tmp_path: Path) -> None:
    candidate = place.add(factories.rich("Tern & Tide", "m-102")[1])
    for platform in Platform:
        place.vote(candidate, platform)
    place.release()
    home = tmp_path / "home"
    pack(place.room, home)
    desk = Desk(home, place.keys[Platform.STORE])
    by, wrong = sitting_at(desk, place.agreement), {"": "Wrong days."}
    signed = replace(form(desk, candidate), comments=wrong)
    assert "Send %(file)s" in acting.act(desk, by, ActKind.RECALL, signed).message
    digest = candidate_digest(candidate)
    assert read_papers(home).by_digest[digest].case.state is State.RECALLED
    assert read_papers(place.room).by_digest[digest].case.state is State.RELEASED
    record(place.room, home / "signed.jsonl")
    assert read_papers(place.room).by_digest[digest].case.state is State.RECALLED


def test_a_candidate_is_compared_in_a_packet_as_in_the_room(place: Place, tmp_path: Path) -> None:
    candidate = place.added["Aurelle Skin"]
    pack(place.room, tmp_path / "home")
    compared = []
    for room in (place.room, tmp_path / "home"):
        papers = read_papers(room)
        shown = opened(room, papers, papers.by_digest[candidate_digest(candidate)])
        compared.append(reading.comparison(shown))
    assert compared[0] == compared[1]
    assert compared[0].implied


def test_a_file_that_is_not_there_is_named(place: Place, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="There is no file"):
        record(place.room, tmp_path / "signed.jsonl")
