"""Time the demo's stages and the memory of all its processes together.

The yardstick is the demo's own promise, three minutes on two cores: `ratio` is that over the
median time, so above 1 is within it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.watch import watch

PROMISE_SECONDS = 180.0


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Run the demo `runs` times from nothing with `rows` people; print the stages' medians."""
    timings: list[dict[str, float]] = []
    peaks = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "demo"
            command = [sys.executable, "-m", "cleanroom", "demo", "--out", str(out)]
            started = time.perf_counter()
            peaks.append(_peak_memory([*command, "--people", str(rows)]))
            total = round(time.perf_counter() - started, 2)
            timings.append({**json.loads((out / "timings.json").read_bytes()), "total": total})
    stages = {stage: median(run[stage] for run in timings) for stage in timings[0]}
    for stage, seconds in stages.items():
        print(f"{stage:<12} {seconds:8.2f} s")
    print(f"{'memory':<12} {max(peaks):8.2f} GB at most, all processes together")
    return {
        "seconds": stages,
        "peak_gigabytes": max(peaks),
        "runs": runs,
        "ratio": round(PROMISE_SECONDS / stages["total"], 2),
    }


def _peak_memory(command: list[str]) -> float:
    watched = watch(command)
    if watched.exit_code:
        raise SystemExit(f"the demo ended with exit code {watched.exit_code}")
    return watched.peak_gigabytes
