"""The doubly robust effect beside DoubleML's: the same people, folds and learners.

Each in a process of its own, DoubleML in `.venv-oracles`, which `make oracles` builds. Reading the
people and imports are not counted. `ratio` is DoubleML's time over ours; both must find the same.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.watch import watch

ROOT = Path(__file__).resolve().parents[1]
INTERPRETER = ROOT / ".venv-oracles" / "bin" / "python"
CONTENDERS = {
    "cleanroom": [sys.executable, "-m", "benchmarks.aipw_run"],
    "doubleml": [str(INTERPRETER), str(ROOT / "benchmarks" / "oracle_scripts" / "aipw.py")],
}
COVARIATES = 20


def write_people(file: Path, rows: int) -> None:
    """People with 20 covariates, a fifth of them exposed; the effect of exposure is 1."""
    rng = np.random.default_rng(1)
    covariates = rng.standard_normal((rows, COVARIATES))
    odds = -1.5 + covariates[:, :3].sum(axis=1) / 3
    exposed = rng.random(rows) < 1 / (1 + np.exp(-odds))
    outcome = covariates[:, :5].sum(axis=1) + exposed + rng.standard_normal(rows)
    np.savez(file, covariates=covariates, exposed=exposed, outcome=outcome)


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Run both by turns on `rows` people; print medians."""
    told: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        people = Path(folder) / "people.npz"
        write_people(people, rows)
        for _ in range(runs):
            for name, command in CONTENDERS.items():
                if Path(command[0]).exists():
                    told[name].append(_run([*command, str(people)]))
    times = {name: _medians(found) for name, found in told.items() if found}
    for name, one in times.items():
        print(
            f"{name:<10} wall {one['wall']:>7.2f} s  CPU {one['cpu']:>7.2f} s  "
            f"{one['peak_gigabytes']:.2f} GB  "
            f"effect {one['value']:.6f} ({one['standard_error']:.6f})"
        )
    if "doubleml" not in times:
        print("doubleml is left out: there is no .venv-oracles; `make oracles` builds it.")
        return {"times": times, "runs": runs, "ratio": None}
    ours, theirs = times["cleanroom"], times["doubleml"]
    for number in ("value", "standard_error"):
        if abs(ours[number] / theirs[number] - 1) > 1e-6:
            raise SystemExit(f"The two find another {number}.")
    return {"times": times, "runs": runs, "ratio": round(theirs["wall"] / ours["wall"], 2)}


def _run(command: list[str]) -> dict[str, float]:
    watched = watch(command, os.environ)
    if watched.exit_code:
        raise SystemExit(watched.complained)
    printed: dict[str, float] = json.loads(watched.printed.splitlines()[-1])
    return {**printed, "peak_gigabytes": watched.peak_gigabytes}


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: median(one[key] for one in runs) for key in runs[0]}
