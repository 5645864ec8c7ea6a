"""The room's run over logs of a million events and more, on Polars or on Spark, by phase.

`scale`: the room's part alone, from Parquet parts on: persons numbered, match, link and journeys,
a week's funnel and the holdouts of twenty merchants. `--growth` adds smaller logs, each a tenth of
the next, and compares the processor's seconds with n log n. `handover`: every party's part, from
raw exports on, through sealed handovers in parts and the room's vault.

`ratio` is how much less than n log n the largest run took, judged by the smallest: above 1 is less.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.event_logs import EventLog
from benchmarks.scale_run import seal, set_up
from benchmarks.watch import watch

_SMALLEST = 1_000_000
# Java's own default for its heap is a quarter of the machine's memory, which Spark overrules.
_SPARK_MEMORY = "--driver-memory 4g --conf spark.driver.maxResultSize=0 pyspark-shell"


@dataclass(frozen=True)
class Run:
    """What a run took: by phase the wall and the processor's seconds, and the most memory."""

    events: int
    phases: dict[str, tuple[float, float]]
    peak_gigabytes: float
    cells: str

    @property
    def wall(self) -> float:
        """Seconds by the clock."""
        return sum(wall for wall, _ in self.phases.values())

    @property
    def cpu(self) -> float:
        """Seconds of the processor."""
        return sum(cpu for _, cpu in self.phases.values())

    @property
    def share(self) -> float:
        """The processor's seconds for each n log n, times 10⁹."""
        return 1e9 * self.cpu / (self.events * math.log2(self.events))


def measure(rows: int, runs: int, growth: bool = False, engine: str = "polars") -> dict[str, Any]:
    """Run over a log of `rows` events (and smaller ones) once each; `runs` is not used."""
    del runs  # the large ones take minutes: one each
    sizes = [rows]
    while growth and sizes[0] // 10 >= _SMALLEST:
        sizes.insert(0, sizes[0] // 10)
    found = []
    for size in sizes:
        found.append(_once(size, engine, "files"))
        _print_one(found[-1], found[0])
    return {**_figures(found), "ratio": round(found[0].share / found[-1].share, 3)}


def measure_handover(rows: int, runs: int) -> dict[str, Any]:
    """Every party's part over a log of `rows` events, once; `runs` is not used."""
    del runs
    run = _once(rows, "polars", "exports")
    _print_one(run, run)
    for phase, (wall, cpu) in run.phases.items():
        print(f"{phase:<20} {1e6 * wall / rows:>8.2f} s, {1e6 * cpu / rows:>8.2f} CPU s a million")
    return _figures([run])


def _once(events: int, engine: str, kind: str) -> Run:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        set_up(folder, EventLog(events, raw=kind == "exports"))
        if kind == "files":
            seal(folder)
        command = [sys.executable, "-m", "benchmarks.scale_run", engine, kind, str(folder)]
        ended = watch(command, {**os.environ, "PYSPARK_SUBMIT_ARGS": _SPARK_MEMORY})
    if ended.exit_code:
        raise SystemExit(f"{events:,} events: {ended.complained[-2000:]}")
    told = json.loads(ended.printed)
    phases = {name: (wall, cpu) for name, (wall, cpu) in told["seconds"].items()}
    return Run(events, phases, ended.peak_gigabytes, told["cells"])


def _print_one(run: Run, first: Run) -> None:
    if run is first:
        print(f"{'events':>12} {'wall s':>8} {'CPU s':>8} {'GB':>6} {'of n log n':>10}  phases")
    phases = "; ".join(f"{name} {wall:.1f}, {cpu:.1f}" for name, (wall, cpu) in run.phases.items())
    print(
        f"{run.events:>12,} {run.wall:>8.1f} {run.cpu:>8.1f} {run.peak_gigabytes:>6.2f} "
        f"{run.share / first.share:>10.2f}  {phases}",
        flush=True,
    )


def _figures(runs: list[Run]) -> dict[str, Any]:
    return {
        str(run.events): {
            "wall_seconds": round(run.wall, 1),
            "cpu_seconds": round(run.cpu, 1),
            "peak_gigabytes": run.peak_gigabytes,
            "phases": {name: [round(s, 2) for s in took] for name, took in run.phases.items()},
            "cells": run.cells,
        }
        for run in runs
    }
