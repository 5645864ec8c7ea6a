"""Intervals and tests from counts and sums alone: numbers in, small frozen results out.

All intervals are two-sided at 95 %. Counts and sums may be fractions, as noise would make them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
POWER = 0.80
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_Z_POWER = NormalDist().inv_cdf(POWER)


class UndefinedError(ValueError):
    """The numbers given have no such statistic; says why in words, never with a number."""


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval, all in the unit of the value."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Difference(Interval):
    """Treated minus holdout. `p_value` is that of no difference, below 0.05 exactly where the
    interval excludes zero; `standard_error` is the unpooled one."""

    standard_error: float
    p_value: float


@dataclass(frozen=True)
class Proportion:
    """`count` of `people`; raises `UndefinedError` where that is no share of anything."""

    count: float
    people: float

    def __post_init__(self) -> None:
        if self.people <= 0:
            raise UndefinedError("there is nobody to divide by")
        if not 0 <= self.count <= self.people:
            raise UndefinedError("the part is larger than the whole")

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.count / self.people


@dataclass(frozen=True)
class Moments:
    """`people`, the sum of a quantity over them, and the sum of its squares."""

    people: float
    total: float
    squares: float

    def __post_init__(self) -> None:
        if self.people < 2:
            raise UndefinedError("there are fewer than two people")
        # Equal only where everyone has the same amount; a tiny shortfall is rounding.
        if self.squares < self.total**2 / self.people * (1 - 1e-12):
            raise UndefinedError("the sum of squares is too small for the sum")

    @property
    def mean(self) -> float:
        """Per person."""
        return self.total / self.people

    @property
    def mean_variance(self) -> float:
        """The variance of the mean: the sample variance over the number of people."""
        spread = max(self.squares - self.total**2 / self.people, 0.0)
        return spread / (self.people - 1) / self.people


def wilson(part: Proportion) -> Interval:
    """A share with its score interval.

    Source: Wilson, E. B. (1927), JASA 22, 209-212.
    """
    n, z2 = part.people, Z**2
    centre = (part.count + z2 / 2) / (n + z2)
    half = Z * sqrt(part.count * (n - part.count) / n + z2 / 4) / (n + z2)
    # Rounding may carry the bounds past the share itself at 0 and 1.
    share = part.share
    return Interval(share, max(min(centre - half, share), 0), min(max(centre + half, share), 1))


def difference_of_means(treated: Moments, holdout: Moments) -> Difference:
    """Difference of two means per person, variances not assumed equal.

    Source: Welch, B. L. (1947), Biometrika 34, 28-35. Raises `UndefinedError` where neither arm
    varies.
    """
    from scipy.stats import t

    a, b = treated.mean_variance, holdout.mean_variance
    if a + b <= 0:
        raise UndefinedError("everyone has the same amount")
    freedom = (a + b) ** 2 / (a**2 / (treated.people - 1) + b**2 / (holdout.people - 1))
    value, error = treated.mean - holdout.mean, sqrt(a + b)
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p_value = 2 * float(t.sf(abs(value) / error, freedom))
    return Difference(value, value - half, value + half, error, p_value)


def detectable_difference(holdout: Proportion, treated_people: float) -> float:
    """The rise of a share that the two-proportion test at 5 % finds with 80 % power.

    Source: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed.,
    chapter 4, solved for the difference. At most what is left to rise.
    """
    variance = holdout.share * (1 - holdout.share)
    if variance <= 0:
        raise UndefinedError("the holdout does not vary")
    n1, n0, p0, rise = treated_people, holdout.people, holdout.share, 0.0
    for _ in range(50):  # each round errs by a small part of the one before
        p1 = p0 + rise
        mean = (n1 * p1 + n0 * p0) / (n1 + n0)
        null = sqrt(mean * (1 - mean) * (1 / n1 + 1 / n0))
        rise = Z * null + _Z_POWER * sqrt(p1 * (1 - p1) / n1 + variance / n0)
        rise = min(rise, 1 - p0)
    return rise


def planned_split_p_value(people: Sequence[float], planned: Sequence[float]) -> float:
    """How often chance alone moves a split as far from the `planned` shares as `people` are.

    Pearson's chi-square goodness of fit; the sample-ratio test of Fabijan et al. (2019), KDD.
    """
    from scipy.stats import chisquare

    expected = [sum(people) * share for share in planned]
    if min(expected) <= 0:
        raise UndefinedError("there is nobody to divide by")
    return float(chisquare(list(people), expected).pvalue)
