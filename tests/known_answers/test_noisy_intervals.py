"""Intervals of noisy numbers: a thousand studies with known truth, and the formulas' limits.

Studies and their noise have fixed seeds here. That the gate's own noise, whose seeds are the
system's, has this distribution is asked in `tests/disclosure/test_distinguishing.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import sqrt

import numpy as np
import pytest
from scipy.optimize import brentq

from cleanroom.borders import Findings
from cleanroom.gate.noise import draw, protect_drawn
from cleanroom.noise import Mechanism, Noise, Reach
from cleanroom.policy import Policy
from cleanroom.studies import conversion, lift
from cleanroom.studies.intervals import (
    Moments,
    Noisy,
    Proportion,
    UndefinedError,
    Z,
    as_released,
    detectable_difference,
    difference_of_means,
    noise_of,
    planned_split_p_value,
    wilson,
)
from cleanroom.studies.score import difference_of_proportions, relative_difference
from tests.factories import protected, table
from tests.known_answers.examples import Arm, arm_cells, lift_study
from tests.known_answers.test_coverage import REPLICATIONS, SEEN, World, draw_arms

# Noise that matters: as large as chance itself, or nearly.
GAUSSIAN = Noise(epsilon=1.0, standard_deviation=12.0)
LAPLACE = GAUSSIAN.model_copy(update={"mechanism": Mechanism.LAPLACE})
WORLD = World(20_000, 0.5, rate=0.03, lift=0.01, split=0.5, seed=11)
NO_EFFECT = World(20_000, 0.5, rate=0.03, lift=0.0, split=0.5, seed=12)
MOST = 30_000  # a person's amount counts so far: noise on amounts is in proportion
RICH = World(400_000, 0.5, rate=0.06, lift=0.02, split=0.5, seed=13)
SPENT = (20_000.0, 8_000.0)  # mean and deviation of an order, far below MOST


def noisy_studies(world: World, noise: Noise, pairs: list[tuple[Arm, Arm]]) -> list[Findings]:
    study = lift_study(world.planned, MOST)
    reach = Reach(6, 7, {"amount": float(MOST), "amount_squared": float(MOST) ** 2})
    policy = Policy(noise=noise)
    found = []
    for pair in pairs:
        rows = [
            ("m", name, *cell)
            for name, arm in zip(("treated", "holdout"), pair, strict=True)
            for cell in arm_cells(arm)
        ]
        arms = table("arms", ("merchant", "arm"), rows, contrast="arm")
        shown = protect_drawn(draw(arms, "m", noise, reach), policy, noise)
        found.append(lift.findings({"arms": shown}, study, "CNY"))
    return found


def seeded(rng: np.random.Generator) -> Callable[[Sequence[int], float, Mechanism], list[int]]:
    """Noise like the gate's, from a generator that can be played again."""

    def add(values: Sequence[int], scale: float, mechanism: Mechanism) -> list[int]:
        if mechanism is Mechanism.GAUSSIAN:
            drawn = np.rint(rng.normal(0, scale, len(values)))
        else:  # a discrete Laplace is the difference of two geometrics
            ends = rng.geometric(-np.expm1(-1 / scale), (2, len(values)))
            drawn = ends[0] - ends[1]
        return [value + int(off) for value, off in zip(values, drawn, strict=True)]

    return add


@cache
def replicate(world: World, noise: Noise) -> list[Findings]:
    rng = np.random.default_rng(world.seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cleanroom.gate.noise.add_noise", seeded(rng))
        return _replicate(world, noise, rng)


def _replicate(world: World, noise: Noise, rng: np.random.Generator) -> list[Findings]:
    treated = rng.binomial(world.assigned, world.split, REPLICATIONS)
    sides = [(treated, world.rate + world.lift), (world.assigned - treated, world.rate)]
    if world is RICH:
        arms = [buying(rng, sizes, rate) for sizes, rate in sides]
    else:
        arms = [draw_arms(rng, sizes, rate) for sizes, rate in sides]
    return noisy_studies(world, noise, list(zip(*arms, strict=True)))


def buying(rng: np.random.Generator, assigned: np.ndarray, rate: float) -> list[Arm]:
    """Arms whose amounts nearly all lie below MOST."""
    arms = []
    for size in assigned:
        people = int(rng.binomial(size, SEEN))
        buyers = int(rng.binomial(people, rate))
        amounts = np.round(np.clip(rng.normal(*SPENT, buyers), 0, MOST))
        squares = float((amounts**2).sum())
        arms.append(Arm(int(size), people, buyers, float(amounts.sum()), squares))
    return arms


def covered(world: World, noise: Noise, name: str, truth: float) -> float:
    found = [one.estimates[name] for one in replicate(world, noise)]
    bounds = np.array([(e.lower, e.upper) for e in found], dtype=float)
    assert not np.isnan(bounds).any(), f"{name} was not always estimated"
    return float(((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean())


@pytest.mark.slow
@pytest.mark.parametrize("noise", [GAUSSIAN, LAPLACE], ids=lambda n: str(n.mechanism))
@pytest.mark.parametrize("world", [WORLD, NO_EFFECT])
def test_intervals_of_noisy_counts_hold_the_truth_95_times_in_a_hundred(
    world: World, noise: Noise
) -> None:
    truths = {
        "conversion_rate_treated": world.rate + world.lift,
        "conversion_rate_holdout": world.rate,
        "linked_share_treated": SEEN,
        "absolute_lift": world.lift,
        "relative_conversion_lift": world.lift / world.rate,
    }
    shares = {name: covered(world, noise, name, truth) for name, truth in truths.items()}
    assert all(0.935 <= share <= 0.965 for share in shares.values()), shares


@pytest.mark.slow
def test_intervals_of_noisy_amounts_hold_the_truth_95_times_in_a_hundred() -> None:
    amounts = np.clip(np.random.default_rng(14).normal(*SPENT, 2_000_000), 0, MOST)
    share = covered(RICH, GAUSSIAN, "amount_lift", RICH.lift * float(amounts.mean()))
    assert 0.935 <= share <= 0.965


@pytest.mark.slow
def test_where_nothing_happens_noise_claims_no_more_effects() -> None:
    found = replicate(NO_EFFECT, GAUSSIAN)
    p_values = np.array(
        [one.estimates["incremental_conversions_p_value"].value for one in found], dtype=float
    )
    assert 0.035 <= (p_values < 0.05).mean() <= 0.065
    split = np.array([one.estimates["sample_ratio_p_value"].value for one in found], dtype=float)
    assert 0.035 <= (split < 0.05).mean() <= 0.065


@pytest.mark.slow
def test_without_the_noise_s_variance_intervals_would_be_too_short() -> None:
    """The same noisy numbers, read as if they were exact: what the widening is there for."""
    missed = 0
    for one in replicate(WORLD, GAUSSIAN):
        x1, n1, x0, n0 = (
            float(one.estimates[f"{measure}_{arm}"].value or 0)
            for arm in ("treated", "holdout")
            for measure in ("converters", "people")
        )
        interval = difference_of_proportions(Proportion(x1, n1), Proportion(x0, n0))
        missed += not interval.lower <= WORLD.lift <= interval.upper
    assert missed / REPLICATIONS > 0.1


def test_noise_of_nothing_changes_nothing() -> None:
    plain = Proportion(40, 1_000), Proportion(30, 1_000)
    noisy = tuple(Proportion(Noisy(p.count, 0.0), Noisy(p.people, 0.0)) for p in plain)
    assert wilson(noisy[0]) == wilson(plain[0])
    assert difference_of_proportions(*noisy) == difference_of_proportions(*plain)
    assert relative_difference(*noisy) == relative_difference(*plain)
    sums = Moments(1_000, 5e5, 9e8), Moments(1_000, 4e5, 7e8)
    zero = tuple(Moments(*(Noisy(x, 0.0) for x in (m.people, m.total, m.squares))) for m in sums)
    assert difference_of_means(*zero) == difference_of_means(*sums)
    assert as_released(7.0) == 7.0
    assert noise_of(7.0) == 0


@pytest.mark.parametrize(("count", "people"), [(40, 1_000), (3, 200), (180, 200)])
def test_a_noisy_share_s_bounds_solve_the_score_equation(count: int, people: int) -> None:
    of_count, of_people = 5.0, 7.0
    found = wilson(Proportion(Noisy(count, of_count), Noisy(people, of_people)))

    def excess(share: float) -> float:
        chance = share * (1 - share) / people
        noise = (of_count**2 + (share * of_people) ** 2) / people**2
        return (count / people - share) ** 2 - Z**2 * (chance + noise)

    for bound, outside in ((found.lower, -0.5), (found.upper, 1.5)):
        if 0 < bound < 1:
            assert bound == pytest.approx(brentq(excess, count / people, outside), abs=1e-9)


def test_the_variance_of_a_noisy_difference_is_chance_s_and_noise_s() -> None:
    treated = Proportion(Noisy(400, 12.0), Noisy(10_000, 12.0))
    holdout = Proportion(Noisy(300, 12.0), Noisy(10_000, 12.0))
    chance = 0.04 * 0.96 / 1e4 + 0.03 * 0.97 / 1e4
    noise = 144 * (2 + 0.04**2 + 0.03**2) / 1e8
    found = difference_of_proportions(treated, holdout)
    assert found.standard_error == pytest.approx(sqrt(chance + noise), rel=1e-12)
    assert (found.p_value < 0.05) == (found.lower > 0)
    without = detectable_difference(Proportion(300, 10_000), 10_000)
    assert detectable_difference(Proportion(300, 10_000), 10_000, noise) > without


def test_a_noisy_mean_s_variance_is_chance_s_and_noise_s() -> None:
    exact, noisy = Moments(1_000, 5e5, 9e8), Moments(1_000, Noisy(5e5, 3e3), 9e8)
    assert noisy.mean_variance == pytest.approx(exact.mean_variance + 9.0, rel=1e-12)


def test_a_noisy_split_is_tested_as_an_exact_one_and_noise_added() -> None:
    exact = planned_split_p_value([5_100, 4_900], [0.5, 0.5])
    hardly = planned_split_p_value([Noisy(5_100, 1e-9), Noisy(4_900, 1e-9)], [0.5, 0.5])
    assert hardly == pytest.approx(exact, rel=1e-9)
    assert planned_split_p_value([Noisy(5_100, 50), Noisy(4_900, 50)], [0.5, 0.5]) > exact


def test_noise_that_drowns_a_number_makes_no_estimate() -> None:
    with pytest.raises(UndefinedError, match="noise is as large as the count of the holdout"):
        relative_difference(Proportion(40, 1_000), Proportion(Noisy(30, 20.0), 1_000))
    with pytest.raises(UndefinedError, match="noise is too large for how much the amounts differ"):
        Moments(1_000, 5e5, Noisy(9e8, 5e8))
    with pytest.raises(UndefinedError, match="noise is too large for so few people"):
        wilson(Proportion(5, Noisy(10, 30.0)))


def test_a_step_above_the_step_before_it_is_an_error_only_beyond_the_noise() -> None:
    def nested(clicks: float, noise: float) -> str:
        path = [(step, "people", 500.0, "people") for step in ("reach", "visit", "purchase")]
        path += [("click", "people", clicks, "people")]
        tables = {name: protected(name, (), []) for name in ("money", "link")}
        tables["path"] = protected("path", ("step",), path)
        tables["path"].noise.update({"people": noise} if noise else {})
        return str(conversion.findings(tables, "CNY").checks["steps_nested"].verdict)

    assert nested(510, noise=0) == "failed"
    assert nested(510, noise=5) == "unknown"
    assert nested(600, noise=5) == "failed"
