"""Sharper effects from what people did before: adjustment from the moments of the arms alone.

One covariate x, measured before anybody was assigned, so that the campaign cannot have changed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from cleanroom.studies.intervals import Difference, Moments, UndefinedError, welch


@dataclass(frozen=True)
class Joint:
    """One arm: `people`, and over them Σy, Σy², Σx, Σx² and Σxy."""

    people: float
    outcome: float
    outcome_squared: float
    covariate: float
    covariate_squared: float
    product: float

    def __post_init__(self) -> None:
        if self.people < 3:
            raise UndefinedError("there are fewer than three people")
        if self.covariate_spread <= 0:
            raise UndefinedError("everyone was alike before")
        if self.shared_spread**2 > self.outcome_spread * self.covariate_spread * (1 + 1e-9):
            raise UndefinedError("the sum of products is too large for the sums of squares")

    @property
    def mean(self) -> float:
        """Of the outcome."""
        return self.outcome / self.people

    @property
    def covariate_mean(self) -> float:
        """Of the covariate."""
        return self.covariate / self.people

    @property
    def outcome_spread(self) -> float:
        """The sum of squared differences from the mean."""
        return self.outcome_squared - self.outcome**2 / self.people

    @property
    def covariate_spread(self) -> float:
        """The same of the covariate."""
        return self.covariate_squared - self.covariate**2 / self.people

    @property
    def shared_spread(self) -> float:
        """The sum of products of both differences."""
        return self.product - self.outcome * self.covariate / self.people


def regression_adjusted(treated: Joint, holdout: Joint) -> Difference:
    """Difference of the means that each arm's own regression line gives at everyone's mean x.

    Source: Lin, W. (2013), Annals of Applied Statistics 7, 295-318: least squares with the arm's
    interaction, which never loses precision against the plain difference in large samples. The
    variance is that of two separate regressions, which needs no moments but these.
    """
    people = treated.people + holdout.people
    everyone = (treated.covariate + holdout.covariate) / people
    (a, of_a), (b, of_b) = (_at(arm, everyone) for arm in (treated, holdout))
    return welch(a - b, of_a, of_b, treated.people - 2, holdout.people - 2)


def cuped(treated: Joint, holdout: Joint) -> Difference:
    """Difference of the means of y − θ x, with one θ for both arms.

    Source: Deng, Xu, Kohavi and Walker (2013), WSDM '13, 123-132.
    """
    theta = _common_slope(treated, holdout)
    (a, of_a), (b, of_b) = (_less(arm, theta) for arm in (treated, holdout))
    return welch(a - b, of_a, of_b, treated.people - 1, holdout.people - 1)


def variance_reduction(treated: Joint, holdout: Joint) -> float:
    """The share of the plain difference's variance that regression adjustment takes away.

    So many fewer people would have told the plain difference as precisely. Below 0 where x says
    nothing, by what is paid for the slopes.
    """
    plain = sum(arm.outcome_spread / (arm.people - 1) / arm.people for arm in (treated, holdout))
    if plain <= 0:
        raise UndefinedError("everyone has the same outcome")
    adjusted = regression_adjusted(treated, holdout).standard_error
    return 1 - adjusted**2 / plain


def standardised_difference(treated: Moments, holdout: Moments) -> float:
    """Difference of two means in standard deviations, the arms' variances averaged.

    Source: Austin, P. C. (2009), Statistics in Medicine 28, 3083-3107.
    """
    spread = (treated.mean_variance * treated.people + holdout.mean_variance * holdout.people) / 2
    if spread <= 0:
        raise UndefinedError("everyone was alike before")
    return (treated.mean - holdout.mean) / sqrt(spread)


def _at(arm: Joint, covariate: float) -> tuple[float, float]:
    """The arm's regression line at a covariate, and its variance there."""
    slope = arm.shared_spread / arm.covariate_spread
    away = arm.covariate_mean - covariate
    left = max(arm.outcome_spread - slope * arm.shared_spread, 0.0) / (arm.people - 2)
    return arm.mean - slope * away, left * (1 / arm.people + away**2 / arm.covariate_spread)


def _less(arm: Joint, theta: float) -> tuple[float, float]:
    """The mean of y − θ x, and its variance."""
    spread = arm.outcome_spread - 2 * theta * arm.shared_spread + theta**2 * arm.covariate_spread
    mean = arm.mean - theta * arm.covariate_mean
    return mean, max(spread, 0.0) / (arm.people - 1) / arm.people


def _common_slope(*arms: Joint) -> float:
    return sum(arm.shared_spread for arm in arms) / sum(arm.covariate_spread for arm in arms)
