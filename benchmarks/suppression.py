"""Complementary suppression of a 10 × 10 × 4 table with margins, and the attacker's audit of more.

All times are processor seconds of the one thread that is used: what an idle machine takes.

`suppression`: the promise is one second; `ratio` is that over the median time. Two demands: half
the value each way, and an interval 50 people wide under a threshold of 50.
`suppression_audit`: a two-way and a three-way table of `rows` cells; the yardstick is
pytauargus's own audit of the same patterns in the same run, `ratio` the smaller of the two
quotients of medians. Both audits start from a table in memory or in one small file.
"""

from __future__ import annotations

import time
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np

from cleanroom.gate.audit import Protection, feasible, width_of
from cleanroom.gate.covering import Work
from cleanroom.gate.relations import known
from cleanroom.gate.suppress import Cost, Pattern, complement, weights
from tests.gate.argus import Case, audited
from tests.gate.tables import crossed, random_inner

PROMISE_SECONDS = 1.0
SEEDS = (1, 2, 3)
QUICK = Work(cells=0)


def measure(_rows: int, runs: int) -> dict[str, Any]:
    """Protect 10 × 10 × 4 tables with margins (605 cells), by default and by the heuristic."""
    figures: dict[str, Any] = {}
    worst = 0.0
    for name, cases in (("half", _halves()), ("width 50", _widths())):
        for way, work in (("default", Work()), ("quick", QUICK)):
            times, patterns = _protected(cases, work, runs)
            weight = sum(pattern.weight for pattern in patterns)
            bound = sum(pattern.bound for pattern in patterns)
            figures[f"{name}, {way}"] = {"seconds": times, "withheld": weight, "bound": bound}
            print(
                f"{name:<9} {way:<8} {max(times):6.2f} s at most; "
                f"withholds {weight:,.0f}, at least {bound:,.0f} must be"
            )
            worst = max(worst, *times) if way == "default" else worst
    figures["ratio"] = round(PROMISE_SECONDS / worst, 2)
    return {"cells": 605, "runs": runs, "highspy": version("highspy"), **figures}


def measure_audit(rows: int, runs: int) -> dict[str, Any]:
    """Audit two tables of about `rows` cells, in turn with pytauargus."""
    side, edge = round(rows**0.5), round(rows ** (1 / 3))
    shapes = {
        "two-way": (side - 1, round(rows / side) - 1),
        "three-way": (edge - 1, edge - 1, round(rows / edge**2) - 1),
    }
    figures: dict[str, Any] = {}
    for name, shape in shapes.items():
        case = _half(shape, 1)
        pattern = complement(case.relations, case.primary, case.protection, case.weight, work=QUICK)
        ours, theirs, programs = [], [], 0
        feasible(case.relations, pattern.withheld)
        for _ in range(runs):
            started = time.process_time()
            programs = feasible(case.relations, pattern.withheld).programs
            ours.append(time.process_time() - started)
            theirs.append(audited(case, pattern.withheld)[2])
        figures[name] = {
            "cells": len(case.relations.cells),
            "withheld": int(pattern.withheld.sum()),
            "programs": programs,
            "seconds": round(median(ours), 4),
            "pytauargus_seconds": round(median(theirs), 4),
            "ratio": round(median(theirs) / median(ours), 1),
        }
        print(f"{name:<9}", figures[name])
    figures["ratio"] = min(figures[name]["ratio"] for name in shapes)
    versions = {name: version(name) for name in ("highspy", "pytauargus")}
    return {"runs": runs, **versions, **figures}


def _protected(cases: list[Case], work: Work, runs: int) -> tuple[list[float], list[Pattern]]:
    times, patterns = [], []
    for case in cases:
        taken = []
        for _ in range(runs):
            started = time.process_time()
            asked = (case.relations, case.primary, case.protection, case.weight)
            pattern = complement(*asked, work=work)
            taken.append(time.process_time() - started)
        times.append(round(median(taken), 3))
        patterns.append(pattern)
    return times, patterns


def _halves() -> list[Case]:
    return [_half((10, 10, 4), seed) for seed in SEEDS]


def _half(shape: tuple[int, ...], seed: int) -> Case:
    """Counts under 8 are primary; half the value has to stay open each way."""
    table = crossed(random_inner(shape, seed))
    table = known(table, table.cells, upper=float(table.values.max()))
    primary = (table.values > 0) & (table.values < 8)
    level = np.where(primary, np.maximum(1.0, np.round(table.values / 2)), 0.0)
    width = np.zeros(len(level))
    return Case(table, primary, Protection(level, level, width), weights(table, Cost.VALUE))


def _widths() -> list[Case]:
    """Counts under 50 are primary; the interval has to be 50 wide."""
    cases = []
    for seed in SEEDS:
        table = crossed(random_inner((10, 10, 4), seed, size=5.5))
        primary = table.values < 50
        asked = width_of(table, primary, 0.0, 50)
        cases.append(Case(table, primary, asked, weights(table, Cost.VALUE)))
    return cases
