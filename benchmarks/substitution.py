"""How often the substitution study's intervals of both shops together hold the truth.

Simulated studies (`--rows`) of worlds in which nothing, half and all of what a link adds in the
store is taken from the other shop. Joint gain and share taken, by buyers whose overlap is known
(`_known`) or not (`_any`), and by amounts. The yardstick is the nominal 95 %: `ratio` is the worst
coverage over that.
"""

from __future__ import annotations

from math import isnan
from statistics import median
from typing import Any

from tests.known_answers.shops import ESTIMATES, World, coverage, replicate

NOMINAL = 0.95
TAKEN = (0.0, 0.5, 1.0)


def measure(rows: int, _runs: int) -> dict[str, Any]:
    """Simulate `rows` studies of each world; print a line for each estimate."""
    names = f"{'estimate':<14} {'truth':>9} {'median':>9} {'bounded':>8} {'coverage':>9}"
    print(f"{'taken':>5} {names}")
    figures: dict[str, Any] = {}
    for number, taken in enumerate(TAKEN):
        world = World(taken=taken, seed=11 + number)
        for name, intervals in replicate(world, rows).items():
            truth = world.truth(name)
            known = [one.value for one in intervals if not isnan(one.value)]
            held = coverage(intervals, truth)
            figures[f"{name}_{taken:g}"] = round(held, 4)
            print(
                f"{taken:>5g} {name:<14} {truth:>9.4g} {median(known):>9.4g} "
                f"{len(known) / rows:>8.1%} {held:>9.1%}"
            )
    return {"studies": rows, "estimates": len(ESTIMATES), **figures} | {
        "ratio": min(figures.values()) / NOMINAL
    }
