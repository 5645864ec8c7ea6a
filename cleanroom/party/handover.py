"""The handover: what a platform gives the room. Tokens and opened columns, described and signed.

Rows at fault go to `quarantine/<table>.parquet` within the export's own directory, with their
original values: raw data stays where raw data was, and is no part of the handover.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from cleanroom import signing
from cleanroom.agreement import Agreement, JoinMode
from cleanroom.borders import Handover
from cleanroom.errors import AgreementError, ExportError, HandoverError
from cleanroom.party.checks import FAULT, RULES, Field, Reason, faults
from cleanroom.party.derive import join_key, token_key
from cleanroom.party.export_files import ROW, readable
from cleanroom.party.ingest import ExportTable, read_export
from cleanroom.party.keys import PartyKeys, require_loaded_for
from cleanroom.party.report import FaultCount, IngestReport, TableReport
from cleanroom.party.staging import staged
from cleanroom.party.tokens import token
from cleanroom.tables import TABLES, Role

FORMAT = "cleanroom-handover-1"
_FIRST_ROWS = 3


def write_handover(
    export_dir: Path,
    keys: PartyKeys,
    agreement: Agreement,
    out_dir: Path,
    now: datetime | None = None,
) -> tuple[Handover, IngestReport]:
    """Check the export of the platform that holds `keys`, tokenise it, and write its handover.

    `out_dir` holds the whole handover or is as it was before; a handover already there is
    replaced. `now` (with its zone; the present, if None) is the moment after which times are
    future. Raises `ExportError`, `KeysError`, `AgreementError` if the agreement asks for another
    way to join, or `HandoverError` if `out_dir` holds other things.
    """
    _refuse_other_joins(agreement)
    require_loaded_for(keys, agreement)
    _refuse_foreign(out_dir)
    now = now or datetime.now(UTC)
    tables = read_export(export_dir, keys.party, agreement, now)
    with staged(out_dir) as draft:
        with staged(export_dir / "quarantine") as set_aside:
            reports = [_write_table(table, keys, draft, set_aside) for table in tables]
        for report in reports:
            _require_rows(report)
        manifest = _manifest(keys, reports, draft, now)
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    return Handover(out_dir, manifest), IngestReport(keys.party, tuple(reports))


def _write_table(table: ExportTable, keys: PartyKeys, draft: Path, set_aside: Path) -> TableReport:
    """Write the good rows and the others in one pass over the file."""
    good = table.rows.filter(pl.col(FAULT).is_null())
    bad = table.rows.filter(pl.col(FAULT).is_not_null())
    kept, quarantine = draft / f"{table.name}.parquet", set_aside / f"{table.name}.parquet"
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
    rows = pl.scan_parquet(kept, glob=False).select(pl.len()).collect().item()
    return TableReport(table.name, table.file.name, rows, found, table.left_at_home)


def _handed_over(field: Field, keys: PartyKeys) -> pl.Expr:
    """A column as the room gets it: a person or a join key as its token, else the typed value."""
    kind = field.column.identifier
    if kind is None:
        return field.typed.alias(field.name)
    joins = field.column.role is Role.JOIN_KEY
    key = join_key(keys, kind) if joins else token_key(keys, kind)
    return token(field.read, kind, key, keys.token_hash).alias(field.name)


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


def _manifest(
    keys: PartyKeys, reports: list[TableReport], draft: Path, now: datetime
) -> dict[str, Any]:
    body = {
        "format": FORMAT,
        "collaboration": keys.collaboration,
        "epoch": keys.epoch,
        "agreement": keys.agreement,
        "party": keys.party.value,
        "created": now.astimezone(UTC).isoformat(timespec="seconds"),
        "tables": {report.table: _facts(report, draft) for report in reports},
    }
    return {"body": body, "signature": signing.sign(keys.identity, "handover", body)}


def _facts(report: TableReport, draft: Path) -> dict[str, Any]:
    file = f"{report.table}.parquet"
    return {
        "file": file,
        "rows": report.kept,
        "sha256": signing.file_digest(draft / file),
        "quarantined": report.quarantined,
    }


def _refuse_other_joins(agreement: Agreement) -> None:
    """Join keys are tokenised in one way only; an agreement on another must not get these."""
    agreed = agreement.join.mode
    if agreed is not JoinMode.KEYED:
        raise AgreementError(
            f"join.mode: '{agreed}' is agreed, and this version makes handovers for "
            f"'{JoinMode.KEYED}'.",
            "agree on that, or use a version that makes the other.",
        )


def _refuse_foreign(directory: Path) -> None:
    """Only an empty place or an older handover is written over."""
    if not directory.exists():
        return
    names = {entry.name for entry in directory.iterdir()} if directory.is_dir() else {""}
    ours = {"manifest.json", *(f"{name}.parquet" for name in TABLES)}
    if names and not ("manifest.json" in names and names <= ours):
        raise HandoverError(f"{directory} is not a handover.", "name a new or empty directory.")
