"""One run of the blinded join, as a program: `python -m benchmarks.blinded_join_run FOLDER`.

Prints, as JSON, the seconds of its phases (wall, and processor seconds of all processes) and the
memory of the largest process, in GB.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from benchmarks.ids import ids
from benchmarks.rooms import agree
from cleanroom import agreement as agreements
from cleanroom.agreement import Agreement, TokenHash
from cleanroom.party.handover import write_handover
from cleanroom.party.join_input import HandleKey, pairs, sort, unsorted
from cleanroom.party.keys import load_keys
from cleanroom.room.vault import accept
from cleanroom.tables import TABLES, IdentifierKind, Platform

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
_TABLES = {Platform.ADS: "touches", Platform.STORE: "visits"}
_CID = IdentifierKind.CLICK_ID


def set_up(folder: Path, rows: int) -> None:
    """Two platforms with `rows` click ids each, their handovers, and a room; nothing is matched."""
    terms = agreements.to_record(agreements.load(CONFIGS / "red-cat-plan.yaml"))
    terms["join"] |= {"mode": "blinded"}
    terms["opens"] = {table: terms["opens"][table] for table in _TABLES.values()}
    agreed = agree(folder, agreements.parse(terms, "the benchmark's agreement"))
    agreements.write(agreed, folder / "agreement.yaml")
    for platform in Platform:
        _hand_over(folder, platform, agreed, rows)


def _hand_over(folder: Path, platform: Platform, agreed: Agreement, rows: int) -> None:
    export, handover = folder / f"export-{platform}", folder / f"handover-{platform}"
    export.mkdir()
    table = _rows(platform, rows)
    table.write_parquet(export / f"{_TABLES[platform]}.parquet")
    write_handover(export, load_keys(folder / platform, agreed, platform), agreed, handover)
    accept(folder / "room", handover, agreed)


def _rows(platform: Platform, rows: int) -> pl.DataFrame:
    """Events with a click id each, and little else."""
    text = dict.fromkeys(("user", "buyer", "campaign", "creator", "note"), "x")
    values = {**text, "merchant": "M01", "kind": "click" if platform is Platform.ADS else "visit"}
    columns = {
        "event_id": pl.int_range(rows).cast(pl.String),
        "time": pl.lit("2026-05-01T10:00:00+08:00").str.to_datetime("%+"),
        "cid": pl.lit(ids(rows, platform)),
        "order": pl.lit(None, pl.String),
        **dict.fromkeys(("cost", "amount"), pl.lit(None, pl.Int64)),
        **{name: pl.lit(value) for name, value in values.items()},
    }
    opened = TABLES[_TABLES[platform]].columns
    return pl.select(columns[name].alias(name) for name in opened)


def _commands(folder: Path) -> list[list[str]]:
    """What the two platforms' and the room's operators type."""
    mailbox, typed = str(folder / "mailbox"), [sys.executable, "-m", "cleanroom"]
    parties = [
        [
            *(*typed, "party", "match", platform, "--agreement", str(folder / "agreement.yaml")),
            *("--keys", str(folder / platform), "--export", str(folder / f"export-{platform}")),
            *("--handover", str(folder / f"handover-{platform}"), "--mailbox", mailbox),
            *("--state", str(folder / f"state-{platform}")),
        ]
        for platform in Platform
    ]
    return [*parties, [*typed, "room", "match", str(folder / "room"), "--mailbox", mailbox]]


def _at_once(commands: list[list[str]]) -> tuple[float, float]:
    """Wall and processor seconds of processes that are started together, with their own."""
    before, start = _processor_seconds(), time.perf_counter()
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for command in commands]
    told = [process.communicate()[1] for process in started]
    wall = time.perf_counter() - start
    for process, text in zip(started, told, strict=True):
        if process.returncode:
            raise SystemExit(text.decode())
    return wall, _processor_seconds() - before


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _make_input(export: Path, table: str) -> None:
    """The part of a handover that only a blinded join needs, in a place of its own."""
    rows = pl.scan_parquet(export / f"{table}.parquet")
    folder = export / "measured"
    key = HandleKey("ab" * 32, TokenHash.HMAC_SHA256)
    pairs(rows, pl.col("cid"), _CID, key).sink_parquet(unsorted(folder, "all"))
    sort(folder)


def main() -> None:
    """Measure one run in the folder that was set up; nothing is left of an earlier one."""
    folder, *input_of = sys.argv[1:]
    if input_of:
        _make_input(Path(folder) / f"export-{input_of[0]}", _TABLES[Platform(input_of[0])])
        return
    for left in ("mailbox", "room/matches", "state-ads", "state-store"):
        shutil.rmtree(Path(folder) / left, ignore_errors=True)
    for platform in Platform:
        shutil.rmtree(Path(folder) / f"export-{platform}" / "measured", ignore_errors=True)
    inputs = [[sys.executable, "-m", __spec__.name, folder, platform] for platform in Platform]
    phases = {"join inputs": _at_once(inputs), "match": _at_once(_commands(Path(folder)))}
    # In kilobytes on Linux, in bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e9
    print(json.dumps({"phases": phases, "largest_gigabytes": round(largest, 2)}))


if __name__ == "__main__":
    main()
