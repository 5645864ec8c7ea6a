"""Two shares compared: published intervals, other software, and what no counts may break."""

from __future__ import annotations

from math import isclose

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import chi2_contingency
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from cleanroom.studies.intervals import Proportion, UndefinedError, Z
from cleanroom.studies.score import difference_of_proportions, relative_difference

CASES = [
    (56, 70, 48, 80),
    (7, 34, 1, 34),
    (21, 303, 1_258, 18_244),
    (267, 21_307, 122, 21_306),
    (15, 9_000, 11, 1_000),
    (4_990, 5_000, 4_950, 5_000),
]


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Two shares in counts: part and whole of the treated, part and whole of the holdout."""
    treated, holdout = draw(st.integers(2, 100_000)), draw(st.integers(2, 100_000))
    return draw(st.integers(0, treated)), treated, draw(st.integers(0, holdout)), holdout


def proportions(case: tuple[int, int, int, int]) -> tuple[Proportion, Proportion]:
    return Proportion(*case[:2]), Proportion(*case[2:])


@pytest.mark.parametrize(
    ("case", "lower", "upper", "digits"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 5 (Mee).
        ((56, 70, 48, 80), 0.0533, 0.3377, 5e-5),
        # Fagerland, Lydersen and Laake (2015), Statistical Methods in Medical Research 24, 224-254.
        ((7, 34, 1, 34), 0.028, 0.34, 5e-3),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(
    case: tuple[int, int, int, int], lower: float, upper: float, digits: float
) -> None:
    difference = difference_of_proportions(*proportions(case))
    assert difference.lower == pytest.approx(lower, abs=digits)
    assert difference.upper == pytest.approx(upper, abs=digits)


def score_by_search(case: tuple[int, int, int, int], apart: float) -> float:
    """The score statistic, its shares found by solving the likelihood's own equation.

    (Not from statsmodels: to 0.15 its restricted shares do not maximise the likelihood,
    statsmodels issue 10269.)
    """
    x1, n1, x0, n0 = case

    def slope(p1: float) -> float:
        p0 = p1 - apart
        return x1 / p1 - (n1 - x1) / (1 - p1) + x0 / p0 - (n0 - x0) / (1 - p0)

    inside = 1e-15
    p1 = brentq(slope, max(apart, 0) + inside, min(1 + apart, 1) - inside, xtol=1e-16, rtol=1e-15)
    p0 = p1 - apart
    variance = p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
    return float((x1 / n1 - x0 / n0 - apart) / np.sqrt(variance))


@pytest.mark.parametrize("case", CASES)
def test_the_interval_of_a_difference_is_what_a_search_over_the_likelihood_finds(
    case: tuple[int, int, int, int],
) -> None:
    difference = difference_of_proportions(*proportions(case))
    for bound, side in ((difference.lower, 1), (difference.upper, -1)):
        searched = brentq(
            lambda d, side=side: score_by_search(case, d) - side * Z,
            bound - 1e-3 * abs(bound),
            bound + 1e-3 * abs(bound),
            xtol=1e-14,
        )
        assert bound == pytest.approx(searched, abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_the_interval_of_a_ratio_is_that_of_statsmodels(case: tuple[int, int, int, int]) -> None:
    relative = relative_difference(*proportions(case))
    lower, upper = confint_proportions_2indep(
        *case, compare="ratio", method="score", correction=False
    )
    # statsmodels stops its own search at 2e-12 in the p-value, not in the ratio.
    assert relative.lower == pytest.approx(lower - 1, rel=1e-9, abs=1e-9)
    assert relative.upper == pytest.approx(upper - 1, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_the_p_value_is_that_of_scipy_and_statsmodels(case: tuple[int, int, int, int]) -> None:
    x1, n1, x0, n0 = case
    p_value = difference_of_proportions(*proportions(case)).p_value
    chi_square = chi2_contingency([[x1, n1 - x1], [x0, n0 - x0]], correction=False)
    assert p_value == pytest.approx(chi_square.pvalue, rel=1e-9)
    assert p_value == pytest.approx(proportions_ztest([x1, x0], [n1, n0])[1], rel=1e-9)


@settings(deadline=None)
@given(counts())
def test_p_value_and_both_intervals_never_contradict_each_other(
    case: tuple[int, int, int, int],
) -> None:
    assume(case[2] > 0)
    difference = difference_of_proportions(*proportions(case))
    relative = relative_difference(*proportions(case))
    shown = difference.p_value < 0.05
    assert (difference.lower > 0 or difference.upper < 0) is shown
    assert (relative.lower > 0 or relative.upper < 0) is shown


@settings(deadline=None)
@given(counts())
def test_an_interval_holds_its_value_and_stays_within_what_is_possible(
    case: tuple[int, int, int, int],
) -> None:
    difference = difference_of_proportions(*proportions(case))
    assert -1 <= difference.lower <= difference.value <= difference.upper <= 1
    assert 0 <= difference.p_value <= 1
    if case[2] > 0:
        relative = relative_difference(*proportions(case))
        assert -1 <= relative.lower <= relative.value <= relative.upper < float("inf")


@settings(deadline=None)
@given(counts())
# Two people beside tens of thousands.
@example((14, 14, 23869, 23870))
@example((0, 2, 23869, 23870))
@example((2, 2, 2, 97905))
def test_the_arms_exchanged_only_change_the_sign(case: tuple[int, int, int, int]) -> None:
    treated, holdout = proportions(case)
    there = difference_of_proportions(treated, holdout)
    back = difference_of_proportions(holdout, treated)
    # Where an arm of two has bought to the last, the restricted shares keep eight digits.
    assert isclose(there.lower, -back.upper, abs_tol=1e-7)
    assert isclose(there.upper, -back.lower, abs_tol=1e-7)
    assert isclose(there.p_value, back.p_value, abs_tol=1e-12)


def test_nobody_in_either_arm_still_has_an_interval() -> None:
    difference = difference_of_proportions(Proportion(0, 50), Proportion(0, 60))
    assert difference.p_value == 1.0
    assert difference.lower < 0 < difference.upper


def test_without_anybody_in_the_holdout_there_is_no_ratio() -> None:
    with pytest.raises(UndefinedError, match="nothing in the holdout"):
        relative_difference(Proportion(3, 50), Proportion(0, 60))
