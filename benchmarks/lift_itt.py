"""A randomised lift over many people: from one frame of what each did to estimates with intervals.

The yardstick is the bare Polars aggregation of the moments that the estimates need: by arm n, Σy,
Σy² and buyers. Ours counts them as the room does, with the two largest contributions that the
gate's rules ask for (`counting.tally`), protects the table, and estimates. `ratio` is twice the
yardstick's median over ours: the promise is at most twice its time. Reading files and joining the
panel is in neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.room.counting import tally
from cleanroom.studies import lift
from cleanroom.study import LiftStudy
from tests.known_answers.examples import Arm, arm_cells, lift_study, lift_table

PROMISE = 2
MARKS = ("people", "converters", "amount", "amount_squared")


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Time both over `rows` people of whom 3 % buy; print the medians."""
    people = _people(rows)
    bare = _timed(lambda: _bare(people), runs)
    study = lift_study()
    estimates = _timed(lambda: _estimated(_counted(people), study), runs)
    counted = _timed(lambda: _counted(people), runs)
    print(f"bare aggregation       {bare:8.3f} s")
    print(f"counted for the gate   {counted:8.3f} s")
    print(f"counted and estimated  {estimates:8.3f} s")
    return {
        "runs": runs,
        "bare_seconds": round(bare, 3),
        "counted_seconds": round(counted, 3),
        "seconds": round(estimates, 3),
        "ratio": round(PROMISE * bare / estimates, 2),
    }


def _people(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    bought = rng.random(rows) < 0.03
    amount = np.where(bought, np.minimum(rng.lognormal(9.9, 0.8, rows), 500_000), 0).astype("int64")
    return pl.DataFrame(
        {
            "merchant": pl.Series(np.zeros(rows, "int8")).cast(pl.String),
            "arm": pl.Series(rng.random(rows) < 0.5).replace_strict(
                {True: "treated", False: "holdout"}
            ),
            "converters": bought.astype("int64"),
            "amount": amount,
        }
    )


def _bare(people: pl.DataFrame) -> pl.DataFrame:
    amount = pl.col("amount")
    moments = (
        people.lazy()
        .group_by("merchant", "arm")
        .agg(
            people=pl.len(),
            converters=pl.col("converters").sum(),
            amount=amount.sum(),
            amount_squared=(amount * amount).sum(),
        )
    )
    return moments.collect(engine="streaming")


def _counted(people: pl.DataFrame) -> dict[Any, Any]:
    amount = nw.col("amount")
    own = nw.from_native(people.lazy()).with_columns(
        people=nw.lit(1).cast(nw.Int64), amount_squared=amount * amount
    )
    sums = {"amount": None, "amount_squared": None}
    return tally(own, ("merchant", "arm"), list(MARKS), sums)


def _estimated(counts: dict[Any, Any], study: LiftStudy) -> None:
    rows = []
    for (_, arm), found in counts.items():
        cells = Arm(found["people"], *(found[mark] for mark in MARKS))
        rows += [(arm, *cell) for cell in arm_cells(cells)]
    protected = protect(lift_table("arms", (), rows), Policy())
    findings = lift.findings({"arms": protected}, study, "CNY")
    assert findings.estimates["amount_lift"].value is not None


def _timed(work: Callable[[], Any], runs: int) -> float:
    taken = []
    for _ in range(runs + 1):  # the first warms up
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return median(taken[1:])
