"""Two groups that chose for themselves, what is known of them, and an effect estimated of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import erfc, sqrt

import numpy as np
import numpy.typing as npt

from cleanroom.studies.intervals import Interval, UndefinedError, Z

Real = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


class Target(StrEnum):
    """For whom the effect is averaged: those exposed (ATT), or all who are compared (ATE)."""

    EXPOSED = "exposed"
    ALL = "all"


@dataclass(frozen=True, eq=False)
class Comparison:
    """People of two groups: `exposed` or not (n flags), their `outcome` (n numbers) and
    `covariates` from before (n × k, no constant among them).

    Raises `UndefinedError` where the shapes differ, a number is missing, or a group is empty.
    """

    exposed: Flags
    outcome: Real
    covariates: Real

    def __post_init__(self) -> None:
        people = len(self.exposed)
        if self.outcome.shape != (people,) or len(self.covariates) != people:
            raise UndefinedError("not everybody has an outcome and covariates")
        if not (np.isfinite(self.outcome).all() and np.isfinite(self.covariates).all()):
            raise UndefinedError("an outcome or a covariate is missing")
        if not 0 < self.exposed.sum() < people:
            raise UndefinedError("one of the two groups is empty")

    def part(self, rows: Flags | Whole) -> Comparison:
        """The same of some of the people."""
        return Comparison(self.exposed[rows], self.outcome[rows], self.covariates[rows])


@dataclass(frozen=True, eq=False)
class Effect:
    """An average effect in the outcome's unit, and each person's `influence` on it.

    `influence` (n numbers, mean about 0) is the influence function: its standard deviation over
    √n is the `standard_error`, and who is large in it carries the estimate.
    """

    value: float
    standard_error: float
    influence: Real

    @property
    def interval(self) -> Interval:
        """The normal 95 % interval."""
        half = Z * self.standard_error
        return Interval(self.value, self.value - half, self.value + half)

    @property
    def p_value(self) -> float:
        """Of no effect, two-sided; below 0.05 exactly where the interval excludes zero."""
        if self.standard_error <= 0:
            raise UndefinedError("nothing varies")
        return erfc(abs(self.value) / self.standard_error / sqrt(2))


def effect_of(value: float, influence: Real) -> Effect:
    """An effect with the standard error of its influence function."""
    return Effect(float(value), float(np.sqrt(np.mean(influence**2) / len(influence))), influence)


def naive(comparison: Comparison) -> Effect:
    """The difference of the two means, adjusted for nothing: what selection makes of an effect."""
    exposed, outcome = comparison.exposed, comparison.outcome
    means = [float(outcome[group].mean()) for group in (exposed, ~exposed)]
    shares = [group.mean() for group in (exposed, ~exposed)]
    influence = np.where(
        exposed, (outcome - means[0]) / shares[0], -(outcome - means[1]) / shares[1]
    )
    return effect_of(means[0] - means[1], influence)


def odds_weights(comparison: Comparison, propensity: Real, target: Target) -> Real:
    """How much each person counts: by the inverse of the probability to be in their own group.

    For the exposed as target, they count 1, and the others by the odds of having been exposed.
    """
    exposed = comparison.exposed
    own = np.where(exposed, propensity, 1 - propensity)
    return (propensity if target is Target.EXPOSED else np.ones_like(propensity)) / own
