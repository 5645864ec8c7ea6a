"""What can be signed at the desk, and what is refused, with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom import ledger
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.desk import acting, reading
from cleanroom.desk.acting import RefusedError, Signed
from cleanroom.desk.chain import ledger_page
from cleanroom.desk.language import Language, catalogue, said, tell
from cleanroom.desk.provenance import provenance
from cleanroom.desk.reading import CHECKLIST
from cleanroom.desk.seats import concerns
from cleanroom.desk.sitting import Sitting, sitting_at, what_is_missing
from cleanroom.desk.standing import Desk, Opened, Paper, opened, read_papers
from cleanroom.desk.views import Standing
from cleanroom.errors import KeysError
from cleanroom.gate.release import read_release
from cleanroom.keyring import KEYS, whose
from cleanroom.review.case import requests
from cleanroom.review.records import ActKind, Decision
from cleanroom.review.states import State
from cleanroom.tables import Platform
from tests.desk.rooms import AUTHOR, WORDS, Place, make_place
from tests.outside import factories


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("room"))


_numbers = iter(range(1000))


@pytest.fixture
def plain(place: Place) -> Candidate:
    """A candidate of its own for each test, in which nothing is unusual."""
    made = factories.rich()[1]
    study = {**made.candidate.manifest["study"], "merchant": f"m-{next(_numbers)}"}
    return place.add(made, study=study)


def desk(place: Place, platform: Platform | None = Platform.ADS) -> Desk:
    return Desk(place.room, place.keys[platform] if platform else None)


def sitting(place: Place, platform: Platform | None = Platform.ADS) -> Sitting:
    return sitting_at(desk(place, platform), place.agreement)


def standing(place: Place, candidate: Candidate) -> Paper:
    return read_papers(place.room).by_digest[candidate_digest(candidate)]


def shown(place: Place, candidate: Candidate) -> Opened:
    return opened(place.room, read_papers(place.room), standing(place, candidate))


def form(place: Place, *candidates: Candidate, choice: str = "approve", **parts: str) -> Signed:
    """The form as a reviewer sends it who has filled in everything; `parts` by table."""
    chosen = [standing(place, candidate) for candidate in candidates]
    digests = tuple(paper.case.candidate for paper in chosen)
    choices = {"": choice, **parts}
    return Signed(digests, reading.seen(chosen), choices, {"": "Fine."}, len(CHECKLIST), WORDS)


def sign(place: Place, signed: Signed, platform: Platform | None = Platform.ADS) -> str:
    return acting.sign(desk(place, platform), sitting(place, platform), signed).message


def act(place: Place, candidate: Candidate, kind: ActKind, comment: str = "Why not.") -> str:
    signed = replace(form(place, candidate), comments={"": comment})
    return acting.act(desk(place), sitting(place), kind, signed).message


def test_two_reviewers_and_a_release(place: Place, plain: Candidate) -> None:
    for platform in Platform:
        sign(place, form(place, plain), platform)
    assert standing(place, plain).case.state is State.APPROVED
    assert "cleanroom review release" in what_is_missing(standing(place, plain)).message
    place.release()
    assert standing(place, plain).case.state is State.RELEASED
    merchant = plain.manifest["study"]["merchant"]
    (file,) = place.releases.glob(f"lift-{merchant}-*.json")
    votes = read_release(file, place.agreement).votes
    assert {one["body"]["comment"] for one in votes} == {"Fine."}
    with pytest.raises(RefusedError, match="is settled"):
        sign(place, form(place, plain))


def test_many_are_decided_at_once(place: Place) -> None:
    made = factories.rich()[1]
    study = made.candidate.manifest["study"]
    several = place.add_all(
        [(made, {"study": {**study, "merchant": f"m-many-{number}"}}) for number in range(3)]
    )
    before = place.votes_in_ledger()
    assert sign(place, form(place, *several)).startswith("Your vote is signed.")
    assert place.votes_in_ledger() == before + 3
    assert all(standing(place, one).case.votes for one in several)


def test_the_same_form_twice_is_signed_once(place: Place, plain: Candidate) -> None:
    sign(place, form(place, plain))
    before = place.votes_in_ledger()
    assert sign(place, form(place, plain)) == "Signed already: nothing has changed."
    assert place.votes_in_ledger() == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seen": "0" * 64}, "changed since"),
        ({"candidates": ("0" * 64,)}, "no such candidate"),
        ({"candidates": ()}, "no such candidate"),
        ({"choices": {}}, "No decision was chosen"),
        ({"choices": {"": "maybe"}}, "No decision was chosen"),
        ({"choices": {"arms": "approve"}}, "No decision was chosen"),
        ({"checked": 3}, "checklist"),
        ({"choices": {"": "request changes"}, "comments": {}}, "comment is needed"),
        ({"comments": {"": "x" * 5000}}, "too long"),
        ({"comments": {"": "\x1b[2J"}}, "cannot be shown"),
    ],
)
def test_an_incomplete_or_stale_form_is_not_signed(
    place: Place, plain: Candidate, change: dict[str, Any], reason: str
) -> None:
    before = place.votes_in_ledger()
    with pytest.raises(RefusedError, match=reason):
        sign(place, replace(form(place, plain), **change))
    assert place.votes_in_ledger() == before


def test_to_approve_against_a_finding_takes_a_comment(place: Place) -> None:
    unusual = place.add(factories.broken_split()[1])
    with pytest.raises(RefusedError, match="comment is needed"):
        sign(place, replace(form(place, unusual), comments={}))
    assert sign(place, form(place, unusual))


def test_one_table_can_be_told_apart_and_decided_on_later(place: Place, plain: Candidate) -> None:
    doubted = replace(
        form(place, plain, arms="request changes"),
        comments={"": "The rest is fine.", "arms": "Which groups are these?"},
    )
    sign(place, doubted)
    place.vote(plain, Platform.STORE)
    paper = standing(place, plain)
    assert paper.case.state is State.REVIEWED
    assert [(part, vote.comment) for _, part, vote in requests(paper.case)] == [
        ("arms", "Which groups are these?")
    ]
    assert what_is_missing(paper) == said("A reviewer asks for changes.")
    sign(place, form(place, plain, arms="approve"))
    assert standing(place, plain).case.state is State.APPROVED


def test_what_is_asked_for_goes_back_to_the_author_once(place: Place, plain: Candidate) -> None:
    with pytest.raises(RefusedError, match="once a reviewer of each platform has voted"):
        act(place, plain, ActKind.RETURN)
    sign(place, form(place, plain, choice="request changes"))
    place.vote(plain, Platform.STORE)
    assert act(place, plain, ActKind.RETURN).startswith("It is returned to its author.")
    assert standing(place, plain).case.state is State.RETURNED
    assert act(place, plain, ActKind.RETURN) == "Signed already: nothing has changed."


def test_a_rejection_and_a_recall_say_why(place: Place, plain: Candidate) -> None:
    for platform in Platform:
        sign(place, form(place, plain), platform)
    place.release()
    with pytest.raises(RefusedError, match="has to say why"):
        act(place, plain, ActKind.RECALL, "")
    assert act(place, plain, ActKind.RECALL).startswith("It is recalled.")
    assert standing(place, plain).case.state is State.RECALLED
    with pytest.raises(RefusedError, match="is settled"):
        act(place, plain, ActKind.REJECT)


def test_a_release_that_came_in_between_makes_the_form_stale(place: Place) -> None:
    made = factories.rich("Twice", "m-twice")[0]
    study = {**made.candidate.manifest["study"], "end": "2026-05-29"}
    first, second = place.add_all([(made, {}), (made, {"study": study})])
    seen = form(place, second)
    for platform in Platform:
        place.vote(first, platform)
    place.release()
    with pytest.raises(RefusedError, match="changed since"):
        sign(place, seen)


@pytest.mark.parametrize("words", ["", "not the passphrase"])
def test_without_the_passphrase_nothing_is_signed(
    place: Place, plain: Candidate, words: str
) -> None:
    with pytest.raises(KeysError):
        sign(place, replace(form(place, plain), passphrase=words))
    assert not standing(place, plain).case.votes


def test_without_a_key_nothing_is_signed(place: Place, plain: Candidate) -> None:
    with pytest.raises(RefusedError, match="Read only"):
        sign(place, form(place, plain), None)
    with pytest.raises(RefusedError, match="Read only"):
        acting.act(desk(place, None), sitting(place, None), ActKind.REJECT, form(place, plain))


def test_an_author_decides_on_nothing_of_their_own(place: Place, plain: Candidate) -> None:
    own = replace(sitting(place), name=AUTHOR)
    with pytest.raises(RefusedError, match="somebody else has to review it"):
        acting.sign(desk(place), own, form(place, plain))


def test_a_forged_vote_is_a_concern_and_counts_for_nothing(place: Place, plain: Candidate) -> None:
    place.vote(plain, Platform.ADS)
    place.vote(plain, Platform.STORE, key=Ed25519PrivateKey.generate())
    paper = standing(place, plain)
    assert (paper.doubtful, paper.case.state, len(paper.case.votes)) == (1, State.IN_REVIEW, 1)
    assert "not its reviewer’s" in concerns(paper)[0].says.message
    assert "not its reviewer’s" in what_is_missing(paper).message
    seats = reading.overview(shown(place, plain), sitting(place)).seats
    assert [seat.standing for seat in seats] == [Standing.APPROVED, Standing.EMPTY]
    place.release()
    assert standing(place, plain).case.state is State.IN_REVIEW


def test_a_key_that_the_agreement_does_not_name_is_read_only(place: Place, tmp_path: Path) -> None:
    strange = make_place(tmp_path)
    by = sitting_at(desk(strange), place.agreement)
    assert by.read_only == said(
        "Read only: the agreement in force does not name this reviewer’s key."
    )
    platform_keys = Desk(place.room, place.room.parent / "ads")
    assert "ads platform’s own keys" in str(sitting_at(platform_keys, place.agreement).read_only)
    room_keys = Desk(place.room, place.room)
    assert "the room has no vote" in str(sitting_at(room_keys, place.agreement).read_only)
    nowhere = Desk(place.room, tmp_path / "nowhere")
    assert "cannot be read" in str(sitting_at(nowhere, place.agreement).read_only)


def test_the_desk_says_whose_seat_it_is_and_what_can_be_done_there(place: Place) -> None:
    english = catalogue(Language.ENGLISH)
    told = tell(sitting(place, Platform.STORE).seat, english)
    assert told.startswith("You sit for the store platform, as bo: you can vote on candidates")
    assert told.endswith("You cannot release; that is done in the room.")
    assert tell(sitting(place, None).seat, english).startswith("Read only: no reviewer’s key")


def test_whose_keys_they_are_is_told_without_opening_them(place: Place) -> None:
    public, locked = whose(place.keys[Platform.STORE])
    assert (public["name"], locked) == ("bo", True)
    (place.keys[Platform.STORE] / KEYS).chmod(0o644)
    with pytest.raises(KeysError, match="open to others"):
        whose(place.keys[Platform.STORE])
    (place.keys[Platform.STORE] / KEYS).chmod(0o600)


def test_provenance_says_what_is_not_as_agreed(place: Place, plain: Candidate) -> None:
    sound = provenance(shown(place, plain), place.agreement)
    assert [f.term for _, group in sound.groups for f in group if not f.holds] == []
    weaker = place.agreement.model_copy(
        update={"policy": place.agreement.policy.model_copy(update={"min_people": 99})}
    )
    doubted = provenance(shown(place, plain), weaker)
    broken = {f.term.message for _, group in doubted.groups for f in group if not f.holds}
    assert broken == {"Agreement", "Disclosure policy"}


def test_the_ledger_page_tells_of_votes_without_what_they_say(
    place: Place, plain: Candidate
) -> None:
    place.vote(plain, Platform.STORE, Decision.APPROVE, "Not for the eyes of others yet.")
    page = ledger_page(place.ledger)
    assert page.entries[0].event == said("Vote signed")
    assert {name for name, _ in page.entries[0].facts} == {"candidate", "platform", "reviewer"}
    assert not page.problem


def test_a_broken_ledger_is_named_with_what_holds_before_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for number in range(150):
        ledger.append(path, ledger.Event.JOINED, {"rows": number})
    whole = ledger_page(path)
    assert (whole.records, len(whole.entries), whole.older) == (150, 100, "ledger?end=50")
    assert [entry.number for entry in ledger_page(path, 50).entries] == [*range(50, 0, -1)]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:9] + lines[10:]))
    broken = ledger_page(path)
    assert broken.problem.startswith("Ledger record 10 does not follow")
    assert broken.records == 9
