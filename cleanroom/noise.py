"""Differential privacy as an agreement asks for it: which noise, how much, and what it costs.

One person is in or out: two rooms are neighbours if they differ in all that counts through one
account. A question's cost is rho of zero-concentrated differential privacy, which adds up over
questions however they were chosen. Sources: Bun and Steinke (2016), TCC; Canonne, Kamath and
Steinke (2020), NeurIPS, for the discrete Gaussian; Ghosh, Roughgarden and Sundararajan (2012),
SIAM J. Comput. 41, for the discrete Laplace; Feldman and Zrnic (2021), NeurIPS, for questions that
are chosen after seeing the answers to others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import log, sqrt
from statistics import NormalDist

from pydantic import BaseModel, ConfigDict, Field

# The people behind a cell are counted with noise that much larger: they only decide whether the
# cell leaves, and cost a quarter.
COARSER = 2
_SURE = 0.99  # how surely a cell that leaves reaches the thresholds
# Sums are carried as floats. Of fewer than 2^33 people, two of them are further apart than they
# should be by less than 2^-19 of a person's largest part, which this more than covers.
_ROUNDING = 1 + 2**-17


class Mechanism(StrEnum):
    """The distribution of the noise, a whole number; the second is the stricter at one size."""

    GAUSSIAN = "discrete gaussian"
    LAPLACE = "discrete laplace"


class Noise(BaseModel):
    """Noise on every number, and the budget of all questions together.

    `epsilon`, `delta`: the most that all answers of any `horizon_days` may give away of a person.
    `standard_deviation`: of the noise on a count of people; other measures have it times the most
    that one person adds. `accounts_per_person`: with how many accounts of the other platform an
    account may be linked and still have that protection.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    mechanism: Mechanism = Mechanism.GAUSSIAN
    epsilon: float = Field(gt=0, le=50)
    delta: float = Field(default=1e-6, gt=0, lt=1e-3)
    horizon_days: int = Field(default=365, ge=1)
    standard_deviation: float = Field(ge=1)
    accounts_per_person: int = Field(default=1, ge=1)

    @property
    def scale(self) -> float:
        """The distribution's own parameter, for a count of people."""
        return self.standard_deviation / (sqrt(2) if self.mechanism is Mechanism.LAPLACE else 1)

    @property
    def rho(self) -> float:
        """What one noisy count costs of which a person changes one."""
        # Discrete Laplace is 1/scale-DP, and that is 1/(2 scale²)-zCDP; so is the discrete
        # Gaussian. The accounting of the continuous Laplace would be too favourable here.
        return _ROUNDING * self.accounts_per_person**2 / (2 * self.scale**2)

    @property
    def margin(self) -> float:
        """How far a noisy count must lie above a threshold, in standard deviations."""
        if self.mechanism is Mechanism.LAPLACE:
            return -log(2 * (1 - _SURE)) / sqrt(2)
        return NormalDist().inv_cdf(_SURE)


@dataclass(frozen=True)
class Reach:
    """How far one person reaches into one merchant's cells of a table.

    Into at most `values` of the cells and `supports` of the counts of people behind cells; into
    the cell of a measure by at most `most` of its unit. A count of people needs no entry: one.
    """

    values: int
    supports: int
    most: Mapping[str, float]


def reach_cost(noise: Noise, reaches: Mapping[str, Reach]) -> float:
    """What all tables of a study cost together, as rho."""
    counts = sum(one.values + one.supports / COARSER**2 for one in reaches.values())
    return noise.rho * counts


def strictest_noise(a: Noise | None, b: Noise | None) -> Noise | None:
    """The noise that satisfies both: more noise and less budget; None asks for nothing."""
    if a is None or b is None:
        return a or b
    order = list(Mechanism)
    return Noise(
        mechanism=max(a.mechanism, b.mechanism, key=order.index),
        epsilon=min(a.epsilon, b.epsilon),
        delta=min(a.delta, b.delta),
        horizon_days=max(a.horizon_days, b.horizon_days),
        standard_deviation=max(a.standard_deviation, b.standard_deviation),
        accounts_per_person=max(a.accounts_per_person, b.accounts_per_person),
    )
