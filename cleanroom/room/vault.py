"""The room's directory: its keys, and the vault of accepted handovers. Only its owner can enter.

room.json, keys.json                   whose room it is; its keys, encrypted
vault/<handover digest>/               an accepted handover: its manifest, and its tables, encrypted
vault/<party>.json                     which handover of the party is in force, and all before it
register/                              the numbers of each party's persons, and whom it brought into
                                       a join, encrypted
shown/                                 who is behind each cell of each answer so far, encrypted
matches/<digest>/                      in a blinded join, the links of the handovers, encrypted
derived/<digest>/                      what `derived` has computed from the handovers, encrypted
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cleanroom import ledger, sealing, signing
from cleanroom.agreement import Agreement
from cleanroom.consent import require_signed
from cleanroom.errors import HandoverError, StudyError
from cleanroom.keyring import KEYS, Keyring, Secret, create_keyring, open_keyring
from cleanroom.room import engine
from cleanroom.room.admission import admit
from cleanroom.room.engine import Engine, Frame, scan
from cleanroom.room.folders import appearing_whole, locked
from cleanroom.room.history import (
    Entry,
    handover_folder,
    history,
    refuse_replay,
    write_history,
)
from cleanroom.room.inspection import (
    Manifest,
    check_files,
    check_manifest,
    check_part,
    check_parts,
    read_manifest,
)
from cleanroom.room.opened import Opened, Place, blank, read_sealed, write_sealed
from cleanroom.room.place import found_room, ledger_of, require_room
from cleanroom.room.register import Register, require_epoch
from cleanroom.room.register import of as register_of
from cleanroom.room.retention import expire, is_due
from cleanroom.tables import KeyRole, Platform


@dataclass(frozen=True, repr=False, eq=False)
class Vault:
    """The accepted handovers of both platforms under one agreement.

    `paths`: the files of each table by name, encrypted. `handovers`: the digest of each party's
    manifest. What is opened of it stays so, in memory, as long as the vault is held.
    """

    room: Path
    agreement: Agreement
    paths: dict[str, list[Path]]
    handovers: dict[str, str]
    _keys: Keyring
    _opened: dict[Path, Opened] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Vault({len(self.handovers)} handovers, {len(self.paths)} tables)"


@dataclass(frozen=True)
class Acceptance:
    """What was taken in: the party, its manifest's digest, and by table the rows handed over and
    the rows that the party quarantined by reason."""

    party: Platform
    digest: str
    rows: dict[str, int]
    quarantined: dict[str, dict[str, int]]


def create_room(room: Path, collaboration: str, key_file: Path | None = None) -> dict[str, str]:
    """Make a room for one collaboration; returns the public part of its keys, for the agreement.

    A room that is there already keeps its keys. Raises `AgreementError` if it is another
    collaboration's: tokens of two collaborations never lie in one room.
    """
    room.mkdir(mode=0o700, parents=True, exist_ok=True)
    room.chmod(0o700)
    if not (room / "room.json").exists():
        if not (room / KEYS).exists():
            about = {"collaboration": collaboration}
            create_keyring(room, KeyRole.ROOM, about, key_file)
        found_room(room, collaboration)
    return room_keys(room, collaboration).public


def room_keys(room: Path, collaboration: str) -> Keyring:
    """The room's keys, opened; raises `KeysError` if they do not open or others could read them."""
    require_room(room, collaboration)
    return open_keyring(room, role=KeyRole.ROOM.value, collaboration=collaboration)


def room_key(vault: Vault) -> signing.SigningKey:
    """The key the room signs candidates with."""
    return vault._keys.identity


def accept(
    room: Path,
    handover: Path,
    agreement: Agreement,
    now: datetime | None = None,
    keys: Keyring | None = None,
) -> Acceptance:
    """Open and inspect the handover in the directory `handover`, and keep it in the vault.

    From then on it is the party's handover in force, for the agreement's retention from `now` (with
    its zone; the present, if None), each of its persons has a number in the register, and the
    handover before it is deleted. Accepting it again changes nothing. `keys` are the room's, if
    open already. Raises `HandoverError` naming what is wrong with the handover; the room is then as
    it was. Raises `AgreementError` if `agreement` is not signed by both platforms or not in force.
    """
    now = now or datetime.now(UTC)
    require_room(room, agreement.collaboration)
    expire(room, now)
    _require_agreed(agreement, now)
    manifest = read_manifest(handover)
    check_manifest(manifest, agreement)
    body, digest = manifest.body, signing.digest(manifest.model_dump(mode="json"))
    with locked(room):
        known = history(room, body.party)
        refuse_replay(known, digest, body.created, body.party, now)
        if not handover_folder(room, digest).exists():
            keys = keys or room_keys(room, agreement.collaboration)
            _take_in(room, handover, manifest, agreement, keys)
        if known.in_force != digest:
            _put_in_force(room, manifest, digest, agreement, now)
    expire(room, now)
    return Acceptance(
        body.party,
        digest,
        {name: facts.rows for name, facts in body.tables.items()},
        {name: facts.quarantined for name, facts in body.tables.items()},
    )


def open_vault(room: Path, agreement: Agreement, now: datetime | None = None) -> Vault:
    """The handovers in force `now` (with its zone; the present, if None).

    What may not be kept any longer is deleted first. Raises `HandoverError` unless both platforms'
    are there, made for `agreement`, `AgreementError` if that is not signed by both platforms or not
    in force, and `KeysError` if the room's keys do not open.
    """
    now = now or datetime.now(UTC)
    require_room(room, agreement.collaboration)
    if is_due(room, now):
        expire(room, now)
    _require_agreed(agreement, now)
    paths: dict[str, list[Path]] = {}
    handovers: dict[str, str] = {}
    for party in Platform:
        digest = _in_force(room, party, now)
        folder = handover_folder(room, digest)
        manifest = read_manifest(folder)
        check_manifest(manifest, agreement)
        handovers[party.value] = digest
        for name, facts in manifest.body.tables.items():
            paths[name] = [folder / part.file for part in facts.files]
    return Vault(room, agreement, paths, handovers, room_keys(room, agreement.collaboration))


def rows_of(vault: Vault, table: str) -> Frame:
    """The rows of an opened table; raises `StudyError` as `table_paths`."""
    return kept_rows(vault, _sealed(vault, table))


def kept_rows(vault: Vault, sealed: Sequence[Path]) -> Frame:
    """The rows of encrypted files of one folder, which stays named as it is.

    Spark's processes open them themselves, wherever these run; else they are opened here.
    """
    if engine.BACKEND == Engine.SPARK:
        place = Place(storage_key(vault), sealed[0].parent.name)
        return engine.scan_sealed(sealed, place)
    return scan(*(opened_path(vault, path) for path in sealed))


def is_gone(vault: Vault) -> bool:
    """Whether a file of its handovers is not there any more: newer ones came in."""
    return not all(file.exists() for files in vault.paths.values() for file in files)


def table_paths(vault: Vault, table: str) -> list[Path]:
    """The readable files of an opened table, there as long as the vault is held.

    Raises `StudyError` if the agreement opens no table of the name.
    """
    return [opened_path(vault, path) for path in _sealed(vault, table)]


def _sealed(vault: Vault, table: str) -> list[Path]:
    if table not in vault.paths:
        raise StudyError(
            f"The study needs the table '{table}', which the agreement does not open.",
            "have both platforms amend the agreement, or ask for another study.",
        )
    return vault.paths[table]


def opened_path(vault: Vault, sealed: Path) -> Path:
    """Open a file of the room; the readable one is there as long as the vault is held."""
    if sealed not in vault._opened:
        vault._opened[sealed] = read_sealed(sealed, storage_key(vault))
    return vault._opened[sealed].path


def room_ring(vault: Vault) -> Keyring:
    """The room's keys."""
    return vault._keys


def register_in(vault: Vault, party: Platform) -> Register:
    """The numbers of a party's persons, as they are now."""
    return register_of(vault.room, vault._keys, vault.agreement, party)


def storage_key(vault: Vault) -> bytes:
    """The key under which the room's rows rest; 32 bytes."""
    return vault._keys.secrets[Secret.STORAGE]


def _require_agreed(agreement: Agreement, now: datetime) -> None:
    require_signed(agreement, now.astimezone(ZoneInfo(agreement.timezone)).date())


def _take_in(
    room: Path, handover: Path, manifest: Manifest, agreement: Agreement, keys: Keyring
) -> None:
    """Open each table in memory, inspect it, encrypt it for the room, admit the persons; then let
    all appear."""
    body = manifest.body
    folder = handover_folder(room, signing.digest(manifest.model_dump(mode="json")))
    require_epoch(register_of(room, keys, agreement, body.party), agreement)
    check_files(handover, manifest)
    context = sealing.handover_context(body.model_dump(mode="json"))
    data_key = sealing.open_key(body.sealed_key, keys.transport, context)
    opened: dict[str, list[Opened]] = {}
    with appearing_whole(folder) as partial:
        for name, facts in body.tables.items():
            opened[name] = []
            for part in facts.files:
                plain = _opened_part(handover / part.file, data_key)
                check_part(plain.path, name, part, agreement)
                storage = keys.secrets[Secret.STORAGE]
                write_sealed(plain.path, partial / part.file, storage, folder.name)
                opened[name].append(plain)
            check_parts([part.path for part in opened[name]], name, agreement)
        signing.write_canonical(partial / "manifest.json", manifest.model_dump(mode="json"))
        paths = {name: [part.path for part in parts] for name, parts in opened.items()}
        admit(room, keys, agreement, body.party, paths)


def _opened_part(sealed: Path, data_key: bytes) -> Opened:
    """A file of a handover, opened in memory."""
    plain = blank(sealed.stem)
    with sealed.open("rb") as content, plain.path.open("wb") as target:
        sealing.decrypt(content, target, data_key, sealed.stem)
    return plain


def _put_in_force(
    room: Path, manifest: Manifest, digest: str, agreement: Agreement, now: datetime
) -> None:
    """Recorded first: a crash in between leaves one record too many, never one too few."""
    body = manifest.body
    rows = {name: facts.rows for name, facts in body.tables.items()}
    facts = {"party": body.party.value, "handover": digest, "rows": rows}
    ledger.append(ledger_of(room), ledger.Event.HANDOVER_ACCEPTED, facts)
    entry = Entry(
        created=body.created, accepted=now, retention_days=agreement.retention_days, rows=rows
    )
    known = history(room, body.party)
    write_history(room, body.party, known.with_entry(digest, entry))


def _in_force(room: Path, party: Platform, now: datetime) -> str:
    known = history(room, party)
    if not known.entries:
        raise HandoverError(
            f"The room has no handover of the {party} platform yet.",
            "accept the directory that the platform handed over.",
        )
    # Asked again, though what is over was deleted: nothing opens what could not be deleted.
    if known.in_force is None or known.entries[known.in_force].until <= now:
        raise HandoverError(
            f"The retention of the {party} platform's handover is over.",
            "have the platform hand over again.",
        )
    return known.in_force
