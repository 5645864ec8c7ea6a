"""Votes and releases: what a quorum is, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom import agreement as agreements
from cleanroom import signing
from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.borders import PEOPLE, Candidate, Release
from cleanroom.errors import ReleaseError
from cleanroom.gate.candidate import make_candidate, read_candidate, write_candidate
from cleanroom.gate.release import (
    Ground,
    case_of,
    make_release,
    read_release,
    verify_again,
    write_release,
)
from cleanroom.ledger import GENESIS
from cleanroom.policy import Rounding
from cleanroom.review.case import receipt_of
from cleanroom.review.folding import Docket
from cleanroom.review.office import ballot
from cleanroom.review.records import (
    Decision,
    Reviewer,
    Vote,
    plain,
    sign_receipt,
    sign_vote,
)
from cleanroom.tables import Platform
from tests.factories import findings, protected
from tests.outside import factories

ROOT = Path(__file__).resolve().parents[2]
ROOM, ADS, STORE, BOB, STRANGER = (Ed25519PrivateKey.generate() for _ in range(5))
NO = Decision.REQUEST_CHANGES


def signed_agreement() -> Agreement:
    enrolments = [
        {"role": "room", "identity_key": signing.public_of(ROOM)},
        *(
            {
                "role": "reviewer",
                "platform": platform.value,
                "name": name,
                "identity_key": signing.public_of(key),
            }
            for platform, name, key in (
                (Platform.ADS, "ann", ADS),
                (Platform.ADS, "bob", BOB),
                (Platform.STORE, "ann", STORE),
            )
        ),
    ]
    draft = agreements.load(ROOT / "configs" / "red-cat-plan.yaml")
    return agreements.with_keys(draft, enrolments)


AGREED = signed_agreement()


def candidate(value: float = 60.0, key: signing.SigningKey = ROOM) -> Candidate:
    manifest = {
        "agreement": agreement_digest(AGREED),
        "policy": AGREED.effective_policy.model_dump(mode="json"),
        "study": {"kind": "conversion", "merchant": "m"},
    }
    path = protected("path", ("step",), [("click", "people", value, PEOPLE)])
    return make_candidate(manifest, [path], findings(), key)


def vote(
    of: Candidate,
    platform: Platform,
    key: signing.SigningKey,
    decision: Decision = Decision.APPROVE,
    name: str = "ann",
) -> Vote:
    case = replace(case_of(of, ()), author="analyst")
    return sign_vote(ballot(Docket(), case, Reviewer(platform, name, key), decision, "so"), key)


def both(of: Candidate) -> list[Vote]:
    return [vote(of, Platform.ADS, ADS), vote(of, Platform.STORE, STORE)]


def release(
    of: Candidate, votes: list[Vote], agreement: Agreement = AGREED, rule: str | None = None
) -> Release:
    case = case_of(of, votes, (), rule)
    return make_release(Ground(of, case, agreement), sign_receipt(receipt_of(case, GENESIS), ROOM))


def released(tmp_path: Path) -> tuple[Release, Path]:
    made = release(candidate(), both(candidate()))
    write_release(made, tmp_path / "release.json")
    return made, tmp_path / "release.json"


def test_a_reviewer_of_each_platform_makes_a_release() -> None:
    assert release(candidate(), both(candidate())).candidate.tables.keys() == {"path"}


def test_a_release_reads_back_as_it_was_written(tmp_path: Path) -> None:
    made, file = released(tmp_path)
    again = read_release(file, AGREED)
    assert again.candidate.tables["path"].cells.equals(made.candidate.tables["path"].cells)
    assert again.candidate.manifest == made.candidate.manifest
    assert (again.votes, again.found, again.receipt) == (made.votes, made.found, made.receipt)


def test_rounding_bounds_and_absences_read_back_as_they_were(tmp_path: Path) -> None:
    rounded = factories.rounded()
    for number, one in enumerate(rounded):
        made = one.candidate
        signed = make_candidate(made.manifest, [*made.tables.values()], made.findings, ROOM)
        write_candidate(signed, tmp_path / f"{number}.json")
        again = read_candidate(tmp_path / f"{number}.json", signing.public_of(ROOM))
        assert again.findings == made.findings
        for name, table in made.tables.items():
            assert again.tables[name].cells.equals(table.cells)
            assert again.tables[name].rounding is table.rounding is Rounding.BASE_5
            assert again.tables[name].bounds == table.bounds


@pytest.mark.parametrize("platform", Platform)
def test_one_platform_alone_cannot_release(platform: Platform) -> None:
    key = ADS if platform is Platform.ADS else STORE
    votes = [vote(candidate(), platform, key)] * 2
    with pytest.raises(ReleaseError, match="No reviewer of"):
        release(candidate(), votes)


def test_a_request_for_changes_stands_against_any_number_of_approvals() -> None:
    votes = [*both(candidate()), vote(candidate(), Platform.ADS, BOB, NO, name="bob")]
    with pytest.raises(ReleaseError, match="A reviewer of ads asks for changes of 'path'"):
        release(candidate(), votes)


def test_a_vote_holds_for_what_was_seen_and_nothing_changed_since() -> None:
    with pytest.raises(ReleaseError, match="No reviewer of ads and store has approved"):
        release(candidate(61.0), both(candidate(60.0)))


def test_a_vote_under_another_key_is_refused() -> None:
    votes = [vote(candidate(), Platform.ADS, STRANGER), vote(candidate(), Platform.STORE, STORE)]
    with pytest.raises(ReleaseError, match="not theirs"):
        release(candidate(), votes)


def test_a_reviewer_the_agreement_does_not_name_is_refused() -> None:
    votes = [*both(candidate()), vote(candidate(), Platform.ADS, STRANGER, name="eve")]
    with pytest.raises(ReleaseError, match="names no reviewer 'eve'"):
        release(candidate(), votes)


def test_a_candidate_of_another_agreement_is_refused() -> None:
    other = AGREED.model_copy(update={"version": AGREED.version + 1})
    with pytest.raises(ReleaseError, match="another agreement"):
        release(candidate(), both(candidate()), other)


def test_a_candidate_that_the_room_did_not_sign_is_no_release(tmp_path: Path) -> None:
    forged = candidate(key=STRANGER)
    file = tmp_path / "forged.json"
    write_release(release(forged, both(forged)), file)
    with pytest.raises(ReleaseError, match="not what the room signed"):
        read_release(file, AGREED)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(("record", "tables", "path", "cells", 0, 2), "room signed", id="a value"),
        pytest.param(("record", "manifest", "agreement"), "room signed", id="the manifest"),
        pytest.param(("record", "summary", 0), "room signed", id="a sentence"),
        pytest.param(("votes", 0, "body", "time"), "not theirs", id="a vote"),
        pytest.param(("votes", 0, "body", "tables"), "not readable", id="what was voted on"),
        pytest.param(("receipt", "body", "time"), "receipt is not the room's", id="the receipt"),
        pytest.param(("receipt", "signature"), "not readable", id="its signature"),
        pytest.param(("found",), "not readable", id="what was found"),
    ],
)
def test_a_changed_release_file_is_refused(
    tmp_path: Path, change: tuple[str | int, ...], problem: str
) -> None:
    _, file = released(tmp_path)
    content = json.loads(file.read_bytes())
    place: Any = content
    for step in change[:-1]:
        place = place[step]
    place[change[-1]] = "changed"
    file.write_bytes(signing.canonical(content))
    with pytest.raises(ReleaseError, match=problem):
        read_release(file, AGREED)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"record": 1}'])
def test_a_file_that_is_no_release_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "some.json"
    file.write_text(text)
    with pytest.raises(ReleaseError):
        read_release(file, AGREED)


def test_a_standing_rule_that_the_agreement_does_not_have_releases_nothing() -> None:
    with pytest.raises(ReleaseError, match="no such standing rule"):
        release(candidate(), [], rule="whatever")


def test_a_release_whose_votes_were_taken_out_is_refused(tmp_path: Path) -> None:
    _, file = released(tmp_path)
    content = json.loads(file.read_bytes())
    more = vote(candidate(), Platform.ADS, BOB, name="bob")
    for votes in (content["votes"][:1], [*content["votes"], plain(more)]):
        file.write_bytes(signing.canonical({**content, "votes": votes}))
        with pytest.raises(ReleaseError, match=r"No reviewer of store|receipt is for another"):
            read_release(file, AGREED)


def test_what_is_asked_again_includes_what_only_the_room_can_ask() -> None:
    def differs(ground: Ground) -> None:
        raise ReleaseError("It differs from a release by too few people.", "ask otherwise.")

    of = candidate()
    ground = Ground(of, case_of(of, both(of)), AGREED)
    verify_again(ground)
    with pytest.raises(ReleaseError, match="too few people"):
        verify_again(ground, [differs])
