"""The blinded join beside its peers: three processes and a mailbox, as those parties run it.

Each run starts `cleanroom party match` for both platforms and `cleanroom room match` at once, on
this machine, and ends when all three have ended: interpreter starts, reading, hashing, blinding,
sealing, the mailbox, doubling and joining are all counted. Before that, as part of a handover,
each platform makes its join input (normalise, handle, sort): measured by itself, in two processes
at once, and added. A first run, which compiles the programs, is not counted. A run whose links are
not the common identifiers ends the benchmark.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from benchmarks.blinded_join_run import set_up
from benchmarks.contenders import Run, figures, print_table
from benchmarks.ids import common
from benchmarks.peers import measure_peers
from benchmarks.watch import watch
from cleanroom.agreement import load
from cleanroom.party import curve
from cleanroom.room.blinded import links_path
from cleanroom.room.vault import open_vault
from cleanroom.tables import IdentifierKind

OURS = "cleanroom, blinded"
LEARNS = "the room: which handles match; the platforms: nothing"
_SIZES = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Measured:
    """One run: its phases' wall and processor seconds; the memory of all processes together and of
    the largest, in GB."""

    phases: dict[str, tuple[float, float]]
    all_gigabytes: float
    largest_gigabytes: float

    @property
    def run(self) -> Run:
        """The run as contenders are compared."""
        wall, cpu = (sum(seconds[i] for seconds in self.phases.values()) for i in (0, 1))
        return Run(wall, cpu, self.all_gigabytes)


def measure(
    rows: int, runs: int, growth: bool = False, quick: float | None = None
) -> dict[str, Any]:
    """Join `rows` identifiers of each side `runs` times; print medians, beside the peers'.

    `growth`: at fewer rows too. `quick`: leave out a peer that would take more minutes.
    """
    found = _measure(rows, runs)
    ours, peers = _figures(rows, found), measure_peers(rows, runs, minutes=quick)
    print_table([ours, *peers])
    print(f"cleanroom multiplies by: {curve.backend()}")
    phases = {name: _phase(found, name) for name in found[0].phases}
    for name, (wall, cpu) in phases.items():
        print(f"  {name:<12} {wall:8.2f} s wall {cpu:8.2f} s CPU")
    largest = max(one.largest_gigabytes for one in found)
    print(f"  {'memory':<12} {largest:8.2f} GB, the largest process")
    fastest = max((p["items_per_wall_second"] for p in peers if "left_out" not in p), default=None)
    return {
        "backend": curve.backend(),
        "ours": ours,
        "phases": phases,
        "largest_process_gigabytes": largest,
        "peers": peers,
        **({"microseconds_per_item": _grow(rows, runs, ours)} if growth else {}),
        "runs": runs,
        "ratio": round(ours["items_per_wall_second"] / fastest, 3) if fastest else None,
    }


def _measure(rows: int, runs: int) -> list[Measured]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        set_up(folder, rows)
        _, *found = [_run(folder, rows) for _ in range(1 + runs)]
    return found


def _run(folder: Path, rows: int) -> Measured:
    # Programs are compiled when they first run, and then kept, whatever this environment says.
    kept = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    watched = watch([sys.executable, "-m", "benchmarks.blinded_join_run", str(folder)], kept)
    if watched.exit_code:
        raise SystemExit(watched.complained)
    vault = open_vault(folder / "room", load(folder / "agreement.yaml"))
    links = pl.scan_parquet(links_path(vault, IdentifierKind.CLICK_ID))
    if links.select(pl.len()).collect().item() != common(rows):
        raise SystemExit("the links are not the common identifiers")
    told = json.loads(watched.printed)
    phases = {name: (wall, cpu) for name, (wall, cpu) in told["phases"].items()}
    return Measured(phases, watched.peak_gigabytes, told["largest_gigabytes"])


def _figures(rows: int, found: list[Measured]) -> dict[str, Any]:
    return figures(OURS, version("cleanroom"), rows, [one.run for one in found], LEARNS)


def _phase(found: list[Measured], name: str) -> tuple[float, float]:
    """A phase's medians: wall and processor seconds."""
    seconds = [one.phases[name] for one in found]
    wall, cpu = (round(median(both[i] for both in seconds), 3) for i in (0, 1))
    return wall, cpu


def _grow(rows: int, runs: int, at_rows: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Microseconds an item (an identifier of one side) takes, by rows; printed too."""
    smaller = {size: _figures(size, _measure(size, runs)) for size in _SIZES if size < rows}
    print(f"{'rows':>12} {'wall us/item':>14} {'CPU us/item':>14} {'GB':>6}")
    grown = {}
    for size, one in {**smaller, rows: at_rows}.items():
        wall, cpu = (round(1e6 * one[f"{k}_seconds"] / (2 * size), 2) for k in ("wall", "cpu"))
        print(f"{size:>12,} {wall:>14.2f} {cpu:>14.2f} {one['peak_gigabytes']:>6.2f}")
        grown[str(size)] = {"wall": wall, "cpu": cpu}
    return grown
