"""The room's directory: its key, and the vault of accepted handovers. Only its owner can enter.

room.json, keys.json                   whose room it is; its keys, encrypted
vault/<handover digest>/               a handover as accepted: manifest and tables
vault/<party>.json                     which handover of the party is in force
register/                              the numbers of each party's persons, encrypted
derived/<digest>/                      what `derived` has computed from the handovers
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cleanroom import signing
from cleanroom.agreement import Agreement
from cleanroom.errors import AgreementError, HandoverError, StudyError
from cleanroom.keyring import KEYS, create_keyring, open_keyring
from cleanroom.room import register
from cleanroom.room.folders import appearing_whole
from cleanroom.room.inspection import Manifest, check_manifest, check_table, read_manifest
from cleanroom.tables import KeyRole, Platform, Role

_FORMAT = "cleanroom-room-1"


@dataclass(frozen=True, repr=False)
class Vault:
    """The accepted handovers of both platforms under one agreement.

    `paths`: the file of each table by name. `handovers`: the digest of each party's manifest.
    """

    room: Path
    agreement: Agreement
    paths: dict[str, Path]
    handovers: dict[str, str]

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
        record = {"format": _FORMAT, "collaboration": collaboration}
        signing.write_canonical(room / "room.json", record)
    _check_room(room, collaboration)
    return open_keyring(room, role=KeyRole.ROOM.value, collaboration=collaboration).public


def room_key(vault: Vault) -> signing.SigningKey:
    """The key the room signs candidates with; raises `KeysError` if others could read it."""
    collaboration = vault.agreement.collaboration
    return open_keyring(vault.room, role=KeyRole.ROOM.value, collaboration=collaboration).identity


def accept(room: Path, handover: Path, agreement: Agreement) -> Acceptance:
    """Inspect the handover in the directory `handover` and copy it into the vault.

    From then on it is the party's handover in force, and each of its persons has a number in the
    register. Accepting one again changes nothing. Raises
    `HandoverError` naming what is wrong with it; the vault is then as it was.
    """
    _check_room(room, agreement.collaboration)
    manifest = read_manifest(handover)
    check_manifest(manifest, agreement)
    ring = open_keyring(room, role=KeyRole.ROOM.value, collaboration=agreement.collaboration)
    register.require_epoch(register.of(room, ring, agreement, manifest.body.party), agreement)
    digest = signing.digest(manifest.model_dump(mode="json"))
    if not _folder(room, digest).exists():
        _take_in(handover, manifest, agreement, _folder(room, digest))
    people = _people(_folder(room, digest), agreement.opened(manifest.body.party))
    register.numbers(room, ring, agreement, manifest.body.party, people)
    signing.write_canonical(_in_force(room, manifest.body.party), {"handover": digest})
    tables = manifest.body.tables
    return Acceptance(
        manifest.body.party,
        digest,
        {name: facts.rows for name, facts in tables.items()},
        {name: facts.quarantined for name, facts in tables.items()},
    )


def open_vault(room: Path, agreement: Agreement) -> Vault:
    """The handovers in force; raises `HandoverError` unless both are there, for `agreement`."""
    _check_room(room, agreement.collaboration)
    paths: dict[str, Path] = {}
    handovers: dict[str, str] = {}
    for party in Platform:
        if not _in_force(room, party).exists():
            raise HandoverError(
                f"The room has no handover of the {party} platform yet.",
                "accept the directory that the platform handed over.",
            )
        digest = str(json.loads(_in_force(room, party).read_bytes())["handover"])
        folder = _folder(room, digest)
        manifest = read_manifest(folder)
        check_manifest(manifest, agreement)
        handovers[party.value] = digest
        paths |= {name: folder / facts.file for name, facts in manifest.body.tables.items()}
    return Vault(room, agreement, paths, handovers)


def table_path(vault: Vault, table: str) -> Path:
    """The file of an opened table; raises `StudyError` if the agreement opens none of the name."""
    if table not in vault.paths:
        raise StudyError(
            f"The study needs the table '{table}', which the agreement does not open.",
            "have both platforms amend the agreement, or ask for another study.",
        )
    return vault.paths[table]


def _take_in(handover: Path, manifest: Manifest, agreement: Agreement, folder: Path) -> None:
    """Copy, inspect the copies, and only then let them appear in the vault, all at once."""
    opened = agreement.opened(manifest.body.party)
    with appearing_whole(folder) as partial:
        for name, facts in manifest.body.tables.items():
            _copy(handover / facts.file, partial / facts.file)
            check_table(partial / facts.file, name, facts, opened[name])
        signing.write_canonical(partial / "manifest.json", manifest.model_dump(mode="json"))


def _people(folder: Path, opened: dict[str, dict[str, Role]]) -> list[pl.LazyFrame]:
    """The columns that hold persons, one frame each."""
    return [
        pl.scan_parquet(folder / f"{table}.parquet", glob=False).select(column)
        for table, columns in opened.items()
        for column, role in columns.items()
        if role is Role.IDENTIFIER
    ]


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise HandoverError(
            f"{source.name} is missing from the handover.", "ask the party for all of it."
        ) from None


def _check_room(room: Path, collaboration: str) -> None:
    try:
        record = json.loads((room / "room.json").read_bytes())
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        raise AgreementError(
            "This directory is no room.", "create one for the collaboration, or name the right one."
        )
    if record.get("collaboration") != collaboration:
        raise AgreementError(
            f"The room is not that of the collaboration '{collaboration}'.",
            "use a room of its own for each collaboration.",
        )


def _folder(room: Path, digest: str) -> Path:
    return room / "vault" / digest


def _in_force(room: Path, party: Platform) -> Path:
    return room / "vault" / f"{party}.json"
