"""The handover: what a platform gives the room. Tokens and opened columns, sealed and signed.

Rows at fault go to `quarantine/<table>.parquet` within the export's own directory, with their
original values, and so does what a blinded join starts from (see `join_input`): raw data stays
where raw data was, and is no part of the handover. A table's file is there too until it is sealed,
so that nothing readable is ever where the handover is. A table exported as a folder of files is
handed over in as many parts, made one after the other (see `parts`).
"""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from cleanroom import sealing, signing
from cleanroom.agreement import Agreement, JoinMode
from cleanroom.borders import Handover
from cleanroom.consent import require_signed
from cleanroom.errors import ExportError, HandoverError
from cleanroom.matching import join_columns
from cleanroom.party.checks import FAULT, RULES, Field, Reason, faults
from cleanroom.party.derive import handle_key, join_key, token_key
from cleanroom.party.export_files import ROW, readable
from cleanroom.party.ingest import ExportTable, read_export
from cleanroom.party.join_input import JOIN, HandleKey, handle, pairs, sort, unsorted
from cleanroom.party.keys import PartyKeys, require_loaded_for
from cleanroom.party.normalise import normalised
from cleanroom.party.parts import clear, part
from cleanroom.party.report import FaultCount, IngestReport, TableReport
from cleanroom.party.sealed import seal_table
from cleanroom.party.staging import staged
from cleanroom.party.tokens import token
from cleanroom.tables import TABLES, IdentifierKind, Role

FORMAT = "cleanroom-handover-2"
_FIRST_ROWS = 3


@dataclass(frozen=True, repr=False)
class _Making:
    """A handover in the making: its keys, and where its parts are written.

    `handles`: by kind, the key of the handles of a join key in a blinded join; none in a keyed one.
    `draft` becomes what the room gets; `export`, `quarantine` and `inputs` stay at home. `terms`:
    what tokens depend on beside the export (a JSON value).
    """

    keys: PartyKeys
    terms: dict[str, Any]
    export: Path
    handles: dict[IdentifierKind, HandleKey]
    data_key: bytes
    draft: Path
    quarantine: Path
    inputs: Path


def write_handover(
    export_dir: Path,
    keys: PartyKeys,
    agreement: Agreement,
    out_dir: Path,
    now: datetime | None = None,
) -> tuple[Handover, IngestReport]:
    """Check the export of the platform that holds `keys`, tokenise it, and seal its handover.

    Only the room that the agreement names can open it. `out_dir` holds the whole handover or is
    as it was before; a handover already there is replaced. `now` (with its zone; the present, if
    None) is the moment after which times are future, and whose day the agreement has to cover.
    Raises `ExportError`, `KeysError`, `AgreementError` if the agreement is not signed by both
    platforms or not in force, or `HandoverError` if `out_dir` holds other things.
    """
    require_loaded_for(keys, agreement)
    now = now or datetime.now(UTC)
    require_signed(agreement, now.astimezone(ZoneInfo(agreement.timezone)).date())
    _refuse_foreign(out_dir)
    tables = read_export(export_dir, keys.party, agreement, now)
    opened, data_key, nonce = agreement.opened(keys.party), sealing.new_data_key(), _nonce()
    handles = _handle_keys(keys, agreement, nonce)
    room = agreement.room.transport_key or ""  # a signed agreement names it
    with staged(out_dir) as draft:
        with staged(export_dir / "quarantine") as set_aside, _inputs(export_dir, handles) as inputs:
            terms = {"agreement": keys.agreement, **({"nonce": nonce} if handles else {})}
            making = _Making(keys, terms, export_dir, handles, data_key, draft, set_aside, inputs)
            reports = {t.part: _hand_over(t, opened[t.name], making) for t in tables}
            for kind in handles:
                sort(inputs / kind)
        _require_rows(list(reports.values()))
        body = _manifest_body(keys, reports, draft, now, nonce)
        body["sealed_key"] = sealing.seal_key(data_key, room, sealing.handover_context(body))
        manifest = {"body": body, "signature": signing.sign(keys.identity, "handover", body)}
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    clear(export_dir)
    return Handover(out_dir, manifest), IngestReport(keys.party, tuple(reports.values()))


def _nonce() -> str:
    return secrets.token_hex(16)


def _handle_keys(
    keys: PartyKeys, agreement: Agreement, nonce: str
) -> dict[IdentifierKind, HandleKey]:
    if agreement.join.mode is JoinMode.KEYED:
        return {}
    return {
        kind: HandleKey(handle_key(keys, kind, nonce), keys.token_hash)
        for kind in join_columns(agreement)
    }


def _inputs(
    export_dir: Path, handles: dict[IdentifierKind, HandleKey]
) -> AbstractContextManager[Path]:
    """Where the join inputs are written, if there are any."""
    return staged(export_dir / JOIN) if handles else nullcontext(export_dir / JOIN)


def _hand_over(table: ExportTable, columns: Iterable[str], making: _Making) -> TableReport:
    quarantine = making.quarantine / f"{table.part}.parquet"
    if table.is_whole:
        kept = making.quarantine / f"{table.part}.tokens"
        _write_table(table, kept, quarantine, making)
    else:
        kept = _resumed(table, quarantine, making)
    sealed = making.draft / _file(table.part)
    rows = seal_table(kept, sealed, table.name, columns, making.data_key)
    if table.is_whole:
        kept.unlink()
    found = _count_faults(quarantine)
    if not found:
        quarantine.unlink()
    return TableReport(table.name, table.shown, rows, found, table.left_at_home)


def _resumed(table: ExportTable, quarantine: Path, making: _Making) -> Path:
    """Write a part's rows, unless an interrupted run did; returns where the good are."""
    made = part(making.export, table.part)
    if not made.holds(table.file, making.terms):
        made.forget()
        _write_table(table, made.kept, made.bad, making)
        made.remember(table.file, making.terms)
    quarantine.hardlink_to(made.bad)
    return made.kept


def _write_table(table: ExportTable, kept: Path, bad_rows: Path, making: _Making) -> None:
    """Write the good rows as `kept` and the others as `bad_rows`, in one pass over the file."""
    good = table.rows.filter(pl.col(FAULT).is_null())
    bad = table.rows.filter(pl.col(FAULT).is_not_null())
    signing.write_secret(bad_rows, b"")  # only its owner can read what is then written into it
    # Tokens hardly compress: a higher level takes three times as long and saves nothing.
    sinks = [
        good.select(_handed_over(field, making) for field in table.fields).sink_parquet(
            kept, lazy=True, compression="zstd", compression_level=1
        ),
        bad.select(*_quarantined(table)).sink_parquet(bad_rows, lazy=True),
    ]
    joined = {k: f for f in table.fields if (k := _handled_kind(f, making))}
    for kind, field in joined.items():
        rows = pairs(good, field.read, kind, making.handles[kind])
        sinks.append(rows.sink_parquet(unsorted(making.inputs / kind, table.part), lazy=True))
    with readable(table.file):
        pl.collect_all(sinks, engine="streaming")


def _handed_over(field: Field, making: _Making) -> pl.Expr:
    """A column as the room gets it: a person as a token, a join key as one or, where the join is
    blinded, as a handle, else the typed value."""
    kind = field.column.identifier
    if kind is None:
        return field.typed.alias(field.name)
    if _handled_kind(field, making):
        return handle(normalised(field.read, kind), making.handles[kind]).alias(field.name)
    joins = field.column.role is Role.JOIN_KEY
    key = join_key(making.keys, kind) if joins else token_key(making.keys, kind)
    return token(field.read, kind, key, making.keys.token_hash).alias(field.name)


def _handled_kind(field: Field, making: _Making) -> IdentifierKind | None:
    """The kind of a join key that leaves as a handle; None of any other column."""
    kind = field.column.identifier
    return kind if field.column.role is Role.JOIN_KEY and kind in making.handles else None


def _quarantined(table: ExportTable) -> list[pl.Expr]:
    """A row as its platform finds it again: number, reason and column, and its values as text."""
    asked = faults(table.fields)
    reasons = {index: reason.value for index, (reason, _) in enumerate(asked)}
    columns = {index: field.name for index, (_, field) in enumerate(asked)}
    fault = pl.col(FAULT)
    return [
        pl.col(ROW).alias("row"),
        fault.replace_strict(reasons, return_dtype=pl.String).alias("reason"),
        fault.replace_strict(columns, return_dtype=pl.String).alias("column"),
        *(field.read.cast(pl.String) for field in table.fields),
    ]


def _count_faults(quarantine: Path) -> tuple[FaultCount, ...]:
    counts = (
        pl.scan_parquet(quarantine, glob=False)
        .group_by("reason", "column")
        .agg(pl.len(), pl.col("row").bottom_k(_FIRST_ROWS).sort().alias("rows"))
        .sort("reason", "column")
        .collect(engine="streaming")
    )
    order = list(RULES)
    found = [FaultCount(Reason(r), c, n, tuple(rows)) for r, c, n, rows in counts.iter_rows()]
    return tuple(sorted(found, key=lambda fault: order.index(fault.reason)))


def _require_rows(reports: list[TableReport]) -> None:
    """Raise unless every table has a row that can be used."""
    usable = {report.table for report in reports if report.kept}
    for report in reports:
        if report.table in usable:
            continue
        if not report.read:
            raise ExportError(f"{report.file} has no rows.", "export it again.")
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.quarantined.items())
        raise ExportError(
            f"No row of {report.file} can be used ({reasons}).",
            f"look into the export's quarantine/ for {report.table}, mend the export, run again.",
        )


def _manifest_body(
    keys: PartyKeys, reports: dict[str, TableReport], draft: Path, now: datetime, nonce: str
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "collaboration": keys.collaboration,
        "epoch": keys.epoch,
        "agreement": keys.agreement,
        "party": keys.party.value,
        "nonce": nonce,
        "created": now.astimezone(UTC).isoformat(timespec="seconds"),
        "tables": {
            table: _facts({p: r for p, r in reports.items() if r.table == table}, draft)
            for table in dict.fromkeys(report.table for report in reports.values())
        },
    }


def _file(part: str) -> str:
    return f"{part}.sealed"


def _facts(parts: dict[str, TableReport], draft: Path) -> dict[str, Any]:
    """What the manifest says of a table: of its one file, or of each part."""
    files = [
        {"file": _file(p), "rows": r.kept, "sha256": signing.file_digest(draft / _file(p))}
        for p, r in parts.items()
    ]
    reasons = sum((Counter(report.quarantined) for report in parts.values()), Counter[str]())
    whole = [*parts] == [report.table for report in parts.values()]
    return {**(files[0] if whole else {"parts": files}), "quarantined": dict(reasons)}


def _refuse_foreign(directory: Path) -> None:
    """Only an empty place or an older handover is written over."""
    if not directory.exists():
        return
    names = {entry.name for entry in directory.iterdir()} if directory.is_dir() else {""}
    ours = re.compile(rf"manifest\.json|({'|'.join(TABLES)})(-\d{{5}})?\.sealed")
    if names and not ("manifest.json" in names and all(map(ours.fullmatch, names))):
        raise HandoverError(f"{directory} is not a handover.", "name a new or empty directory.")
