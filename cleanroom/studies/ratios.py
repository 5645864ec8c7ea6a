"""The ratio of two means, and its interval."""

from __future__ import annotations

from math import sqrt

from cleanroom.studies.intervals import (
    Interval,
    Moments,
    UnboundedError,
    UndefinedError,
    Z,
    difference_of_means,
    half_widths,
)


def relative_difference_of_means(treated: Moments, holdout: Moments) -> Interval:
    """Ratio of two means minus one: every ratio r at which treated − r · holdout is not told from
    zero, with Welch's quantile, so that it holds no effect exactly where Welch's interval does.

    Source: Fieller, E. C. (1954), Journal of the Royal Statistical Society B 16, 175-185. Raises
    `UndefinedError` where the holdout's mean is not told from zero: there no ratio is ruled out.
    """
    quantile = half_widths(difference_of_means(treated, holdout))
    a, b = treated.mean_variance, holdout.mean_variance
    square = holdout.mean**2 - quantile**2 * b
    if square <= 0 or holdout.mean <= 0:
        raise UnboundedError("the holdout's amount is not told from zero")
    product = treated.mean * holdout.mean
    root = sqrt(max(product**2 - square * (treated.mean**2 - quantile**2 * a), 0.0))
    value = treated.mean / holdout.mean
    return Interval(value - 1, (product - root) / square - 1, (product + root) / square - 1)


def delta_method(treated: Moments, holdout: Moments) -> Interval:
    """The same by the first-order variance of the ratio: shorter, and wrong where the holdout's
    mean is uncertain. Kept beside Fieller's as a check.

    Source: Casella and Berger (2002), Statistical Inference, 2nd ed., section 5.5.4.
    """
    if holdout.mean <= 0:
        raise UndefinedError("the holdout spent nothing")
    value = treated.mean / holdout.mean
    variance = treated.mean_variance + value**2 * holdout.mean_variance
    half = Z * sqrt(variance) / holdout.mean
    return Interval(value - 1, value - 1 - half, value - 1 + half)
