"""How often the regional study's 95 % intervals cover the truth of simulated sales, by design.

Each run draws regions, weather and treated regions anew. The yardstick is the nominal 95 %:
`ratio` is the share of the study's own intervals, over all worlds, that cover the truth, over that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from cleanroom.studies.conformal import (
    LEVEL,
    effect_by_folds,
    effect_of,
    effect_p_value,
    placebo_in_space,
)
from cleanroom.studies.differences import difference_in_differences, wild_bootstrap_p_value
from cleanroom.studies.intervals import Difference
from cleanroom.studies.markets import choose_markets
from cleanroom.studies.panel import Panel
from cleanroom.studies.synthetic import augmented_control
from tests.known_answers.regions import Regions

NOMINAL = 0.95
WORLDS = {
    "no effect": Regions(),
    "effect of 10 %": Regions(effect=0.10),
    "weather that lasts": Regions(persistence=0.6),
    "few regions": Regions(count=12, treated=3),
    "many treated": Regions(treated=8),
    "half of it treated": Regions(count=12, treated=3, periods=60, after=30),
}
OWN = "the study's own"
PLANNED = Regions(count=12, periods=100, after=10)
Interval = tuple[float, float, float, float]
Estimator = Callable[[Panel], Interval]


def _estimators() -> dict[str, Estimator]:
    return {
        OWN: lambda panel: _told(effect_of(panel, augmented_control(panel))),
        "synthetic control, by folds": lambda panel: _told(effect_by_folds(panel)),
        "difference in differences": lambda panel: _told(difference_in_differences(panel)),
        "the same, wild bootstrap": _tested,
    }


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Simulate `rows` studies of each world; print bias, coverage, alarms and lengths."""
    figures: dict[str, Any] = {}
    print(
        f"{'world':<20}{'estimator':<30}{'runs':>6}{'bias':>8}{'covers':>8}{'finds':>8}{'long':>8}"
    )
    for world, regions in WORLDS.items():
        for name, estimator in _estimators().items():
            figures[f"{world}: {name}"] = found = _one(regions, estimator, rows)
            told = f"{found['bias']:>8.3f}{found['covers']:>8.1%}{found['finds']:>8.1%}"
            print(f"{world:<20}{name:<30}{rows:>6}{told}{found['length']:>8.2f}")
    space = [_in_space(seed) for seed in range(rows)]
    figures["placebos in space reject"] = float(np.mean(space))
    print(f"placebos in space, no effect, 30 regions: {np.mean(space):.1%} of {rows} reject at 5 %")
    figures["planner"] = promise = _promised(max(rows // 40, 1))
    print(f"planner: effects promised at 80 % or more are found in {promise:.0%} of tests")
    own = [figures[f"{world}: {OWN}"]["covers"] for world in WORLDS]
    error = sqrt(NOMINAL * (1 - NOMINAL) / rows)
    print(f"95 % is within {1.96 * error:.1%} by chance in each world")
    return {"runs": runs, **figures, "ratio": round(float(np.mean(own)) / NOMINAL, 4)}


def _one(regions: Regions, estimator: Estimator, count: int) -> dict[str, float]:
    started, found = time.perf_counter(), []
    for seed in range(count):
        panel, truth = regions.draw(seed)
        value, lower, upper, p_value = estimator(panel)
        found.append((value - truth, lower <= truth <= upper, p_value <= LEVEL, upper - lower))
    errors, covers, finds, lengths = (
        np.array(column, float) for column in zip(*found, strict=True)
    )
    return {
        "bias": round(float(errors.mean()), 4),
        "covers": float(covers.mean()),
        "finds": float(finds.mean()),
        "length": round(float(np.median(lengths)), 3),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _told(one: Difference) -> Interval:
    return one.value, one.lower, one.upper, one.p_value


def _tested(panel: Panel) -> Interval:
    one = difference_in_differences(panel)
    return one.value, one.lower, one.upper, wild_bootstrap_p_value(panel)


def _in_space(seed: int) -> bool:
    panel, _ = Regions(treated=1).draw(seed)
    return placebo_in_space(panel, augmented_control(panel).penalty or 0.0).p_value <= 0.05


def _promised(count: int) -> float:
    """How often the smallest effect of a plan is found in the test that follows its history."""
    found, length = [], PLANNED.after
    for seed in range(count):
        panel, _ = PLANNED.draw(seed)
        plan = choose_markets(panel.regions, panel.outcomes[:, :-length], 2, length)
        if plan.least is None:
            continue
        treated = np.isin(panel.regions, plan.candidates[0].regions)
        outcomes = panel.outcomes.copy()
        outcomes[treated, -length:] *= 1 + plan.least
        test = Panel(panel.regions, outcomes, treated, panel.periods - length)
        found.append(effect_p_value(test, augmented_control(test).penalty or 0.0) <= LEVEL)
    return float(np.mean(found)) if found else 0.0
