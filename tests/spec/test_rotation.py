"""A new epoch: tokens of two epochs cannot be linked but by the room, which remembers by number."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from cleanroom import ledger, sealing, signing
from cleanroom.agreement import parse, to_record, with_keys
from cleanroom.errors import (
    AgreementError,
    CleanroomError,
    ExportError,
    HandoverError,
    KeysError,
    SealError,
)
from cleanroom.keyring import Secret, create_keyring, open_keyring
from cleanroom.party import rotation as party_rotation
from cleanroom.party.keys import create_keys, load_keys
from cleanroom.party.rotation import Epoch, write_rotation
from cleanroom.room import register
from cleanroom.room import rotation as room_rotation
from cleanroom.room.history import history
from cleanroom.room.opened import write_sealed
from cleanroom.room.place import ledger_of
from cleanroom.room.rotation import Rotated, known_and_carried, rotate
from cleanroom.room.vault import accept, open_vault, table_paths
from cleanroom.tables import KeyRole, Platform
from tests.party.exports import (
    CANARY,
    GOOD,
    NOW,
    TOUCHES,
    edited,
    no_canary,
    with_cell,
    write_table,
)
from tests.spec.two_epochs import COLUMNS, NEW, OLD, TwoEpochs, forged, opened_pairs, said, signed

ADS, STORE = Platform.ADS, Platform.STORE


@pytest.fixture
def epochs(tmp_path: Path) -> TwoEpochs:
    """Both platforms' handovers of the old epoch are accepted; the new epoch is agreed."""
    found = TwoEpochs(tmp_path)
    for party in Platform:
        found.accepted(party, OLD)
    return found


def in_force(epochs: TwoEpochs, party: Platform) -> str | None:
    return history(epochs.room, party).in_force


# What nobody can link, and the room can


@pytest.mark.parametrize("party", Platform)
def test_tokens_of_two_epochs_share_nothing(party: Platform, epochs: TwoEpochs) -> None:
    epochs.hand_over(party, NEW)
    for column in (COLUMNS[party][1], "cid"):
        old, new = (epochs.tokens(party, epoch, column) for epoch in (OLD, NEW))
        assert len(old) == len(new) > 0
        assert not set(old) & set(new)
        # Not even a part of one is left in the other.
        assert not {token[:16] for token in old} & {token[:16] for token in new}


@pytest.mark.parametrize("party", Platform)
def test_a_rotation_is_the_same_persons_in_both_epochs(party: Platform, epochs: TwoEpochs) -> None:
    epochs.hand_over(party, NEW)
    pairs = opened_pairs(epochs.rotation(party), epochs.ring)
    found = {(old.hex(), new.hex()) for old, new in pairs.iter_rows()}
    both = zip(epochs.tokens(party, OLD), epochs.tokens(party, NEW), strict=True)
    assert found == set(both)


def test_a_rotation_opens_with_the_room_s_key_and_with_no_other(epochs: TwoEpochs) -> None:
    out = epochs.rotation(ADS)
    assert opened_pairs(out, epochs.ring).height == 2
    others = [epochs.keys_of(party, epoch) for party in Platform for epoch in (OLD, NEW)]
    about = {"collaboration": "red-cat-plan"}
    create_keyring(epochs.home / "thief", KeyRole.ROOM, about, epochs.lock)
    for folder in (*others, epochs.home / "thief"):
        with pytest.raises(SealError):
            opened_pairs(out, open_keyring(folder))


def test_a_rotation_shows_no_token_and_no_identifier(epochs: TwoEpochs) -> None:
    epochs.hand_over(ADS, NEW)
    out = epochs.rotation(ADS)
    written = b"".join(file.read_bytes() for file in out.iterdir())
    for token in (*epochs.tokens(ADS, OLD), *epochs.tokens(ADS, NEW)):
        assert token.encode() not in written
        assert bytes.fromhex(token) not in written
    assert CANARY.encode() not in written


def test_join_keys_are_in_no_rotation(epochs: TwoEpochs) -> None:
    """A CID stays unlinkable between two epochs even for the room."""
    epochs.hand_over(ADS, NEW)
    pairs = opened_pairs(epochs.rotation(ADS), epochs.ring)
    rotated = {token.hex() for row in pairs.iter_rows() for token in row}
    for epoch in (OLD, NEW):
        assert not rotated & set(epochs.tokens(ADS, epoch, "cid"))


def test_only_the_platform_itself_can_enter_its_rotation(epochs: TwoEpochs) -> None:
    out = epochs.rotation(ADS)
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {file.name for file in out.iterdir()} == {"manifest.json", "tokens.sealed"}


# The room's memory


@pytest.mark.parametrize("party", Platform)
def test_a_person_keeps_the_same_number(party: Platform, epochs: TwoEpochs) -> None:
    before = epochs.numbers(party)
    told = epochs.rotated(party)
    epochs.accepted(party, NEW)
    after = epochs.numbers(party)
    both = dict(zip(epochs.tokens(party, OLD), epochs.tokens(party, NEW), strict=True))
    assert {both[token]: number for token, number in before.items()} == after
    assert (told.known, told.carried) == (len(before), len(before))
    assert str(told).startswith(f"{party}: from epoch 2026-h1 to 2026-h2; {len(before)} persons")


def test_old_tokens_are_nowhere_in_the_room_afterwards(epochs: TwoEpochs) -> None:
    old = {party: epochs.tokens(party, OLD) for party in Platform}
    old_cids = {party: epochs.tokens(party, OLD, "cid") for party in Platform}
    storage = epochs.ring.secrets[Secret.STORAGE]
    for parent, name in (("derived", "abc"), ("vault", "partial-x1"), ("matches", "def")):
        folder = epochs.room / parent / name
        folder.mkdir(parents=True)
        pl.DataFrame({"x": old[ADS]}).write_parquet(plain := epochs.home / "plain")
        write_sealed(plain, folder / "links.sealed", storage, folder.name)

    def traces() -> int:
        """How often a token of the old epoch, or what was kept of one, is in the room."""
        tokens = {t for p in Platform for t in (*old[p], *old_cids[p])}
        forms = {f for t in tokens for f in (t.encode(), bytes.fromhex(t), bytes.fromhex(t)[:8])}
        kept = [*epochs.everything_in_the_room()]
        return sum(form in content for content in kept for form in forms)

    assert traces() > 10
    for party in Platform:
        epochs.rotated(party)
    assert traces() == 0
    for party in Platform:
        epochs.accepted(party, NEW)
    assert traces() == 0
    assert open_vault(epochs.room, epochs.agreed[NEW]).handovers.keys() == {"ads", "store"}


def test_one_platform_s_rotation_leaves_the_other_s_handover(epochs: TwoEpochs) -> None:
    epochs.rotated(ADS)
    assert in_force(epochs, ADS) is None
    assert in_force(epochs, STORE) is not None
    with pytest.raises(HandoverError, match="retention of the ads platform's handover is over"):
        open_vault(epochs.room, epochs.agreed[OLD])


def test_a_person_who_is_not_in_the_export_is_forgotten_and_their_number_stays_used(
    epochs: TwoEpochs,
) -> None:
    gone = epochs.numbers(ADS)[epochs.tokens(ADS, OLD)[1]]  # CANARY-user-1
    write_table(epochs.export(ADS), "touches", [TOUCHES[0], TOUCHES[2]], "csv")
    told = epochs.rotated(ADS)
    assert (told.known, told.carried) == (2, 1)
    assert "1 persons keep their numbers, 1 are forgotten" in str(told)
    assert gone not in epochs.numbers(ADS).values()
    write_table(epochs.export(ADS), "touches", TOUCHES, "csv")
    epochs.accepted(ADS, NEW)
    again = epochs.numbers(ADS)
    assert len(again) == 2
    assert gone not in again.values()
    assert max(again.values()) == 2


def test_how_many_would_be_forgotten_is_told_before_it_is_done(epochs: TwoEpochs) -> None:
    write_table(epochs.export(ADS), "touches", [TOUCHES[0], TOUCHES[2]], "csv")
    rotation, before = epochs.rotation(ADS), epochs.state()
    assert known_and_carried(epochs.room, rotation, epochs.agreed[NEW]) == (2, 1)
    assert epochs.state() == before
    epochs.agreed[NEW] = parse({**to_record(epochs.agreed[NEW]), "version": 3}, "other")
    with pytest.raises(HandoverError, match="goes to another agreement"):
        known_and_carried(epochs.room, rotation, epochs.agreed[NEW])


def test_a_person_whom_the_room_does_not_know_is_not_added_by_a_rotation(
    epochs: TwoEpochs,
) -> None:
    newcomer = with_cell(TOUCHES, 1, "user", "CANARY-user-new")[0]
    write_table(epochs.export(ADS), "touches", [*TOUCHES, newcomer | {"event_id": "t9"}], "csv")
    rotation = epochs.rotation(ADS)
    assert opened_pairs(rotation, epochs.ring).height == 3
    assert rotate(epochs.room, rotation, epochs.agreed[NEW]).carried == 2
    assert len(epochs.numbers(ADS)) == 2


def test_only_rows_that_a_handover_would_keep_are_rotated(epochs: TwoEpochs) -> None:
    bad = [
        with_cell(TOUCHES, 1, "kind", "swipe")[0] | {"user": "CANARY-user-bad", "event_id": "t7"},
        TOUCHES[0] | {"user": "unknown", "event_id": "t8"},
    ]
    write_table(epochs.export(ADS), "touches", [*TOUCHES, *bad], "csv")
    assert opened_pairs(epochs.rotation(ADS), epochs.ring).height == 2


def test_a_rotation_can_change_the_hash_and_the_room_accepts_what_follows(tmp_path: Path) -> None:
    """HMAC-SM3 from end to end: handover, inspection, register, vault."""
    epochs = TwoEpochs(tmp_path, token_hash="hmac-sm3")
    for party in Platform:
        epochs.accepted(party, OLD)
        before = epochs.numbers(party)
        epochs.rotated(party)
        epochs.accepted(party, NEW)
        assert sorted(epochs.numbers(party).values()) == sorted(before.values())
        assert not epochs.numbers(party).keys() & before.keys()
    vault = open_vault(epochs.room, epochs.agreed[NEW])
    touches, visits = (pl.read_parquet(table_paths(vault, t)) for t in ("touches", "visits"))
    assert touches.join(visits, on="cid").height == 2


def test_the_ledger_says_that_an_epoch_was_rotated_and_no_count(epochs: TwoEpochs) -> None:
    body = json.loads((epochs.rotation(ADS) / "manifest.json").read_bytes())["body"]
    rotate(epochs.room, epochs.home / "ads" / "rotation", epochs.agreed[NEW])
    deleted, record = [*ledger.records(ledger_of(epochs.room))][-2:]
    assert (deleted["event"], deleted["facts"]["why"]) == ("handover_deleted", "rotated")
    assert record["event"] == "epoch_rotated"
    assert record["facts"] == {
        "party": "ads",
        "from_epoch": OLD,
        "to_epoch": NEW,
        "rotation": signing.digest(body),
    }


# Before the rotation


def test_a_handover_of_the_new_epoch_waits_for_the_rotation(epochs: TwoEpochs) -> None:
    handover = epochs.hand_over(ADS, NEW)
    before = epochs.state()
    with pytest.raises(HandoverError, match="epoch '2026-h1', and this handover is of '2026-h2'"):
        accept(epochs.room, handover, epochs.agreed[NEW])
    assert epochs.state() == before
    epochs.rotated(ADS)
    accept(epochs.room, handover, epochs.agreed[NEW])


def test_keys_that_were_made_anew_within_an_epoch_are_noticed(epochs: TwoEpochs) -> None:
    """Their tokens are others, and every person would be a new one."""
    for party in Platform:
        epochs.keys_of(party, OLD).rename(epochs.home / f"lost-{party}")
    epochs.agreed[OLD] = epochs.agree(OLD, version=2)
    with pytest.raises(HandoverError, match="ads platform's keys were changed within the epoch"):
        epochs.accepted(ADS, OLD)


def test_an_amendment_within_the_epoch_is_where_the_rotation_comes_from(
    epochs: TwoEpochs,
) -> None:
    amended = parse({**to_record(epochs.agreed[OLD]), "retention_days": 40}, "amended")
    amended = epochs.signed(amended)
    first, epochs.agreed[OLD] = epochs.agreed[OLD], amended
    epochs.accepted(ADS, OLD)
    epochs.agreed[OLD] = first
    with pytest.raises(HandoverError, match="comes from another agreement of the epoch '2026-h1'"):
        epochs.rotated(ADS)
    epochs.agreed[OLD] = amended
    assert epochs.rotated(ADS).carried == 2


# Mixed up at the platform


def other_collaboration(epochs: TwoEpochs) -> Epoch:
    record = {**to_record(epochs.agreed[NEW]), "collaboration": "other-plan"}
    other, folder = parse(record, "the other"), epochs.home / "elsewhere"
    other = with_keys(other, [create_keys(folder, other, ADS, epochs.lock)])
    return Epoch(load_keys(folder, other, ADS), other)


MIXED_UP: dict[str, tuple[Callable[[TwoEpochs], tuple[Epoch, Epoch]], type[Exception], str]] = {
    "exchanged epochs": (
        lambda e: (e.side(ADS, NEW), e.side(ADS, OLD)),
        AgreementError,
        "'2026-h2' is not before '2026-h1': its agreement has version 2, the other 1",
    ),
    "the same epoch": (
        lambda e: (e.side(ADS, OLD), e.side(ADS, OLD)),
        KeysError,
        "Both keys are for the epoch '2026-h1'",
    ),
    "the other platform's keys": (
        lambda e: (e.side(STORE, OLD), e.side(ADS, NEW)),
        KeysError,
        "old keys are for party 'store', the new ones for 'ads'",
    ),
    "another collaboration's keys": (
        lambda e: (e.side(ADS, OLD), other_collaboration(e)),
        KeysError,
        "old keys are for collaboration 'red-cat-plan', the new ones for 'other-plan'",
    ),
    "keys and agreement of two epochs": (
        lambda e: (Epoch(e.keys(ADS, OLD), e.agreed[NEW]), e.side(ADS, NEW)),
        KeysError,
        "loaded for an agreement with epoch '2026-h1', not '2026-h2'",
    ),
}


@pytest.mark.parametrize("case", MIXED_UP)
def test_a_mix_up_at_the_platform_is_an_error_that_says_which(case: str, epochs: TwoEpochs) -> None:
    sides, kind, words = MIXED_UP[case]
    with pytest.raises(kind, match=re.escape(words)):
        write_rotation(epochs.export(ADS), *sides(epochs), epochs.home / "out", NOW)
    assert not (epochs.home / "out").exists()


def test_a_rotation_needs_a_room_to_be_sealed_to(epochs: TwoEpochs) -> None:
    record = to_record(epochs.agreed[NEW])
    record["room"]["transport_key"] = None
    epochs.agreed[NEW] = parse(record, "without the room")
    with pytest.raises(AgreementError, match="no transport key of the room"):
        epochs.rotation(ADS)


def test_an_export_without_persons_is_refused(epochs: TwoEpochs) -> None:
    for name in ("touches", "assignments", "users", "onsite_orders"):
        nobody = [row | {"user": "unknown"} for row in GOOD[name]]
        write_table(epochs.export(ADS), name, nobody, "csv")
    with pytest.raises(ExportError, match="names no person"):
        epochs.rotation(ADS)


def test_an_export_that_cannot_be_read_is_named_without_its_values(epochs: TwoEpochs) -> None:
    edited(epochs.export(ADS) / "users.parquet", lambda content: content[: len(content) // 2])
    with pytest.raises(ExportError, match=r"users\.parquet is not a whole Parquet file") as error:
        epochs.rotation(ADS)
    assert no_canary([said(error.value)])


# Whole or not at all


@pytest.mark.parametrize("step", ["_write_pairs", "_seal"])
def test_a_rotation_that_is_cut_off_leaves_nothing_and_is_made_again(
    step: str, epochs: TwoEpochs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(party_rotation, step, cut_off)
        with pytest.raises(KeyboardInterrupt):
            epochs.rotation(ADS)
    home = epochs.home / "ads"
    assert {entry.name for entry in home.iterdir()} == {"keys", "export", "handover"}
    # What the system killed, without a chance to clear up, is cleared by the next run.
    (home / ".rotation.partial").mkdir()
    (home / ".rotation.partial" / "pairs").write_bytes(b"left")
    out = epochs.rotation(ADS)
    assert {entry.name for entry in out.iterdir()} == {"manifest.json", "tokens.sealed"}
    assert not (home / ".rotation.partial").exists()


def test_an_older_rotation_is_replaced_and_nothing_else(epochs: TwoEpochs) -> None:
    first = (epochs.rotation(ADS) / "manifest.json").read_bytes()
    assert (epochs.rotation(ADS) / "manifest.json").read_bytes() != first
    handover = epochs.home / "ads" / "handover" / OLD
    with pytest.raises(HandoverError, match="is not a rotation"):
        write_rotation(
            epochs.export(ADS), epochs.side(ADS, OLD), epochs.side(ADS, NEW), handover, NOW
        )
    assert (handover / "touches.sealed").exists()


CUTS = {
    "before the register": (register, "write_state"),
    "before the join input": (room_rotation, "forget_keys"),
    "before the deletion": (room_rotation, "forget_handovers"),
    "before the ledger": (ledger, "append"),
}


@pytest.mark.parametrize("case", CUTS)
def test_a_room_that_is_cut_off_finishes_on_the_next_run(
    case: str, epochs: TwoEpochs, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rotation = epochs.numbers(ADS), epochs.rotation(ADS)

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(*CUTS[case], cut_off)
        with pytest.raises(KeyboardInterrupt):
            rotate(epochs.room, rotation, epochs.agreed[NEW])
    # At every moment the register is that of one epoch, whole.
    assert sorted(epochs.numbers(ADS).values()) == sorted(before.values())
    told = rotate(epochs.room, rotation, epochs.agreed[NEW])
    assert isinstance(told, Rotated)
    assert sorted(epochs.numbers(ADS).values()) == sorted(before.values())
    assert not epochs.numbers(ADS).keys() & before.keys()
    assert in_force(epochs, ADS) is None
    events = [record["event"] for record in ledger.records(ledger_of(epochs.room))]
    assert events == ["handover_accepted"] * 2 + ["handover_deleted", "epoch_rotated"]
    with pytest.raises(HandoverError, match="applied before"):
        rotate(epochs.room, rotation, epochs.agreed[NEW])


def test_what_was_accepted_before_the_room_could_finish_stays(
    epochs: TwoEpochs, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation = epochs.rotation(ADS)

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(room_rotation, "forget_handovers", cut_off)
        with pytest.raises(KeyboardInterrupt):
            rotate(epochs.room, rotation, epochs.agreed[NEW])
    new = epochs.accepted(ADS, NEW)
    rotate(epochs.room, rotation, epochs.agreed[NEW])
    kept = [entry.name for entry in (epochs.room / "vault").iterdir() if entry.is_dir()]
    assert new.digest in kept
    assert len(kept) == 2  # and the store platform's of the old epoch
    epochs.rotated(STORE)
    epochs.accepted(STORE, NEW)
    assert open_vault(epochs.room, epochs.agreed[NEW]).handovers["ads"] == new.digest


# Refused by the room: each case says what is wrong, and the room stays as it was


def altered_manifest(epochs: TwoEpochs) -> Path:
    out = epochs.rotation(ADS)
    manifest = json.loads((out / "manifest.json").read_bytes())
    manifest["body"]["rows"] += 1
    signing.write_canonical(out / "manifest.json", manifest)
    return out


def tampered(change: Callable[[bytes], bytes]) -> Callable[[TwoEpochs], Path]:
    def tamper(epochs: TwoEpochs) -> Path:
        out = epochs.rotation(ADS)
        edited(out / "tokens.sealed", change)
        return out

    return tamper


def resigned(change: Callable[[bytes], bytes]) -> Callable[[TwoEpochs], Path]:
    """Another file under a digest that the platform signed."""

    def tamper(epochs: TwoEpochs) -> Path:
        out = tampered(change)(epochs)
        body = json.loads((out / "manifest.json").read_bytes())["body"]
        body["sha256"] = signing.file_digest(out / "tokens.sealed")
        signed(epochs, ADS, out, body)
        return out

    return tamper


def missing_tokens(epochs: TwoEpochs) -> Path:
    out = epochs.rotation(ADS)
    (out / "tokens.sealed").unlink()
    return out


def signed_by_another(which: str, purpose: str) -> Callable[[TwoEpochs], Path]:
    def tamper(epochs: TwoEpochs) -> Path:
        out = epochs.rotation(ADS)
        manifest = json.loads((out / "manifest.json").read_bytes())
        other = epochs.keys(STORE, OLD).identity
        manifest[f"signed_with_{which}_key"] = signing.sign(other, purpose, manifest["body"])
        signing.write_canonical(out / "manifest.json", manifest)
        return out

    return tamper


def backwards(epochs: TwoEpochs) -> Path:
    """From the new epoch to the old, where the room works under the old agreement."""
    out = back_to_the_old_epoch(epochs)
    epochs.agreed[NEW] = epochs.agreed[OLD]
    return out


def back_to_the_old_epoch(epochs: TwoEpochs) -> Path:
    """A rotation from the new epoch to the old, whose agreement was raised for it."""
    new = epochs.side(ADS, NEW)
    record = {**to_record(epochs.agreed[OLD]), "version": 3}
    epochs.agreed[OLD] = parse(record, "the old epoch again")
    out = epochs.home / "back"
    write_rotation(epochs.export(ADS), new, epochs.side(ADS, OLD), out, NOW)
    return out


def one_for_another_room(epochs: TwoEpochs) -> Path:
    about = {"collaboration": "red-cat-plan"}
    other = create_keyring(epochs.home / "other", KeyRole.ROOM, about, epochs.lock)
    record = to_record(epochs.agreed[NEW])
    record["room"]["transport_key"] = other.public["transport_key"]
    epochs.agreed[NEW] = parse(record, "with another room's key")
    return epochs.rotation(ADS)


def no_table(epochs: TwoEpochs) -> Path:
    return forged(epochs, ADS, lambda pairs: pairs.select(x="old", new="new"))


def unfit_data_key(epochs: TwoEpochs) -> Path:
    out = epochs.rotation(ADS)
    body = json.loads((out / "manifest.json").read_bytes())["body"]
    room = epochs.agreed[NEW].room.transport_key or ""
    body["data_key"] = sealing.seal_key(sealing.new_data_key(), room, "another purpose")
    signed(epochs, ADS, out, body)
    return out


def repeated(side: str) -> Callable[[TwoEpochs], Path]:
    first = pl.col(side).first()
    return lambda epochs: forged(epochs, ADS, lambda pairs: pairs.with_columns(first.alias(side)))


def after_another(epochs: TwoEpochs) -> Path:
    """The very rotation that the room has applied."""
    out = epochs.rotation(ADS)
    rotate(epochs.room, out, epochs.agreed[NEW])
    return out


def older_one(epochs: TwoEpochs) -> Path:
    """A rotation of a step that lies behind, made but not applied then."""
    out = epochs.rotation(ADS)
    first = out.rename(epochs.home / "first")
    epochs.rotated(ADS)
    return first


def where_nobody_is_known(epochs: TwoEpochs) -> Path:
    (epochs.room / "register" / "ads.persons").unlink()
    return epochs.rotation(ADS)


REFUSED: dict[str, tuple[Callable[[TwoEpochs], Path], str]] = {
    "altered manifest": (altered_manifest, "not signed with the ads platform's old identity key"),
    "altered tokens": (
        tampered(lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1])),
        "tokens.sealed was altered or cut after it was signed",
    ),
    "cut tokens": (tampered(lambda sealed: sealed[:-20]), "altered or cut after it was signed"),
    "cut tokens, signed so": (resigned(lambda sealed: sealed[:-20]), "does not open"),
    "missing tokens": (missing_tokens, "tokens.sealed is missing"),
    "missing manifest": (lambda e: e.home / "nowhere", "no readable manifest.json"),
    "unknown key": (lambda e: forged(e, ADS, note=CANARY), "wrong at body.…"),
    "old key of another": (
        signed_by_another("old", "rotation from"),
        "not signed with the ads platform's old identity key",
    ),
    "new key of another": (
        signed_by_another("new", "rotation to"),
        "not signed with the ads platform's new identity key",
    ),
    "other collaboration": (
        lambda e: forged(e, ADS, collaboration="other"),
        "collaboration is 'other', and this room is of 'red-cat-plan'",
    ),
    "to another epoch": (
        lambda e: forged(e, ADS, to_epoch="2026-h3"),
        "epoch it goes to is '2026-h3', and the room's agreement is of '2026-h2'",
    ),
    "from another epoch": (
        lambda e: forged(e, ADS, from_epoch="2025-h2"),
        "epoch it comes from is '2025-h2', and the room's register is of '2026-h1'",
    ),
    "backwards": (
        backwards,
        "epoch it comes from is '2026-h2', and the room's register is of '2026-h1'",
    ),
    "to another agreement": (
        lambda e: forged(e, ADS, to_agreement="0" * 64),
        "goes to another agreement than the room's",
    ),
    "from another agreement": (
        lambda e: forged(e, ADS, from_agreement="0" * 64),
        "comes from another agreement of the epoch '2026-h1'",
    ),
    "another room's": (one_for_another_room, "is not that of this room's keys"),
    "unfit data key": (unfit_data_key, "A sealed key does not open"),
    "no table": (no_table, "holds no table of old and new tokens"),
    "fewer rows than said": (lambda e: forged(e, ADS, rows=3), "2 pairs of tokens, its manifest"),
    "an old token twice": (repeated("old"), "a token twice among the old ones"),
    "a new token twice": (repeated("new"), "a token twice among the new ones"),
    "a token on both sides": (
        lambda e: forged(e, ADS, lambda pairs: pairs.with_columns(new="old")),
        "a token among both the old and the new",
    ),
    "a short token": (
        lambda e: forged(e, ADS, lambda pairs: pairs.with_columns(new=pl.lit(b"x"))),
        "new tokens are not all tokens",
    ),
    "no token": (
        lambda e: forged(e, ADS, lambda p: p.with_columns(old=pl.lit(None, pl.Binary))),
        "old tokens are not all tokens",
    ),
    "applied before": (after_another, "applied before"),
    "an older one": (
        older_one,
        "epoch it comes from is '2026-h1', and the room's register is of '2026-h2'",
    ),
    "nobody known": (where_nobody_is_known, "knows no persons of the ads platform yet"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_rotation_is_refused_and_the_room_stays_as_it_was(case: str, epochs: TwoEpochs) -> None:
    tamper, words = REFUSED[case]
    tokens = epochs.tokens(ADS, OLD)
    rotation = tamper(epochs)
    before = epochs.state()
    with pytest.raises(HandoverError, match=re.escape(words)) as refusal:
        rotate(epochs.room, rotation, epochs.agreed[NEW])
    assert epochs.state() == before
    assert no_canary([said(refusal.value)])
    assert not any(token in said(refusal.value) for token in tokens)


def test_an_epoch_never_comes_back(epochs: TwoEpochs) -> None:
    """Old keys under their old name would bring the old tokens back, and link three epochs."""
    epochs.rotated(ADS)
    epochs.accepted(ADS, NEW)
    out = back_to_the_old_epoch(epochs)
    with pytest.raises(HandoverError, match="epoch '2026-h1' has been before"):
        rotate(epochs.room, out, epochs.agreed[OLD])


def test_the_agreement_of_the_room_decides(epochs: TwoEpochs) -> None:
    """Until the new agreement is laid into the room, nothing is rotated."""
    rotation = epochs.rotation(ADS)
    with pytest.raises(CleanroomError, match="goes to is '2026-h2', and the room's agreement is"):
        rotate(epochs.room, rotation, epochs.agreed[OLD])
