"""What can be signed and released at the desk, and what is refused, with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom import ledger
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.desk import acting, reading
from cleanroom.desk.acting import RefusedError, Signed
from cleanroom.desk.chain import ledger_page
from cleanroom.desk.language import said
from cleanroom.desk.provenance import provenance
from cleanroom.desk.reading import CHECKLIST
from cleanroom.desk.sitting import Sitting, cannot_release, sitting_at
from cleanroom.desk.standing import Case, Desk, read_cases, state_of
from cleanroom.desk.views import Standing, State
from cleanroom.errors import KeysError
from cleanroom.gate.release import Decision, read_release
from cleanroom.keyring import KEYS, whose
from cleanroom.room.place import ledger_of
from cleanroom.tables import Platform
from tests.desk.rooms import REVIEWERS, WORDS, Place, make_place
from tests.desk.values import vote
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
    return Desk(place.room, place.keys[platform] if platform else None, place.releases)


def sitting(place: Place, platform: Platform | None = Platform.ADS) -> Sitting:
    return sitting_at(desk(place, platform), place.agreement)


def standing(place: Place, candidate: Candidate) -> Case:
    return read_cases(place.room).by_digest[candidate_digest(candidate)]


def form(place: Place, *candidates: Candidate, choice: str = "approve") -> Signed:
    """The form as a reviewer sends it who has filled in everything."""
    chosen = [standing(place, candidate) for candidate in candidates]
    digests = tuple(case.digest for case in chosen)
    return Signed(digests, reading.seen(chosen), {"": choice}, "Fine.", len(CHECKLIST), WORDS)


def sign(place: Place, signed: Signed, platform: Platform | None = Platform.ADS) -> str:
    return acting.sign(desk(place, platform), sitting(place, platform), signed).message


def test_two_reviewers_and_a_release(place: Place, plain: Candidate) -> None:
    for platform in Platform:
        sign(place, form(place, plain), platform)
    assert standing(place, plain).state is State.APPROVED
    acting.release(desk(place), sitting(place), [candidate_digest(plain)])
    released = standing(place, plain)
    assert released.state is State.RELEASED
    merchant = plain.manifest["study"]["merchant"]
    (file,) = place.releases.glob(f"lift-{merchant}-*.json")
    votes = read_release(file, place.agreement).votes
    assert {one["body"]["comment"] for one in votes} == {"Fine."}
    with pytest.raises(RefusedError, match="has been released"):
        sign(place, form(place, plain))


def test_many_are_decided_at_once(place: Place) -> None:
    made = factories.rich()[1]
    several = [place.add(made, question=f"{number:064x}") for number in range(3)]
    before = place.votes_in_ledger()
    assert sign(place, form(place, *several)) == "Your approval is signed."
    assert place.votes_in_ledger() == before + 3
    assert all(standing(place, one).votes for one in several)


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
        ({"checked": 3}, "checklist"),
        ({"choices": {"": "reject"}, "comment": ""}, "comment is needed"),
        ({"comment": "x" * 5000}, "too long"),
    ],
)
def test_an_incomplete_or_stale_form_is_not_signed(
    place: Place, plain: Candidate, change: dict[str, object], reason: str
) -> None:
    before = place.votes_in_ledger()
    with pytest.raises(RefusedError, match=reason):
        sign(place, replace(form(place, plain), **change))  # type: ignore[arg-type]
    assert place.votes_in_ledger() == before


def test_to_approve_against_a_concern_takes_a_comment(place: Place) -> None:
    unusual = place.add(factories.broken_split()[1])
    with pytest.raises(RefusedError, match="comment is needed"):
        sign(place, replace(form(place, unusual), comment=""))
    assert sign(place, form(place, unusual))


def test_a_release_that_came_in_between_makes_the_form_stale(place: Place) -> None:
    earlier, now = place.add(factories.rich()[0]), place.add(factories.fewer_buyers())
    seen = form(place, now)
    for platform in Platform:
        place.vote(earlier, platform)
    acting.release(desk(place), sitting(place), [candidate_digest(earlier)])
    with pytest.raises(RefusedError, match="changed since"):
        sign(place, seen)
    assert "fewer people than the minimum" in reading.concerns(standing(place, now))[0].many


@pytest.mark.parametrize("words", ["", "not the passphrase"])
def test_without_the_passphrase_nothing_is_signed(
    place: Place, plain: Candidate, words: str
) -> None:
    with pytest.raises(KeysError):
        sign(place, replace(form(place, plain), passphrase=words))
    assert not standing(place, plain).votes


def test_without_a_key_nothing_is_signed_or_released(place: Place, plain: Candidate) -> None:
    with pytest.raises(RefusedError, match="Read only"):
        sign(place, form(place, plain), None)
    with pytest.raises(RefusedError, match="Read only"):
        acting.release(desk(place, None), sitting(place, None), [candidate_digest(plain)])


def test_without_the_approval_of_both_nothing_is_released(place: Place, plain: Candidate) -> None:
    sign(place, form(place, plain))
    with pytest.raises(RefusedError, match="No reviewer of store has approved"):
        acting.release(desk(place), sitting(place), [candidate_digest(plain)])


def test_a_forged_vote_is_a_concern_and_hinders_the_release(place: Place, plain: Candidate) -> None:
    place.vote(plain, Platform.ADS)
    place.vote(plain, Platform.STORE, key=Ed25519PrivateKey.generate())
    case = standing(place, plain)
    assert (case.doubtful, case.state, len(case.votes)) == (1, State.IN_REVIEW, 1)
    assert "not its reviewer’s" in reading.concerns(case)[0].message
    assert "not its reviewer’s" in str(cannot_release(case, desk(place)))
    with pytest.raises(RefusedError, match="is not theirs"):
        acting.release(desk(place), sitting(place), [case.digest])


def test_a_vote_on_another_candidate_counts_for_nothing(place: Place, plain: Candidate) -> None:
    place.vote(plain, Platform.ADS)
    other = place.add(factories.conversion_only()[0])
    folder = place.room / "votes"
    (folder / candidate_digest(other)).mkdir()
    name = f"ads-{REVIEWERS[Platform.ADS]}.json"
    moved = (folder / candidate_digest(plain) / name).read_bytes()
    (folder / candidate_digest(other) / name).write_bytes(moved)
    (folder / candidate_digest(other) / "store-bo.json").write_bytes(b"{")
    case = standing(place, other)
    assert (case.votes, case.doubtful) == ((), 2)


@pytest.mark.parametrize(
    ("votes", "state"),
    [
        ([], State.IN_REVIEW),
        ([vote(Platform.STORE, Standing.REJECTED)], State.IN_REVIEW),
        ([vote(p, Standing.APPROVED) for p in Platform], State.APPROVED),
        (
            [vote(Platform.ADS, Standing.APPROVED), vote(Platform.STORE, Standing.REJECTED)],
            State.REJECTED,
        ),
    ],
)
def test_the_state_shows_no_single_vote(votes: list[object], state: State) -> None:
    assert state_of(votes) is state  # type: ignore[arg-type]


def test_a_key_that_the_agreement_does_not_name_is_read_only(place: Place, tmp_path: Path) -> None:
    strange = make_place(tmp_path)
    by = sitting_at(desk(strange), place.agreement)
    assert by.read_only == said(
        "Read only: the agreement in force does not name this reviewer’s key."
    )
    platform_keys = Desk(place.room, place.room.parent / "ads")
    assert "not a reviewer’s" in str(sitting_at(platform_keys, place.agreement).read_only)
    nowhere = Desk(place.room, tmp_path / "nowhere")
    assert "cannot be read" in str(sitting_at(nowhere, place.agreement).read_only)


def test_whose_keys_they_are_is_told_without_opening_them(place: Place) -> None:
    public, locked = whose(place.keys[Platform.STORE])
    assert (public["name"], locked) == ("bo", True)
    (place.keys[Platform.STORE] / KEYS).chmod(0o644)
    with pytest.raises(KeysError, match="open to others"):
        whose(place.keys[Platform.STORE])
    (place.keys[Platform.STORE] / KEYS).chmod(0o600)


def test_provenance_says_what_is_not_as_agreed(place: Place, plain: Candidate) -> None:
    sound = provenance(standing(place, plain), place.agreement)
    assert [f.term for _, group in sound.groups for f in group if not f.holds] == []
    weaker = place.agreement.model_copy(
        update={"policy": place.agreement.policy.model_copy(update={"min_people": 99})}
    )
    doubted = provenance(standing(place, plain), weaker)
    broken = {f.term.message for _, group in doubted.groups for f in group if not f.holds}
    assert broken == {"Agreement", "Disclosure policy"}


def test_the_ledger_page_tells_of_votes_without_what_they_say(
    place: Place, plain: Candidate
) -> None:
    place.vote(plain, Platform.STORE, Decision.REJECT, "Not for the eyes of others yet.")
    page = ledger_page(ledger_of(place.room))
    assert page.entries[0].event == said("Vote cast")
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
