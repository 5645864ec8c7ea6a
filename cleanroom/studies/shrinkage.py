"""Many estimates of one kind together: how much they differ, their mean, and each one's best guess.

A random-effects model: each true effect is drawn from a normal distribution with a common mean and
a variance `between`, and is seen with its own known error.

Sources: restricted likelihood as in Viechtbauer (2005), Journal of Educational and Behavioral
Statistics 30, 261-293; shrinkage with its interval as in Morris (1983), JASA 78, 47-55.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from cleanroom.studies.intervals import Interval, UndefinedError, Z
from cleanroom.studies.panel import Real

# Below so many, Morris's correction for an estimated prior has no degrees of freedom.
_FEWEST = 4


@dataclass(frozen=True)
class Pooled:
    """The mean of the true effects with its interval, the variance `between` them, and how far they
    differ beyond chance: Cochran's `q` with its `p_value`, and `i_squared`, the share of the
    variation that is not chance."""

    mean: Interval
    standard_error: float
    between: float
    q: float
    p_value: float
    i_squared: float


def pool(values: Real, errors: Real) -> Pooled:
    """Pool estimates with their standard errors, the variance between by restricted likelihood."""
    from scipy.stats import chi2

    _check(values, errors, 2)
    between = restricted_likelihood(values, errors)
    weights = 1 / (errors**2 + between)
    mean, error = _mean(values, weights), 1 / sqrt(float(weights.sum()))
    alone, freedom = 1 / errors**2, len(values) - 1
    q = float((alone * (values - _mean(values, alone)) ** 2).sum())
    return Pooled(
        Interval(mean, mean - Z * error, mean + Z * error),
        error,
        between,
        q,
        float(chi2.sf(q, freedom)),
        max(0.0, 1 - freedom / q) if q > 0 else 0.0,
    )


def shrunk(values: Real, errors: Real) -> list[Interval]:
    """Each effect's best guess with its interval: drawn to the mean of all, the more so the less
    certain it is, and widened because that mean and the variance between are themselves estimated.

    The intervals cover 95 % of the effects on average over all, not each one 95 % of the time.
    Raises `UndefinedError` below four estimates.
    """
    _check(values, errors, _FEWEST)
    count, squared = len(values), errors**2
    between = restricted_likelihood(values, errors)
    weights = 1 / (squared + between)
    mean, total = _mean(values, weights), float(weights.sum())
    # One degree of freedom goes to the mean, two to the bias of the estimated share.
    share = (count - 3) / (count - 1) * squared * weights
    typical = float((weights * squared).sum()) / total
    doubt = 2 / (count - 3) * share**2 * (typical + between) * weights
    leverage = 1 - weights / total
    variance = squared * (1 - leverage * share) + doubt * (values - mean) ** 2
    middle = (1 - share) * values + share * mean
    half = Z * np.sqrt(variance)
    return [
        Interval(float(m), float(m - h), float(m + h)) for m, h in zip(middle, half, strict=True)
    ]


def restricted_likelihood(values: Real, errors: Real) -> float:
    """The variance between at which the restricted likelihood is highest."""
    from scipy.optimize import minimize_scalar

    def minus(between: float) -> float:
        weights = 1 / (errors**2 + between)
        left = float((weights * (values - _mean(values, weights)) ** 2).sum())
        return float(-np.log(weights).sum() + np.log(weights.sum())) + left

    most = 10 * float(values.var(ddof=1) + (errors**2).max())
    exactly = {"xatol": 1e-12 * most}
    found = minimize_scalar(minus, bounds=(0.0, most), method="bounded", options=exactly)
    return float(found.x) if found.fun < minus(0.0) else 0.0


def adjusted(p_values: Real) -> Real:
    """p-values adjusted for their number (Benjamini and Hochberg 1995): calling all below 0.05
    effects, one in twenty of those called is none, on average."""
    from scipy.stats import false_discovery_control

    found: Real = false_discovery_control(p_values, method="bh")
    return found


def _check(values: Real, errors: Real, fewest: int) -> None:
    if len(values) < fewest:
        raise UndefinedError(f"there are fewer than {fewest} estimates")
    if not (errors > 0).all():
        raise UndefinedError("an estimate has no error")


def _mean(values: Real, weights: Real) -> float:
    return float((weights * values).sum() / weights.sum())
