"""`protect` as the room calls it: a 10 × 10 × 4 table with margins, and answers of 20 merchants.

Processor seconds. The promise for the table is one second, under the default policy and one that
asks for four times the width; `ratio` is that over the slowest. An answer of 20 merchants has the
path of each, from a few people to many, and no totals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from cleanroom.borders import EVENTS, PEOPLE, Table
from cleanroom.gate.protect import protect_together
from cleanroom.layout import Dimension, Layout, Measure, Parts, Use
from cleanroom.policy import Policy
from cleanroom.room.conversion_layout import BASE, PATH, Step
from cleanroom.room.counting import Cell, table
from tests.gate.tables import TOTAL, random_inner, with_totals

PROMISE_SECONDS = 1.0
SEEDS = (1, 2, 3)
SHAPE = (10, 10, 4)
POLICIES = {"default": Policy(), "demanding": Policy(min_people=100, protection_width=200)}
COLUMNS = ("touches.note", "touches.creator", "users.region")
LAYOUT = Layout(
    "crossed",
    "People by three dimensions",
    tuple(Dimension(column.split(".")[1], (column,), total=TOTAL) for column in COLUMNS),
    (Measure("people", Use.COUNT, ("visits.buyer",), parts=Parts.ADD),),
)
# Of a step, the share of those who could take it (`BASE`).
SHARES = (1.0, 0.45, 0.28, 0.28, 0.58, 0.43, 0.5, 0.53)


def measure(merchants: int, runs: int) -> dict[str, Any]:
    """Protect the tables and the answer, each `runs` times; medians."""
    figures: dict[str, Any] = {}
    worst = 0.0
    for name, policy in POLICIES.items():
        times, withheld = [], []
        for seed in SEEDS:
            made = crossed(seed)
            times.append(_seconds(partial(protect_together, [made], policy), runs))
            (protected,), _ = protect_together([made], policy)
            withheld.append(int(protected.cells["withheld"].is_not_null().sum()))
        figures[name] = {"seconds": times, "withheld_cells": withheld}
        worst = max(worst, *times)
        print(f"{name:<10} {max(times):6.2f} s at most; withholds {withheld} of 605 cells")
    answer = [paths(merchants)]
    seconds = _seconds(partial(protect_together, answer, Policy()), runs)
    figures["answer_seconds"] = seconds
    print(f"{merchants} merchants {seconds * 1000:.1f} ms")
    return {"runs": runs, **figures, "ratio": round(PROMISE_SECONDS / worst, 2)}


def _seconds(work: Callable[[], object], runs: int) -> float:
    taken = []
    work()
    for _ in range(runs):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return round(median(taken), 4)


def crossed(seed: int) -> Table:
    """Skewed counts of people with all their margins, of which many are under 50."""
    counts = with_totals(random_inner(SHAPE, seed, size=5.5))
    rows: list[Cell] = []
    for places in np.ndindex(counts.shape):
        codes = [TOTAL if place == 0 else str(place) for place in places]
        people = int(counts[places])
        rows.append((*codes, "people", float(people), PEOPLE, people, None))
    return table(LAYOUT, rows)


def paths(merchants: int) -> Table:
    """The paths of merchants with from about 200 to 200,000 people reached."""
    rows: list[Cell] = []
    for number, reached in enumerate(np.geomspace(200, 200_000, merchants)):
        counts = _counts(reached, SHARES)
        for step in Step:
            people, base = counts[step], counts[BASE.get(step, step)]
            of = people if step in BASE else None
            rows.append((f"m{number}", step, "people", people, PEOPLE, base, of))
            support = (base, people, 2.0, 2.0, 2.0 * people)
            rows.append((f"m{number}", step, "events", 2.0 * people, EVENTS, *support))
    return table(PATH, rows)


def _counts(reached: float, shares: Sequence[float]) -> dict[Step, int]:
    counts: dict[Step, int] = {}
    for step, share in zip(Step, shares, strict=True):
        counts[step] = round(share * (counts[BASE[step]] if step in BASE else reached))
    return counts
