"""Many lifts together: to metafor's published answers, and to simulated merchants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from cleanroom.borders import Findings, Verdict
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.panel import Real
from cleanroom.studies.portfolio import Portfolio, portfolio
from cleanroom.studies.shrinkage import adjusted, pool, shrunk
from tests.known_answers.examples import Arm, lift_study, lifts_of

# Thirteen trials of the BCG vaccine (Colditz et al. 1994): cases and others, treated and control.
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    dtype=float,
)


@pytest.fixture(name="trials")
def trials_fixture() -> tuple[Real, Real]:
    """Log relative risks and their standard errors."""
    cases, others, control_cases, control_others = BCG.T
    treated, control = cases + others, control_cases + control_others
    values = np.log(cases / treated) - np.log(control_cases / control)
    return values, np.sqrt(1 / cases - 1 / treated + 1 / control_cases - 1 / control)


def test_metafors_published_answer_for_the_bcg_trials_is_met(
    trials: tuple[Real, Real],
) -> None:
    found = pool(*trials)
    assert found.between == pytest.approx(0.3132, abs=5e-5)
    assert found.mean.value == pytest.approx(-0.7145, abs=5e-5)
    assert found.standard_error == pytest.approx(0.1798, abs=5e-5)
    assert (found.mean.lower, found.mean.upper) == pytest.approx((-1.0669, -0.3622), abs=5e-5)
    assert found.q == pytest.approx(152.2330, abs=5e-5)


def test_heterogeneity_is_that_of_statsmodels(trials: tuple[Real, Real]) -> None:
    theirs = combine_effects(trials[0], trials[1] ** 2)
    ours = pool(*trials)
    assert ours.q == pytest.approx(theirs.q, rel=1e-9)
    assert ours.i_squared == pytest.approx(theirs.i2, rel=1e-9)


def test_the_less_certain_is_drawn_more_to_the_mean() -> None:
    values, errors = np.array([1.0, 1.0, -1.0, -1.0, 0.5]), np.array([0.1, 1.0, 0.1, 1.0, 0.3])
    found = [one.value for one in shrunk(values, errors)]
    assert abs(found[0] - values[0]) < abs(found[1] - values[1])
    assert abs(found[2] - values[2]) < abs(found[3] - values[3])


@pytest.mark.parametrize("count", [10, 500])
@pytest.mark.parametrize("spread", [0.5, 1.0])
def test_shrunk_intervals_cover_the_true_effects_and_come_closer(count: int, spread: float) -> None:
    covered, closer = [], []
    for seed in range(4000 // count):
        rng = np.random.default_rng(seed)
        errors = rng.uniform(0.3, 2, count)
        truth = 0.3 + spread * rng.standard_normal(count)
        values = truth + errors * rng.standard_normal(count)
        found = shrunk(values, errors)
        covered += [one.lower <= true <= one.upper for one, true in zip(found, truth, strict=True)]
        best = np.array([one.value for one in found])
        closer.append(((best - truth) ** 2).mean() / ((values - truth) ** 2).mean())
    # With few merchants the correction errs on the side of too wide.
    assert 0.935 <= np.mean(covered) <= (0.965 if count > 100 else 0.99)
    assert np.mean(closer) < 0.6


def test_one_merchant_in_twenty_of_those_named_is_named_by_chance() -> None:
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(100):
        real = rng.random(500) < 0.2
        values = rng.standard_normal(500) + 3.5 * real
        p_values = np.array([2 * (1 - _normal(abs(value))) for value in values])
        named = adjusted(p_values) < 0.05
        shares.append((named & ~real).sum() / max(named.sum(), 1))
    assert 0.02 <= np.mean(shares) <= 0.055


def _normal(x: float) -> float:
    from statistics import NormalDist

    return NormalDist().cdf(x)


@dataclass(frozen=True)
class Market:
    """Merchants' studies as released, and the true absolute lifts behind them."""

    lifts: dict[str, Findings]
    truth: dict[str, float]


@cache
def market(count: int = 200) -> Market:
    rng = np.random.default_rng(7)
    pairs, truth = [], {}
    for number in range(count):
        people, lift = int(rng.integers(2_000, 60_000)), max(rng.normal(0.004, 0.004), -0.02)
        bought = [int(rng.binomial(people, rate)) for rate in (0.03 + lift, 0.03)]
        arms = [Arm(people, people, one, 20_000.0 * one, 5e8 * one) for one in bought]
        pairs.append((arms[0], arms[1]))
        truth[f"m{number}"] = lift
    return Market(dict(zip(truth, lifts_of(pairs, lift_study()), strict=True)), truth)


def test_a_portfolio_of_released_lifts_finds_the_total_and_each_merchants_place() -> None:
    simulated = market()
    found = portfolio(simulated.lifts, "CNY")
    assert len(found.members) == 200
    best = [one.best for one in found.members if one.best]
    covered = [
        one.lower <= simulated.truth[member.merchant] <= one.upper
        for member, one in zip(found.members, best, strict=True)
    ]
    assert 0.91 <= np.mean(covered) <= 0.99
    values = [one.value for one in best]
    assert values == sorted(values, reverse=True)
    spread = found.findings.estimates["lift_spread"].value
    assert spread == pytest.approx(0.004, abs=0.0006)
    named = [member for member in found.members if member.is_found]
    assert 20 < len(named) < 200
    assert "evidence grade A" in found.findings.summary[0]


def test_the_total_is_the_sum_of_the_merchants() -> None:
    lifts = market().lifts
    total = portfolio(lifts, "CNY").findings.estimates["incremental_conversions"]
    each = [one.estimates["incremental_conversions"].value or 0.0 for one in lifts.values()]
    assert total.value == pytest.approx(sum(each))


def left_out_of(arms: tuple[Arm, Arm]) -> Portfolio:
    others = dict(list(market().lifts.items())[:6])
    return portfolio({**others, "odd": lifts_of([arms], lift_study())[0]}, "CNY")


def test_merchants_that_were_withheld_or_must_not_be_used_are_left_out_with_the_reason() -> None:
    small = left_out_of((Arm(400, 400, 5), Arm(400, 400, 6)))
    assert "withheld" in small.left_out["odd"]
    broken = left_out_of((Arm(20_000, 20_000, 900), Arm(17_000, 17_000, 500)))
    assert "cannot be compared" in broken.left_out["odd"]
    assert len(broken.members) == 6
    assert broken.findings.checks["most_in_it"].verdict is Verdict.PASSED


def test_one_merchant_is_no_portfolio() -> None:
    with pytest.raises(UndefinedError, match="fewer than 2"):
        portfolio(dict(list(market().lifts.items())[:1]), "CNY")
