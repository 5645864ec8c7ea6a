"""The keyed join, pseudonyms included, against plain Polars: hash both columns, join the texts.

`cleanroom` normalises and tokenises each side into a Parquet file, as a platform does, and joins
the tokens, as the room does; all of it is counted. The yardstick, "SHA-256 + join", writes no
file and drops its hashes. `ratio` is its time over ours: 0.67 is the promised 1.5 times as long.
Two more say how much of the difference the handover makes: ours without it
(`ratio_one_query`), and against a yardstick that writes its hashes (`ratio_both_written`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.keyed_join_run import CONTENDERS, write_inputs

OURS, ONE_QUERY = "cleanroom", "cleanroom, one query"
YARDSTICK, HASHES_WRITTEN = "SHA-256 + join", "SHA-256, written + join"
_SIZES = (10_000, 100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True)
class Median:
    """A contender's medians: wall and processor seconds by phase and in all; its most memory."""

    phases: dict[str, tuple[float, float]]
    wall: float
    cpu: float
    peak_gigabytes: float


def measure(rows: int, runs: int, growth: bool = False) -> dict[str, Any]:
    """Run every contender `runs` times by turns; print medians; `growth`: fewer rows too."""
    found = _measure(rows, runs, list(CONTENDERS))
    _print_contenders(found)
    ratios = {
        "ratio": _ratio(found, YARDSTICK, OURS),
        "ratio_one_query": _ratio(found, YARDSTICK, ONE_QUERY),
        "ratio_both_written": _ratio(found, HASHES_WRITTEN, OURS),
    }
    return {
        "wall_seconds": {name: round(one.wall, 3) for name, one in found.items()},
        "cpu_seconds": {name: round(one.cpu, 3) for name, one in found.items()},
        "peak_gigabytes": {name: one.peak_gigabytes for name, one in found.items()},
        **({"nanoseconds_per_item": _grow(rows, runs, found[OURS])} if growth else {}),
        "runs": runs,
        **{name: wall for name, (wall, _) in ratios.items()},
        **{name.replace("ratio", "cpu_ratio"): cpu for name, (_, cpu) in ratios.items()},
    }


def _measure(rows: int, runs: int, names: Sequence[str]) -> dict[str, Median]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "inputs"
        write_inputs(folder, rows)
        told: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for _ in range(runs):
            for name in names:
                told[name].append(_run(name, folder))
    outcomes = {tuple(one["found"]) for each in told.values() for one in each}
    if len(outcomes) != 1:
        raise SystemExit("the contenders do not find the same pairs")
    return {name: _median(each) for name, each in told.items()}


def _run(name: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.keyed_join_run", name, str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(told))


def _median(runs: list[dict[str, Any]]) -> Median:
    seconds = [run["seconds"] for run in runs]
    wall, cpu = _medians(
        [(sum(w for w, _ in one.values()), sum(c for _, c in one.values())) for one in seconds]
    )
    phases = {phase: _medians([one[phase] for one in seconds]) for phase in seconds[0]}
    return Median(phases, wall, cpu, max(run["peak_gigabytes"] for run in runs))


def _medians(seconds: list[tuple[float, float]]) -> tuple[float, float]:
    """Of wall and of processor seconds, each by itself."""
    return median(wall for wall, _ in seconds), median(cpu for _, cpu in seconds)


def _ratio(found: dict[str, Median], yardstick: str, ours: str) -> tuple[float, float]:
    """Our throughput over the yardstick's, by wall and by processor seconds."""
    ahead, behind = found[yardstick], found[ours]
    return round(ahead.wall / behind.wall, 3), round(ahead.cpu / behind.cpu, 3)


def _print_contenders(found: dict[str, Median]) -> None:
    yardstick = found[YARDSTICK]
    heading = f"{'who':<24} {'wall s':>8} {'times':>6} {'CPU s':>8} {'times':>6} {'GB':>6}"
    print(f"{heading}  phases: wall, CPU")
    for name, one in found.items():
        phases = "; ".join(f"{p} {wall:.3f}, {cpu:.3f}" for p, (wall, cpu) in one.phases.items())
        print(
            f"{name:<24} {one.wall:>8.3f} {one.wall / yardstick.wall:>6.2f} "
            f"{one.cpu:>8.3f} {one.cpu / yardstick.cpu:>6.2f} {one.peak_gigabytes:>6.2f}  {phases}"
        )


def _grow(rows: int, runs: int, at_rows: Median) -> dict[str, dict[str, float]]:
    """Nanoseconds an item (an identifier of one side) takes `cleanroom`, by rows; printed too."""
    sizes = {size: _measure(size, runs, [OURS])[OURS] for size in _SIZES if size < rows}
    print(f"{'rows':>12} {'wall ns/item':>14} {'CPU ns/item':>14}")
    grown = {}
    for size, one in {**sizes, rows: at_rows}.items():
        wall, cpu = (round(1e9 * seconds / (2 * size), 1) for seconds in (one.wall, one.cpu))
        print(f"{size:>12,} {wall:>14,.0f} {cpu:>14,.0f}")
        grown[str(size)] = {"wall": wall, "cpu": cpu}
    return grown
