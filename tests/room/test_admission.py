"""What a handover leaves in the room's memory, and one that is refused leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanroom.errors import HandoverError
from cleanroom.keyring import open_keyring
from cleanroom.room.join_input import remembered
from cleanroom.room.vault import accept, open_vault
from cleanroom.tables import IdentifierKind, Platform
from tests.room.event_log import Room

ADS, STORE = Platform.ADS, Platform.STORE
CID, EMAIL = IdentifierKind.CLICK_ID, IdentifierKind.EMAIL
MIN_PEOPLE = 3
TOO_FEW = r"but for too few people, fewer than min_people \(3\)"
BLINDED = {"mode": "blinded", "attribution_window_days": 10, "shared_identifier": "email"}


@pytest.fixture(params=["keyed", "blinded"])
def room(tmp_path: Path, request: pytest.FixtureRequest) -> Room:
    made = Room(tmp_path)
    join = {**BLINDED, "mode": request.param}
    made.agree(policy={"min_people": MIN_PEOPLE}, join=join)
    return made


def state(room: Room) -> dict[str, bytes]:
    """Every file of the room, by its path."""
    files = sorted(path for path in room.directory.rglob("*") if path.is_file())
    return {str(path.relative_to(room.directory)): path.read_bytes() for path in files}


def clicks(people: range, handover: str = "") -> str:
    """A log of a click of each; In each `handover` CIDs have other tokens, as in a blinded join."""
    lines = [f"02T10:00 click user{n} cid{n}{handover} 50" for n in people]
    return "\n".join(["time kind user cid cost", *lines])


def accepted(room: Room, touches: str, users: dict[str, str] | None = None) -> None:
    people = [{"user": user, "email": email} for user, email in (users or {}).items()]
    logs = {"touches": room.rows(touches), "users": people}
    accept(room.directory, room.hand_over(ADS, room.frames(ADS, logs)), room.agreement)


def test_persons_who_brought_a_key_into_the_join_are_remembered(room: Room) -> None:
    accepted(room, clicks(range(5)) + "\n02T11:00 read other - -", {"user1": "mail1"})
    ring = open_keyring(room.directory)
    by_cid, by_email = (remembered(room.directory, ring, ADS, kind) for kind in (CID, EMAIL))
    for inputs, count in ((by_cid, 5), (by_email, 1)):
        assert [len(one.persons) for one in inputs] == [count]
    assert remembered(room.directory, ring, STORE, CID) == ()


@pytest.mark.parametrize("others", [range(6), range(7), range(1, 5), range(1, 6)])
def test_a_handover_that_differs_by_a_few_people_is_refused_and_leaves_no_trace(
    others: range, room: Room
) -> None:
    accepted(room, clicks(range(5)))
    before = state(room)
    with pytest.raises(HandoverError, match=TOO_FEW):
        accepted(room, clicks(others, "again"))
    assert state(room) == before


@pytest.mark.parametrize("others", [range(5), range(8), range(3, 7)])
def test_a_handover_of_the_same_or_of_enough_others_is_accepted(others: range, room: Room) -> None:
    accepted(room, clicks(range(5)))
    blinded = room.agreement.join.mode == "blinded"
    accepted(room, clicks(others, "again" if blinded else ""))


def test_an_earlier_handover_counts_as_the_last_does(room: Room) -> None:
    for people in (range(5), range(10)):
        accepted(room, clicks(people))
    with pytest.raises(HandoverError, match=TOO_FEW):
        accepted(room, clicks(range(6)))


def test_a_shared_identifier_is_a_join_of_its_own(room: Room) -> None:
    """One who still clicks, and whose address alone is left out, would not show among all."""
    addresses = {f"user{n}": f"mail{n}" for n in range(5)}
    accepted(room, clicks(range(5)), addresses)
    with pytest.raises(HandoverError, match=TOO_FEW):
        accepted(room, clicks(range(5)), {u: m for u, m in addresses.items() if u != "user0"})


def test_a_few_other_cids_of_the_same_people_are_refused_in_a_keyed_join(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.agree(policy={"min_people": MIN_PEOPLE})
    accepted(room, clicks(range(5)))
    with pytest.raises(HandoverError, match=TOO_FEW):
        accepted(room, clicks(range(5)).replace("cid0", "another"))


def test_the_stricter_of_both_platforms_policies_counts(tmp_path: Path) -> None:
    room = Room(tmp_path)
    terms = room.terms()
    terms["parties"]["ads"]["policy"] = {"min_people": 4}
    room.agree(parties=terms["parties"])
    accepted(room, clicks(range(5)))
    with pytest.raises(HandoverError, match=r"min_people \(50\)|min_people \(4\)"):
        accepted(room, clicks(range(8)))


def test_tokens_of_another_epoch_leave_no_trace(room: Room) -> None:
    room.vault(touches=clicks(range(5)))
    room.agree(epoch="autumn", policy={"min_people": MIN_PEOPLE})
    before = state(room)
    with pytest.raises(HandoverError, match="epoch 'spring', and this handover is of 'autumn'"):
        accepted(room, clicks(range(5)))
    assert state(room) == before


def test_what_was_cut_off_before_it_came_into_force_is_accepted_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    handover = room.hand_over(ADS, room.frames(ADS, {"touches": room.rows(clicks(range(5)))}))

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr("cleanroom.room.vault._put_in_force", cut_off)
        with pytest.raises(KeyboardInterrupt):
            accept(room.directory, handover, room.agreement)
    accept(room.directory, handover, room.agreement)
    accept(room.directory, room.hand_over(STORE, room.frames(STORE, {})), room.agreement)
    assert open_vault(room.directory, room.agreement).handovers.keys() == {"ads", "store"}
