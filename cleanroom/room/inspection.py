"""Inspection of a handover: nothing enters the vault that the agreement does not describe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import narwhals as nw
import polars as pl
from pydantic import Field, ValidationError

from cleanroom import signing
from cleanroom.agreement import (
    Agreement,
    Digest,
    JoinMode,
    Model,
    Signature,
    agreement_digest,
)
from cleanroom.borders import handover_schema
from cleanroom.errors import HandoverError
from cleanroom.places import places_of
from cleanroom.room.engine import collect, scan
from cleanroom.tables import Platform, Role

Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
SealedKey = Annotated[str, Field(pattern=r"^[0-9a-f]{160}$")]  # X25519 share, key and tag
# UTC to the second, in one form: the order of the texts is that of the times.
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]

_ASK = "ask the party to prepare and hand over its tables again."
_MOST_BYTES = 1 << 20  # of a manifest, which is a few kilobytes
# A token is an HMAC of 256 bits in hexadecimal, which no phone number, e-mail address, CID or MD5
# of a device looks like. Where the join is blinded, its keys are handles of 128 bits.
_TOKEN, _HANDLE = "^[0-9a-f]{64}$", "^[0-9a-f]{32}$"


class TableFacts(Model):
    """What a manifest says of one table's file."""

    file: str
    rows: int
    sha256: Digest
    quarantined: dict[str, int]


class ManifestBody(Model):
    """What the party signs; `nonce` is another in every handover, of the same rows too."""

    format: Literal["cleanroom-handover-2"]
    collaboration: str
    epoch: str
    agreement: Digest
    party: Platform
    nonce: Nonce
    sealed_key: SealedKey
    created: Moment
    tables: dict[str, TableFacts]


class Manifest(Model):
    """A handover's manifest: its body and the party's signature on that."""

    body: ManifestBody
    signature: Signature


def read_manifest(directory: Path) -> Manifest:
    """The manifest in a handover's directory; raises `HandoverError` naming what is wrong."""
    file = directory / "manifest.json"
    try:
        if not file.is_file():  # a pipe, say, has no end
            raise OSError
        with file.open("rb") as content:
            text = content.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise HandoverError("manifest.json is larger than any manifest can be.", _ASK)
        return Manifest.model_validate_json(text)
    except OSError:
        problem = "There is no readable manifest.json in the handover."
    except ValidationError as error:
        problem = (
            f"manifest.json is wrong at {places_of(error, Manifest, ManifestBody, TableFacts)}."
        )
    raise HandoverError(problem, _ASK)


def check_manifest(manifest: Manifest, agreement: Agreement) -> None:
    """Raise `HandoverError` unless the party of `agreement` signed it for that agreement."""
    body = manifest.body
    key = agreement.parties[body.party].identity_key or ""
    signed: dict[str, Any] = body.model_dump(mode="json")
    if not signing.verifies(key, manifest.signature, "handover", signed):
        raise HandoverError(
            f"The manifest is not signed with the {body.party} platform's identity key.", _ASK
        )
    wanted = {
        "collaboration": agreement.collaboration,
        "epoch": agreement.epoch,
        "agreement": agreement_digest(agreement),
    }
    wrong = [name for name, value in wanted.items() if getattr(body, name) != value]
    if wrong:
        raise HandoverError(
            f"The handover was made for another {' and '.join(wrong)}.",
            "have the party hand over under the agreement that the room holds.",
        )
    _same("tables", set(body.tables), set(agreement.opened(body.party)), "the manifest")
    for name, facts in body.tables.items():
        if facts.file != f"{name}.sealed":
            raise HandoverError(f"Table '{name}' is not in {name}.sealed.", _ASK)


def check_file(file: Path, facts: TableFacts) -> None:
    """Raise `HandoverError` unless the sealed `file` is the one that the manifest describes."""
    if not file.is_file():
        raise HandoverError(
            f"{file.name} is missing from the handover.", "ask the party for all of it."
        )
    if signing.file_digest(file) != facts.sha256:
        raise HandoverError(
            f"{file.name} was changed after the manifest was signed, or is another's.", _ASK
        )


def check_table(path: Path, name: str, facts: TableFacts, agreement: Agreement) -> None:
    """Raise `HandoverError` unless the opened table at `path` holds the columns it opens.

    Checked are its columns, their types, its number of rows, and that identifiers and join keys
    are tokens, or handles where the agreement joins blindly.
    """
    columns = agreement.opens[name]
    found, opened = _schema(path, name), handover_schema(name, columns)
    _same("columns", set(found), set(columns), f"Table '{name}'")
    for column, stored in opened.items():
        if found[column] != stored:
            raise HandoverError(
                f"Table '{name}', column '{column}': it is stored as {found[column]}, "
                f"not as {stored}.",
                _ASK,
            )
    join_key = _HANDLE if agreement.join.mode is JoinMode.BLINDED else _TOKEN
    forms = {Role.IDENTIFIER: _TOKEN, Role.JOIN_KEY: join_key}
    tokens = {c: forms[role] for c, role in columns.items() if role in forms}
    _check_rows(path, name, facts.rows, tokens)


def _check_rows(path: Path, name: str, rows: int, tokens: dict[str, str]) -> None:
    bare = [
        (~nw.col(c).str.contains(form)).cast(nw.Int64).sum().alias(c) for c, form in tokens.items()
    ]
    found = collect(scan(path).select(nw.len().alias("rows"), *bare), name).row(0, named=True)
    if found["rows"] != rows:
        raise HandoverError(
            f"Table '{name}' has {found['rows']} rows, its manifest says {rows}.", _ASK
        )
    for column in tokens:
        if found[column]:
            raise HandoverError(
                f"Table '{name}', column '{column}': {found[column]} values are no tokens.",
                "delete this handover at once, and find out how raw values came into it.",
            )


def _schema(path: Path, name: str) -> dict[str, Any]:
    try:
        return dict(pl.read_parquet_schema(path))
    except (Exception, pl.exceptions.PanicException):
        pass
    # Raised outside the handler, so that the reader's error is not chained to this one.
    raise HandoverError(f"Table '{name}' is not a readable Parquet file.", _ASK)


def _same(what: str, found: set[str], opened: set[str], place: str) -> None:
    missing, surplus = sorted(opened - found), sorted(found - opened)
    lacks = f" lacks the opened {what} {', '.join(missing)};" if missing else ""
    holds = f" holds the {what} {', '.join(surplus)}, not opened;" if surplus else ""
    if lacks or holds:
        raise HandoverError(f"{place}{lacks}{holds}".rstrip(";") + ".", _ASK)
