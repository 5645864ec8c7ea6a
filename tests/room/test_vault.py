"""What the vault takes in, and every handover that it refuses; a refusal never quotes a value."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanroom import ledger, sealing, signing
from cleanroom.agreement import parse
from cleanroom.errors import AgreementError, HandoverError, KeysError, StudyError
from cleanroom.keyring import Keyring, open_keyring
from cleanroom.room.eligibility import eligibility
from cleanroom.room.lift import lift_tables
from cleanroom.room.vault import accept, create_room, open_vault, room_key, table_path
from cleanroom.study import LiftStudy
from cleanroom.tables import Platform
from tests.room.event_log import FEW, MERCHANTS, YESTERDAY, Room

TOUCHES = """
time     kind  user cid cost
02T10:00 click ann  c1  50
02T11:00 click bob  c2  50
"""
FEWEST = FEW["min_matches"]  # rows that `Room.vault` adds
PHONE = "13800138000"
DAY = date(2026, 3, 10)
NEXT_WEEK = (YESTERDAY + timedelta(days=8)).isoformat()
CHANGED = ".sealed was changed after the manifest was signed, or is another's"
ALTERED = "'touches' does not open: it was altered or cut, or belongs to another"
KEY = "A sealed key does not open"


def ads_frames(room: Room) -> dict[str, pl.DataFrame]:
    return room.frames(Platform.ADS, {"touches": room.rows(TOUCHES)})


def ads_handover(room: Room) -> Path:
    return room.hand_over(Platform.ADS, ads_frames(room))


def store_handover(room: Room) -> Path:
    return room.hand_over(Platform.STORE, room.frames(Platform.STORE, {"merchants": MERCHANTS}))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def files(room: Room) -> dict[Path, bytes]:
    """All of the room's files with what is in them."""
    return {path: path.read_bytes() for path in room.directory.rglob("*") if path.is_file()}


# Creating


def test_a_room_and_its_key_are_its_owner_s_alone(room: Room) -> None:
    assert mode(room.directory) == 0o700
    assert mode(room.directory / "keys.json") == 0o600


def test_a_room_that_is_there_keeps_its_key(room: Room) -> None:
    assert create_room(room.directory, "test")["identity_key"] == room.public_key


def test_a_room_serves_one_collaboration(room: Room) -> None:
    with pytest.raises(AgreementError, match="not that of the collaboration 'other'"):
        create_room(room.directory, "other")
    room.agree(collaboration="other")
    with pytest.raises(AgreementError, match="not that of the collaboration 'other'"):
        accept(room.directory, ads_handover(room), room.agreement)


def test_the_room_signs_with_the_key_it_was_created_with(room: Room) -> None:
    signature = signing.sign(room_key(room.vault()), "candidate", {})
    assert signing.verifies(room.public_key, signature, "candidate", {})


def test_a_key_that_others_can_read_is_not_used(room: Room) -> None:
    room.vault()
    (room.directory / "keys.json").chmod(0o644)
    with pytest.raises(KeysError):
        open_vault(room.directory, room.agreement)
    with pytest.raises(KeysError):
        accept(room.directory, ads_handover(room), room.agreement)


def test_the_room_s_keys_are_opened_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[None] = []

    def counted(*words: Any, **wanted: Any) -> Keyring:
        times.append(None)
        return open_keyring(*words, **wanted)

    monkeypatch.setattr("cleanroom.room.vault.open_keyring", counted)
    vault = room.vault(touches=TOUCHES)
    times.clear()
    vault = open_vault(room.directory, room.agreement)
    assert signing.public_of(room_key(vault)) == room.public_key
    assert pl.read_parquet(table_path(vault, "touches")).height == 2 + FEWEST
    assert pl.read_parquet(table_path(vault, "users")).height == FEWEST
    assert len(times) == 1


def test_a_directory_that_is_no_room_is_said_to_be_none(room: Room, tmp_path: Path) -> None:
    with pytest.raises(AgreementError, match="no room"):
        open_vault(tmp_path / "elsewhere", room.agreement)


# Accepting


def test_an_accepted_handover_is_described_in_numbers(room: Room) -> None:
    handover = ads_handover(room)
    taken = accept(room.directory, handover, room.agreement)
    assert taken.party is Platform.ADS
    assert taken.digest == signing.digest(json.loads((handover / "manifest.json").read_bytes()))
    assert taken.rows == {"touches": 2, "assignments": 0, "users": 0}
    assert taken.quarantined["touches"] == {"bad_time": 2}


def test_only_the_room_s_owner_can_read_the_vault(room: Room) -> None:
    vault = room.vault()
    folders = {room.directory / "vault", *(path.parent for path in vault.paths.values())}
    assert {mode(folder) for folder in folders} == {0o700}
    assert {mode(path) for path in vault.paths.values()} == {0o600}


def test_the_vault_has_a_copy_of_its_own(room: Room) -> None:
    handover = ads_handover(room)
    accept(room.directory, handover, room.agreement)
    accept(room.directory, store_handover(room), room.agreement)
    (handover / "touches.sealed").write_bytes(b"gone")
    vault = open_vault(room.directory, room.agreement)
    assert pl.read_parquet(table_path(vault, "touches")).height == 2


def test_accepting_again_changes_nothing(room: Room) -> None:
    handover = ads_handover(room)
    first = accept(room.directory, handover, room.agreement)
    before = {path: path.stat().st_mtime_ns for path in room.directory.rglob("*")}
    assert accept(room.directory, handover, room.agreement) == first
    assert {path: path.stat().st_mtime_ns for path in room.directory.rglob("*")} == before


def test_a_handover_in_force_that_was_lost_can_be_accepted_again(room: Room) -> None:
    handover = ads_handover(room)
    first = accept(room.directory, handover, room.agreement)
    known = (room.directory / "vault" / "ads.json").read_bytes()
    shutil.rmtree(room.directory / "vault" / first.digest)
    assert accept(room.directory, handover, room.agreement) == first
    assert (room.directory / "vault" / first.digest / "touches.sealed").exists()
    assert (room.directory / "vault" / "ads.json").read_bytes() == known  # no longer retention


def test_what_was_accepted_is_in_the_ledger(room: Room) -> None:
    taken = accept(room.directory, ads_handover(room), room.agreement)
    (record,) = ledger.records(room.directory / "ledger.jsonl")
    assert record["event"] == "handover_accepted"
    assert record["facts"] == {"party": "ads", "handover": taken.digest, "rows": taken.rows}


def test_the_handover_accepted_last_is_in_force(room: Room) -> None:
    older = room.vault(touches=TOUCHES)
    newer = room.vault(touches=TOUCHES + "03T10:00 click cyd c3 50\n03T11:00 click dee c4 50")
    assert pl.read_parquet(table_path(newer, "touches")).height == 4 + FEWEST
    assert newer.handovers["ads"] != older.handovers["ads"]
    assert open_vault(room.directory, room.agreement).handovers == newer.handovers


def test_both_handovers_are_needed(room: Room) -> None:
    accept(room.directory, ads_handover(room), room.agreement)
    with pytest.raises(HandoverError, match="no handover of the store platform"):
        open_vault(room.directory, room.agreement)


def test_handovers_under_another_agreement_are_not_opened(room: Room) -> None:
    room.vault()
    room.agree(version=2)
    with pytest.raises(HandoverError, match="another agreement"):
        open_vault(room.directory, room.agreement)


def test_a_vault_shows_counts_and_has_no_verbs(room: Room) -> None:
    vault = room.vault(touches=TOUCHES)
    assert repr(vault) == "Vault(2 handovers, 6 tables)"
    public = {name for name in dir(vault) if not name.startswith("_")}
    assert public == {"room", "agreement", "paths", "handovers"}


def test_a_study_of_a_table_that_is_not_opened_is_refused(room: Room) -> None:
    opens = {t: c for t, c in room.terms()["opens"].items() if t != "assignments"}
    room.agree(opens=opens)
    study = LiftStudy(merchant="m", start=DAY, end=DAY, study="s")
    with pytest.raises(StudyError, match="'assignments', which the agreement does not open"):
        lift_tables(room.vault(), [study])


# Refusing: each case tampers with one thing and names what the refusal must say


def rewrite(room: Room, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Path:
    """A handover, rightly signed, whose touches were changed before."""
    frames = ads_frames(room)
    return room.hand_over(Platform.ADS, frames | {"touches": change(frames["touches"])})


def missing_file(room: Room) -> Path:
    handover = ads_handover(room)
    (handover / "users.sealed").unlink()
    return handover


def flipped(content: bytes) -> bytes:
    return content[:40] + bytes([content[40] ^ 1]) + content[41:]


def damaged(change: Callable[[bytes], bytes], by_the_party: bool = False) -> Callable[[Room], Path]:
    """A handover whose touches were changed on the way; or by the party, which then signed that."""

    def tamper(room: Room) -> Path:
        handover = ads_handover(room)
        touches = handover / "touches.sealed"
        touches.write_bytes(change(touches.read_bytes()))
        return resigned(room, handover) if by_the_party else handover

    return tamper


def resigned(room: Room, handover: Path, **changes: Any) -> Path:
    """A handover signed by the ads platform for the files as they are now."""
    body = json.loads((handover / "manifest.json").read_bytes())["body"] | changes
    for facts in body["tables"].values():
        facts["sha256"] = signing.file_digest(handover / facts["file"])
    room.sign(Platform.ADS, body, handover)
    return handover


def of_three_chunks(room: Room, change: Callable[[bytes], bytes]) -> Path:
    """A handover, rightly signed, whose touches are three chunks of a long file, changed."""
    handover, data_key = ads_handover(room), sealing.new_data_key()
    for name, frame in ads_frames(room).items():
        frame.write_parquet(content := BytesIO())
        long = bytes(2 * sealing.CHUNK + 1) if name == "touches" else content.getvalue()
        room.seal(long, handover / f"{name}.sealed", data_key)
    body = json.loads((handover / "manifest.json").read_bytes())["body"]
    context = sealing.handover_context(body)
    touches = handover / "touches.sealed"
    touches.write_bytes(change(touches.read_bytes()))
    sealed_key = sealing.seal_key(data_key, room.transport_key, context)
    return resigned(room, handover, sealed_key=sealed_key)


def swapped_tables(room: Room, by_the_party: bool) -> Path:
    handover = ads_handover(room)
    (handover / "users.sealed").rename(handover / "between")
    (handover / "touches.sealed").rename(handover / "users.sealed")
    (handover / "between").rename(handover / "touches.sealed")
    return resigned(room, handover) if by_the_party else handover


def files_of_another(room: Room, by_the_party: bool) -> Path:
    handover, other = ads_handover(room), ads_handover(room)
    shutil.copyfile(other / "touches.sealed", handover / "touches.sealed")
    return resigned(room, handover) if by_the_party else handover


def manifest_of_another(room: Room) -> Path:
    handover, other = ads_handover(room), ads_handover(room)
    shutil.copyfile(other / "manifest.json", handover / "manifest.json")
    return handover


def key_of_another(room: Room, maker: Callable[[Room], Path]) -> Path:
    body = json.loads((maker(room) / "manifest.json").read_bytes())["body"]
    return resigned(room, ads_handover(room), sealed_key=body["sealed_key"])


def sealed_to_another_room(room: Room) -> Path:
    public = X25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    body = json.loads((ads_handover(room) / "manifest.json").read_bytes())["body"]
    key = sealing.seal_key(sealing.new_data_key(), public, sealing.handover_context(body))
    return room.hand_over(Platform.ADS, ads_frames(room), sealed_key=key)


def missing_manifest(room: Room) -> Path:
    handover = ads_handover(room)
    (handover / "manifest.json").unlink()
    return handover


def broken_manifest(room: Room) -> Path:
    handover = ads_handover(room)
    (handover / "manifest.json").write_bytes(b'{"body": {"party": "' + PHONE.encode())
    return handover


def endless_manifest(room: Room) -> Path:
    handover = ads_handover(room)
    with (handover / "manifest.json").open("ab") as manifest:
        manifest.write(b" " * (1 << 20))
    return handover


def capitals(room: Room) -> Path:
    """A handover whose signature is written in another way, which reads as the same bytes."""
    handover = ads_handover(room)
    manifest = json.loads((handover / "manifest.json").read_bytes())
    manifest["signature"] = manifest["signature"].upper()
    signing.write_canonical(handover / "manifest.json", manifest)
    return handover


def edited(room: Room, **changes: Any) -> Path:
    """A handover whose manifest was edited after it was signed."""
    handover = ads_handover(room)
    manifest = json.loads((handover / "manifest.json").read_bytes())
    manifest["body"] |= changes
    signing.write_canonical(handover / "manifest.json", manifest)
    return handover


def signed_by_the_other_platform(room: Room) -> Path:
    room.keys[Platform.ADS] = room.keys[Platform.STORE]
    return ads_handover(room)


def described(room: Room, **facts: Any) -> Path:
    """A handover whose manifest, rightly signed, says otherwise of touches."""
    handover = ads_handover(room)
    body = json.loads((handover / "manifest.json").read_bytes())["body"]
    body["tables"]["touches"] |= facts
    room.sign(Platform.ADS, body, handover)
    return handover


def no_parquet(room: Room) -> Path:
    return of_three_chunks(room, lambda content: content)


def surplus_table(room: Room) -> Path:
    frames = ads_frames(room)
    return room.hand_over(Platform.ADS, frames | {"orders": frames["users"]})


def missing_table(room: Room) -> Path:
    frames = ads_frames(room)
    frames.pop("users")
    return room.hand_over(Platform.ADS, frames)


def raw(column: str, identifier: str = PHONE) -> Callable[[Room], Path]:
    def tamper(room: Room) -> Path:
        value = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(identifier)).otherwise(column)
        return rewrite(room, lambda touches: touches.with_columns(value.alias(column)))

    return tamper


def cast(column: str, dtype: Any) -> Callable[[Room], Path]:
    return lambda room: rewrite(room, lambda t: t.with_columns(pl.col(column).cast(dtype)))


REFUSED: dict[str, tuple[Callable[[Room], Path], str]] = {
    "missing file": (missing_file, "users.sealed is missing"),
    "flipped bit": (damaged(flipped), CHANGED),
    "cut file": (damaged(lambda content: content[:-1]), CHANGED),
    "empty file": (damaged(lambda content: b""), CHANGED),
    "surplus bytes": (damaged(lambda content: content + b"!"), CHANGED),
    "swapped tables": (lambda room: swapped_tables(room, by_the_party=False), CHANGED),
    "files of another handover": (lambda room: files_of_another(room, False), CHANGED),
    "manifest of another handover": (manifest_of_another, CHANGED),
    "signed: flipped bit": (damaged(flipped, True), ALTERED),
    "signed: cut file": (damaged(lambda content: content[:-1], True), ALTERED),
    "signed: surplus bytes": (damaged(lambda content: content + b"!", True), ALTERED),
    "signed: cut at a chunk's end": (
        lambda room: of_three_chunks(room, lambda content: content[: sealing.CHUNK + 16]),
        ALTERED,
    ),
    "signed: a chunk less": (
        lambda room: of_three_chunks(room, lambda content: content[sealing.CHUNK + 16 :]),
        ALTERED,
    ),
    "signed: swapped tables": (lambda room: swapped_tables(room, by_the_party=True), ALTERED),
    "signed: files of another handover": (lambda room: files_of_another(room, True), ALTERED),
    "signed: key of another handover": (lambda room: key_of_another(room, ads_handover), KEY),
    "signed: key of the other party": (lambda room: key_of_another(room, store_handover), KEY),
    "sealed to another room": (sealed_to_another_room, KEY),
    "no sealed key": (
        lambda room: room.hand_over(Platform.ADS, ads_frames(room), sealed_key=""),
        "wrong at body.sealed_key",
    ),
    "another form of time": (
        lambda room: room.hand_over(Platform.ADS, ads_frames(room), created="2026-04-01"),
        "wrong at body.created",
    ),
    "made in the future": (
        lambda room: room.hand_over(Platform.ADS, ads_frames(room), created=NEXT_WEEK),
        "which is yet to come",
    ),
    "missing manifest": (missing_manifest, "no readable manifest.json"),
    "signature in capitals": (capitals, "manifest.json is wrong at signature"),
    "endless manifest": (endless_manifest, "manifest.json is larger than any manifest can be"),
    "broken manifest": (broken_manifest, "manifest.json is wrong at its syntax"),
    "unknown format": (lambda room: edited(room, format="x"), "wrong at body.format"),
    "unknown key": (lambda room: edited(room, note=PHONE), "wrong at body.…"),
    "edited manifest": (lambda room: edited(room, created=NEXT_WEEK), "not signed with the ads"),
    "other party": (lambda room: edited(room, party="store"), "not signed with the store"),
    "other signer": (signed_by_the_other_platform, "not signed with the ads"),
    "other agreement": (
        lambda room: room.hand_over(Platform.ADS, ads_frames(room), agreement="0" * 64),
        "made for another agreement",
    ),
    "other epoch": (
        lambda room: room.hand_over(Platform.ADS, ads_frames(room), epoch="autumn"),
        "made for another epoch",
    ),
    "other collaboration": (
        lambda room: room.hand_over(Platform.ADS, ads_frames(room), collaboration="x"),
        "made for another collaboration",
    ),
    "wrong rows": (
        lambda room: described(room, rows=7),
        "Table 'touches' has 2 rows, its manifest says 7",
    ),
    "file elsewhere": (
        lambda room: described(room, file="../../touches.sealed"),
        "'touches' is not in touches.sealed",
    ),
    "no Parquet": (no_parquet, "'touches' is not a readable Parquet file"),
    "surplus table": (surplus_table, "the manifest holds the tables orders, not opened"),
    "missing table": (missing_table, "the manifest lacks the opened tables users"),
    "surplus column": (
        lambda room: rewrite(room, lambda touches: touches.with_columns(phone="cid")),
        "'touches' holds the columns phone, not opened",
    ),
    "missing column": (
        lambda room: rewrite(room, lambda touches: touches.drop("cost", "note")),
        "'touches' lacks the opened columns cost, note",
    ),
    "naive time": (cast("time", pl.Datetime("us")), "column 'time': it is stored as Datetime"),
    "money as float": (cast("cost", pl.Float64), "column 'cost': it is stored as Float64"),
    "raw person": (raw("user"), "column 'user': 1 values are no tokens"),
    "hashed device number": (
        raw("user", "0cc175b9c0f1b6a831c399e269772661"),  # an MD5, as devices are often named by
        "column 'user': 1 values are no tokens",
    ),
    "raw CID": (raw("cid"), "column 'cid': 1 values are no tokens"),
    "raw CID of a UUID's form": (
        raw("cid", "9f1c2a44b6d04f3e8a7055c1d2e3f405"),
        "column 'cid': 1 values are no tokens",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_handover_is_refused_and_the_vault_stays_as_it_was(room: Room, case: str) -> None:
    tamper, says = REFUSED[case]
    handover = tamper(room)
    before = files(room)
    with pytest.raises(HandoverError, match=re.escape(says)) as refusal:
        accept(room.directory, handover, room.agreement)
    assert files(room) == before
    assert PHONE not in str(refusal.value)
    assert refusal.value.__context__ is None or PHONE not in str(refusal.value.__context__)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["manifest.json", "touches.sealed", "users.sealed"]), st.integers(0, 10**6))
def test_any_flipped_bit_of_a_handover_is_noticed(room: Room, file: str, place: int) -> None:
    handover = ads_handover(room)
    content = bytearray((handover / file).read_bytes())
    content[place // 8 % len(content)] ^= 1 << place % 8
    (handover / file).write_bytes(content)
    with pytest.raises(HandoverError):
        accept(room.directory, handover, room.agreement)
    shutil.rmtree(handover)


# Replays


def refused(room: Room, handover: Path, says: str) -> None:
    before = files(room)
    with pytest.raises(HandoverError, match=says):
        accept(room.directory, handover, room.agreement)
    assert files(room) == before


def test_a_handover_that_a_later_one_replaced_is_not_accepted_again(room: Room) -> None:
    first, second = ads_handover(room), ads_handover(room)
    accept(room.directory, first, room.agreement)
    accept(room.directory, second, room.agreement)
    refused(room, first, "a replay: .* a later handover of the ads platform took its place")
    accept(room.directory, second, room.agreement)


def test_a_handover_made_before_the_one_in_force_is_not_accepted(room: Room) -> None:
    older, newer = ads_handover(room), ads_handover(room)
    accept(room.directory, newer, room.agreement)
    refused(room, older, "not after the one accepted last")


def test_a_handover_of_the_same_second_is_not_accepted(room: Room) -> None:
    first = ads_handover(room)
    created = json.loads((first / "manifest.json").read_bytes())["body"]["created"]
    accept(room.directory, first, room.agreement)
    again = room.hand_over(Platform.ADS, ads_frames(room), created=created)
    refused(room, again, "not after the one accepted last")


def test_one_platform_s_handovers_do_not_age_the_other_s(room: Room) -> None:
    older, newer = store_handover(room), ads_handover(room)
    accept(room.directory, newer, room.agreement)
    accept(room.directory, older, room.agreement)
    assert set(open_vault(room.directory, room.agreement).handovers) == {"ads", "store"}


def test_a_damaged_history_is_said_to_be_so(room: Room) -> None:
    room.vault()
    (room.directory / "vault" / "ads.json").write_bytes(b"{}x")
    with pytest.raises(HandoverError, match=r"vault/ads.json is not readable"):
        open_vault(room.directory, room.agreement)


def test_nothing_is_accepted_or_opened_under_an_agreement_that_is_not_signed(room: Room) -> None:
    room.vault()
    handover = ads_handover(room)
    unsigned = parse(room.terms(), "the agreement")
    with pytest.raises(AgreementError, match="lacks the signature of the ads and store platforms"):
        accept(room.directory, handover, unsigned)
    with pytest.raises(AgreementError, match="lacks the signature"):
        open_vault(room.directory, unsigned)


def test_nothing_is_accepted_or_opened_after_the_agreement_ended(room: Room) -> None:
    room.agree(valid_until="2026-01-31")
    with pytest.raises(AgreementError, match="ended on 2026-01-31"):
        accept(room.directory, ads_handover(room), room.agreement)
    with pytest.raises(AgreementError, match="ended on 2026-01-31"):
        open_vault(room.directory, room.agreement)


# Merchants


def test_merchants_outside_the_programme_are_named_with_every_reason(room: Room) -> None:
    fine = {"shop_type": "tmall", "category": "beauty", "score": 4.5, "daily_budget": 500_000}
    rows = [
        {"merchant": "a", "name": "Ada", **fine},
        {"merchant": "b", "name": "Bee", **fine, "shop_type": "taobao_c", "score": 4.4},
        {"merchant": "c", "name": "Cod", **fine, "category": "food", "daily_budget": 499_999},
        {"merchant": "d", "name": "Dee", **fine, "score": None, "daily_budget": None},
    ]
    eligible, excluded = eligibility(room.vault(merchants=rows), room.agreement)
    assert eligible == [{"merchant": "a", "name": "Ada", "category": "beauty"}]
    score = "its experience score is below 4.5"
    budget = "its daily budget is below CNY 5,000.00"
    assert [(shop["name"], shop["reason"]) for shop in excluded] == [
        ("Bee", f"its shop type is not tmall; {score}"),
        ("Cod", f"its category is not beauty or sports; {budget}"),
        ("Dee", f"{score}; {budget}"),
    ]


def test_a_merchant_listed_twice_is_left_out_once(room: Room) -> None:
    twice = [*MERCHANTS, {**MERCHANTS[0], "category": "food"}]
    eligible, excluded = eligibility(room.vault(merchants=twice), room.agreement)
    assert eligible == []
    assert [shop["reason"] for shop in excluded] == ["the store platform lists it more than once"]
