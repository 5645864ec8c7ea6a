"""The effect on those who were shown the campaign, with the arm as the instrument.

The arm moves an outcome only through being shown, so the effect on the shown is the effect of the
assignment over the share of the treated that was shown. Who was shown is never compared with who
was not: the two groups chose for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from cleanroom.studies.intervals import Interval, UnboundedError, UndefinedError, Z


@dataclass(frozen=True)
class Uptake:
    """One arm: `people`, Σy and Σy² of the outcome, `shown` of them and Σy over those."""

    people: float
    outcome: float
    outcome_squared: float
    shown: float
    outcome_of_shown: float

    @property
    def means(self) -> tuple[float, float]:
        """Of the outcome, and the share shown."""
        return self.outcome / self.people, self.shown / self.people

    @property
    def variances(self) -> tuple[float, float, float]:
        """Of the mean outcome, of the share shown, and their covariance."""
        n, (y, d) = self.people, self.means
        if n < 2:
            raise UndefinedError("there are fewer than two people")
        of_outcome, of_shown = self.outcome_squared / n - y**2, d * (1 - d)
        both = self.outcome_of_shown / n - y * d
        return max(of_outcome, 0.0) / (n - 1), of_shown / (n - 1), both / (n - 1)


def effect_on_shown(treated: Uptake, holdout: Uptake) -> Interval:
    """Every effect e at which outcome − e · shown is not told apart between the arms.

    Sources: Imbens and Angrist (1994), Econometrica 62, 467-475; the interval, which holds however
    few were shown, Anderson and Rubin (1949), Annals of Mathematical Statistics 20, 46-63 (of two
    arms: Fieller's). Raises `UndefinedError` where the arms were not shown it differently beyond
    chance: then no effect is ruled out.
    """
    (y1, d1), (y0, d0) = treated.means, holdout.means
    of_y, of_d, both = (a + b for a, b in zip(treated.variances, holdout.variances, strict=True))
    y, d = y1 - y0, d1 - d0
    square = d**2 - Z**2 * of_d
    if square <= 0 or d <= 0:
        raise UnboundedError("the treated were not shown it more often beyond chance")
    product = y * d - Z**2 * both
    root = sqrt(max(product**2 - square * (y**2 - Z**2 * of_y), 0.0))
    return Interval(y / d, (product - root) / square, (product + root) / square)
