"""Figures of those who do the same job, in one form, and the table that sets them side by side.

An item is one identifier of one side: a join of N rows with N rows has 2 N of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Run:
    """One run: seconds on the wall, processor seconds of all processes, peak memory in GB."""

    wall: float
    cpu: float
    peak_gigabytes: float


def figures(name: str, version: str, rows: int, runs: Sequence[Run], learns: str) -> dict[str, Any]:
    """A contender's medians over its `runs`; `rows` are each side's, `learns` says who knows what.

    Keys: name, version, rows, runs, wall_seconds, cpu_seconds, items_per_wall_second,
    items_per_cpu_second, peak_gigabytes (of the worst run), learns.
    """
    wall, cpu = median(run.wall for run in runs), median(run.cpu for run in runs)
    return {
        "name": name,
        "version": version,
        "rows": rows,
        "runs": len(runs),
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "items_per_wall_second": round(2 * rows / wall),
        "items_per_cpu_second": round(2 * rows / cpu),
        "peak_gigabytes": max(run.peak_gigabytes for run in runs),
        "learns": learns,
    }


def left_out(name: str, sentence: str) -> dict[str, Any]:
    """In place of figures: why there are none."""
    return {"name": name, "left_out": sentence}


def print_table(contenders: Iterable[Mapping[str, Any]]) -> None:
    """Print each contender's figures in a line, and last who is left out."""
    every = list(contenders)
    width = max(len(one["name"]) for one in every)
    measured = [one for one in every if "left_out" not in one]
    if measured:
        print(
            f"{'who':<{width}} {'version':>8} {'rows':>10} {'wall s':>8} {'CPU s':>8} "
            f"{'items/wall s':>12} {'items/CPU s':>12} {'GB':>6}  who learns what"
        )
    for one in measured:
        print(
            f"{one['name']:<{width}} {one['version']:>8} {one['rows']:>10,} "
            f"{one['wall_seconds']:>8.2f} {one['cpu_seconds']:>8.2f} "
            f"{one['items_per_wall_second']:>12,} {one['items_per_cpu_second']:>12,} "
            f"{one['peak_gigabytes']:>6.2f}  {one['learns']}"
        )
    for one in every:
        if "left_out" in one:
            print(f"{one['name']} is left out: {one['left_out']}")
