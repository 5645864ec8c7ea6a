"""A Bayesian structural time series: a level that drifts, and a regression on other series.

What the series would have been is forecast from the periods before the start and the other series
throughout; which of them matter is itself uncertain (spike and slab). Model and priors are those
of the R package CausalImpact 1.3. Source: Brodersen, Gallusser, Koehler, Remy and Scott (2015),
Annals of Applied Statistics 9, 247-274; the drawing of states at once from their banded precision
is that of Chan and Jeliazkov (2009), Int. J. of Mathematical Modelling and Num. Optimisation 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleanroom.studies.intervals import CONFIDENCE
from cleanroom.studies.panel import Flags, Panel, Real

# Priors of CausalImpact and bsts, on the series standardised by the periods before the start.
_LEVEL_DEVIATION, _LEVEL_WEIGHT = 0.01, 32
_EXPLAINED, _NOISE_WEIGHT = 0.8, 50
_EXPECTED_SIZE, _INFORMATION, _DIAGONAL = 3, 0.01, 0.5
_BURN = 500


@dataclass(frozen=True, eq=False)
class Forecast:
    """Draws of what would have been: by draw (rows) and treated period (columns)."""

    draws: Real
    observed: Real

    @property
    def expected(self) -> Real:
        """The mean forecast, by treated period."""
        mean: Real = self.draws.mean(axis=0)
        return mean

    @property
    def effect(self) -> float:
        """Observed minus forecast, the mean of the treated periods."""
        return float(self.observed.mean() - self.draws.mean())

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which the effect lies with a probability of 95 %."""
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(self.draws.mean(axis=1), [tail, 1 - tail])
        return float(self.observed.mean() - high), float(self.observed.mean() - low)

    @property
    def tail_probability(self) -> float:
        """How probable a total at least as extreme is without an effect, on one side."""
        totals, seen = self.draws.sum(axis=1), self.observed.sum()
        beyond = min((totals >= seen).sum(), (totals <= seen).sum())
        return float((1 + beyond) / (1 + len(totals)))


def forecast(panel: Panel, draws: int = 1000) -> Forecast:
    """The treated regions' mean, forecast from the others; of one panel always the same draws."""
    return forecast_series(panel.target, panel.donors.T, panel.first, draws)


def forecast_series(series: Real, others: Real, first: int, draws: int = 1000) -> Forecast:
    """`series` from the period `first` on, forecast from `others` (periods × series)."""
    centre, scale = series[:first].mean(), series[:first].std(ddof=1) or 1.0
    spread = others[:first].std(axis=0, ddof=1)
    known = others[:, spread > 0]
    known = (known - known[:first].mean(axis=0)) / spread[spread > 0]
    design = np.column_stack([np.ones(len(series)), known])
    sampler = _Sampler((series[:first] - centre) / scale, design, first)
    drawn = np.array([sampler.draw() for _ in range(_BURN + draws)][_BURN:])
    return Forecast(centre + scale * drawn, series[first:])


class _Sampler:
    """Gibbs: the level given the regression, then the regression given the level, and so on."""

    def __init__(self, series: Real, design: Real, first: int) -> None:
        self._rng = np.random.default_rng(0)
        self._series, self._design, self._first = series, design, first
        seen = design[:first]
        self._square = seen.T @ seen
        diagonal = np.diag(np.diag(self._square))
        shrunk = (1 - _DIAGONAL) * self._square + _DIAGONAL * diagonal
        self._prior = shrunk * _INFORMATION / first
        odds = min(_EXPECTED_SIZE / design.shape[1], 1.0)
        self._log_odds = np.log(odds / (1 - odds)) if odds < 1 else np.inf
        self._included: Flags = np.full(design.shape[1], odds >= 1)
        self._included[0] = True
        self._level_variance, self._variance = _LEVEL_DEVIATION**2, 1 - _EXPLAINED
        self._fitted = np.zeros(len(design))

    def draw(self) -> Real:
        """One forecast of the treated periods, after a step of every part."""
        level = self._draw_level()
        self._draw_level_variance(level)
        self._draw_regression(self._series - level[: self._first])
        rest = len(self._design) - self._first
        noise = self._rng.standard_normal(rest) * np.sqrt(self._variance)
        forecast: Real = (level + self._fitted)[self._first :] + noise
        return forecast

    def _draw_level(self) -> Real:
        """All states at once: their precision is tridiagonal."""
        from scipy.linalg import cho_solve_banded, cholesky_banded, solve_banded

        periods, step, seen = len(self._design), 1 / self._level_variance, 1 / self._variance
        bands = np.zeros((2, periods))
        bands[0, 1:] = -step
        bands[1] = 2 * step
        bands[1, -1] = step
        bands[1, 0] = step + 1.0
        bands[1, : self._first] += seen
        right = np.zeros(periods)
        right[: self._first] = (self._series - self._fitted[: self._first]) * seen
        right[0] += self._series[0]
        root = cholesky_banded(bands, check_finite=False)
        mean = cho_solve_banded((root, False), right, check_finite=False)
        noise = solve_banded((0, 1), root, self._rng.standard_normal(periods), check_finite=False)
        level: Real = mean + noise
        return level

    def _draw_level_variance(self, level: Real) -> None:
        squares = float((np.diff(level) ** 2).sum())
        weight = _LEVEL_WEIGHT + len(level) - 1
        total = _LEVEL_WEIGHT * _LEVEL_DEVIATION**2 + squares
        variance = total / self._rng.chisquare(weight)
        # The prior ends at the series' own deviation, which is 1.
        while variance > 1:
            variance = total / self._rng.chisquare(weight)
        self._level_variance = variance

    def _draw_regression(self, left: Real) -> None:
        seen = self._design[: self._first]
        pull, squares = seen.T @ left, float(left @ left)
        if np.isfinite(self._log_odds):
            self._choose(pull, squares)
        kept = np.flatnonzero(self._included)
        precision = (self._square + self._prior)[np.ix_(kept, kept)]
        mean = np.linalg.solve(precision, pull[kept])
        total = self._left_over(squares) - float(mean @ pull[kept])
        self._variance = total / self._rng.chisquare(_NOISE_WEIGHT + self._first)
        root = np.linalg.cholesky(precision)
        noise = np.linalg.solve(root.T, self._rng.standard_normal(len(kept)))
        coefficients = np.zeros(self._design.shape[1])
        coefficients[kept] = mean + np.sqrt(self._variance) * noise
        self._fitted = self._design @ coefficients

    def _choose(self, pull: Real, squares: float) -> None:
        """Each series in or out in turn, coefficients and noise integrated out."""
        now = self._evidence(pull, squares)
        for one in self._rng.permutation(len(pull)):
            self._included[one] ^= True
            odds = self._log_odds if self._included[one] else -self._log_odds
            other = self._evidence(pull, squares)
            apart = min(now - other - odds, 700.0)
            if self._rng.random() < 1 / (1 + np.exp(apart)):
                now = other
            else:
                self._included[one] ^= True

    def _evidence(self, pull: Real, squares: float) -> float:
        kept = np.flatnonzero(self._included)
        total = self._left_over(squares)
        if not len(kept):
            return float(-(_NOISE_WEIGHT + self._first) / 2 * np.log(total))
        prior = self._prior[np.ix_(kept, kept)]
        precision = prior + self._square[np.ix_(kept, kept)]
        explained = float(pull[kept] @ np.linalg.solve(precision, pull[kept]))
        sizes = np.linalg.slogdet(prior)[1] - np.linalg.slogdet(precision)[1]
        weight = (_NOISE_WEIGHT + self._first) / 2
        return float(sizes / 2 - weight * np.log(total - explained))

    def _left_over(self, squares: float) -> float:
        return _NOISE_WEIGHT * (1 - _EXPLAINED) + squares
