"""A small good export of each platform, whose raw identifiers all carry the word CANARY."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from cleanroom.agreement import Agreement
from cleanroom.borders import Handover
from cleanroom.party.handover import write_handover
from cleanroom.party.keys import load_keys
from cleanroom.party.report import IngestReport, TableReport
from cleanroom.tables import TABLES, Platform, ValueType
from tests.party import room

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CANARY = "CANARY"
Row = dict[str, Any]

TOUCHES: list[Row] = [
    {
        "event_id": f"t{n}",
        "kind": kind,
        "user": f"CANARY-user-{n % 2}",
        "merchant": "M01",
        "campaign": "spring",
        "creator": "c1",
        "note": "n1",
        "time": f"2026-05-0{n + 1}T10:00:00+08:00",
        "cost": 120 if kind == "click" else None,
        "cid": f"CANARY-cid-{n}" if kind == "click" else None,
        "task_group": "g1",
    }
    for n, kind in enumerate(("impression", "click", "read", "click"))
]
VISITS: list[Row] = [
    {
        "event_id": f"v{n}",
        "kind": kind,
        "buyer": "CANARY-buyer-0",
        "merchant": "M01",
        "time": f"2026-05-0{n + 5}T10:00:00+08:00",
        "order": "o1" if kind in ("purchase", "refund") else None,
        "amount": 9900 if kind in ("purchase", "refund") else None,
        "cid": f"CANARY-cid-{2 * n + 1}",
    }
    for n, kind in enumerate(("visit", "purchase", "refund"))
]
GOOD: dict[str, list[Row]] = {
    "touches": TOUCHES,
    "assignments": [
        {
            "user": "CANARY-user-0",
            "study": "s1",
            "merchant": "M01",
            "arm": "treated",
            "time": "2026-05-01T00:00:00+08:00",
        }
    ],
    "users": [{"user": "CANARY-user-0", "region": "east", "prior_engagements": 3}],
    "onsite_orders": [
        {
            "event_id": "s1",
            "kind": "purchase",
            "user": "CANARY-user-0",
            "merchant": "M01",
            "time": "2026-05-02T10:00:00+08:00",
            "order": "s1",
            "amount": 9900,
        }
    ],
    "visits": VISITS,
    "buyers": [
        {"buyer": "CANARY-buyer-0", "region": "east", "prior_orders": 1, "prior_amount": 9900}
    ],
    "merchants": [
        {
            "merchant": "M01",
            "name": "上海 Shop",
            "shop_type": "tmall",
            "category": "beauty",
            "score": 4.7,
            "daily_budget": 600_000,
        }
    ],
}


@dataclass(frozen=True)
class Party:
    """A platform at work: its agreement, its keys, its export, and where its handover goes."""

    platform: Platform
    agreement: Agreement
    keys: Path
    export: Path
    out: Path

    def hand_over(self) -> tuple[Handover, IngestReport]:
        keys = load_keys(self.keys, self.agreement, self.platform)
        return write_handover(self.export, keys, self.agreement, self.out, NOW)

    def read(self, table: str) -> pl.DataFrame:
        """A table of the handover, as the room reads it."""
        return room.opened(self.out, table, room.transport(self.keys))

    def quarantined(self, table: str) -> pl.DataFrame:
        return pl.read_parquet(self.export / "quarantine" / f"{table}.parquet")


def report_on(table: str, report: IngestReport) -> TableReport:
    return next(found for found in report.tables if found.table == table)


def write_good(directory: Path, platform: Platform) -> None:
    """The good export: CSV for the events, Parquet for the rest."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, rows in GOOD.items():
        if TABLES[name].platform is platform:
            write_table(directory, name, rows, "csv" if "event_id" in rows[0] else "parquet")


def write_table(directory: Path, name: str, rows: list[Row], suffix: str) -> Path:
    """Write `rows` in place of whatever file the table had."""
    for old in directory.glob(f"{name}.*"):
        old.unlink()
    file = directory / f"{name}.{suffix}"
    frame = pl.DataFrame(rows, infer_schema_length=None)
    if suffix == "csv":
        frame.write_csv(file)
    else:
        frame.with_columns(_parquet_types(name, frame.columns)).write_parquet(file)
    return file


def with_cell(rows: list[Row], number: int, column: str, value: Any) -> list[Row]:
    """`rows` with another value in one cell; `number` counts from 1."""
    return [{**row, column: value} if n == number else row for n, row in enumerate(rows, 1)]


def edited(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.write_bytes(change(file.read_bytes()))


def no_canary(texts: Iterable[str]) -> bool:
    return all(CANARY not in text for text in texts)


def _parquet_types(name: str, columns: list[str]) -> list[pl.Expr]:
    times = [c for c in columns if TABLES[name].columns[c].type is ValueType.TIME]
    return [pl.col(c).str.to_datetime("%+").dt.convert_time_zone("Asia/Shanghai") for c in times]
