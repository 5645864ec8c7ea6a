"""Synthetic control: what treated regions would have had, as a weighted mean of the others.

Each region is taken as its difference from its own mean before the start (fixed effects), so that
a large city may be made of small ones. Weights are not negative and add up to one; augmented by
ridge regression they may leave that range a little where it brings the fit closer.

Sources: Abadie, Diamond and Hainmueller (2010), JASA 105, 493-505; Doudchenko and Imbens (2016),
NBER 22791, for the intercept; Ben-Michael, Feller and Rothstein (2021), JASA 116, 1789-1803.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cleanroom.studies.panel import Panel, Real

# Penalties that are tried: from the largest squared singular value downwards, as augsynth does.
_PENALTIES, _SMALLEST = 20, 1e-8


@dataclass(frozen=True, eq=False)
class Synthetic:
    """Weights of the donors; the target as observed and as it would have been, by period.

    `imbalance` is the Euclidean distance between the two before the start; `scaled_imbalance` that
    over the distance of equal weights. `penalty` is ridge's, None without; `correction` is what the
    augmentation added to `effect`.
    """

    weights: Real
    observed: Real
    expected: Real
    first: int
    imbalance: float
    scaled_imbalance: float
    penalty: float | None = None
    correction: float = 0.0

    @property
    def gap(self) -> Real:
        """Observed minus expected, by period."""
        return self.observed - self.expected

    @property
    def effect(self) -> float:
        """The mean gap of the treated periods: per treated region and period."""
        return float(self.gap[self.first :].mean())

    @property
    def relative(self) -> float:
        """The effect as a share of what would have been without it."""
        return self.effect / float(self.expected[self.first :].mean())


def synthetic_control(panel: Panel) -> Synthetic:
    """The treated regions' mean and its synthetic control, weights on the simplex."""
    target, donors = centred(panel, panel.first)
    return _built(panel, simplex_weights(target[: panel.first], donors[:, : panel.first]))


def augmented_control(panel: Panel, penalty: float | None = None) -> Synthetic:
    """The same, its remaining imbalance corrected by ridge regression on the periods before.

    `penalty`: None chooses it by leaving out one period before the start after the other: the
    largest one whose squared error is within a standard error of the least.
    """
    target, donors = centred(panel, panel.first)
    target, donors = target[: panel.first], donors[:, : panel.first]
    chosen = choose_penalty(target, donors) if penalty is None else penalty
    plain = simplex_weights(target, donors)
    augmented = _built(panel, plain + ridge_correction(target, donors, plain, chosen), chosen)
    return replace(augmented, correction=augmented.effect - _built(panel, plain).effect)


def centred(panel: Panel, until: int) -> tuple[Real, Real]:
    """Target and donors, each as its difference from its own mean of the first periods."""
    target, donors = panel.target, panel.donors
    return (
        target - target[:until].mean(),
        donors - donors[:, :until].mean(axis=1, keepdims=True),
    )


def simplex_weights(target: Real, donors: Real) -> Real:
    """Weights >= 0 with sum 1 whose mixture of `donors` (rows) comes closest to `target`.

    The point of a convex hull nearest to the origin, found exactly by one nonnegative least
    squares: of all multiples t of a point at distance d, t = 1 / (1 + d²) minimises
    t² d² + (t − 1)², and that minimum rises with d.
    """
    from scipy.optimize import nnls

    apart = (donors - target).T
    scale = float(np.abs(apart).max()) or 1.0
    rows = np.vstack([apart / scale, np.ones(len(donors))])
    found, _ = nnls(rows, np.append(np.zeros(len(target)), 1.0))
    weights: Real = found / found.sum()
    return weights


def ridge_correction(target: Real, donors: Real, weights: Real, penalty: float) -> Real:
    """What ridge regression adds to the weights, given what they leave unexplained."""
    middle = donors.mean(axis=0)
    rows = donors - middle
    left = (target - middle) - weights @ rows
    inner = rows.T @ rows + penalty * np.eye(rows.shape[1])
    correction: Real = rows @ np.linalg.solve(inner, left)
    return correction


def choose_penalty(target: Real, donors: Real) -> float:
    """The penalty by leaving out each period in turn, with the rule of one standard error."""
    rows = donors - donors.mean(axis=0)
    largest = float(np.linalg.norm(rows, 2) ** 2)
    penalties = largest * np.geomspace(1, _SMALLEST, _PENALTIES)
    errors = np.array(
        [_errors_without(period, target, donors, penalties) for period in range(len(target))]
    )
    mean, spread = errors.mean(axis=0), errors.std(axis=0, ddof=1) / np.sqrt(len(errors))
    best = int(mean.argmin())
    return float(penalties[mean <= mean[best] + spread[best]].max())


def _errors_without(period: int, target: Real, donors: Real, penalties: Real) -> list[float]:
    """By penalty, the squared error in a period that the weights did not see."""
    rest, rest_donors = np.delete(target, period), np.delete(donors, period, axis=1)
    plain = simplex_weights(rest, rest_donors)
    middle = rest_donors.mean(axis=0)
    left, right, turned = np.linalg.svd(rest_donors - middle, full_matrices=False)
    unexplained = turned @ ((rest - middle) - plain @ (rest_donors - middle))
    errors = []
    for penalty in penalties:
        correction = left @ (right / (right**2 + penalty) * unexplained)
        errors.append(float(target[period] - (plain + correction) @ donors[:, period]) ** 2)
    return errors


def _built(panel: Panel, weights: Real, penalty: float | None = None) -> Synthetic:
    first = panel.first
    target, donors = centred(panel, first)
    expected = weights @ donors + panel.target[:first].mean()
    equal = donors.mean(axis=0)
    off = float(np.linalg.norm((target - weights @ donors)[:first]))
    naive = float(np.linalg.norm((target - equal)[:first])) or 1.0
    return Synthetic(weights, panel.target, expected, first, off, off / naive, penalty)
