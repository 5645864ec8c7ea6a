"""What each party of a blinded join can see, alone and with another, and what none can do with it.

The parties here keep everything: every message they can open, and every secret of theirs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from cleanroom.errors import JoinError
from cleanroom.message import Step
from cleanroom.party.curve import domain, hashed, multiplied
from cleanroom.party.derive import handle_key, join_key, token_key
from cleanroom.party.match_state import new_state, read_state
from cleanroom.party.tokens import hmac_sha256
from cleanroom.room.blinded import links_path
from cleanroom.streams import Chunk
from cleanroom.tables import Platform
from tests.blinding import ADS, CID, OTHER, ROOM, STORE, Scene, scene

CLICKED = [f"CANARY-{n}" for n in range(9)]
VISITED = [f"CANARY-{n}" for n in range(5, 12)]
GUESSED = "CANARY-2"  # an id of the ads platform's that the store never saw


@pytest.fixture
def match(tmp_path: Path) -> Scene:
    """A match in which every message has been sent, and the room has not yet joined."""
    return under_way(scene(tmp_path, CLICKED, VISITED))


def under_way(match: Scene) -> Scene:
    next(match.actor(ROOM))
    for name in (ADS, STORE, ADS):
        match.until_waiting(name)
    return match


def points(chunks: list[Chunk]) -> set[bytes]:
    joined = b"".join(chunk.points for chunk in chunks)
    return {joined[i : i + 32] for i in range(0, len(joined), 32)}


def secret(match: Scene, party: str) -> bytes:
    """A platform's secret while the match runs."""
    keys = match.keys(Platform(party))
    state = read_state(match.home / party / "state", keys, match.ticket.match)
    assert state is not None
    return state.secrets[CID]


def point_of(match: Scene, identifier: str) -> bytes:
    """The point of an identifier, which anybody can compute."""
    ticket = match.ticket
    tag = domain(ticket.collaboration, ticket.epoch, CID, ticket.match)
    return hashed([identifier.encode()], tag)


def powers(found: set[bytes], scalar: bytes, most: int) -> set[bytes]:
    """The points, and the points multiplied by the secret up to so many times."""
    reached = found
    for _ in range(most):
        found = {multiplied(point, scalar) for point in found}
        reached = reached | found
    return reached


def test_the_room_and_one_platform_cannot_test_a_guess(match: Scene) -> None:
    held = points(match.received(Step.BLINDED, ADS, STORE))
    held |= points(match.received(Step.DOUBLED, STORE, ROOM))
    held |= points(match.received(Step.DOUBLED, ADS, ROOM))
    own, guess = secret(match, STORE), point_of(match, GUESSED)
    assert powers({guess}, own, 3) & powers(held, own, 2) == set()
    # It is there to be found: with the other platform's secret they would.
    assert multiplied(multiplied(guess, secret(match, ADS)), own) in held


def test_a_handle_cannot_be_computed_by_another_party(match: Scene) -> None:
    identifiers, nonce = match.identifiers(Platform.ADS), match.side(Platform.ADS).nonce
    (found,) = (handle for handle, cid in identifiers.items() if cid == GUESSED)
    store, frame = match.keys(Platform.STORE), pl.DataFrame({"cid": [GUESSED]})
    keys = [handle_key(store, CID, nonce), join_key(store, CID), token_key(store, CID)]
    guesses = {frame.select(hmac_sha256(pl.col("cid"), key)).item()[:32] for key in keys}
    own = frame.select(hmac_sha256(pl.col("cid"), handle_key(match.keys(Platform.ADS), CID, nonce)))
    assert found == own.item()[:32]
    assert found not in guesses


def test_the_room_sees_no_identifier_and_no_point_of_one(match: Scene) -> None:
    match.play()
    seen = b"".join(path.read_bytes() for path in match.room.rglob("*") if path.is_file())
    assert b"CANARY" not in seen
    doubled = under_way(again(match)).received(Step.DOUBLED, STORE, ROOM)
    assert {point_of(match, cid) for cid in CLICKED} & points(doubled) == set()


def again(match: Scene) -> Scene:
    next(match.actor(ROOM, anew=True))
    return match


@pytest.mark.parametrize("party", [ADS, STORE])
def test_a_platform_cannot_open_what_the_other_doubled(party: str, match: Scene) -> None:
    inbox = match.inbox(Step.DOUBLED, OTHER[party], party)
    for_room = match.stream(Step.DOUBLED, OTHER[party], ROOM)
    match.mailbox.write(inbox.stream.name(0), match.mailbox.read(for_room.name(0), 1 << 20) or b"")
    with pytest.raises(JoinError, match="stands in the place of another message"):
        next(inbox.chunks())
    own_key = match.keys(Platform(party)).transport
    with pytest.raises(JoinError, match="is not sealed to the room"):
        next(replace(match.inbox(Step.DOUBLED, OTHER[party], ROOM), transport=own_key).chunks())


@pytest.mark.parametrize("party", [ADS, STORE])
def test_nothing_a_platform_gets_equals_anything_it_can_compute(party: str, match: Scene) -> None:
    own_ids = CLICKED if party == ADS else VISITED
    got, scalar = points(match.received(Step.BLINDED, OTHER[party], party)), secret(match, party)
    own = {point_of(match, cid) for cid in own_ids}
    assert powers(own, scalar, 3) & powers(got, scalar, 2) == set()


def test_what_a_platform_sees_is_of_the_same_form_whatever_matched(tmp_path: Path) -> None:
    all_of_them = CLICKED[: len(VISITED)]
    none, every = (
        under_way(scene(tmp_path / name, all_of_them, visited))
        for name, visited in (("none", [f"other-{n}" for n in range(7)]), ("all", all_of_them))
    )
    assert sizes(none) == sizes(every)
    for match in (none, every):
        match.play()
    assert (none.links(), len(every.links())) == (set(), 7)
    assert sizes(none) == sizes(every)


def sizes(match: Scene) -> list[tuple[str, int]]:
    """The files in the mailbox, without the match's name, and their lengths."""
    root = match.home / "mailbox"
    found = [path for path in root.rglob("*") if path.is_file()]
    name = match.ticket.match[:16]
    return sorted((str(p.relative_to(root)).replace(name, ""), p.stat().st_size) for p in found)


def test_padding_hides_how_many_identifiers_there_are(tmp_path: Path) -> None:
    seen = {}
    for count in (1, 5, 8):
        match = scene(tmp_path / str(count), CLICKED[:count], VISITED, pad_to=8)
        seen[count] = sizes(under_way(match))
        assert match.ticket.points[CID] == {Platform.ADS: 8, Platform.STORE: 8}
        (*handles,) = (c.handles for c in match.received(Step.BLINDED, ADS, STORE))
        assert sum(map(len, handles)) == 8 * 16
        match.play()
        assert {ads for ads, _ in match.links()} == {*CLICKED[:count]} & {*VISITED}
    assert seen[1] == seen[5] == seen[8]


def test_dummies_cannot_be_told_by_comparing_two_matches_of_a_handover(tmp_path: Path) -> None:
    match = under_way(scene(tmp_path, CLICKED[:5], VISITED, pad_to=8))
    first = match.received(Step.BLINDED, ADS, STORE)
    match.hand_over(Platform.STORE)  # so that the room opens another match
    second = under_way(match).received(Step.BLINDED, ADS, STORE)
    assert len(handles(first)) == 8
    assert handles(first) == handles(second)
    assert points(first) & points(second) == set()


def test_each_match_and_each_handover_is_blinded_afresh(match: Scene) -> None:
    first = match.received(Step.BLINDED, ADS, STORE)
    second = under_way(again(match)).received(Step.BLINDED, ADS, STORE)
    assert points(first) & points(second) == set()
    assert [c.handles for c in first] == [c.handles for c in second]
    match.hand_over(Platform.ADS)
    third = under_way(match).received(Step.BLINDED, ADS, STORE)
    assert handles(third) & handles(first) == set()
    assert points(third) & points(first) == set()


def handles(chunks: list[Chunk]) -> set[bytes]:
    joined = b"".join(chunk.handles for chunk in chunks)
    return {joined[i : i + 16] for i in range(0, len(joined), 16)}


def test_records_travel_in_the_order_of_their_handles(tmp_path: Path) -> None:
    match = under_way(scene(tmp_path, CLICKED, VISITED, chunk=100))
    (chunk,) = match.received(Step.BLINDED, ADS, STORE)
    found = [chunk.handles[i : i + 16].hex() for i in range(0, 16 * 9, 16)]
    identifiers = [match.identifiers(Platform.ADS)[handle] for handle in found]
    assert found == sorted(found)
    assert sorted(identifiers) == CLICKED


def test_a_finished_match_cannot_be_taken_up_even_with_a_platform_s_keys(match: Scene) -> None:
    kept = points(match.received(Step.BLINDED, ADS, STORE))
    kept |= points(match.received(Step.DOUBLED, STORE, ROOM))
    used = secret(match, ADS)
    match.play()
    left = b"".join(p.read_bytes() for p in match.home.rglob("*") if p.is_file())
    assert used not in left
    assert used.hex().encode() not in left
    keys, folder, name = match.keys(Platform.ADS), match.home / ADS / "state", match.ticket.match
    assert read_state(folder, keys, name) is None
    made_anew = new_state(folder, keys, name, [CID], 3).secrets[CID]
    guess = point_of(match, GUESSED)
    assert powers({guess}, made_anew, 2) & kept == set()


def test_the_secret_of_a_match_rests_encrypted_and_closed_to_others(match: Scene) -> None:
    (state,) = (match.home / ADS / "state").rglob("*.json")
    assert state.stat().st_mode & 0o077 == 0
    assert state.parent.stat().st_mode & 0o077 == 0
    assert secret(match, ADS).hex().encode() not in state.read_bytes()


def test_a_platform_that_reads_the_room_learns_which_of_its_own_identifiers_matched(
    match: Scene,
) -> None:
    # The limit of what blinding does: handles are known to who made them.
    match.play()
    vault = match.vault
    linked = pl.read_parquet(links_path(vault, CID))["ads"].to_list()
    own = match.identifiers(Platform.ADS)
    assert {own[handle] for handle in linked} == {*CLICKED} & {*VISITED}
