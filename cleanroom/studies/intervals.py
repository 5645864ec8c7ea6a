"""Intervals and tests from counts and sums alone: numbers in, small frozen results out.

All intervals are two-sided at 95 %. Counts and sums may be fractions, and may carry noise: its
variance is then added to that of chance, carried through each formula to the first order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, hypot, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
POWER = 0.80
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_Z_POWER = NormalDist().inv_cdf(POWER)
# A variance is estimated, and trusted, only if it is so many times the noise in it.
_SPREAD_OVER_NOISE = 4


class UndefinedError(ValueError):
    """The numbers given have no such statistic; says why in words, never with a number."""


class UnboundedError(UndefinedError):
    """The numbers given rule nothing out: so do all ranges in which they lie."""


class Noisy(float):
    """A released number with the standard deviation (`deviation`) of the noise in it."""

    deviation: float

    def __new__(cls, value: float, deviation: float) -> Noisy:
        """The number, which counts as any other where nobody asks for its noise."""
        made = super().__new__(cls, value)
        made.deviation = deviation
        return made


def noise_of(number: float) -> float:
    """The standard deviation of the noise in a number; 0 where there is none."""
    return number.deviation if isinstance(number, Noisy) else 0.0


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
class Chance:
    """How often chance alone departs as far as `departure`, which is signed: 0 is no departure."""

    p_value: float
    departure: float


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

    def noise_variance(self, share: float) -> float:
        """Of the share, if the true one is `share`: that of its count and of its people."""
        return (noise_of(self.count) ** 2 + (share * noise_of(self.people)) ** 2) / self.people**2


@dataclass(frozen=True)
class Moments:
    """`people`, the sum of a quantity over them, and the sum of its squares."""

    people: float
    total: float
    squares: float

    def __post_init__(self) -> None:
        if self.people < 2:
            raise UndefinedError("there are fewer than two people")
        if self._spread_noise > max(self._spread, 0.0) / _SPREAD_OVER_NOISE:
            raise UndefinedError("the noise is too large for how much the amounts differ")
        # Equal only where everyone has the same amount; a tiny shortfall is rounding.
        if self.squares < self.total**2 / self.people * (1 - 1e-12):
            raise UndefinedError("the sum of squares is too small for the sum")

    @property
    def mean(self) -> float:
        """Per person."""
        return self.total / self.people

    @property
    def mean_variance(self) -> float:
        """The variance of the mean: the sample variance over the number of people, and noise."""
        noise = noise_of(self.total) ** 2 + (self.mean * noise_of(self.people)) ** 2
        chance = max(self._spread, 0.0) / (self.people - 1) / self.people
        return chance + noise / self.people**2

    @property
    def _spread(self) -> float:
        """The sum of squared differences from the mean."""
        return self.squares - self.total**2 / self.people

    @property
    def _spread_noise(self) -> float:
        noise = (noise_of(self.squares), 2 * self.mean * noise_of(self.total))
        return hypot(*noise, self.mean**2 * noise_of(self.people))


def as_released(number: float) -> Interval | float:
    """A number as it is, with the interval of the noise in it where there is any."""
    half = Z * noise_of(number)
    value = float(number)
    return Interval(value, value - half, value + half) if half else value


def wilson(part: Proportion) -> Interval:
    """A share with its score interval: every share from which the released one is not further off
    than chance, and noise, make likely.

    Source: Wilson, E. B. (1927), JASA 22, 209-212.
    """
    n, z2 = part.people, Z**2
    of_count, of_people = noise_of(part.count) ** 2, noise_of(part.people) ** 2
    below = n + z2 - z2 * of_people / n
    if below <= 0:
        raise UndefinedError("the noise is too large for so few people")
    centre = part.count + z2 / 2
    inner = (
        part.count * (n - part.count) / n
        + z2 / 4
        + of_count * (1 + z2 / n)
        + (of_people * (part.count**2 / n - z2 * of_count / n) / n)
    )
    half = Z * sqrt(max(inner, 0.0))
    # Rounding may carry the bounds past the share itself at 0 and 1.
    share = part.share
    lower, upper = (centre - half) / below, (centre + half) / below
    return Interval(share, max(min(lower, share), 0), min(max(upper, share), 1))


def difference_of_means(treated: Moments, holdout: Moments) -> Difference:
    """Difference of two means per person, variances not assumed equal.

    Raises `UndefinedError` where neither arm varies. Source: see `welch`.
    """
    value = treated.mean - holdout.mean
    a, b = treated.mean_variance, holdout.mean_variance
    return welch(value, a, b, treated.people - 1, holdout.people - 1)


def welch(value: float, a: float, b: float, freedom_a: float, freedom_b: float) -> Difference:
    """A difference of two independent estimates with variances `a` and `b`, each with its degrees
    of freedom; raises `UndefinedError` where neither varies.

    Source: Welch, B. L. (1947), Biometrika 34, 28-35.
    """
    from scipy.stats import t

    if a + b <= 0:
        raise UndefinedError("everyone has the same amount")
    freedom = (a + b) ** 2 / (a**2 / freedom_a + b**2 / freedom_b)
    error = sqrt(a + b)
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p_value = 2 * float(t.sf(abs(value) / error, freedom))
    return Difference(value, value - half, value + half, error, p_value)


def normal(value: float, error: float) -> Difference:
    """An estimate with its standard error, nearly normal."""
    if error <= 0:
        raise UndefinedError("nothing varies")
    return Difference(
        value, value - Z * error, value + Z * error, error, erfc(abs(value) / error / sqrt(2))
    )


def half_widths(difference: Difference) -> float:
    """How many standard errors the interval reaches to each side."""
    return (difference.upper - difference.value) / difference.standard_error


def upper_tail(deviate: float) -> float:
    """How often a standard normal number lies above."""
    return erfc(deviate / sqrt(2)) / 2


def detectable_difference(
    holdout: Proportion, treated_people: float, noise_variance: float = 0.0
) -> float:
    """The rise of a share that the two-proportion test at 5 % finds with 80 % power.

    `noise_variance`: what noise adds to the variance of the difference.

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
        null = sqrt(mean * (1 - mean) * (1 / n1 + 1 / n0) + noise_variance)
        own = sqrt(p1 * (1 - p1) / n1 + variance / n0 + noise_variance)
        rise = Z * null + _Z_POWER * own
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
    if len(people) == 2 and any(noise_of(count) for count in people):
        return _two_way_split_p_value(people, planned[0])
    return float(chisquare(list(people), expected).pvalue)


def _two_way_split_p_value(people: Sequence[float], planned: float) -> float:
    """The same test of two noisy counts: there it is the square of a normal deviate."""
    first, second = people
    departure = (1 - planned) * first - planned * second
    noise = hypot((1 - planned) * noise_of(first), planned * noise_of(second))
    return erfc(abs(departure) / sqrt(2 * ((first + second) * planned * (1 - planned) + noise**2)))
