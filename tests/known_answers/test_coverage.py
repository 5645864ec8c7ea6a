"""A thousand simulated studies with known truth: do the intervals hold what they promise?

Each study is drawn anew (assignment, who can be seen, who buys, what they spend) and goes through
the gate and the whole study. At 1,000 replications a coverage of 95 % has a standard error of 0.7
points, so that 93.5 to 96.5 % is what a sound method gives; seeds are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest

from cleanroom.borders import Findings, Verdict
from tests.known_answers.examples import Arm, lift_study, lifts_of

pytestmark = pytest.mark.slow

REPLICATIONS = 1_000
MAX_AMOUNT = 500_000
MU, SIGMA = log(20_000), 1.2  # of the log of an order's amount, in minor units
SEEN = 0.6


@dataclass(frozen=True)
class World:
    """`assigned` people, `planned` the treated share and `split` the real one; buying rates."""

    assigned: int
    planned: float
    rate: float
    lift: float
    split: float
    seed: int

    @property
    def amount_lift(self) -> float:
        """True difference of the winsorised amount per person."""
        at, normal = (log(MAX_AMOUNT) - MU) / SIGMA, NormalDist()
        below = exp(MU + SIGMA**2 / 2) * normal.cdf(at - SIGMA)
        return self.lift * (below + MAX_AMOUNT * (1 - normal.cdf(at)))


BALANCED = World(20_000, 0.5, rate=0.03, lift=0.01, split=0.5, seed=1)
SMALL_HOLDOUT = World(120_000, 0.9, rate=0.03, lift=0.008, split=0.9, seed=2)
NO_EFFECT = World(20_000, 0.5, rate=0.03, lift=0.0, split=0.5, seed=3)
NO_EFFECT_SMALL_HOLDOUT = World(120_000, 0.9, rate=0.03, lift=0.0, split=0.9, seed=4)
BROKEN = World(60_000, 0.5, rate=0.03, lift=0.01, split=0.51, seed=5)
WITH_EFFECT = [BALANCED, SMALL_HOLDOUT]
WITHOUT_EFFECT = [NO_EFFECT, NO_EFFECT_SMALL_HOLDOUT]


@cache
def replicate(world: World) -> list[Findings]:
    rng = np.random.default_rng(world.seed)
    study = lift_study(world.planned, MAX_AMOUNT)
    treated = rng.binomial(world.assigned, world.split, REPLICATIONS)
    sizes = {"treated": treated, "holdout": world.assigned - treated}
    rates = {"treated": world.rate + world.lift, "holdout": world.rate}
    arms = {name: draw_arms(rng, sizes[name], rates[name]) for name in sizes}
    return lifts_of(list(zip(arms["treated"], arms["holdout"], strict=True)), study)


def draw_arms(rng: np.random.Generator, assigned: np.ndarray, rate: float) -> list[Arm]:
    people = rng.binomial(assigned, SEEN)
    buyers = rng.binomial(people, rate)
    amounts = np.minimum(rng.lognormal(MU, SIGMA, buyers.sum()), MAX_AMOUNT)
    first = np.concatenate([[0], np.cumsum(buyers)[:-1]])
    sums, squares = np.add.reduceat(amounts, first), np.add.reduceat(amounts**2, first)
    cells = zip(assigned, people, buyers, sums, squares, strict=True)
    return [Arm(int(a), int(p), int(b), float(s), float(q)) for a, p, b, s, q in cells]


def intervals(world: World, name: str) -> np.ndarray:
    """Value, lower, upper by study."""
    found = [one.estimates[name] for one in replicate(world)]
    return np.array([(e.value, e.lower, e.upper) for e in found], dtype=float)


def coverage(world: World, name: str, truth: float) -> float:
    _, lower, upper = intervals(world, name).T
    return float(((lower <= truth) & (truth <= upper)).mean())


@pytest.mark.parametrize("world", WITH_EFFECT + WITHOUT_EFFECT)
def test_intervals_hold_the_truth_95_times_in_a_hundred(world: World) -> None:
    truths = {
        "conversion_rate_treated": world.rate + world.lift,
        "conversion_rate_holdout": world.rate,
        "linked_share_treated": SEEN,
        "absolute_lift": world.lift,
        "relative_conversion_lift": world.lift / world.rate,
        "amount_lift": world.amount_lift,
    }
    covered = {name: coverage(world, name, truth) for name, truth in truths.items()}
    assert all(0.935 <= share <= 0.965 for share in covered.values()), covered


@pytest.mark.parametrize("world", WITH_EFFECT)
@pytest.mark.parametrize("name", ["absolute_lift", "amount_lift"])
def test_estimates_are_right_on_average(world: World, name: str) -> None:
    truth = world.lift if name == "absolute_lift" else world.amount_lift
    values = intervals(world, name)[:, 0]
    assert abs(values.mean() - truth) < 3 * values.std() / sqrt(REPLICATIONS)


@pytest.mark.parametrize("world", WITHOUT_EFFECT)
def test_where_nothing_happens_an_effect_is_claimed_five_times_in_a_hundred(world: World) -> None:
    claims = [
        "caused" in one.summary[0] or "fewer buyers" in one.summary[0] for one in replicate(world)
    ]
    p_values = np.array(
        [one.estimates["incremental_conversions_p_value"].value for one in replicate(world)]
    )
    assert 0.035 <= (p_values < 0.05).mean() <= 0.065
    assert np.mean(claims) <= 0.065


@pytest.mark.parametrize("world", WITH_EFFECT + WITHOUT_EFFECT)
def test_a_sound_assignment_fails_its_checks_about_one_time_in_a_hundred(world: World) -> None:
    for name in ("sample_ratio", "linked_share_equal"):
        verdicts = [one.checks[name].verdict for one in replicate(world)]
        assert verdicts.count(Verdict.FAILED) <= 0.02 * REPLICATIONS


def test_a_planted_mismatch_of_one_point_is_found_and_nothing_is_claimed() -> None:
    failed = [o for o in replicate(BROKEN) if o.checks["sample_ratio"].verdict is Verdict.FAILED]
    assert len(failed) >= 0.95 * REPLICATIONS
    assert all("must not be used" in one.summary[0] for one in failed)


def test_the_lift_called_detectable_is_detected_four_times_in_five() -> None:
    promised = [one.estimates["minimum_detectable_lift"].value for one in replicate(NO_EFFECT)]
    least = float(np.median(np.array(promised, dtype=float)))
    world = replace(NO_EFFECT, lift=least, seed=6)
    p_values = np.array(
        [one.estimates["incremental_conversions_p_value"].value for one in replicate(world)]
    )
    assert 0.76 <= (p_values < 0.05).mean() <= 0.84


def test_a_holdout_with_few_buyers_beside_a_large_arm_makes_intervals_of_amounts_too_short() -> (
    None
):
    """A known wart: Welch's interval holds 92 to 93.5 % with about 54 buyers in a tenth of the
    people (a holdout that spent little also looks as if spending varied little). Possible
    resolution: the third moments of the arms, for an interval that is not symmetric.
    """
    world = replace(SMALL_HOLDOUT, assigned=30_000, seed=7)
    assert 0.91 <= coverage(world, "amount_lift", world.amount_lift) <= 0.94
    assert 0.935 <= coverage(world, "absolute_lift", world.lift) <= 0.965
