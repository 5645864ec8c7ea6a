"""Inspection of a handover: nothing enters the vault that the agreement does not describe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import narwhals as nw
import polars as pl
from pydantic import Field, ValidationError

from cleanroom import signing
from cleanroom.agreement import Agreement, Digest, Model, Signature, agreement_digest
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
# A person's token is an HMAC of 256 bits in hexadecimal, a join key's one or, where the join is
# blinded, a handle of 128. No phone number, e-mail address or MD5 of a device is of the first form.
_TOKENS = {Role.IDENTIFIER: "^[0-9a-f]{64}$", Role.JOIN_KEY: "^([0-9a-f]{32}|[0-9a-f]{64})$"}


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
    try:
        return Manifest.model_validate_json((directory / "manifest.json").read_bytes())
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


def check_table(path: Path, name: str, facts: TableFacts, columns: dict[str, Role]) -> None:
    """Raise `HandoverError` unless the opened table at `path` holds the opened columns.

    Checked are its columns, their types, its number of rows, and that identifiers and join keys
    are tokens.
    """
    found, opened = _schema(path, name), handover_schema(name, columns)
    _same("columns", set(found), set(columns), f"Table '{name}'")
    for column, stored in opened.items():
        if found[column] != stored:
            raise HandoverError(
                f"Table '{name}', column '{column}': it is stored as {found[column]}, "
                f"not as {stored}.",
                _ASK,
            )
    _check_rows(
        path, name, facts.rows, {c: _TOKENS[role] for c, role in columns.items() if role in _TOKENS}
    )


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
