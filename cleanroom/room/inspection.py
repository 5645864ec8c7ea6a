"""Inspection of a handover: nothing enters the vault that the agreement does not describe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import narwhals as nw
import polars as pl
from pydantic import Field, ValidationError

from cleanroom import signing
from cleanroom.agreement import Agreement, Digest, Model, agreement_digest
from cleanroom.errors import HandoverError
from cleanroom.room.engine import collect, scan
from cleanroom.tables import TABLES, Column, Platform, Role, ValueType

Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

_ASK = "ask the party to prepare and hand over its tables again."
_STORED = {
    ValueType.TEXT: pl.String(),
    ValueType.INTEGER: pl.Int64(),
    ValueType.MONEY: pl.Int64(),
    ValueType.NUMBER: pl.Float64(),
    ValueType.TIME: pl.Datetime("us", "UTC"),
}
# A token is a keyed hash in hexadecimal. A raw phone number or e-mail address is not of this form.
_TOKEN = "^[0-9a-f]{32,128}$"


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
    created: str
    tables: dict[str, TableFacts]


class Manifest(Model):
    """A handover's manifest: its body and the party's signature on that."""

    body: ManifestBody
    signature: str


def read_manifest(directory: Path) -> Manifest:
    """The manifest in a handover's directory; raises `HandoverError` naming what is wrong."""
    try:
        return Manifest.model_validate_json((directory / "manifest.json").read_bytes())
    except OSError:
        problem = "There is no readable manifest.json in the handover."
    except ValidationError as error:
        places = {".".join(map(str, item["loc"])) or "its syntax" for item in error.errors()}
        problem = f"manifest.json is wrong at {', '.join(sorted(places))}."
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
        if facts.file != f"{name}.parquet":
            raise HandoverError(f"Table '{name}' is not in {name}.parquet.", _ASK)


def check_table(path: Path, name: str, facts: TableFacts, columns: dict[str, Role]) -> None:
    """Raise `HandoverError` unless the file is the one in the manifest, with the opened columns.

    Checked are its digest, columns, their types, its number of rows, and that identifiers and join
    keys are tokens.
    """
    if signing.file_digest(path) != facts.sha256:
        raise HandoverError(f"{path.name} was changed after the manifest was signed.", _ASK)
    schema = _schema(path)
    _same("columns", set(schema), set(columns), path.name)
    for column, contract in _contracts(name, columns).items():
        if schema[column] != _STORED[contract.type]:
            raise HandoverError(
                f"{path.name}, column '{column}': it is stored as {schema[column]}, "
                f"not as {_STORED[contract.type]}.",
                _ASK,
            )
    _check_rows(path, facts.rows, [c for c, role in columns.items() if _tokenised(role)])


def _check_rows(path: Path, rows: int, tokens: list[str]) -> None:
    bare = [(~nw.col(c).str.contains(_TOKEN)).cast(nw.Int64).sum().alias(c) for c in tokens]
    found = collect(scan(path).select(nw.len().alias("rows"), *bare), path.stem).row(0, named=True)
    if found["rows"] != rows:
        raise HandoverError(
            f"{path.name} has {found['rows']} rows, its manifest says {rows}.", _ASK
        )
    for column in tokens:
        if found[column]:
            raise HandoverError(
                f"{path.name}, column '{column}': {found[column]} values are no tokens.",
                "delete this handover at once, and find out how raw values came into it.",
            )


def _schema(path: Path) -> dict[str, Any]:
    try:
        return dict(pl.read_parquet_schema(path))
    except (Exception, pl.exceptions.PanicException):
        pass
    # Raised outside the handler, so that the reader's error is not chained to this one.
    raise HandoverError(f"{path.name} is not a readable Parquet file.", _ASK)


def _same(what: str, found: set[str], opened: set[str], place: str) -> None:
    missing, surplus = sorted(opened - found), sorted(found - opened)
    lacks = f" lacks the opened {what} {', '.join(missing)};" if missing else ""
    holds = f" holds the {what} {', '.join(surplus)}, not opened;" if surplus else ""
    if lacks or holds:
        raise HandoverError(f"{place}{lacks}{holds}".rstrip(";") + ".", _ASK)


def _contracts(table: str, columns: dict[str, Role]) -> dict[str, Column]:
    return {name: TABLES[table].columns[name] for name in columns}


def _tokenised(role: Role) -> bool:
    return role in (Role.IDENTIFIER, Role.JOIN_KEY)
