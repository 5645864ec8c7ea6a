"""How alike two groups are, covariate by covariate, before and after weighting."""

from __future__ import annotations

import numpy as np

from cleanroom.studies.comparison import Comparison, Real

# Beyond it a covariate is called out of balance (Austin 2011, Multivariate Behavioral Research 46).
ALIKE = 0.1


def standardised_differences(comparison: Comparison, weights: Real | None = None) -> Real:
    """Exposed minus comparable by covariate (k numbers), in standard deviations.

    The deviation is the root of the mean variance of the two unweighted groups, so that before and
    after differ by their means alone. 0 for a covariate that does not vary.
    """
    groups = comparison.exposed, ~comparison.exposed
    covariates = comparison.covariates
    counted = np.ones(len(covariates)) if weights is None else weights
    means = [np.average(covariates[g], axis=0, weights=counted[g]) for g in groups]
    spread = np.sqrt(np.mean([covariates[g].var(axis=0) for g in groups], axis=0))
    apart: Real = (means[0] - means[1]) / np.where(spread > 0, spread, 1.0)
    return apart
