"""What the vault takes in, and every handover that it refuses; a refusal never quotes a value."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cleanroom import signing
from cleanroom.agreement import parse
from cleanroom.errors import AgreementError, HandoverError, KeysError, StudyError
from cleanroom.room.eligibility import eligibility
from cleanroom.room.lift import lift_tables
from cleanroom.room.vault import accept, create_room, open_vault, room_key
from cleanroom.study import LiftStudy
from cleanroom.tables import Platform
from tests.room.event_log import MERCHANTS, Room

TOUCHES = """
time     kind  user cid cost
02T10:00 click ann  c1  50
02T11:00 click bob  c2  50
"""
PHONE = "13800138000"
DAY = date(2026, 3, 10)


def ads_frames(room: Room) -> dict[str, pl.DataFrame]:
    return room.frames(Platform.ADS, {"touches": room.rows(TOUCHES)})


def ads_handover(room: Room) -> Path:
    return room.hand_over(Platform.ADS, ads_frames(room))


def store_handover(room: Room) -> Path:
    return room.hand_over(Platform.STORE, room.frames(Platform.STORE, {"merchants": MERCHANTS}))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def files(room: Room) -> set[Path]:
    return set(room.directory.rglob("*"))


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
    vault = room.vault()
    (room.directory / "keys.json").chmod(0o644)
    with pytest.raises(KeysError):
        room_key(vault)


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
    (handover / "touches.parquet").write_bytes(b"gone")
    touches = open_vault(room.directory, room.agreement).paths["touches"]
    assert pl.read_parquet(touches).height == 2


def test_accepting_again_changes_nothing(room: Room) -> None:
    handover = ads_handover(room)
    first = accept(room.directory, handover, room.agreement)
    before = {path: path.stat().st_mtime_ns for path in files(room) if path.name != "ads.json"}
    assert accept(room.directory, handover, room.agreement) == first
    after = {path: path.stat().st_mtime_ns for path in files(room) if path.name != "ads.json"}
    before.pop(room.directory / "vault")
    after.pop(room.directory / "vault")
    assert after == before


def test_the_handover_accepted_last_is_in_force(room: Room) -> None:
    older = room.vault(touches=TOUCHES)
    newer = room.vault(touches=TOUCHES + "03T10:00 click cyd c3 50")
    assert pl.read_parquet(newer.paths["touches"]).height == 3
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


def altered_file(room: Room) -> Path:
    handover = ads_handover(room)
    with (handover / "touches.parquet").open("ab") as file:
        file.write(b"!")
    return handover


def missing_file(room: Room) -> Path:
    handover = ads_handover(room)
    (handover / "users.parquet").unlink()
    return handover


def missing_manifest(room: Room) -> Path:
    handover = ads_handover(room)
    (handover / "manifest.json").unlink()
    return handover


def broken_manifest(room: Room) -> Path:
    handover = ads_handover(room)
    (handover / "manifest.json").write_bytes(b'{"body": {"party": "' + PHONE.encode())
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
    frames = ads_frames(room)
    manifest = room.hand_over(Platform.ADS, frames) / "manifest.json"
    tables = json.loads(manifest.read_bytes())["body"]["tables"]
    tables["touches"] |= facts
    return room.hand_over(Platform.ADS, frames, tables=tables)


def no_parquet(room: Room) -> Path:
    handover = ads_handover(room)
    (handover / "touches.parquet").write_bytes(PHONE.encode())
    digest = signing.file_digest(handover / "touches.parquet")
    manifest = described(room, sha256=digest) / "manifest.json"
    (handover / "manifest.json").write_bytes(manifest.read_bytes())
    return handover


def surplus_table(room: Room) -> Path:
    frames = ads_frames(room)
    return room.hand_over(Platform.ADS, frames | {"orders": frames["users"]})


def missing_table(room: Room) -> Path:
    frames = ads_frames(room)
    frames.pop("users")
    return room.hand_over(Platform.ADS, frames)


def raw(column: str) -> Callable[[Room], Path]:
    def tamper(room: Room) -> Path:
        value = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(PHONE)).otherwise(column)
        return rewrite(room, lambda touches: touches.with_columns(value.alias(column)))

    return tamper


def cast(column: str, dtype: Any) -> Callable[[Room], Path]:
    return lambda room: rewrite(room, lambda t: t.with_columns(pl.col(column).cast(dtype)))


REFUSED: dict[str, tuple[Callable[[Room], Path], str]] = {
    "altered file": (altered_file, "touches.parquet was changed after the manifest was signed"),
    "missing file": (missing_file, "users.parquet is missing"),
    "missing manifest": (missing_manifest, "no readable manifest.json"),
    "broken manifest": (broken_manifest, "manifest.json is wrong at its syntax"),
    "unknown format": (lambda room: edited(room, format="x"), "wrong at body.format"),
    "unknown key": (lambda room: edited(room, note=PHONE), "wrong at body.note"),
    "edited manifest": (lambda room: edited(room, created="now"), "not signed with the ads"),
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
        "touches.parquet has 2 rows, its manifest says 7",
    ),
    "file elsewhere": (
        lambda room: described(room, file="../../touches.parquet"),
        "'touches' is not in touches.parquet",
    ),
    "no Parquet": (no_parquet, "touches.parquet is not a readable Parquet file"),
    "surplus table": (surplus_table, "the manifest holds the tables orders, not opened"),
    "missing table": (missing_table, "the manifest lacks the opened tables users"),
    "surplus column": (
        lambda room: rewrite(room, lambda touches: touches.with_columns(phone="cid")),
        "touches.parquet holds the columns phone, not opened",
    ),
    "missing column": (
        lambda room: rewrite(room, lambda touches: touches.drop("cost", "note")),
        "touches.parquet lacks the opened columns cost, note",
    ),
    "naive time": (cast("time", pl.Datetime("us")), "column 'time': it is stored as Datetime"),
    "money as float": (cast("cost", pl.Float64), "column 'cost': it is stored as Float64"),
    "raw person": (raw("user"), "column 'user': 1 values are no tokens"),
    "raw CID": (raw("cid"), "column 'cid': 1 values are no tokens"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_handover_is_refused_and_the_vault_stays_as_it_was(room: Room, case: str) -> None:
    tamper, says = REFUSED[case]
    handover = tamper(room)
    before = files(room)
    with pytest.raises(HandoverError, match=re.escape(says)) as refusal:
        accept(room.directory, handover, room.agreement)
    assert files(room) - {room.directory / "vault"} == before
    assert PHONE not in str(refusal.value)
    assert refusal.value.__context__ is None or PHONE not in str(refusal.value.__context__)


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
