"""Who has a counterpart in the other group, and how many people a weighted group is worth."""

from __future__ import annotations

import numpy as np

from cleanroom.studies.comparison import Flags, Real, Target


def with_counterparts(exposed: Flags, propensity: Real, target: Target) -> Flags:
    """Who stays in the comparison: flags by person.

    For everybody as target, whose propensity e lies between the bounds that make the effect's
    variance least, the mean of 1/(e(1−e)) over the share of people who stay (Crump et al. 2009,
    Biometrika 96, 187-199). For the exposed as target the same argument bounds 1/(1−e), by its mean
    over the share of the exposed who stay; and who is less likely to be exposed than any of the
    exposed (Dehejia and Wahba 1999) has nobody to stand for.
    """
    if target is Target.ALL:
        burden = 1 / (propensity * (1 - propensity))
        everybody: Flags = burden <= _most(burden)
        return everybody
    burden = 1 / (1 - propensity)
    stays: Flags = propensity >= propensity[exposed].min()
    stays &= burden <= _most(burden[exposed])
    return stays


def _most(burdens: Real) -> float:
    """The bound on the burdens whose mean, over the share of those within it, is the least."""
    ordered = np.sort(burdens)
    within = np.arange(1, len(ordered) + 1)
    variance = np.cumsum(ordered) / within**2
    best = len(ordered) - 1 - int(variance[::-1].argmin())
    return float("inf") if best == len(ordered) - 1 else float(ordered[best])


def effective_size(weights: Real) -> float:
    """How many people of equal weight tell as much: (Σw)² / Σw² (Kish 1965, Survey Sampling)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def separation(exposed: Flags, propensity: Real) -> float:
    """The area under the curve of the propensity: how often it tells an exposed from another.

    0.5: as a coin does, as in a randomised study; 1: always, so that nobody is comparable.
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(exposed, propensity))
