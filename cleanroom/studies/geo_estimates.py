"""The estimates of a regional study: one design after the other, each with its own interval."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from math import exp, isfinite

import numpy as np

from cleanroom.absences import Absence
from cleanroom.borders import SHARE, Estimate
from cleanroom.studies.conformal import (
    any_order_p_value,
    effect_by_folds,
    effect_of,
    is_in_time,
    placebo_in_space,
    placebo_in_time,
)
from cleanroom.studies.differences import (
    difference_in_differences,
    event_study,
    in_logarithms,
    wild_bootstrap_p_value,
)
from cleanroom.studies.geo_panel import UNITS, Given, WithheldError
from cleanroom.studies.intervals import Chance, Difference, Interval, UndefinedError
from cleanroom.studies.lift_estimates import P_VALUE
from cleanroom.studies.panel import Panel
from cleanroom.studies.released import AS_RELEASED, Result, Shown
from cleanroom.studies.structural import Forecast, forecast
from cleanroom.studies.synthetic import Synthetic, augmented_control

_IN_TIME = "augmented synthetic control, conformal in time (Chernozhukov 2021)"
_BY_FOLDS = "synthetic control, t interval by folds (Chernozhukov 2025)"
_SERIES = "structural time series, 95 % credible (Brodersen 2015)"
_DIFFERENCES = "difference in differences of logarithms, clustered CR2 (Bell 2002)"
_WILD = "wild cluster bootstrap (Cameron 2008)"
_SPACE = "placebo in space (Abadie 2010)"
_ANY_ORDER = "conformal in any order, as GeoLift (Ben-Michael 2021)"
_PLACEBO = "the same design on a start that never was"
_FIT = "augmented synthetic control (Ben-Michael 2021)"

Compute = Callable[["Estimator"], Result]
_Line = tuple[str, str, str, str, Compute]  # name, label, unit, method


class Estimator:
    """The designs applied to one panel; what several of them need is fitted once."""

    def __init__(self, panel: Given) -> None:
        self.given = panel
        self.fit: Synthetic = augmented_control(panel.panel)
        self.effect: Difference = effect_of(panel.panel, self.fit)

    @property
    def treated_cells(self) -> int:
        """How many region-periods were treated."""
        panel = self.given.panel
        return int(panel.treated.sum()) * (panel.periods - panel.first)

    @cached_property
    def before(self) -> Difference:
        """The effect of a start that never was."""
        return placebo_in_time(self.given.panel)

    @cached_property
    def logarithms(self) -> Panel:
        """The panel as difference in differences takes it."""
        return in_logarithms(self.given.panel)

    def total(self, effect: Difference | Interval) -> Interval:
        """What an effect per region and period comes to over all treated ones."""
        if not (isfinite(effect.lower) and isfinite(effect.upper)):
            raise UndefinedError("so few periods exclude no effect at all")
        cells = self.treated_cells
        return Interval(*(cells * end for end in (effect.value, effect.lower, effect.upper)))

    def relative(self) -> Interval:
        """The effect as a share of what would have been: rises with the effect."""
        observed = float(self.fit.observed[self.fit.first :].mean())

        def share(effect: float) -> float:
            return effect / (observed - effect) if effect < observed else float("inf")

        one = self.effect
        return Interval(share(one.value), share(one.lower), share(one.upper))

    def series(self) -> Interval:
        """The total by the structural time series."""
        found: Forecast = forecast(self.given.panel)
        return self.total(Interval(found.effect, *found.bounds))


def estimate_geo(outcome: str, found: Estimator | UndefinedError) -> dict[str, Estimate]:
    """All estimates by name; where there is no panel, each says why."""
    in_time = isinstance(found, UndefinedError) or is_in_time(found.given.panel)
    lines = _lines(outcome, _IN_TIME if in_time else _BY_FOLDS)
    return {name: _estimate(shown, compute, found) for name, (shown, compute) in lines.items()}


def estimate_amount(found: Estimator | UndefinedError) -> Estimate:
    """The money that the campaign added, by the study's own design on the regions' revenue."""
    shown = Shown("incremental_conversion_value", "Amount added", UNITS["revenue"], _IN_TIME)
    return _estimate(shown, lambda one: one.total(one.effect), found)


def _lines(outcome: str, own: str) -> dict[str, tuple[Shown, Compute]]:
    return {
        name: (Shown(name, label, unit, method), compute)
        for name, label, unit, method, compute in (*_effects(outcome, own), *_doubts())
    }


def _effects(outcome: str, own: str) -> list[_Line]:
    unit, what = UNITS[outcome], outcome.capitalize()
    return [
        (
            "observed",
            f"{what} in the treated regions, from the start on",
            unit,
            AS_RELEASED,
            lambda one: float(one.fit.observed[one.fit.first :].mean()) * one.treated_cells,
        ),
        ("incremental_outcome", f"{what} added", unit, own, lambda one: one.total(one.effect)),
        (
            "relative_lift",
            f"{what} added / what would have been",
            SHARE,
            own,
            lambda one: one.relative(),
        ),
        (
            "p_value",
            "p-value of no effect",
            P_VALUE,
            own,
            lambda one: Chance(one.effect.p_value, one.effect.value),
        ),
        (
            "synthetic_outcome",
            f"{what} added, without augmentation",
            unit,
            _BY_FOLDS,
            lambda one: one.total(effect_by_folds(one.given.panel)),
        ),
        (
            "series_outcome",
            f"{what} added, by the time series",
            unit,
            _SERIES,
            lambda one: one.series(),
        ),
        (
            "differences_lift",
            f"{what} added / what would have been, by differences",
            SHARE,
            _DIFFERENCES,
            _differences,
        ),
    ]


def _doubts() -> list[_Line]:
    """What the other designs' tests say, what was before the start, and how well the fit is."""
    return [
        ("differences_p_value", "p-value of no difference in differences", P_VALUE, _WILD, _wild),
        ("placebo_p_value", "p-value among placebo regions", P_VALUE, _SPACE, _in_space),
        ("any_order_p_value", "p-value as GeoLift computes it", P_VALUE, _ANY_ORDER, _any_order),
        (
            "before_lift",
            "Lift that a start before the true one would have had",
            SHARE,
            _PLACEBO,
            _before_lift,
        ),
        ("before_p_value", "p-value of that lift", P_VALUE, _PLACEBO, _before),
        (
            "pre_trend_p_value",
            "p-value of equal trends before the start",
            P_VALUE,
            _DIFFERENCES,
            _pre_trend,
        ),
        ("fit_error", "Gap before the start / level (root mean square)", SHARE, _FIT, _fit_error),
        (
            "scaled_imbalance",
            "Imbalance / that of equal weights",
            SHARE,
            _FIT,
            lambda one: one.fit.scaled_imbalance,
        ),
    ]


def _differences(one: Estimator) -> Result:
    found = difference_in_differences(one.logarithms)
    return Interval(*(exp(end) - 1 for end in (found.value, found.lower, found.upper)))


def _wild(one: Estimator) -> Result:
    value = difference_in_differences(one.logarithms).value
    return Chance(wild_bootstrap_p_value(one.logarithms), value)


def _in_space(one: Estimator) -> Result:
    placebos = placebo_in_space(one.given.panel, one.fit.penalty or 0.0)
    return Chance(placebos.p_value, one.fit.effect)


def _any_order(one: Estimator) -> Result:
    return Chance(any_order_p_value(one.given.panel, one.fit.penalty or 0.0), one.fit.effect)


def _before(one: Estimator) -> Result:
    return Chance(one.before.p_value, one.before.value)


def _before_lift(one: Estimator) -> Result:
    found = one.before
    level = float(one.given.panel.target[: one.given.panel.first].mean())
    return Interval(*(end / level for end in (found.value, found.lower, found.upper)))


def _pre_trend(one: Estimator) -> Result:
    found = event_study(one.logarithms).pre_trend
    return Chance(found.p_value, found.value)


def _fit_error(one: Estimator) -> Result:
    before = slice(one.fit.first)
    return float(np.sqrt((one.fit.gap[before] ** 2).mean()) / one.fit.observed[before].mean())


def _estimate(shown: Shown, compute: Compute, found: Estimator | UndefinedError) -> Estimate:
    try:
        if isinstance(found, UndefinedError):
            raise found
        result = compute(found)
    except WithheldError as error:
        return _without(shown, Absence.WITHHELD, str(error))
    except UndefinedError as error:
        return _without(shown, Absence.UNDEFINED, f"not defined: {error}")
    if isinstance(result, Chance):
        result = result.p_value
    low, value, high = (
        (result.lower, result.value, result.upper)
        if isinstance(result, Interval)
        else (None, result, None)
    )
    name, label, unit, method = shown.name, shown.label, shown.unit, shown.method
    return Estimate(name, label, value, unit, low, high, method=method)


def _without(shown: Shown, why: Absence, words: str) -> Estimate:
    name, label, unit, method = shown.name, shown.label, shown.unit, shown.method
    return Estimate(name, label, None, unit, withheld=words, method=method, absence=why)
