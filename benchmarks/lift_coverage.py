"""What the lift study's estimators hold over simulated studies with known truth.

Each of 1,000 studies (`--rows`) draws people with a past, an assignment, exposure and purchases,
takes their moments through the gate, and estimates: bias, coverage of the 95 % intervals, and how
often each excludes zero with and without an effect; power beside the planner's promise; a running
test looked at 60 times; and how often the checks fire with and without a planted violation. The
yardstick is the nominal 95 %: `ratio` is the worst coverage over that.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.known_answers.simulated import (
    ESTIMATORS,
    LOOKS,
    PLANTED,
    World,
    looked_at,
    replicate,
    verdicts,
)

NOMINAL = 0.95
EFFECT, NONE = World(lift=0.01, seed=1), World(lift=0.0, seed=2)


def measure(rows: int, _runs: int) -> dict[str, Any]:
    """Simulate `rows` studies with and without an effect; print a line for each estimator."""
    with_effect, without = replicate(EFFECT, rows), replicate(NONE, rows)
    print(f"{'estimator':<34} {'truth':>9} {'bias':>9} {'coverage':>9} {'power':>7} {'false':>7}")
    figures: dict[str, Any] = {}
    for name in ESTIMATORS:
        one, none = with_effect[name], without[name]
        truth = EFFECT.truth(name)
        figures[name] = {
            "bias": round(one.bias(truth), 5),
            "coverage": round(one.coverage(truth), 4),
            "coverage_without_effect": round(none.coverage(0.0), 4),
            "power": round(one.excludes(0.0), 4),
            "false": round(none.excludes(0.0), 4),
        }
        told = figures[name]
        print(
            f"{name:<34} {truth:>9.4g} {told['bias']:>9.2g} {told['coverage']:>9.1%} "
            f"{told['power']:>7.1%} {told['false']:>7.1%}"
        )
    planned = EFFECT.promised()
    print(f"power promised for the absolute lift: {planned:.1%}")
    naive, valid = looked_at(2 * rows, seed=3)
    print(f"{LOOKS} looks without an effect: usual {naive:.1%}, at every look {valid:.1%}")
    fired = {
        violation: Counter(_failed(verdicts(world, rows // 2)))
        for violation, world in PLANTED.items()
    }
    for violation, counts in fired.items():
        rates = {name: round(times / (rows // 2), 3) for name, times in counts.items()}
        print(f"planted {violation}: {rates}")
    worst = min(figures[name]["coverage"] for name in ESTIMATORS)
    return {
        "studies": rows,
        "estimators": figures,
        "power_promised": round(planned, 4),
        "looks": {"usual": naive, "always_valid": valid},
        "fired": {name: dict(counts) for name, counts in fired.items()},
        "ratio": round(worst / NOMINAL, 4),
    }


def _failed(found: list[dict[str, str]]) -> list[str]:
    return [name for one in found for name, verdict in one.items() if verdict == "failed"]
