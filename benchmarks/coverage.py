"""How often the lift study's 95 % intervals cover the simulation's truth, through the whole room.

Each run is another seed: export, handover, room, gate and study; no notebook. The yardstick is
the nominal 95 %: `ratio` is the share of released intervals that cover the truth, over that.
"""

from __future__ import annotations

import tempfile
from math import sqrt
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.rooms import CONFIGS, filled_room
from cleanroom.agreement import StudyKind
from cleanroom.bench.answer import answer
from cleanroom.bench.settings import load_settings, study_for
from cleanroom.gate.candidate import read_candidate
from cleanroom.room.eligibility import eligibility
from cleanroom.simulation import SimulationSettings

NOMINAL = 0.95


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Simulate `runs` seeds of `rows` people; print how many released intervals cover the truth."""
    frames = []
    for seed in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            frames.append(_one(Path(folder), rows, seed))
        found = frames[-1]
        print(f"seed {seed:>3}: {found['covered'].sum()} of {found.height} intervals")
    every = pl.concat(frames)
    share, count = float(every["covered"].sum()) / every.height, every.height
    null = every.filter(pl.col("truth") == 0)
    error = sqrt(NOMINAL * (1 - NOMINAL) / count)
    print(f"all: {share:.1%} of {count} (95 % is within {1.96 * error:.1%} by chance)")
    print(f"without any effect: {null['covered'].sum()} of {null.height} cover zero")
    return {
        "covered": share,
        "intervals": count,
        "mean_error_points": round(
            100 * float((every["estimate"] - every["truth"]).sum()) / count, 4
        ),
        "runs": runs,
        "ratio": round(share / NOMINAL, 4),
    }


def _one(folder: Path, people: int, seed: int) -> pl.DataFrame:
    filled = filled_room(folder, SimulationSettings(people=people, seed=seed))
    room, agreed = filled.directory, filled.agreement
    settings = load_settings(CONFIGS / "red-cat-plan.run.yaml")
    merchants = [m["merchant"] for m in eligibility(filled.vault, agreed)[0]]
    asked = [m for m in merchants if agreed.may_study(m, StudyKind.LIFT)]
    files = answer(room, [study_for(settings, StudyKind.LIFT, m) for m in asked])
    truth = pl.read_parquet(filled.truth / "lift.parquet")
    true = dict(truth.select("merchant", "true_absolute_lift").iter_rows())
    rows = []
    for merchant, file in zip(asked, files, strict=True):
        candidate = read_candidate(file, agreed.room.identity_key or "")
        lift = candidate.findings.estimates["absolute_lift"]
        if lift.value is not None and lift.lower is not None and lift.upper is not None:
            covered = lift.lower <= true[merchant] <= lift.upper
            rows.append((true[merchant], lift.value, covered))
    return pl.DataFrame(rows, schema=["truth", "estimate", "covered"], orient="row")
