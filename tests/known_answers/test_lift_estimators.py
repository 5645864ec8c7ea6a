"""Estimators from moments, held to statsmodels and SciPy on the rows behind them."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.sandbox.regression.gmm import IV2SLS

from cleanroom.errors import StudyError
from cleanroom.studies.complier import Uptake, effect_on_shown
from cleanroom.studies.covariate import (
    Joint,
    cuped,
    regression_adjusted,
    standardised_difference,
    variance_reduction,
)
from cleanroom.studies.intervals import (
    Moments,
    Proportion,
    UndefinedError,
    Z,
    difference_of_means,
)
from cleanroom.studies.power import detectable_lift, people_needed, power
from cleanroom.studies.ratios import delta_method, relative_difference_of_means
from cleanroom.studies.sequential import always_valid, always_valid_difference
from cleanroom.studies.strata import change, interaction, post_stratified

RNG = np.random.default_rng(17)
N = 4_000
ARM = RNG.random(N) < 0.4
PAST = RNG.lognormal(2, 0.8, N)
SPENT = np.where(RNG.random(N) < 0.5, 3 + 0.8 * PAST + ARM * (2 + 0.1 * PAST), 0.0) + RNG.random(N)
SHOWN = ARM & (RNG.random(N) < 0.3 + 0.02 * np.minimum(PAST, 30))


def moments(values: Any) -> Moments:
    return Moments(len(values), float(values.sum()), float((values**2).sum()))


def joint(here: Any) -> Joint:
    x, y = PAST[here], SPENT[here]
    sums = (y.sum(), (y**2).sum(), x.sum(), (x**2).sum(), (x * y).sum())
    return Joint(len(y), *map(float, sums))


def uptake(here: Any) -> Uptake:
    y, d = SPENT[here], SHOWN[here]
    sums = (y.sum(), (y**2).sum(), d.sum(), y[d].sum())
    return Uptake(len(y), *map(float, sums))


def regression(*columns: Any) -> Any:
    return sm.OLS(SPENT, np.column_stack([np.ones(N), *columns]))


def test_without_a_covariate_the_error_is_that_of_least_squares_with_hc2() -> None:
    found = difference_of_means(moments(SPENT[ARM]), moments(SPENT[~ARM]))
    robust = regression(ARM).fit(cov_type="HC2")
    assert found.value == pytest.approx(robust.params[1], rel=1e-9)
    assert found.standard_error == pytest.approx(robust.bse[1], rel=1e-9)


def test_adjustment_is_least_squares_with_the_arm_s_interaction() -> None:
    found = regression_adjusted(joint(ARM), joint(~ARM))
    away = PAST - PAST.mean()
    whole = regression(ARM, away, ARM * away)
    assert found.value == pytest.approx(whole.fit().params[1], rel=1e-6)
    # The sandwich needs each person's residual; from moments its like is near.
    assert found.standard_error == pytest.approx(whole.fit(cov_type="HC2").bse[1], rel=0.02)
    parts = [
        sm.OLS(SPENT[arm], sm.add_constant(PAST[arm])).fit().get_prediction([1.0, PAST.mean()])
        for arm in (ARM, ~ARM)
    ]
    apart = sqrt(sum(float(part.se_mean[0]) ** 2 for part in parts))
    assert found.standard_error == pytest.approx(apart, rel=1e-6)


def test_cuped_is_the_difference_of_what_a_common_slope_leaves() -> None:
    found = cuped(joint(ARM), joint(~ARM))
    slope = regression(ARM, PAST).fit().params[2]
    left = SPENT - slope * PAST
    welch = stats.ttest_ind(left[ARM], left[~ARM], equal_var=False)
    interval = welch.confidence_interval()
    assert found.p_value == pytest.approx(welch.pvalue, rel=1e-6)
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high), rel=1e-6)


def test_the_gain_printed_is_that_of_the_variance() -> None:
    plain = difference_of_means(moments(SPENT[ARM]), moments(SPENT[~ARM])).standard_error
    adjusted = regression_adjusted(joint(ARM), joint(~ARM)).standard_error
    gain = variance_reduction(joint(ARM), joint(~ARM))
    assert gain == pytest.approx(1 - (adjusted / plain) ** 2, rel=1e-9)
    assert gain > 0.1


def test_the_standardised_difference_is_in_deviations() -> None:
    found = standardised_difference(moments(PAST[ARM]), moments(PAST[~ARM]))
    spread = sqrt((PAST[ARM].var(ddof=1) + PAST[~ARM].var(ddof=1)) / 2)
    assert found == pytest.approx((PAST[ARM].mean() - PAST[~ARM].mean()) / spread, rel=1e-9)


def test_the_effect_on_those_shown_is_two_stage_least_squares_with_the_arm_as_instrument() -> None:
    found = effect_on_shown(uptake(ARM), uptake(~ARM))
    one = np.ones(N)
    whole = IV2SLS(SPENT, np.column_stack([one, SHOWN]), np.column_stack([one, ARM])).fit()
    assert found.value == pytest.approx(whole.params[1], rel=1e-6)
    # At either end of the interval the arms are just not told apart by what is left.
    for end in (found.lower, found.upper):
        left = SPENT - end * SHOWN
        apart = left[ARM].mean() - left[~ARM].mean()
        error = sqrt(left[ARM].var(ddof=1) / ARM.sum() + left[~ARM].var(ddof=1) / (~ARM).sum())
        assert abs(apart) / error == pytest.approx(Z, rel=1e-6)


def test_where_hardly_anybody_was_shown_it_no_effect_is_ruled_out() -> None:
    with pytest.raises(UndefinedError, match="beyond chance"):
        effect_on_shown(Uptake(400, 900, 3000, 3, 9), Uptake(400, 800, 2900, 1, 2))


def test_fieller_s_ends_are_the_ratios_that_welch_s_quantile_just_lets_stand() -> None:
    treated, holdout = moments(SPENT[ARM]), moments(SPENT[~ARM])
    found = relative_difference_of_means(treated, holdout)
    plain = difference_of_means(treated, holdout)
    quantile = (plain.upper - plain.value) / plain.standard_error
    for ratio in (1 + found.lower, 1 + found.upper):
        apart = abs(treated.mean - ratio * holdout.mean)
        error = sqrt(treated.mean_variance + ratio**2 * holdout.mean_variance)
        assert apart / error == pytest.approx(quantile, rel=1e-9)


def test_the_ratio_s_interval_agrees_with_the_delta_method_and_the_bootstrap() -> None:
    treated, holdout = SPENT[ARM], SPENT[~ARM]
    found = relative_difference_of_means(moments(treated), moments(holdout))
    delta = delta_method(moments(treated), moments(holdout))
    rng = np.random.default_rng(4)
    drawn = [
        rng.choice(treated, len(treated)).mean() / rng.choice(holdout, len(holdout)).mean() - 1
        for _ in range(2_000)
    ]
    ends = (found.lower, found.upper)
    assert (delta.lower, delta.upper) == pytest.approx(ends, rel=0.05)
    assert np.quantile(drawn, (0.025, 0.975)) == pytest.approx(ends, rel=0.05)


def test_a_ratio_to_nearly_nothing_is_not_defined() -> None:
    with pytest.raises(UndefinedError, match="not told from zero"):
        relative_difference_of_means(Moments(100, 50, 400), Moments(100, 5, 900))


def test_post_stratification_weighs_the_strata_by_their_people() -> None:
    low = np.less(PAST, np.median(PAST))
    strata = [(moments(SPENT[ARM & s]), moments(SPENT[~ARM & s])) for s in (low, ~low)]
    found = post_stratified(strata)
    expected = sum(s.mean() * (SPENT[ARM & s].mean() - SPENT[~ARM & s].mean()) for s in (low, ~low))
    assert found.value == pytest.approx(expected, rel=1e-9)
    plain = difference_of_means(moments(SPENT[ARM]), moments(SPENT[~ARM]))
    assert found.standard_error < plain.standard_error


def test_the_interaction_of_two_strata_is_the_test_of_their_difference() -> None:
    low = np.less(PAST, np.median(PAST))
    strata = [(moments(SPENT[ARM & s]), moments(SPENT[~ARM & s])) for s in (low, ~low)]
    effects = [difference_of_means(*pair) for pair in strata]
    apart = effects[0].value - effects[1].value
    error = sqrt(sum(e.standard_error**2 for e in effects))
    expected = 2 * stats.norm.sf(abs(apart) / error)
    assert interaction(strata).p_value == pytest.approx(expected, rel=1e-9)


def test_a_change_between_weeks_counts_nobody_twice() -> None:
    def bought(people: int, count: int) -> Moments:
        return Moments(people, count, count)

    first, last = (bought(1000, 60), bought(1000, 40)), (bought(1000, 50), bought(1000, 45))
    found = change(first, last)
    assert found.value == pytest.approx(0.005 - 0.02)
    variance = (0.11 - 0.01**2) / 1000 + (0.085 - 0.005**2) / 1000
    assert found.standard_error == pytest.approx(sqrt(variance))


totals = st.floats(-50, 50)
variances = st.floats(1e-3, 1e3)


@given(totals, variances, variances)
def test_the_always_valid_p_value_and_interval_never_contradict(
    total: float, variance: float, tuned: float
) -> None:
    found = always_valid(total, variance, tuned)
    assume(abs(found.p_value - 0.05) > 1e-9)
    assert (found.p_value < 0.05) is not (found.lower <= 0 <= found.upper)


@given(st.integers(3, 900), st.integers(3, 900), st.integers(1_000, 5_000))
def test_an_interval_for_every_look_is_wider_than_one_for_a_single_look(
    bought: int, held: int, people: int
) -> None:
    found = always_valid_difference(Proportion(bought, people), Proportion(held, people))
    assert (found.upper - found.value) / found.standard_error > 1.5 * Z


@settings(deadline=None)
@given(
    st.tuples(*[st.floats(0.01, 100)] * 4),
    st.tuples(st.integers(3, 500), st.integers(3, 500)),
)
def test_the_ratio_of_amounts_never_contradicts_their_p_value(
    values: tuple[float, float, float, float], people: tuple[int, int]
) -> None:
    a, b, spread_a, spread_b = values
    treated, holdout = (
        Moments(n, n * mean, n * mean**2 + (n - 1) * spread**2)
        for n, mean, spread in zip(people, (a, b), (spread_a, spread_b), strict=True)
    )
    plain = difference_of_means(treated, holdout)
    assume(abs(plain.p_value - 0.05) > 1e-6)
    try:
        ratio = relative_difference_of_means(treated, holdout)
    except UndefinedError:
        return
    assert (plain.p_value < 0.05) is not (ratio.lower <= 0 <= ratio.upper)


def test_the_planner_s_numbers_agree_with_each_other_and_with_statsmodels() -> None:
    lift = detectable_lift(20_000, 0.03, 0.5)
    assert power(20_000, 0.03, 0.5, lift) == pytest.approx(0.8, abs=1e-3)
    assert people_needed(0.03, 0.5, lift) == pytest.approx(20_000, rel=1e-3)
    from statsmodels.stats.proportion import power_proportions_2indep

    known = power_proportions_2indep(diff=0.008, prop2=0.03, nobs1=9_000, ratio=1 / 9)
    assert power(10_000, 0.03, 0.9, 0.008) == pytest.approx(known.power, abs=1e-3)


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    for plan in ((2, 0.03, 0.5), (1_000, 0.0, 0.5), (1_000, 0.03, 1.0)):
        with pytest.raises(StudyError, match="makes no sense"):
            detectable_lift(*plan)
    with pytest.raises(StudyError, match="makes no sense"):
        power(1_000, 0.03, 0.5, 0.98)
