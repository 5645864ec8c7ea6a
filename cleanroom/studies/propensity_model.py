"""The probability to be exposed as a parametric model, with each person's influence on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cleanroom.studies.comparison import Flags, Real
from cleanroom.studies.intervals import UndefinedError

_STEPS = 60


class Link(StrEnum):
    """How the linear index becomes a probability."""

    LOGIT = "logit"
    PROBIT = "probit"


@dataclass(frozen=True, eq=False)
class PropensityModel:
    """Each person's `propensity` and its `density` (the slope by the index), the `design` (with
    constant), and each person's `influence` on the coefficients (n × k)."""

    propensity: Real
    density: Real
    design: Real
    influence: Real


def with_constant(covariates: Real) -> Real:
    """The covariates (n × k) with a column of ones before them."""
    return np.column_stack([np.ones(len(covariates)), covariates])


def fit_propensity(exposed: Flags, covariates: Real, link: Link) -> PropensityModel:
    """The likeliest model, by Newton's steps on standardised covariates.

    Raises `UndefinedError` where the covariates tell the groups apart entirely.
    """
    spread = covariates.std(axis=0)
    scaled = (covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    design, signs = with_constant(scaled), np.where(exposed, 1.0, -1.0)
    coefficients = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        score, slope = _score(signs * (design @ coefficients), link)
        gradient = design.T @ (signs * score)
        # Where covariates repeat each other, any of the solutions foresees the same.
        step = np.linalg.pinv(-(design * slope[:, None]).T @ design, hermitian=True) @ gradient
        coefficients = coefficients + step
        if np.abs(design @ step).max() < 1e-10:
            return _model(design, coefficients, signs, link)
    raise UndefinedError("the covariates tell the two groups apart entirely")


def _model(design: Real, coefficients: Real, signs: Real, link: Link) -> PropensityModel:
    index = design @ coefficients
    score, slope = _score(signs * index, link)
    inverse = np.linalg.pinv(-(design * slope[:, None]).T @ design / len(design), hermitian=True)
    influence = ((signs * score)[:, None] * design) @ inverse
    probability, density = _probability(index, link)
    return PropensityModel(probability, density, design, influence)


def _probability(index: Real, link: Link) -> tuple[Real, Real]:
    """The probability at an index, and its slope."""
    from scipy.special import expit, ndtr

    if link is Link.LOGIT:
        logistic: Real = expit(index)
        return logistic, logistic * (1 - logistic)
    return ndtr(index), np.exp(-(index**2) / 2) / np.sqrt(2 * np.pi)


def _score(signed: Real, link: Link) -> tuple[Real, Real]:
    """The slope of the logarithm of the probability of what happened, and the slope of that."""
    from scipy.special import expit, log_ndtr

    if link is Link.LOGIT:
        rest: Real = expit(-signed)
        return rest, -rest * (1 - rest)
    ratio = np.exp(-(signed**2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(signed))
    return ratio, -ratio * (ratio + signed)
