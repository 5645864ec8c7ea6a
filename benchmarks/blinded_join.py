"""The blinded join beside its peers: three processes and a mailbox, as two platforms and a room run.

Each run starts `cleanroom party match` for both platforms and `cleanroom room match` at once, on
this machine, and ends when all three have ended: interpreter starts, reading, hashing, blinding,
sealing, the mailbox, doubling and joining are all counted. Before that, as part of a handover,
each platform makes its join input (normalise, handle, sort): measured by itself, in two processes
at once, and added. A run whose links are not the common identifiers ends the benchmark.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.blinded_join_run import set_up
from benchmarks.contenders import Run, figures, print_table
from benchmarks.ids import common
from benchmarks.peers import measure_peers
from benchmarks.watch import watch
from cleanroom.party import curve

OURS = "cleanroom, blinded"
LEARNS = "the room: which handles match; platforms nothing"
_SIZES = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Measured:
    """One run: its phases' wall and processor seconds, and the memory of all and of the largest
    process, in GB."""

    phases: dict[str, tuple[float, float]]
    all_gigabytes: float
    largest_gigabytes: float

    @property
    def run(self) -> Run:
        """The run as contenders are compared."""
        wall, cpu = (sum(seconds[i] for seconds in self.phases.values()) for i in (0, 1))
        return Run(wall, cpu, self.all_gigabytes)


def measure(rows: int, runs: int, growth: bool = False, quick: float | None = None) -> dict[str, Any]:
    """Join `rows` identifiers of each side `runs` times; print medians, beside the peers'.

    `growth`: at fewer rows too. `quick`: leave out a peer that would take more minutes.
    """
    found = _measure(rows, runs)
    ours = _figures(rows, found)
    peers = measure_peers(rows, runs, minutes=quick)
    print_table([ours, *peers])
    print(f"multiplied by: {curve.backend()}")
    _print_phases(found)
    fastest = max((p["items_per_wall_second"] for p in peers if "left_out" not in p), default=None)
    return {
        "backend": curve.backend(),
        "ours": ours,
        "phases": {name: _median(found, name) for name in found[0].phases},
        "largest_process_gigabytes": max(one.largest_gigabytes for one in found),
        "peers": peers,
        **({"microseconds_per_item": _grow(rows, runs, ours)} if growth else {}),
        "runs": runs,
        "ratio": round(ours["items_per_wall_second"] / fastest, 3) if fastest else None,
    }
