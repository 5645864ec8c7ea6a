"""Single shares, means, planned splits and detectable lifts, against other software."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare, ttest_ind
from statsmodels.stats.proportion import power_proportions_2indep, proportion_confint

from cleanroom.studies.intervals import (
    Moments,
    Proportion,
    UndefinedError,
    detectable_difference,
    difference_of_means,
    planned_split_p_value,
    wilson,
)


def moments(amounts: np.ndarray) -> Moments:
    return Moments(len(amounts), float(amounts.sum()), float((amounts**2).sum()))


@pytest.mark.parametrize(
    ("part", "people"), [(81, 263), (15, 148), (0, 20), (1, 29), (29, 29), (312, 8_120)]
)
def test_wilson_is_that_of_scipy_and_statsmodels(part: int, people: int) -> None:
    interval = wilson(Proportion(part, people))
    scipys = binomtest(part, people).proportion_ci(0.95, method="wilson")
    assert (interval.lower, interval.upper) == pytest.approx((scipys.low, scipys.high), abs=1e-9)
    other = proportion_confint(part, people, method="wilson")
    assert (interval.lower, interval.upper) == pytest.approx(other, abs=1e-9)


def test_wilson_is_the_published_one() -> None:
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    interval = wilson(Proportion(81, 263))
    assert (interval.lower, interval.upper) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@settings(deadline=None)
@given(st.integers(1, 10**9), st.data())
def test_wilson_holds_its_share_and_stays_between_0_and_1(people: int, data: st.DataObject) -> None:
    interval = wilson(Proportion(data.draw(st.integers(0, people)), people))
    assert 0 <= interval.lower <= interval.value <= interval.upper <= 1


@pytest.mark.parametrize(("part", "people"), [(0, 0), (1, 0), (3, 2), (-1, 5), (float("nan"), 5)])
def test_what_is_no_share_has_no_interval(part: float, people: float) -> None:
    with pytest.raises(UndefinedError):
        Proportion(part, people)


@pytest.mark.parametrize(("seed", "sizes"), [(1, (60, 400)), (2, (5_000, 500)), (3, (800, 800))])
def test_the_difference_of_means_is_welchs_of_scipy(seed: int, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    bought = [rng.random(size) < 0.3 for size in sizes]
    treated, holdout = (flags * rng.lognormal(9, 1, len(flags)).round() for flags in bought)
    ours = difference_of_means(moments(treated), moments(holdout))
    theirs = ttest_ind(treated, holdout, equal_var=False)
    bounds = theirs.confidence_interval(0.95)
    assert (ours.lower, ours.upper) == pytest.approx((bounds.low, bounds.high), rel=1e-9)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert ours.value / ours.standard_error == pytest.approx(theirs.statistic, rel=1e-9)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 500_000), min_size=2, max_size=40),
    st.lists(st.integers(0, 500_000), min_size=2, max_size=40),
)
def test_the_p_value_of_means_never_contradicts_the_interval(a: list[int], b: list[int]) -> None:
    treated, holdout = moments(np.array(a, dtype=float)), moments(np.array(b, dtype=float))
    if len(set(a)) == 1 and len(set(b)) == 1:
        return
    difference = difference_of_means(treated, holdout)
    assert (difference.lower > 0 or difference.upper < 0) is (difference.p_value < 0.05)


def test_means_that_do_not_vary_have_no_interval() -> None:
    with pytest.raises(UndefinedError, match="same amount"):
        difference_of_means(Moments(50, 50, 50), Moments(60, 60, 60))


@pytest.mark.parametrize(("people", "total", "squares"), [(1, 5, 25), (10, 100, 999)])
def test_moments_that_no_amounts_have_are_refused(
    people: float, total: float, squares: float
) -> None:
    with pytest.raises(UndefinedError):
        Moments(people, total, squares)


def test_the_planned_split_is_scipys_chi_square() -> None:
    expected = chisquare([9_100, 900], [9_000, 1_000]).pvalue
    assert planned_split_p_value([9_100, 900], [0.9, 0.1]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("treated", "holdout"), [(5_000, 5_000), (9_000, 1_000), (300, 900)])
def test_the_detectable_lift_has_80_per_cent_power_in_statsmodels(
    treated: int, holdout: int
) -> None:
    share = 0.02
    least = detectable_difference(Proportion(share * holdout, holdout), treated)
    found = power_proportions_2indep(least, share, treated, ratio=holdout / treated)
    # statsmodels adds the chance of a finding with the wrong sign.
    assert found.power == pytest.approx(0.80, abs=1e-4)


def test_where_little_is_left_to_rise_that_is_the_detectable_lift() -> None:
    assert detectable_difference(Proportion(38, 40), 40) == pytest.approx(0.05)
