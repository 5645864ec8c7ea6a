"""Tests and intervals for one treated unit, from how its gaps would look at other times or places.

In time: under the hypothesis that the campaign added so much a period, that is taken off, the
synthetic control is fitted to all periods, and its residuals are as good in one order as in any
other: shifted round the clock, the treated periods land on other ones. Exact if residuals are
exchangeable, and approximately so if they are stationary and their dependence fades.
In space: every other set of as many regions is treated as if it had been the one.
By folds, where periods are too few to shift, or the treated ones so many that a fit to all would
take the effect up: the periods before the start are left out in three blocks, and the three effects
give a t interval.

Sources: Chernozhukov, Wüthrich and Zhu (2021), JASA 116, 1849-1864, in time, and (2025), *A t-test
for synthetic controls*, arXiv 1812.10820, by folds; Abadie, Diamond and Hainmueller (2010), JASA
105, 493-505, in space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb, sqrt

import numpy as np

from cleanroom.studies.intervals import CONFIDENCE, Difference, UndefinedError
from cleanroom.studies.panel import Panel, Real, Whole
from cleanroom.studies.synthetic import (
    Synthetic,
    augmented_control,
    centred,
    ridge_correction,
    simplex_weights,
)

# No test of fewer orders can reject at 5 %.
_LEAST_ORDERS = 20
# Of all periods, the most that may be treated for a test in time to have power.
_MOST_TREATED = 0.25
LEVEL = 0.05 + 1e-12  # a test of so many orders rejects at 5 % itself
_FOLDS = 3
_LEAST_BEFORE = 9  # so that a block is three periods
_MOST_PLACEBOS = 500
_ORDERS = 4999
_DOUBLINGS, _HALVINGS = 40, 40


@dataclass(frozen=True, eq=False)
class Placebos:
    """Ratios of the gap after the start to that before it: of the treated, and of each placebo."""

    treated: float
    others: Real

    @property
    def p_value(self) -> float:
        """How often a set of regions, drawn at random, has a ratio as large."""
        return float((1 + (self.others >= self.treated).sum()) / (1 + len(self.others)))


def effect_of(panel: Panel, fit: Synthetic) -> Difference:
    """The effect per treated region and period with its test: in time, or else by folds."""
    return effect_in_time(panel, fit) if is_in_time(panel) else effect_by_folds(panel)


def is_in_time(panel: Panel) -> bool:
    """Whether there are enough periods, and few enough of them treated, for a test in time."""
    treated = panel.periods - panel.first
    return panel.periods >= _LEAST_ORDERS and treated <= _MOST_TREATED * panel.periods


def effect_p_value(panel: Panel, penalty: float) -> float:
    """The p-value alone of no effect, as `effect_of` finds it."""
    if is_in_time(panel):
        return _shifted_p_value(panel, 0.0, penalty)
    return effect_by_folds(panel).p_value


def effect_in_time(panel: Panel, fit: Synthetic) -> Difference:
    """The effect of the augmented `fit` with its test and interval, from one family of tests: the
    interval holds what the test does not reject at 5 % (p <= 0.05 is rejected: so many orders).

    Raises `UndefinedError` where there are fewer than 20 periods: no test can then reject.
    """
    if panel.periods < _LEAST_ORDERS:
        raise UndefinedError(f"there are fewer than {_LEAST_ORDERS} periods to compare")
    penalty = fit.penalty or 0.0

    def p_value(added: float) -> float:
        return _shifted_p_value(panel, added, penalty)

    none = p_value(0.0)
    scale = float(np.abs(fit.gap).max()) or 1.0
    ends = [_end(p_value, none, fit.effect, direction * scale) for direction in (-1.0, 1.0)]
    error = (ends[1] - ends[0]) / 4
    return Difference(fit.effect, ends[0], ends[1], error, none)


def effect_by_folds(panel: Panel) -> Difference:
    """The effect with a t interval of two degrees of freedom.

    Raises `UndefinedError` where there are fewer than nine periods before the start.
    """
    from scipy.stats import t

    first, treated = panel.first, panel.periods - panel.first
    if first < _LEAST_BEFORE:
        raise UndefinedError(f"there are fewer than {_LEAST_BEFORE} periods before the start")
    length = min(first // _FOLDS, treated)
    blocks = [
        np.arange(fold * (first // _FOLDS), fold * (first // _FOLDS) + length)
        for fold in range(_FOLDS)
    ]
    effects = np.array([_effect_without(panel, block) for block in blocks])
    value = float(effects.mean())
    inflation = sqrt(1 + _FOLDS * length / treated)
    error = inflation * float(effects.std(ddof=1)) / sqrt(_FOLDS)
    if error == 0:
        raise UndefinedError("the gaps do not vary")
    half = float(t.ppf((1 + CONFIDENCE) / 2, _FOLDS - 1)) * error
    p_value = 2 * float(t.sf(abs(value) / error, _FOLDS - 1))
    return Difference(value, value - half, value + half, error, p_value)


def any_order_p_value(panel: Panel, penalty: float) -> float:
    """p-value of no effect as GeoLift computes it: the residuals in 4,999 random orders and as they
    are, by the sum of their sizes. Exact only if periods do not depend on those before them."""
    left = _residuals(panel, 0.0, penalty)
    rng = np.random.default_rng(0)
    orders = rng.permuted(np.tile(left, (_ORDERS, 1)), axis=1)
    sums = np.abs(np.vstack([left, orders])[:, panel.first :]).sum(axis=1)
    return float((sums >= sums[0] * (1 - 1e-9)).mean())


def placebo_in_space(panel: Panel, penalty: float) -> Placebos:
    """The treated regions among all sets of as many regions, or 500 of them drawn with a seed."""
    number, size = len(panel.regions), int(panel.treated.sum())
    real = set(np.flatnonzero(panel.treated).tolist())
    if comb(number, size) <= _MOST_PLACEBOS:
        drawn = [set(one) for one in combinations(range(number), size)]
    else:
        rng = np.random.default_rng(0)
        drawn = [set(rng.permutation(number)[:size].tolist()) for _ in range(_MOST_PLACEBOS)]
    others = [_ratio(_treating(panel, one), penalty) for one in drawn if one != real]
    return Placebos(_ratio(panel, penalty), np.array(others))


def placebo_gaps(panel: Panel, penalty: float) -> dict[str, Real]:
    """By region that was not treated, its gap by period if it alone had been, the treated ones
    left out."""
    outcomes, names = panel.donors, panel.donor_names
    if len(names) < 3:
        return {}
    return {
        name: augmented_control(
            Panel(names, outcomes, np.arange(len(names)) == place, panel.first), penalty
        ).gap
        for place, name in enumerate(names)
    }


def placebo_in_time(panel: Panel) -> Difference:
    """The effect of a start that never was: the last quarter of the periods before the true one."""
    first = panel.first - max(panel.first // 4, 1)
    before = Panel(panel.regions, panel.outcomes[:, : panel.first], panel.treated, first)
    return effect_of(before, augmented_control(before))


def _treating(panel: Panel, regions: set[int]) -> Panel:
    return panel.treating(np.isin(np.arange(len(panel.regions)), list(regions)))


def _ratio(panel: Panel, penalty: float) -> float:
    """Root mean squared gap after the start, over that before it."""
    gap = augmented_control(panel, penalty).gap
    after, before = (
        float(np.sqrt((part**2).mean())) for part in np.split(gap, [panel.first])[::-1]
    )
    return after / before if before else np.inf


def _effect_without(panel: Panel, block: Whole) -> float:
    """The mean gap of the treated periods over that of a block that the weights did not see."""
    kept = np.setdiff1d(np.arange(panel.first), block)
    target = panel.target - panel.target[kept].mean()
    donors = panel.donors - panel.donors[:, kept].mean(axis=1, keepdims=True)
    gap = target - simplex_weights(target[kept], donors[:, kept]) @ donors
    return float(gap[panel.first :].mean() - gap[block].mean())


def _residuals(panel: Panel, added: float, penalty: float) -> Real:
    """What a fit to all periods leaves, if the campaign added so much to each treated one."""
    target, donors = centred(_without(panel, added), panel.periods)
    weights = simplex_weights(target, donors)
    left: Real = target - (weights + ridge_correction(target, donors, weights, penalty)) @ donors
    return left


def _shifted_p_value(panel: Panel, added: float, penalty: float) -> float:
    left = _residuals(panel, added, penalty)
    length = panel.periods - panel.first
    round_the_clock = np.concatenate([left, left[: length - 1]])
    sums = np.abs(np.convolve(round_the_clock, np.ones(length), "valid"))
    # Equal but for rounding is equal.
    return float((sums >= sums[panel.first] * (1 - 1e-9)).mean())


def _without(panel: Panel, added: float) -> Panel:
    outcomes = panel.outcomes.copy()
    outcomes[np.ix_(panel.treated, np.arange(panel.first, panel.periods))] -= added
    return Panel(panel.regions, outcomes, panel.treated, panel.first)


def _end(p_value: Callable[[float], float], none: float, value: float, step: float) -> float:
    """Where the test begins to reject, from `value` in the direction of `step`.

    Zero is a point of the search where it lies that way, so that the interval excludes it exactly
    where the test rejects it.
    """
    inside = value
    if value * step < 0:
        if none <= LEVEL:
            return _border(p_value, inside, 0.0)
        inside = 0.0
    for _ in range(_DOUBLINGS):
        if p_value(inside + step) <= LEVEL:
            return _border(p_value, inside, inside + step)
        inside, step = inside + step, 2 * step
    return float("inf") * step


def _border(p_value: Callable[[float], float], inside: float, outside: float) -> float:
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if p_value(middle) <= LEVEL:
            outside = middle
        else:
            inside = middle
    return inside
