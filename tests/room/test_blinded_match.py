"""The blinded join from end to end: its links are those of a plain join, whoever is killed when."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import polars as pl
import pytest

from cleanroom import ledger
from cleanroom.agreement import TokenHash
from cleanroom.errors import HandoverError, JoinError
from cleanroom.party import handover, join_input
from cleanroom.party.derive import handle_key, token_key
from cleanroom.party.match_state import is_finished
from cleanroom.party.tokens import hmac_sm3, token
from cleanroom.room import blinded, gathering
from cleanroom.room.blinded import folder_of, match_of
from cleanroom.room.derived import links
from cleanroom.room.engine import collect
from cleanroom.room.join_keys import with_join_key
from cleanroom.room.place import ledger_of
from cleanroom.stepwise import SILENT, run
from cleanroom.tables import IdentifierKind, Platform
from tests.blinding import ACTORS, ADS, CID, ROOM, STORE, Scene, scene
from tests.party.exports import TOUCHES

ACCOUNT, SM3 = IdentifierKind.ACCOUNT, TokenHash.HMAC_SM3
TOO_FEW = "Fewer join keys match than the agreement's minimum of 2"
CLICKED = [f"CANARY-{n}" for n in range(11)]
VISITED = [f"CANARY-{n}" for n in range(6, 14)]
COMMON = {(cid, cid) for cid in {*CLICKED} & {*VISITED}}


@pytest.fixture
def match(tmp_path: Path) -> Scene:
    return scene(tmp_path, CLICKED, VISITED)


def test_the_links_are_those_of_a_plain_join(match: Scene) -> None:
    match.play()
    assert match.links() == COMMON != set()


def test_handles_and_tokens_can_be_made_with_sm3(tmp_path: Path) -> None:
    """HMAC-SM3 from end to end: the same match, other handles, and no token of the other hash."""
    by_sm3 = scene(tmp_path / "sm3", CLICKED, VISITED, token_hash="hmac-sm3")
    by_sm3.play()
    assert by_sm3.links() == COMMON
    touches = by_sm3.handed_over(Platform.ADS, "touches")
    assert touches["cid"].str.contains("^[0-9a-f]{32}$").all()
    keys, nonce = by_sm3.keys(Platform.ADS), by_sm3.side(Platform.ADS).nonce
    key = handle_key(keys, CID, nonce)
    rows = pl.DataFrame({"cid": CLICKED})
    own = rows.select(hmac_sm3(pl.col("cid"), key).str.head(32))["cid"]
    assert set(own) == set(touches["cid"])
    user = pl.select(token(pl.lit(TOUCHES[1]["user"]), ACCOUNT, token_key(keys, ACCOUNT), SM3))
    assert set(touches["user"]) == {user.item()}


def test_an_identifier_that_stands_in_many_rows_is_one_point(tmp_path: Path) -> None:
    twice = scene(tmp_path, [*CLICKED, *CLICKED], [*VISITED, VISITED[0], " CANARY-8 "])
    twice.play()
    assert twice.ticket.points[CID] == {Platform.ADS: 11, Platform.STORE: 8}
    assert twice.links() == COMMON


@pytest.mark.parametrize(
    ("clicked", "visited"),
    [([""], ["a"]), (["a"], ["0"]), (["a"], ["b"]), (["a", "b"], ["b", "c"])],
)
def test_where_too_little_is_in_common_no_link_is_kept(
    clicked: list[str], visited: list[str], tmp_path: Path
) -> None:
    none = scene(tmp_path, clicked, visited)
    for _ in range(2):
        with pytest.raises(JoinError, match=TOO_FEW):
            none.play()
    for side in map(none.side, Platform):  # they have their receipt all the same
        assert is_finished(side.state, side.keys, none.ticket.match)
    assert [file.name for file in folder_of(none.vault).iterdir()] == ["sources.json"]
    with pytest.raises(JoinError, match=TOO_FEW):
        links(none.vault)


def test_a_shared_identifier_that_too_few_have_in_common_is_not_kept(tmp_path: Path) -> None:
    one = scene(tmp_path, CLICKED, VISITED, emails=["ann@example.org"])
    one.play()
    assert one.links() == COMMON
    with pytest.raises(JoinError, match="Fewer join keys match"):
        one.links(IdentifierKind.EMAIL)


def test_a_mailbox_can_be_any_address_that_fsspec_knows(tmp_path: Path) -> None:
    match = scene(tmp_path, CLICKED, VISITED, url=f"memory://{tmp_path.name}")
    match.play()
    assert match.links() == COMMON


@pytest.mark.parametrize("order", list(itertools.permutations(ACTORS)))
def test_the_three_may_start_in_any_order(order: tuple[str, ...], match: Scene) -> None:
    doing = {name: match.until_waiting(name) for name in order if name != ROOM or order[0] == ROOM}
    for steps in doing.values():
        steps.close()
    match.play(actors=order)
    assert match.links() == COMMON


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTORS)
def test_killed_after_any_of_its_steps_each_goes_on_to_the_same_links(
    name: str, tmp_path: Path
) -> None:
    for step in itertools.count(1):
        match = scene(tmp_path / str(step), CLICKED, VISITED)
        match.play(kill={name: step})
        assert match.links() == COMMON
        if not match.killed:
            break
    assert step > 5


@pytest.mark.slow
@pytest.mark.parametrize("steps", list(itertools.product([2, 4], repeat=3)))
def test_all_killed_in_one_match_go_on_to_the_same_links(
    steps: tuple[int, ...], match: Scene
) -> None:
    match.play(kill=dict(zip(ACTORS, steps, strict=True)))
    assert len(match.killed) == 3
    assert match.links() == COMMON


def test_a_finished_match_leaves_ticket_and_receipt_and_no_secret(match: Scene) -> None:
    match.play()
    left = [match.ticket.match[:16] + "/done.json", "match.json"]
    assert files(match.home / "mailbox") == left
    for party in (ADS, STORE):
        assert files(match.home / party / "state") == [f"red-cat-plan.{party}/matches"]


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_platform_that_has_finished_a_match_waits_for_another(match: Scene) -> None:
    match.play()
    with pytest.raises(JoinError, match="store has finished the one in the mailbox"):
        run(match.actor(STORE), 0, SILENT)


def test_a_finished_match_is_not_run_again(match: Scene) -> None:
    match.play()
    ticket, file = match.ticket, folder_of(match.vault) / f"{CID}.sealed"
    written = file.stat().st_mtime_ns
    match.play(actors=[ROOM])
    assert match.ticket == ticket
    assert file.stat().st_mtime_ns == written


def test_a_match_goes_into_the_ledger_once_and_without_counts(match: Scene) -> None:
    match.play(kill={ROOM: 9})
    match.play(actors=[ROOM])
    every = ledger.records(ledger_of(match.room))
    (event,) = (record for record in every if record["event"] == ledger.Event.MATCHED)
    assert event["facts"] == {"match": match.ticket.match, "handovers": match.vault.handovers}


def test_a_new_match_takes_the_place_of_one_that_was_finished(match: Scene) -> None:
    match.play()
    first = match.ticket.match
    room = match.actor(ROOM, anew=True)
    next(room)
    with pytest.raises(HandoverError, match="no blinded match for these handovers yet"):
        match_of(match.vault)
    match.play()
    assert match.ticket.match != first
    assert match.links() == COMMON


def test_a_room_killed_as_it_opens_another_match_opens_it_the_next_time(
    match: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    match.play()
    first = match.ticket.match
    monkeypatch.setattr(blinded, "new_ticket", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(match.actor(ROOM, anew=True))
    monkeypatch.undo()
    match.play()
    assert match.ticket.match != first
    assert match.links() == COMMON


def test_a_room_killed_as_it_gives_its_links_up_has_none(
    match: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    match.play()
    first = match.ticket.match
    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(match.actor(ROOM, anew=True))
    monkeypatch.undo()
    match.play()
    assert match.ticket.match != first
    assert match.links() == COMMON


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_ticket_that_was_deleted_is_laid_there_again(match: Scene) -> None:
    next(match.actor(ROOM))
    opened = match.ticket
    match.until_waiting(ADS)
    (match.home / "mailbox" / "match.json").unlink()
    match.play()
    assert match.ticket == opened
    assert match.links() == COMMON


def test_a_new_handover_needs_a_new_match(match: Scene) -> None:
    match.play()
    match.hand_over(Platform.ADS)
    with pytest.raises(HandoverError, match="no blinded match for these handovers yet"):
        match_of(match.vault)
    match.play()
    assert match.links() == COMMON


def test_who_takes_part_in_a_match_that_was_given_up_is_told_so(match: Scene) -> None:
    next(match.actor(ROOM))
    ads = match.until_waiting(ADS)
    next(match.actor(ROOM, anew=True))
    with pytest.raises(JoinError, match="opened another match in the meantime"):
        next(ads)
    match.play()
    assert match.links() == COMMON


def test_many_points_are_joined_in_encrypted_buckets_on_disk(
    match: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "AT_ONCE", 2)
    monkeypatch.setattr(gathering, "_HELD_BACK", 3)
    handles = [bytes.fromhex(h) for party in Platform for h in match.identifiers(party)]
    written: list[bytes] = []
    joined = gathering.Gathering.links

    def looked_at(self: gathering.Gathering) -> object:
        written.extend(p.read_bytes() for p in match.room.rglob("spill-*/*"))
        return joined(self)

    monkeypatch.setattr(gathering.Gathering, "links", looked_at)
    match.play()
    assert match.links() == COMMON
    assert len(written) > 5
    assert not any(handle in content for handle in handles for content in written)
    assert list(match.room.rglob("spill-*")) == []


def test_what_a_killed_room_left_on_disk_is_removed(match: Scene) -> None:
    left = match.room / "spill-left"
    left.mkdir()
    (left / "ads-0").write_bytes(b"half")
    match.play()
    assert not left.exists()


def test_links_rest_encrypted_and_closed_to_others(match: Scene) -> None:
    match.play()
    handles = [handle.encode() for party in Platform for handle in match.identifiers(party)]
    folder = folder_of(match.vault)
    assert folder.stat().st_mode & 0o077 == 0
    for file in folder.iterdir():
        content = file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
        assert not any(h in content or bytes.fromhex(h.decode()) in content for h in handles)


def test_links_go_with_a_handover_that_is_replaced(match: Scene) -> None:
    match.play()
    folder = folder_of(match.vault)
    match.hand_over(Platform.STORE)
    assert not folder.exists()


def test_a_match_of_handovers_that_are_gone_meanwhile_is_not_kept(match: Scene) -> None:
    room = match.actor(ROOM)
    next(room)
    for name in (ADS, STORE, ADS):
        match.until_waiting(name)
    match.hand_over(Platform.STORE)
    with pytest.raises(HandoverError, match="A newer handover came in meanwhile"):
        run(room, 0, SILENT)
    assert list((match.room / "matches").glob("*")) == []


def test_what_the_match_does_not_link_is_not_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A dishonest store hands over a handle that it saw in the ads platform's messages.
    match = scene(tmp_path, ["a", "b", "c", "d"], ["other", "c", "d"])
    match.play()
    by_identifier = {name: handle for handle, name in match.identifiers(Platform.ADS).items()}
    seen, honest = by_identifier["a"], join_input.handle
    monkeypatch.setattr(
        handover,
        "handle",
        lambda identifier, key: (
            pl.when(identifier == "other").then(pl.lit(seen)).otherwise(honest(identifier, key))
        ),
    )
    match.hand_over(Platform.STORE)
    monkeypatch.undo()
    match.play()
    vault = match.vault
    clicks, visits = (
        {*collect(with_join_key(vault, table, "cid").select("cid"), table)["cid"].to_list()}
        for table in ("touches", "visits")
    )
    assert seen in clicks
    assert clicks & visits == {by_identifier["c"], by_identifier["d"]}
