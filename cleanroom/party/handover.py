"""The handover: what a platform gives the room. Tokens and opened columns, sealed and signed.

Rows at fault go to `quarantine/<table>.parquet` within the export's own directory, with their
original values: raw data stays where raw data was, and is no part of the handover. A table's file
is there too until it is sealed, so that nothing readable is ever where the handover is.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from cleanroom import sealing, signing
from cleanroom.agreement import Agreement, JoinMode, TokenHash, agreement_digest
from cleanroom.borders import Handover
from cleanroom.consent import require_signed
from cleanroom.errors import AgreementError, ExportError, HandoverError, KeysError
from cleanroom.party.checks import FAULT, RULES, Field, Reason, faults
from cleanroom.party.derive import join_key, token_key
from cleanroom.party.export_files import ROW, readable
from cleanroom.party.ingest import ExportTable, read_export
from cleanroom.party.keys import PartyKeys
from cleanroom.party.report import FaultCount, IngestReport, TableReport
from cleanroom.party.sealed import recipient, seal_table
from cleanroom.party.staging import staged
from cleanroom.party.tokens import token
from cleanroom.tables import TABLES, Role

FORMAT = "cleanroom-handover-2"
_FIRST_ROWS = 3


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
    platforms, not in force, or asks for another kind of token, or `HandoverError` if `out_dir`
    holds other things.
    """
    room = recipient(agreement)
    if keys.agreement != agreement_digest(agreement):
        raise KeysError("The keys were loaded for another agreement.", "load them for this one.")
    now = now or datetime.now(UTC)
    require_signed(agreement, now.astimezone(ZoneInfo(agreement.timezone)).date())
    _refuse_other_tokens(agreement)
    _refuse_foreign(out_dir)
    tables = read_export(export_dir, keys.party, agreement, now)
    opened, data_key = agreement.opened(keys.party), sealing.new_data_key()
    with staged(out_dir) as draft:
        with staged(export_dir / "quarantine") as set_aside:
            reports = [
                _hand_over(table, keys, opened[table.name], data_key, draft, set_aside)
                for table in tables
            ]
        for report in reports:
            _require_rows(report)
        body = _manifest_body(keys, reports, draft, now)
        body["sealed_key"] = sealing.seal_key(data_key, room, sealing.handover_context(body))
        manifest = {"body": body, "signature": signing.sign(keys.identity, "handover", body)}
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    return Handover(out_dir, manifest), IngestReport(keys.party, tuple(reports))


def _hand_over(
    table: ExportTable,
    keys: PartyKeys,
    columns: Iterable[str],
    data_key: bytes,
    draft: Path,
    set_aside: Path,
) -> TableReport:
    plain, found = _write_table(table, keys, set_aside)
    rows = seal_table(plain, draft / _file(table.name), table.name, columns, data_key)
    return TableReport(table.name, table.file.name, rows, found, table.left_at_home)


def _write_table(
    table: ExportTable, keys: PartyKeys, set_aside: Path
) -> tuple[Path, tuple[FaultCount, ...]]:
    """Write the good rows and the others in one pass over the file; returns where the good are,
    and what is wrong with the others."""
    good = table.rows.filter(pl.col(FAULT).is_null())
    bad = table.rows.filter(pl.col(FAULT).is_not_null())
    kept, quarantine = set_aside / f"{table.name}.tokens", set_aside / f"{table.name}.parquet"
    signing.write_secret(quarantine, b"")  # only its owner can read what is then written into it
    # Tokens hardly compress: a higher level takes three times as long and saves nothing.
    sinks = [
        good.select(_handed_over(field, keys) for field in table.fields).sink_parquet(
            kept, lazy=True, compression="zstd", compression_level=1
        ),
        bad.select(*_quarantined(table)).sink_parquet(quarantine, lazy=True),
    ]
    with readable(table.file):
        pl.collect_all(sinks, engine="streaming")
    found = _count_faults(quarantine)
    if not found:
        quarantine.unlink()
    return kept, found


def _handed_over(field: Field, keys: PartyKeys) -> pl.Expr:
    """A column as the room gets it: a person or a join key as its token, else the typed value."""
    kind = field.column.identifier
    if kind is None:
        return field.typed.alias(field.name)
    joins = field.column.role is Role.JOIN_KEY
    key = join_key(keys, kind) if joins else token_key(keys, kind)
    return token(field.read, kind, key).alias(field.name)


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


def _require_rows(report: TableReport) -> None:
    if report.kept:
        return
    if not report.read:
        raise ExportError(f"{report.file} has no rows.", "export it again.")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.quarantined.items())
    raise ExportError(
        f"No row of {report.file} can be used ({reasons}).",
        f"look into the export's quarantine/{report.table}.parquet, mend the export, run again.",
    )


def _manifest_body(
    keys: PartyKeys, reports: list[TableReport], draft: Path, now: datetime
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "collaboration": keys.collaboration,
        "epoch": keys.epoch,
        "agreement": keys.agreement,
        "party": keys.party.value,
        "nonce": secrets.token_hex(16),
        "created": now.astimezone(UTC).isoformat(timespec="seconds"),
        "tables": {report.table: _facts(report, draft) for report in reports},
    }


def _file(table: str) -> str:
    return f"{table}.sealed"


def _facts(report: TableReport, draft: Path) -> dict[str, Any]:
    file = _file(report.table)
    return {
        "file": file,
        "rows": report.kept,
        "sha256": signing.file_digest(draft / file),
        "quarantined": report.quarantined,
    }


def _refuse_other_tokens(agreement: Agreement) -> None:
    """Tokens are made in one way only; an agreement on another must not get these."""
    terms = {
        "join.mode": (agreement.join.mode, JoinMode.KEYED),
        "token_hash": (agreement.token_hash, TokenHash.HMAC_SHA256),
    }
    for place, (agreed, made) in terms.items():
        if agreed is not made:
            raise AgreementError(
                f"{place}: '{agreed}' is agreed, and this version makes handovers for '{made}'.",
                "agree on that, or use a version that makes the other.",
            )


def _refuse_foreign(directory: Path) -> None:
    """Only an empty place or an older handover is written over."""
    if not directory.exists():
        return
    names = {entry.name for entry in directory.iterdir()} if directory.is_dir() else {""}
    ours = {"manifest.json", *map(_file, TABLES)}
    if names and not ("manifest.json" in names and names <= ours):
        raise HandoverError(f"{directory} is not a handover.", "name a new or empty directory.")
