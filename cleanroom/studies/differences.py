"""Difference in differences: how the treated regions changed, against how the others did.

Each region is one observation: its mean after the start minus its mean before it (Bertrand, Duflo
and Mullainathan 2004, QJE 119, 249-275). For one start date and every region in every period this
is the two-way fixed effects regression, and the error from both groups' variances is its
cluster-robust one of the kind CR2, with the degrees of freedom of Bell and McCaffrey (2002, Survey
Methodology 28, 169-181), which hold for few regions (Imbens and Kolesar 2016, REStat 98, 701-712).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import sqrt

import numpy as np

from cleanroom.studies.intervals import CONFIDENCE, Difference, UndefinedError
from cleanroom.studies.panel import Flags, Panel, Real

# As many as 2^12 draws of signs are listed in full.
_LISTED, _DRAWN = 12, 4999


@dataclass(frozen=True)
class EventStudy:
    """By period, the treated regions' distance from the others, that of the last period before the
    start taken off; and `pre_trend`, the difference of the slopes before it, per period."""

    periods: tuple[Difference | None, ...]
    pre_trend: Difference


def difference_in_differences(panel: Panel) -> Difference:
    """The effect per treated region and period, if all would have changed alike.

    Raises `UndefinedError` if fewer than two regions are treated: one has no spread.
    """
    return _compare(panel, changes(panel))


def in_logarithms(panel: Panel) -> Panel:
    """The panel's logarithms, where regions of all sizes change alike if they change by the same
    share; raises `UndefinedError` where a number is not above 0."""
    if (panel.outcomes <= 0).any():
        raise UndefinedError("a region had nothing in some period")
    return replace(panel, outcomes=np.log(panel.outcomes))


def changes(panel: Panel) -> Real:
    """Each region's mean after the start minus its mean before it."""
    before, after = np.split(panel.outcomes, [panel.first], axis=1)
    change: Real = after.mean(axis=1) - before.mean(axis=1)
    return change


def event_study(panel: Panel) -> EventStudy:
    """Leads and lags against the last period before the start (None for that itself)."""
    base = panel.outcomes[:, panel.first - 1]
    periods = tuple(
        None if period == panel.first - 1 else _compare(panel, panel.outcomes[:, period] - base)
        for period in range(panel.periods)
    )
    time = np.arange(panel.first) - (panel.first - 1) / 2
    slopes = panel.outcomes[:, : panel.first] @ time / (time @ time)
    return EventStudy(periods, _compare(panel, slopes))


def cluster_error(panel: Panel) -> float:
    """The error of the two-way regression clustered by region with the usual correction (CR1),
    as Stata and statsmodels have it: it is too small where regions are few."""
    outcomes, regions, periods = panel.outcomes, len(panel.regions), panel.periods
    after = np.arange(periods) >= panel.first
    dose = _demeaned(np.outer(panel.treated, after).astype(float))
    effect = float((dose * outcomes).sum() / (dose**2).sum())
    left = _demeaned(outcomes) - effect * dose
    scores = (dose * left).sum(axis=1)
    rows, terms = regions * periods, regions + periods
    correction = regions / (regions - 1) * (rows - 1) / (rows - terms)
    return sqrt(float((scores**2).sum()) * correction) / float((dose**2).sum())


def wild_bootstrap_p_value(panel: Panel) -> float:
    """p-value of no effect, each region's departure from the common change given a random sign.

    Of up to 12 regions all signs are tried, of more 4,999 draws with a seed. Source: Cameron,
    Gelbach and Miller (2008), Review of Economics and Statistics 90, 414-427.
    """
    change, treated = changes(panel), panel.treated
    count = len(change)
    if count <= _LISTED:
        signs = np.array(list(product((1.0, -1.0), repeat=count)))
    else:
        drawn = np.random.default_rng(0).choice([1.0, -1.0], (_DRAWN, count))
        signs = np.vstack([np.ones(count), drawn])
    studied = np.abs(_t_statistics(signs * (change - change.mean()), treated))
    # The first row has the signs as they are; equal but for rounding is equal.
    return float((studied >= studied[0] * (1 - 1e-9)).mean())


def _t_statistics(rows: Real, treated: Flags) -> Real:
    groups = [rows[:, treated == flag] for flag in (True, False)]
    apart = groups[0].mean(axis=1) - groups[1].mean(axis=1)
    variance = sum(group.var(axis=1, ddof=1) / group.shape[1] for group in groups)
    statistics: Real = apart / np.sqrt(variance)
    return statistics


def _compare(panel: Panel, values: Real) -> Difference:
    from scipy.stats import t

    treated, others = values[panel.treated], values[~panel.treated]
    if len(treated) < 2:
        raise UndefinedError("only one region is treated, which has no spread")
    error = sqrt(sum(float(group.var(ddof=1)) / len(group) for group in (treated, others)))
    if error == 0:
        raise UndefinedError("the regions do not differ")
    # Of the error as it would be if all regions varied alike: what two treated ones happen to vary
    # by says little, and Welch's own degrees of freedom would trust it.
    parts = [1 / len(group) for group in (treated, others)]
    freedom = sum(parts) ** 2 / sum(part**2 / (1 / part - 1) for part in parts)
    value = float(treated.mean() - others.mean())
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p_value = 2 * float(t.sf(abs(value) / error, freedom))
    return Difference(value, value - half, value + half, error, p_value)


def _demeaned(table: Real) -> Real:
    inner: Real = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return inner
