"""The score test of two shares, and the intervals that are its other side.

An interval here is the set of differences (or ratios) that the test does not reject at 5 %. So
the p-value, the interval of the difference and the interval of the ratio can never contradict
each other, and they hold at the small, unequal counts of a real holdout, where intervals from
the standard error (Wald) fall short. Of noisy counts the noise's variance is added to the test's.
"""

from __future__ import annotations

from collections.abc import Callable
from math import acos, cos, erfc, inf, pi, sqrt

from cleanroom.studies.intervals import (
    Difference,
    Interval,
    Proportion,
    UndefinedError,
    Z,
    noise_of,
)


def difference_of_proportions(treated: Proportion, holdout: Proportion) -> Difference:
    """Difference of two shares: every difference that the score test does not reject.

    Sources: Mee, R. W. (1984), Biometrics 40, 1175-1176; the restricted estimate in closed form
    by Farrington and Manning (1990), Statistics in Medicine 9, 1447-1454. At no difference this
    is the pooled two-proportion test, Pearson's chi-square without continuity correction.
    """
    value = treated.share - holdout.share

    def variance(difference: float) -> float:
        return _variance(treated, holdout, *_shares_apart(treated, holdout, difference))

    def excess(difference: float) -> float:
        return (value - difference) ** 2 - Z**2 * variance(difference)

    own = _variance(treated, holdout, treated.share, holdout.share)
    pooled = variance(0.0)
    p_value = erfc(abs(value) / sqrt(2 * pooled)) if pooled > 0 else 1.0
    lower, upper = _bound(excess, value, -1.0), _bound(excess, value, 1.0)
    return Difference(value, lower, upper, sqrt(own), p_value)


def relative_difference(treated: Proportion, holdout: Proportion) -> Interval:
    """Ratio of two shares minus one: every ratio that the score test does not reject.

    Source: Koopman, P. A. R. (1984), Biometrics 40, 513-517. Raises `UndefinedError` where nobody
    of the holdout counts.
    """
    if holdout.count == 0:
        raise UndefinedError("there is nothing in the holdout to compare with")
    if holdout.count <= Z * noise_of(holdout.count):
        raise UndefinedError("the noise is as large as the count of the holdout")
    value = treated.share / holdout.share

    def excess(ratio: float) -> float:
        share = _holdout_share_at_ratio(treated, holdout, ratio)
        variance = _variance(treated, holdout, ratio * share, share, ratio)
        return (treated.share - ratio * holdout.share) ** 2 - Z**2 * variance

    beyond = 2 * max(value, 1.0)
    while excess(beyond) <= 0:
        beyond *= 2
    lower, upper = _bound(excess, value, 0.0), _bound(excess, value, beyond)
    return Interval(value - 1, lower - 1, upper - 1)


def _bound(excess: Callable[[float], float], observed: float, outside: float) -> float:
    """Where the test begins to reject, from `observed` towards `outside`: `excess` turns positive.

    At the observed value itself `excess` is 0 if neither arm varies: the search begins beside it.
    """
    from scipy.optimize import brentq

    if excess(outside) <= 0:
        return outside
    beside = observed + 1e-9 * (outside - observed)
    return float(brentq(excess, beside, outside, xtol=1e-16, rtol=1e-15))


def _variance(
    treated: Proportion, holdout: Proportion, p1: float, p0: float, ratio: float = 1.0
) -> float:
    """Variance of (treated share − ratio · holdout share) if the true shares are p1 and p0."""
    of_treated = p1 * (1 - p1) / treated.people + treated.noise_variance(p1)
    return of_treated + ratio**2 * (p0 * (1 - p0) / holdout.people + holdout.noise_variance(p0))


def _shares_apart(treated: Proportion, holdout: Proportion, apart: float) -> tuple[float, float]:
    """The likeliest shares (treated, holdout) that lie `apart`: a root of a cubic.

    Solved for the larger arm, whichever that is: exchanged, the arms have the same two shares.
    """
    if holdout.people > treated.people:
        other, own = _shares_apart(holdout, treated, -apart)
        return own, other
    theta = holdout.people / treated.people
    p1, p0 = treated.share, holdout.share
    a = 1 + theta
    b = -(1 + theta + p1 + theta * p0 + apart * (theta + 2))
    c = apart**2 + apart * (2 * p1 + theta + 1) + p1 + theta * p0
    d = -p1 * apart * (1 + apart)
    v = b**3 / (27 * a**3) - b * c / (6 * a**2) + d / (2 * a)
    u = sqrt(max(b**2 / (9 * a**2) - c / (3 * a), 0.0)) * (1 if v > 0 else -1)
    angle = acos(max(-1.0, min(1.0, v / u**3))) if u else 0.0
    likeliest = 2 * u * cos((pi + angle) / 3) - b / (3 * a)
    # The angle is inexact where shares are near 0 or 1; Newton's steps restore the digits.
    for _ in range(3):
        slope = (3 * a * likeliest + 2 * b) * likeliest + c
        if slope:
            likeliest -= (((a * likeliest + b) * likeliest + c) * likeliest + d) / slope
    # Both shares lie in 0 … 1, which rounding may leave by a hair.
    likeliest = min(max(likeliest, apart, 0.0), 1 + apart, 1.0)
    return likeliest, likeliest - apart


def _holdout_share_at_ratio(treated: Proportion, holdout: Proportion, ratio: float) -> float:
    """The likeliest holdout share if treated = ratio · holdout: a root of a quadratic."""
    a = (treated.people + holdout.people) * ratio
    b = -(treated.people * ratio + treated.count + holdout.people + holdout.count * ratio)
    c = treated.count + holdout.count
    share = 2 * c / (-b + sqrt(max(b**2 - 4 * a * c, 0.0)))
    return min(share, 1.0, 1 / ratio if ratio > 0 else inf)
