"""The register: a person has one number, for good; what is at rest is encrypted and whole."""

from __future__ import annotations

import multiprocessing
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.agreement import Agreement, load
from cleanroom.errors import HandoverError, SealError
from cleanroom.keyring import Keyring, open_keyring
from cleanroom.room import register
from cleanroom.room.folders import locked
from cleanroom.room.register import UNKNOWN, Register, extended, rotated
from cleanroom.room.retention import expire
from cleanroom.room.state import read_state, write_state
from cleanroom.room.vault import accept
from cleanroom.tables import Platform
from tests.room.event_log import Room

ADS, STORE = Platform.ADS, Platform.STORE


@pytest.fixture
def ring(room: Room) -> Keyring:
    return open_keyring(room.directory)


def numbered(room: Room, words: Sequence[str | None], party: Platform = ADS) -> dict[str, int]:
    """Numbers by word; None is a person without a token."""
    tokens = [None if word is None else room.token(word) for word in words]
    found = number(room.directory, room.agreement, party, tokens)
    return {room.words[token]: number for token, number in found.iter_rows()}


def number(
    directory: Path, agreement: Agreement, party: Platform, tokens: list[str | None]
) -> pl.DataFrame:
    """Number the persons of a handover, as `admission` does."""
    ring = open_keyring(directory)
    frame = pl.LazyFrame({"person": tokens}, schema={"person": pl.String})
    with locked(directory):
        before = register.of(directory, ring, agreement, party)
        found = register.distinct([frame])
        after = register.named(before, agreement, found)
        if after.following != before.following:
            register.write(directory, ring, after)
    return register.numbers(after, found)


def test_numbers_begin_at_0_and_are_given_once_each(room: Room) -> None:
    first = numbered(room, ["ann", "bob", "ann", None])
    assert sorted(first.values()) == [0, 1]
    second = numbered(room, ["bob", "cyd"])
    assert second == {"bob": first["bob"], "cyd": 2}
    assert numbered(room, ["ann", "bob", "cyd"]) == first | second


def test_each_party_has_numbers_of_its_own(room: Room) -> None:
    assert numbered(room, ["ann"], ADS) == numbered(room, ["ann"], STORE) == {"ann": 0}


def test_the_order_of_rows_does_not_show_in_the_numbers(room: Room, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Room(tmp_path / "other")
    words = ["ann", "bob", "cyd", "dee", "eve"]
    assert numbered(room, words) == numbered(other, words[::-1])


def test_whoever_hands_over_has_their_persons_numbered(room: Room, ring: Keyring) -> None:
    room.vault(
        touches="time kind user cid cost\n02T10:00 click ann c1 50\n02T11:00 click - c2 50",
        assignments=[{"user": "bob"}],
        visits="time kind buyer cid amount order\n02T12:00 visit zoe c1 - -",
    )
    for party, persons in ((ADS, {"ann", "bob"}), (STORE, {"zoe"})):
        found = register.read(room.directory, ring, party)
        assert found is not None
        assert {room.words[token.hex()] for token in found.persons["token"]} == persons
        assert found.epoch == "spring"


def test_the_register_at_rest_shows_no_token_and_only_its_owner_can_read_it(room: Room) -> None:
    numbered(room, ["ann", "bob"])
    file = room.directory / "register" / "ads.persons"
    written = file.read_bytes()
    for token in room.words:
        assert token.encode() not in written
        assert bytes.fromhex(token) not in written
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_accepting_the_same_again_writes_nothing_into_the_register(room: Room) -> None:
    ads = room.hand_over(ADS, room.frames(ADS, {"assignments": [{"user": "ann"}]}))
    accept(room.directory, ads, room.agreement)
    files = {file: file.read_bytes() for file in (room.directory / "register").iterdir()}
    accept(room.directory, ads, room.agreement)
    assert {file: file.read_bytes() for file in (room.directory / "register").iterdir()} == files


def test_two_states_share_no_encryption(room: Room, ring: Keyring) -> None:
    """Under one key and nonce, two encryptions of like content would show their difference."""
    file = room.directory / "register" / "x"
    written = []
    for _ in range(2):
        write_state(file, ring, {}, b"\0" * 64)
        written.append(file.read_bytes())
    assert written[0][:32] != written[1][:32]  # the salt
    assert not {written[0][n : n + 8] for n in range(32, len(written[0]) - 8)} & {
        written[1][n : n + 8] for n in range(32, len(written[1]) - 8)
    }


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    "change",
    [
        flipped,
        lambda content: content[:-5],
        lambda content: b"{}\n",
        lambda content: b"",
    ],
)
def test_a_register_that_is_not_as_it_was_is_refused(
    change: Callable[[bytes], bytes], room: Room, ring: Keyring
) -> None:
    numbered(room, ["ann", "bob"])
    file = room.directory / "register" / "ads.persons"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(SealError, match="does not open"):
        register.read(room.directory, ring, ADS)


def test_one_party_s_register_does_not_pass_as_the_other_s(room: Room, ring: Keyring) -> None:
    numbered(room, ["ann"], ADS)
    folder = room.directory / "register"
    (folder / "ads.persons").rename(folder / "store.persons")
    with pytest.raises(SealError, match="altered, cut or moved"):
        register.read(room.directory, ring, STORE)


def test_another_room_s_register_does_not_open(room: Room, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Room(tmp_path / "other")
    numbered(room, ["ann"])
    (other.directory / "register").mkdir()
    file = Path("register") / "ads.persons"
    (other.directory / file).write_bytes((room.directory / file).read_bytes())
    with pytest.raises(SealError, match="does not open"):
        numbered(other, ["ann"])


def test_a_write_that_is_cut_off_leaves_the_register_as_it_was(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = numbered(room, ["ann"])

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(Path, "replace", cut_off)
        with pytest.raises(KeyboardInterrupt):
            numbered(room, ["ann", "bob"])
    assert numbered(room, ["ann"]) == before
    assert numbered(room, ["ann", "bob"]) == before | {"bob": 1}
    assert {f.name for f in (room.directory / "register").iterdir()} == {"ads.persons"}


def test_two_processes_at_once_give_no_number_twice(room: Room, ring: Keyring) -> None:
    words = [[room.token(f"{who}{n}") for n in range(200)] for who in ("a", "b", "c")]
    context = multiprocessing.get_context("spawn")
    started = [
        context.Process(target=number, args=(room.directory, room.agreement, ADS, tokens))
        for tokens in words
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
        assert process.exitcode == 0
    found = register.read(room.directory, ring, ADS)
    assert found is not None
    assert sorted(found.persons["number"]) == list(range(600))


def test_what_is_no_token_gets_no_number_and_is_not_shown(room: Room) -> None:
    raw = pl.LazyFrame({"person": ["13800138000", room.token("ann")]})
    with pytest.raises(HandoverError, match="1 values are no tokens") as refusal:
        register.distinct([raw])
    assert "13800138000" not in str(refusal.value)


def test_tokens_of_another_epoch_are_not_numbered(room: Room) -> None:
    numbered(room, ["ann"])
    room.agree(epoch="autumn")
    words = "of the epoch 'spring', and this handover is of 'autumn'"
    with pytest.raises(HandoverError, match=words):
        numbered(room, ["ann"])


def test_tokens_of_keys_that_were_changed_within_the_epoch_are_not_numbered(room: Room) -> None:
    numbered(room, ["ann"])
    room.keys[ADS] = Ed25519PrivateKey.generate()
    room.agree()
    words = "ads platform's keys were changed within the epoch 'spring'"
    with pytest.raises(HandoverError, match=words):
        numbered(room, ["ann"])


def test_there_are_numbers_for_all_but_the_one_of_the_unknown(room: Room, ring: Keyring) -> None:
    known = replace(register.of(room.directory, ring, room.agreement, ADS), following=UNKNOWN - 1)
    last = extended(known, pl.Series([b"a" * 32]))
    assert last.persons["number"].to_list() == [UNKNOWN - 1]
    with pytest.raises(HandoverError, match="more than can be numbered"):
        extended(last, pl.Series([b"b" * 32]))


# The register against a model of it: a mapping of names to numbers, over epochs

NAMES = st.integers(0, 12)
STEPS = st.lists(st.tuples(st.booleans(), st.lists(NAMES, unique=True)), min_size=1, max_size=8)


AGREED = load(Path(__file__).parents[2] / "configs" / "red-cat-plan.yaml")


def in_epoch(name: int, epoch: int) -> bytes:
    return bytes([epoch, name]).ljust(32, b"t")


@given(STEPS)
def test_a_number_is_given_once_whatever_is_handed_over_and_rotated(
    steps: list[tuple[bool, list[int]]],
) -> None:
    persons = pl.DataFrame(schema={"token": pl.Binary, "number": pl.UInt32})
    known = Register(ADS, ("0",), "", "", "", 0, persons)
    model: dict[int, int] = {}
    given_before: set[int] = set()
    epoch = 0
    for rotates, names in steps:
        if rotates:
            pairs = pl.DataFrame(
                {
                    "old": [in_epoch(name, epoch) for name in names],
                    "new": [in_epoch(name, epoch + 1) for name in names],
                },
                schema={"old": pl.Binary, "new": pl.Binary},
            )
            epoch += 1
            known = rotated(known, pairs, AGREED, "digest")
            model = {name: number for name, number in model.items() if name in names}
        else:
            known = extended(known, pl.Series([in_epoch(n, epoch) for n in names], dtype=pl.Binary))
            found = dict(known.persons.iter_rows())
            new = {name: found[in_epoch(name, epoch)] for name in names if name not in model}
            assert not set(new.values()) & given_before
            given_before |= set(new.values())
            model |= new
        assert dict(known.persons.iter_rows()) == {
            in_epoch(name, epoch): number for name, number in model.items()
        }
        assert given_before == set(range(known.following))


def test_a_state_says_what_it_is_about_and_holds_what_was_written(
    room: Room, ring: Keyring
) -> None:
    file = room.directory / "register" / "x"
    for content in (b"", b"one\ntwo", bytes(3_000_000)):
        write_state(file, ring, {"what": "x"}, content)
        assert read_state(file, ring) == ({"what": "x"}, content)


def test_what_a_killed_process_left_is_removed_by_the_next(room: Room, ring: Keyring) -> None:
    left = room.directory / "register" / "partial-x" / "x"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    write_state(room.directory / "register" / "x", ring, {}, b"whole")
    assert [file.name for file in (room.directory / "register").iterdir()] == ["x"]


def test_retention_leaves_the_register_alone(room: Room) -> None:
    room.vault(touches="time kind user cid cost\n02T10:00 click ann c1 50")
    files = {file: file.read_bytes() for file in (room.directory / "register").iterdir()}
    assert len(files) > 2
    expire(room.directory, datetime.now(UTC) + timedelta(days=400))
    assert {file: file.read_bytes() for file in (room.directory / "register").iterdir()} == files
