"""The rotation: for the room alone, a table from a platform's old tokens of persons to the new.

A new epoch has new keys, so no token of one epoch meets one of another. The room has to know all
the same who was behind an earlier release, or two releases of two epochs could be subtracted. So
the platform, which alone can, computes both tokens of each person in its export, seals the pairs to
the room's transport key, and signs with the keys of both epochs.

Join keys are in no rotation: a CID names a click and not a person, the room's memory is of persons,
and a table from one epoch's CIDs to the next would be one of the other platform's rows too.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from cleanroom import sealing, signing
from cleanroom.agreement import Agreement
from cleanroom.errors import AgreementError, ExportError, HandoverError, KeysError
from cleanroom.party.checks import FAULT, Field
from cleanroom.party.derive import token_key
from cleanroom.party.export_files import readable
from cleanroom.party.ingest import ExportTable, read_export
from cleanroom.party.keys import PartyKeys, require_loaded_for
from cleanroom.party.normalise import normalised
from cleanroom.party.staging import staged
from cleanroom.party.tokens import HMACS
from cleanroom.tables import IdentifierKind, Platform, Role

FORMAT = "cleanroom-rotation-1"
MANIFEST, TOKENS = "manifest.json", "tokens.sealed"


@dataclass(frozen=True)
class Rotation:
    """A rotation as written: whose, from which epoch to which, and of how many persons."""

    party: Platform
    from_epoch: str
    to_epoch: str
    persons: int

    def __str__(self) -> str:
        return (
            f"{self.party}: {self.persons:,} persons from epoch {self.from_epoch} "
            f"to {self.to_epoch}, sealed to the room"
        )


@dataclass(frozen=True, repr=False)
class Epoch:
    """A platform's keys and the agreement they were loaded for: one side of a rotation."""

    keys: PartyKeys
    agreement: Agreement


def write_rotation(
    export_dir: Path, old: Epoch, new: Epoch, out_dir: Path, now: datetime | None = None
) -> Rotation:
    """Write the rotation of the export's persons from the `old` epoch to the `new` one.

    Persons are those in rows that a handover under the new agreement would keep. `out_dir` holds
    the whole rotation or is as it was before; a rotation already there is replaced. `now` is as in
    `handover.write_handover`. Raises `KeysError` or `AgreementError` if the two are mixed up or do
    not follow each other, `ExportError`, or `HandoverError` if `out_dir` holds other things.
    """
    for side in (old, new):
        require_loaded_for(side.keys, side.agreement)
    _require_order(old, new)
    room = _room_key(new.agreement)
    _refuse_foreign(out_dir)
    tables = read_export(export_dir, new.keys.party, new.agreement, now or datetime.now(UTC))
    with staged(out_dir) as draft:
        pairs, rows = _write_pairs(tables, old.keys, new.keys, draft)
        manifest = _seal(pairs, rows, room, (old, new), draft)
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    return Rotation(new.keys.party, old.keys.epoch, new.keys.epoch, rows)


def _write_pairs(
    tables: list[ExportTable], old: PartyKeys, new: PartyKeys, draft: Path
) -> tuple[Path, int]:
    """A Parquet file of the distinct persons' tokens, `old` and `new` as bytes; and its rows."""
    parts: list[Path] = []
    for table in tables:
        for field in table.fields:
            if field.column.role is Role.IDENTIFIER:
                part = draft / f"part-{len(parts)}"
                with readable(table.file):
                    _pairs_of(table, field, old, new).sink_parquet(part, engine="streaming")
                parts.append(part)
    pairs = draft / "pairs"
    every = pl.concat([pl.scan_parquet(part, glob=False) for part in parts]).unique()
    # By the new token, whose order is that of chance, so that the file says nothing of the export.
    every.sort("new").sink_parquet(pairs, engine="streaming")
    for part in parts:
        part.unlink()
    rows = pl.scan_parquet(pairs, glob=False).select(pl.len()).collect().item()
    if not rows:
        raise ExportError("The export names no person.", "name the export that is handed over.")
    return pairs, rows


def _pairs_of(table: ExportTable, field: Field, old: PartyKeys, new: PartyKeys) -> pl.LazyFrame:
    """Both tokens of the persons in a column's good rows; each person is hashed once."""
    kind = field.column.identifier or IdentifierKind.ACCOUNT
    good = table.rows.filter(pl.col(FAULT).is_null())
    people = good.select(person=normalised(field.read, kind)).drop_nulls().unique()
    return people.select(
        HMACS[keys.token_hash](pl.col("person"), token_key(keys, kind))
        .str.decode("hex")
        .alias(name)
        for name, keys in (("old", old), ("new", new))
    )


def _seal(
    pairs: Path, rows: int, room: str, sides: tuple[Epoch, Epoch], draft: Path
) -> dict[str, Any]:
    """Encrypt the pairs for the room, remove them, and return the manifest that both keys sign."""
    old, new = (side.keys for side in sides)
    data_key = sealing.new_data_key()
    with pairs.open("rb") as plain, (draft / TOKENS).open("wb") as sealed:
        sealing.encrypt(plain, sealed, data_key, TOKENS)
    pairs.unlink()
    facts = {
        "format": FORMAT,
        "collaboration": new.collaboration,
        "party": new.party.value,
        "from_epoch": old.epoch,
        "to_epoch": new.epoch,
        "from_agreement": old.agreement,
        "to_agreement": new.agreement,
        "nonce": secrets.token_hex(16),
        "rows": rows,
        "sha256": signing.file_digest(draft / TOKENS),
    }
    body = {**facts, "data_key": sealing.seal_key(data_key, room, facts)}
    return {
        "body": body,
        "signed_with_old_key": signing.sign(old.identity, "rotation from", body),
        "signed_with_new_key": signing.sign(new.identity, "rotation to", body),
    }


def _room_key(agreement: Agreement) -> str:
    key = agreement.room.transport_key
    if key is None:
        raise AgreementError(
            "The new agreement names no transport key of the room.",
            "complete it with the room's public.json.",
        )
    return key


def _require_order(old: Epoch, new: Epoch) -> None:
    for name in ("party", "collaboration"):
        one, other = getattr(old.keys, name), getattr(new.keys, name)
        if one != other:
            raise KeysError(
                f"The old keys are for {name} '{one}', the new ones for '{other}'.",
                "name the keys of one platform in one collaboration, of two epochs.",
            )
    if old.keys.epoch == new.keys.epoch:
        raise KeysError(
            f"Both keys are for the epoch '{old.keys.epoch}'.",
            "name the keys and the agreement of the epoch before, and those of the next.",
        )
    if old.agreement.version >= new.agreement.version:
        raise AgreementError(
            f"The epoch '{old.keys.epoch}' is not before '{new.keys.epoch}': its agreement has "
            f"version {old.agreement.version}, the other {new.agreement.version}.",
            "exchange the two, or raise the new agreement's version.",
        )


def _refuse_foreign(directory: Path) -> None:
    """Only an empty place or an older rotation is written over."""
    if not directory.exists():
        return
    names = {entry.name for entry in directory.iterdir()} if directory.is_dir() else {""}
    if names and names != {MANIFEST, TOKENS}:
        raise HandoverError(f"{directory} is not a rotation.", "name a new or empty directory.")
