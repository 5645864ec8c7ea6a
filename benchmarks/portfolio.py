"""The lift of many merchants: one pass over the data for all of them, and their portfolio.

The yardstick is one merchant's study by itself: `ratio` is the time that as many passes as there
are merchants would take, over the time of the one pass for all. `rows` are people.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rooms import filled_room
from cleanroom.gate.protect import protect
from cleanroom.room.lift import lift_tables
from cleanroom.room.vault import Vault
from cleanroom.simulation import SimulationSettings
from cleanroom.studies import lift
from cleanroom.studies.portfolio import portfolio
from cleanroom.study import LiftStudy

MERCHANTS = 500


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Count 500 merchants' holdouts among `rows` people, at once and one; then pool them."""
    settings = SimulationSettings(people=rows, merchants=MERCHANTS)
    with tempfile.TemporaryDirectory() as folder:
        vault = filled_room(Path(folder), settings).vault
        studies = _studies(settings)
        lift_tables(vault, studies[:1])  # links are computed once and kept
        every = _seconds(runs, lambda: _counted(vault, studies))
        single = _seconds(runs, lambda: _counted(vault, studies[:1]))
        arms = protect(lift_tables(vault, studies)[0], vault.agreement.effective_policy)
    split = arms.split("merchant")
    findings = {s.merchant: lift.findings({"arms": split[s.merchant]}, s, "CNY") for s in studies}
    pooled = _seconds(runs, lambda: portfolio(findings, "CNY"))
    found = portfolio(findings, "CNY")
    ratio = round(len(studies) * single / every, 1)
    print(f"{len(studies)} merchants at once  {every:8.2f} s")
    print(f"one merchant        {single:8.2f} s")
    print(f"their portfolio     {pooled:8.3f} s, {len(found.members)} merchants in it")
    figures = {"every": round(every, 3), "one": round(single, 3), "portfolio": round(pooled, 4)}
    return {"merchants": len(studies), "runs": runs, **figures, "ratio": ratio}


def _studies(settings: SimulationSettings) -> list[LiftStudy]:
    half = settings.days // 2
    names = [f"M{number + 1:02d}" for number in range(settings.merchants)]
    start = settings.start + timedelta(days=half)
    end = settings.start + timedelta(days=settings.days - 1)
    return [LiftStudy(merchant=m, study=f"holdout-{m}", start=start, end=end) for m in names]


def _counted(vault: Vault, studies: Sequence[LiftStudy]) -> None:
    lift_tables(vault, studies)


def _seconds(runs: int, work: Callable[[], object]) -> float:
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return median(taken)
