"""Who responds: rankings against effects known person by person, and against effects of none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from cleanroom.studies.comparison import Comparison, Real, Target
from cleanroom.studies.cross_fitting import Learners
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.uplift import FIFTHS, area, heterogeneity, rank


def people(rng: np.random.Generator, spread: float, count: int = 6000) -> tuple[Comparison, Real]:
    """People whose effects are 1 + `spread` times a covariate, exposed as two others have it."""
    x = rng.standard_normal((count, 4))
    effect = 1 + spread * x[:, 2]
    exposed = rng.random(count) < expit(0.7 * x[:, 0] + 0.5 * x[:, 1])
    outcome = 2 * x[:, 0] + exposed * effect + rng.standard_normal(count)
    return Comparison(exposed, outcome, x), effect


def test_a_ranking_finds_who_responds_and_what_they_do() -> None:
    comparison, effect = people(np.random.default_rng(1), spread=1.0)
    ranking = rank(comparison, Learners())
    for fifth in range(FIFTHS):
        group = ranking.fifth == fifth
        found = ranking.effect_in(group, Target.ALL)
        assert group.sum() == len(effect) / FIFTHS
        assert abs(found.value - effect[group].mean()) < 4 * found.standard_error
    # The area of a perfect ranking of standard normal effects is 1 / (2 √π).
    assert ranking.qini.value == pytest.approx(0.2821, abs=4 * ranking.qini.standard_error)
    assert ranking.qini.p_value < 1e-6


def test_a_ranking_of_equal_effects_claims_nothing_more_often_than_chance() -> None:
    """Its area is called other than zero in one of twenty: cross-fitting keeps it honest."""
    rng, claims = np.random.default_rng(2), 0
    for _ in range(100):
        comparison, _ = people(rng, spread=0.0, count=600)
        claims += rank(comparison, Learners()).qini.p_value < 0.05
    assert claims <= 12


def test_the_area_is_that_under_the_curve_of_effects_won() -> None:
    score = np.array([3.0, 1.0, 2.0, 0.0])
    place = np.array([0.125, 0.375, 0.625, 0.875])
    curve = np.concatenate([[0], np.cumsum(score)]) / 4
    between = np.mean((curve[1:] + curve[:-1]) / 2 - np.array([0.125, 0.375, 0.625, 0.875]) * 6 / 4)
    assert area(place, score).value == pytest.approx(between)


def test_a_group_of_whom_nobody_was_exposed_has_no_effect() -> None:
    comparison, _ = people(np.random.default_rng(3), spread=0.0, count=100)
    with pytest.raises(UndefinedError, match="empty"):
        rank(comparison, Learners()).effect_in(~comparison.exposed)


def test_cochrans_q_of_two_effects_is_the_square_of_their_z() -> None:
    departure, p_value = heterogeneity(np.array([3.0, 1.0]), np.array([0.6, 0.8]))
    assert departure == pytest.approx((2 / 1.0) ** 2)
    assert p_value == pytest.approx(0.0455, abs=1e-4)
    with pytest.raises(UndefinedError, match="fewer than two"):
        heterogeneity(np.array([1.0]), np.array([0.1]))
