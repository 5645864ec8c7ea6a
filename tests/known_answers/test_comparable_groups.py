"""Overlap, balance, sensitivity, moments of the unexposed: on published and exact answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.studies.balance import standardised_differences
from cleanroom.studies.comparison import Comparison, Target, naive, odds_weights
from cleanroom.studies.intervals import Interval, UndefinedError
from cleanroom.studies.overlap import (
    effective_size,
    separation,
    with_counterparts,
)
from cleanroom.studies.pseudo_exposure import pseudo_moments
from cleanroom.studies.sensitivity import e_value, e_value_of_interval, robustness_value


def test_the_e_values_of_vanderweele_and_dings_example() -> None:
    """Breast feeding and deaths of infants: a risk ratio of 3.9 (1.8 to 8.7) needs 7.26, 3.0."""
    assert round(e_value(3.9), 2) == 7.26
    assert round(e_value_of_interval(Interval(3.9, 1.8, 8.7)), 1) == 3.0
    assert e_value(1 / 3.9) == pytest.approx(e_value(3.9))
    assert e_value_of_interval(Interval(1.2, 0.9, 1.5)) == 1.0
    with pytest.raises(UndefinedError, match="no ratio"):
        e_value(0.0)


def test_the_robustness_values_of_cinelli_and_hazletts_example() -> None:
    """Violence in Darfur: t = 4.18 at 783 degrees of freedom has 13.9 %, and 7.6 % to 5 %."""
    assert round(robustness_value(4.18445, 783), 3) == 0.139
    assert round(robustness_value(4.18445, 783, to_insignificance=True), 3) == 0.076
    assert robustness_value(1.0, 783, to_insignificance=True) == 0.0
    assert robustness_value(-4.18445, 783) == robustness_value(4.18445, 783)
    with pytest.raises(UndefinedError, match="too few"):
        robustness_value(2.0, 1)


@given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=40))
def test_nobody_else_to_set_aside_makes_the_effects_variance_less(shares: list[float]) -> None:
    """Crump et al.'s variance of everybody's effect is the mean of 1/(e(1−e)) over the share."""
    e = np.array(shares)
    exposed = np.arange(len(e)) % 2 == 0
    burden = 1 / (e * (1 - e))

    def variance(kept: np.ndarray) -> float:
        return float(burden[kept].mean() / kept.mean())

    found = variance(with_counterparts(exposed, e, Target.ALL))
    assert found <= min(variance(burden <= most) for most in burden) * (1 + 1e-9)


def test_of_the_exposed_nobody_is_set_aside_where_all_have_counterparts() -> None:
    exposed = np.tile([True, False], 50)
    even = np.linspace(0.3, 0.6, 100)
    assert with_counterparts(exposed, even, Target.EXPOSED)[exposed].all()
    # Of the others, who is less likely to be exposed than any of the exposed stands for nobody.
    alone = np.append(even, 0.01)
    assert not with_counterparts(np.append(exposed, False), alone, Target.EXPOSED)[-1]
    without = np.append(even, 0.999)
    assert not with_counterparts(np.append(exposed, True), without, Target.EXPOSED)[-1]


def test_equal_weights_are_worth_all_people_and_one_weight_one() -> None:
    assert effective_size(np.full(7, 0.3)) == pytest.approx(7)
    assert effective_size(np.array([5.0, 0, 0])) == pytest.approx(1)
    assert effective_size(np.array([1.0, 3.0])) == pytest.approx(16 / 10)


def test_separation_is_a_coins_where_propensities_are_alike_and_one_where_they_are_apart() -> None:
    exposed = np.array([True, True, False, False])
    assert separation(exposed, np.full(4, 0.5)) == 0.5
    assert separation(exposed, np.array([0.9, 0.8, 0.2, 0.1])) == 1.0


def test_weights_balance_what_the_propensity_knows() -> None:
    rng = np.random.default_rng(5)
    x = (rng.random(4000) < 0.4).astype(float)
    propensity = np.where(x == 1, 0.6, 0.2)
    exposed = rng.random(4000) < propensity
    comparison = Comparison(exposed, x, np.column_stack([x, np.ones(4000)]))
    shares = np.where(x == 1, exposed[x == 1].mean(), exposed[x == 0].mean())
    before = standardised_differences(comparison)
    assert before[0] > 0.8
    assert before[1] == 0
    for target in Target:
        after = standardised_differences(comparison, odds_weights(comparison, shares, target))
        assert after == pytest.approx(0, abs=1e-9)


@given(
    st.lists(st.integers(0, 10), min_size=1, max_size=30),
    st.integers(0, 60),
    st.integers(0, 5),
)
def test_pseudo_moments_are_distributed_as_the_exposeds(
    moments: list[int], people: int, seed: int
) -> None:
    drawn = pseudo_moments(np.array(moments), people, seed)
    assert len(drawn) == people
    assert set(drawn.tolist()) <= set(moments)
    for moment in set(moments):
        share = moments.count(moment) / len(moments)
        assert abs((drawn == moment).sum() - share * people) <= 1


def test_nobody_exposed_gives_no_moments() -> None:
    with pytest.raises(UndefinedError, match="nobody was exposed"):
        pseudo_moments(np.array([], dtype=np.int64), 3, 1)


def test_immortal_time_biases_the_naive_comparison_and_not_ours() -> None:
    """Nobody's purchases depend on exposure. Each buys at a constant rate over 30 days.

    Who is exposed on day 20 has ten days left to buy in. Beside people observed for 30 days they
    seem to buy less; beside people observed from a drawn moment they do not.
    """
    rng = np.random.default_rng(11)
    people, days = 40_000, 30
    bought = rng.exponential(60, people)  # the day of the purchase
    exposed = rng.random(people) < 0.3
    moment = np.where(exposed, rng.integers(0, days, people), 0)
    none = np.zeros((people, 1))

    def effect(start: np.ndarray) -> float:
        within = ((bought >= start) & (bought < days)).astype(float)
        found = naive(Comparison(exposed, within, none))
        return found.value / found.standard_error

    assert effect(moment) < -10
    ours = moment.copy()
    ours[~exposed] = pseudo_moments(moment[exposed], int((~exposed).sum()), seed=3)
    assert abs(effect(ours)) < 3
