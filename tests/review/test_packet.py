"""Packets: what is signed on another machine is carried into the room, or refused in words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanroom import ledger, signing
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.errors import CleanroomError, LedgerError, ReviewError
from cleanroom.ledger import Event
from cleanroom.review import office, packet
from cleanroom.review.case import seats
from cleanroom.review.packet import Brought, Carried
from cleanroom.review.records import ActKind, Ballot, Decision, Vote, plain, sign_act, sign_vote
from cleanroom.review.states import State
from cleanroom.tables import Platform
from tests.review.stage import (
    AGREED,
    ANN,
    AUTHOR,
    SAM,
    SECOND,
    STRANGER,
    Desk,
    agreed,
    candidate,
)

ONE, OTHER = candidate(60.0), candidate(60.0, merchant="n")
YES, NO = Decision.APPROVE, Decision.REQUEST_CHANGES


def packed(desk: Desk, folder: str = "home") -> Desk:
    """A copy of the room's ledger on a reviewer's machine."""
    home = desk.path.parent / folder
    home.mkdir()
    shutil.copyfile(desk.path, home / "ledger.jsonl")
    packet.mark(home, desk.docket.head)
    return Desk(home / "ledger.jsonl", desk.agreement)


def carry(desk: Desk, home: Desk) -> list[Brought]:
    return packet.carry(desk.path, desk.agreement, packet.read_words(packet.outbox(home.path)))


def refusal(desk: Desk, *words: Any) -> str:
    """Why the one word is refused; nothing is recorded of it."""
    before = desk.path.read_bytes()
    (brought,) = packet.carry(desk.path, desk.agreement, words)
    assert brought.outcome is Carried.REFUSED
    assert desk.path.read_bytes() == before
    return brought.reason


def ballot(desk: Desk, of: Candidate = ONE, **changes: Any) -> Ballot:
    body = plain(office.ballot(desk.docket, desk.case(of), ANN, YES))
    return Ballot.model_validate_json(signing.canonical({**body, **changes}))


def test_two_reviewers_sign_at_home_and_the_room_releases_what_they_approved(desk: Desk) -> None:
    desk.submit(ONE)
    homes = {by.name: packed(desk, by.name) for by in (ANN, SAM)}
    for by in (ANN, SAM):
        case = homes[by.name].vote(ONE, by)
        assert seats(case)[by.platform] == by.name  # as it will be
    assert desk.case(ONE).votes == ()
    for home in homes.values():
        assert [one.outcome for one in carry(desk, home)] == [Carried.RECORDED]
    assert desk.case(ONE).state is State.APPROVED
    assert desk.release(ONE) == {}


def test_the_copy_of_the_ledger_is_left_as_it_was(desk: Desk) -> None:
    desk.submit(ONE)
    home = packed(desk)
    before = home.path.read_bytes()
    home.vote(ONE, ANN)
    assert home.path.read_bytes() == before
    assert len(packet.read_words(packet.outbox(home.path))) == 1


def test_what_follows_on_another_word_at_home_fits_the_room_as_well(desk: Desk) -> None:
    """Each names the room's record as seen, not what was signed before it in the packet."""
    desk.submit(ONE)
    home = packed(desk)
    home.vote(ONE, ANN, {"path": (NO, "why so many?")})
    home.vote(ONE, ANN)
    head = desk.docket.head
    words = packet.read_words(packet.outbox(home.path))
    assert [word.body.previous for word in words] == [head, head]
    assert {one.outcome for one in carry(desk, home)} == {Carried.RECORDED}
    assert seats(desk.case(ONE))[Platform.ADS] == "ann"


def test_a_file_that_comes_twice_changes_nothing(desk: Desk) -> None:
    desk.submit(ONE)
    home = packed(desk)
    home.vote(ONE, ANN)
    carry(desk, home)
    before = desk.path.read_bytes()
    assert [one.outcome for one in carry(desk, home)] == [Carried.THERE]
    assert desk.path.read_bytes() == before


def test_an_approval_taken_back_is_not_brought_back(desk: Desk) -> None:
    """A replay of the older vote, recorded before or held back, never overtakes the newer."""
    desk.submit(ONE)
    early = (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="seconds")
    held_back = sign_vote(ballot(desk, time=early), ANN.key)
    first = sign_vote(ballot(desk), ANN.key)
    office.record(desk.path, AGREED, [first])
    desk.vote(ONE, ANN, NO, "wrong days")
    assert [o.outcome for o in packet.carry(desk.path, AGREED, [first])] == [Carried.THERE]
    assert "has voted again since" in refusal(desk, held_back)
    with pytest.raises(ReviewError, match="counts once"):
        desk.docket.take(Event.VOTE_SIGNED, plain(first), early)
    (vote,) = desk.case(ONE).votes
    assert {one.decision for one in vote.body.tables.values()} == {NO}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_file_changed_in_any_byte_is_not_recorded(desk: Desk, data: st.DataObject) -> None:
    home = desk.path.parent / "home"
    if not home.exists():
        desk.submit(ONE)
        packed(desk).vote(ONE, ANN, comment="fine")
    file = home / "signed.jsonl"
    content, before = file.read_bytes(), desk.path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda new: new != content[place]))
    try:
        file.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
        with pytest.raises(CleanroomError):
            packet.read_words(file)
    finally:
        file.write_bytes(content)
    assert desk.path.read_bytes() == before


def changed(**more: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda body: {**body, **more}


@pytest.mark.parametrize(
    "change",
    [changed(comment="fine"), changed(reviewer="bob"), changed(platform="store", reviewer="sam")],
)
def test_a_word_altered_under_its_signature_is_not_its_reviewers(
    desk: Desk, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    desk.submit(ONE)
    vote = plain(sign_vote(ballot(desk), ANN.key))
    altered = Vote.model_validate_json(signing.canonical({**vote, "body": change(vote["body"])}))
    assert "is not theirs" in refusal(desk, altered)
    assert "is not theirs" in refusal(desk, sign_vote(ballot(desk), STRANGER))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"candidate": "a" * 64}, "knows no candidate"),
        ({"candidate": candidate_digest(OTHER)}, "is not the one that was seen"),
        ({"policy": "a" * 64}, "another policy or author"),
        ({"findings": "a" * 64}, "has found other things since"),
        ({"previous": "a" * 64}, "after a record that this ledger does not hold"),
        ({"time": "2999-01-01T00:00:00+00:00"}, "has not come yet"),
        ({"time": "soon"}, "has not come yet"),
    ],
)
def test_a_vote_on_anything_else_is_refused_in_words(
    desk: Desk, change: dict[str, Any], reason: str
) -> None:
    for one in (ONE, OTHER):
        desk.submit(one)
    assert reason in refusal(desk, sign_vote(ballot(desk, **change), ANN.key))


def test_a_vote_for_another_room_is_refused(desk: Desk, tmp_path: Path) -> None:
    elsewhere = Desk(tmp_path / "elsewhere" / "ledger.jsonl")
    elsewhere.path.parent.mkdir()
    ledger.append(elsewhere.path, Event.JOINED, {"rows": 1})
    elsewhere.open().submit(ONE)
    desk.submit(ONE)
    vote = sign_vote(ballot(elsewhere), ANN.key)
    assert "after a record that this ledger does not hold" in refusal(desk, vote)


def test_a_vote_made_under_another_agreement_is_refused(desk: Desk) -> None:
    desk.submit(ONE)
    vote = sign_vote(ballot(desk), ANN.key)
    desk.agreement = agreed(version=9)
    assert "another agreement" in refusal(desk, vote)


def test_a_vote_that_comes_after_the_quorum_counts_until_the_release(desk: Desk) -> None:
    desk.submit(ONE)
    home, late = packed(desk), packed(desk, "late")
    home.vote(ONE, SECOND, NO, "wrong days")
    late.vote(ONE, SECOND, comment="fine after all")
    for by in (ANN, SAM):
        desk.vote(ONE, by)
    assert desk.case(ONE).state is State.APPROVED
    assert [one.outcome for one in carry(desk, home)] == [Carried.RECORDED]
    assert desk.case(ONE).state is State.REVIEWED
    desk.vote(ONE, SECOND)
    assert desk.release(ONE) == {}
    (brought,) = carry(desk, late)
    assert brought.reason == (
        f"Vote on {candidate_digest(ONE)[:12]}: It is released; that can be done only with what is "
        "in review, reviewed or approved."
    )


def test_a_vote_on_what_was_changed_since_is_refused(desk: Desk) -> None:
    desk.submit(ONE)
    home = packed(desk)
    home.vote(ONE, ANN)
    desk.submit(candidate(61.0))
    (brought,) = carry(desk, home)
    assert "It is withdrawn" in brought.reason
    assert desk.case(candidate(61.0)).votes == ()


def test_a_vote_on_findings_of_before_is_refused(desk: Desk) -> None:
    may, half = ONE, candidate(60.0, end="2026-05-15")
    for one in (may, half):
        desk.submit(one)
    home = packed(desk)
    home.vote(half, ANN)
    for by in (ANN, SAM):
        for one in (may, half):
            desk.vote(one, by)
    desk.release(may, half)  # and `half` is looked at again, beside `may`
    (brought,) = carry(desk, home)
    assert "has found other things since" in brought.reason


def test_one_that_is_refused_holds_no_other_back(desk: Desk) -> None:
    for one in (ONE, OTHER):
        desk.submit(one)
    home = packed(desk)
    for one in (ONE, OTHER):
        home.vote(one, ANN)
    desk.withdraw(ONE)
    assert [o.outcome for o in carry(desk, home)] == [Carried.REFUSED, Carried.RECORDED]
    assert seats(desk.case(OTHER))[Platform.ADS] == "ann"


def test_an_author_cannot_carry_a_vote_on_their_own(desk: Desk) -> None:
    desk.submit(ONE, author="ann")
    assert "somebody else has to review it" in refusal(desk, sign_vote(ballot(desk), ANN.key))


def test_templates_and_returns_travel_as_votes_do(desk: Desk) -> None:
    desk.submit(ONE)
    desk.vote(ONE, SAM, NO, "wrong days")
    desk.vote(ONE, ANN)
    home = packed(desk)
    home.act(ONE, SAM, ActKind.RETURN)
    template = next(iter(desk.docket.proposals))
    revoked = sign_act(ANN, ActKind.REVOKE_TEMPLATE, template, desk.docket.head, "too wide")
    office.record(home.path, AGREED, [revoked])
    assert {one.outcome for one in carry(desk, home)} == {Carried.RECORDED}
    assert desk.case(ONE).state is State.RETURNED
    assert desk.docket.proposals[template].revocation == revoked
    assert {one.outcome for one in carry(desk, home)} == {Carried.THERE}


def test_nothing_but_signed_words_is_written_into_a_packet(desk: Desk) -> None:
    desk.submit(ONE)
    desk.make(OTHER)
    home = packed(desk)
    with pytest.raises(ReviewError, match="This is a packet"):
        office.submit(home.path, AGREED, [OTHER], AUTHOR)
    with pytest.raises(ReviewError, match="This is a packet"):
        home.withdraw(ONE)
    with pytest.raises(ReviewError, match="not a room"):
        packet.carry(home.path, AGREED, [sign_vote(ballot(desk), ANN.key)])


def test_a_file_that_holds_something_else_is_refused(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(CleanroomError, match="signed word is not readable"):
        packet.read_words(desk.path)  # the ledger itself
    wrong = tmp_path / "signed.jsonl"
    ledger.append(wrong, Event.VOTE_SIGNED, {"body": "approve", "signature": "me"})
    with pytest.raises(CleanroomError, match="vote is not readable"):
        packet.read_words(wrong)


def test_a_file_that_is_no_packet_s_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Not signed\n")
    with pytest.raises(LedgerError, match=r"README.md is no file of signed words"):
        packet.read_words(tmp_path / "README.md")


def test_a_reviewer_finds_out_that_a_vote_was_not_recorded(desk: Desk) -> None:
    desk.submit(ONE)
    home = packed(desk)
    home.vote(ONE, ANN)
    words = packet.read_words(packet.outbox(home.path))
    with pytest.raises(LedgerError, match=r"does not hold 1 of the 1 .* vote of ann of ads on"):
        packet.require_held(desk.docket, words)
    carry(desk, home)
    packet.require_held(desk.docket, words)
