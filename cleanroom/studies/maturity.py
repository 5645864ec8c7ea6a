"""Maturity: how much of its final value a young campaign has reached, and what is still to come.

Cohorts of touches (a week's, say) are rows, the time since the touch the columns, and the cells of
this triangle are cumulative sums: older cohorts are known to a later time than younger ones. What
the younger are still to gain is forecast from how the older ones grew.

Source: Mack (1993), Distribution-free calculation of the standard error of chain ladder reserve
estimates, ASTIN Bulletin 23, 213-225. It asks nothing of the distribution, but that a cohort's
growth does not depend on the time it was in, which back-testing has to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cleanroom.errors import StudyError
from cleanroom.studies.intervals import Interval, Z

Triangle = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Forecast:
    """What cohorts come to in the end.

    `factors`: by time since the touch, growth to the next (m - 1). `mature`: by time, the share of
    the final value reached by then (m; the last is 1). `final`: by cohort, the final value with
    its interval of 95 %, and `whole` that of all cohorts together. `errors`: by cohort, the
    standard error of the forecast; `error` that of the whole. All in the unit of the triangle.
    """

    factors: tuple[float, ...]
    mature: tuple[float, ...]
    final: tuple[Interval, ...]
    errors: tuple[float, ...]
    whole: Interval
    error: float


def chain_ladder(triangle: Triangle) -> Forecast:
    """Forecast the final values of cohorts.

    `triangle`: by cohort, the oldest first, cumulative sums by time since the touch; each cohort is
    known to as late a time as the one before it, or less. The first is taken to be complete.

    Raises `StudyError` if fewer than three cohorts or times are known, if a younger cohort is known
    to a later time than an older one, or if nothing had happened by a time that growth starts from.
    """
    lengths = [len(row) for row in triangle]
    _check(lengths)
    known = np.full((len(lengths), lengths[0]), np.nan)
    for number, row in enumerate(triangle):
        known[number, : len(row)] = row
    factors, spread, volumes = _growth(known, lengths)
    full = _filled(known, lengths, factors)
    errors, error = _errors(full, lengths, factors, spread, volumes)
    final = full[:, -1]
    mature = 1 / np.append(np.cumprod(factors[::-1])[::-1], 1.0)
    return Forecast(
        tuple(factors.tolist()),
        tuple(mature.tolist()),
        tuple(_interval(value, own) for value, own in zip(final, errors, strict=True)),
        tuple(errors.tolist()),
        _interval(float(final.sum()), error),
        error,
    )


def _check(lengths: Sequence[int]) -> None:
    if min(len(lengths), max(lengths, default=0)) < 3 or min(lengths) < 1:
        raise StudyError(
            "A forecast needs three cohorts, and three times since the touch, of which the first "
            "cohort is known.",
            "study a longer period, or shorter cohorts.",
        )
    if any(later > earlier for earlier, later in pairwise(lengths)):
        raise StudyError(
            "A younger cohort is known to a later time than an older one.",
            "order the cohorts from the oldest to the youngest.",
        )


def _growth(known: np.ndarray, lengths: Sequence[int]) -> tuple[np.ndarray, ...]:
    """By time: the factor to the next, its variance parameter, and the sum it was found from."""
    times = known.shape[1]
    factors, spread, volumes = (np.zeros(times - 1) for _ in range(3))
    for time in range(times - 1):
        rows = [number for number, length in enumerate(lengths) if length > time + 1]
        here, after = known[rows, time], known[rows, time + 1]
        volumes[time] = here.sum()
        if (here <= 0).any():
            raise StudyError(
                "In some cohort nothing had happened by a time from which growth is measured.",
                "take longer cohorts, or begin at a later time.",
            )
        factors[time] = after.sum() / volumes[time]
        if len(rows) > 1:
            squares = here * (after / here - factors[time]) ** 2
            spread[time] = squares.sum() / (len(rows) - 1)
        elif time > 1:  # Mack's own extrapolation, where one cohort alone is known
            ratio = spread[time - 1] ** 2 / spread[time - 2] if spread[time - 2] else 0.0
            spread[time] = min(ratio, spread[time - 2], spread[time - 1])
        else:
            spread[time] = spread[time - 1] if time else 0.0
    return factors, spread, volumes


def _filled(known: np.ndarray, lengths: Sequence[int], factors: np.ndarray) -> np.ndarray:
    full = known.copy()
    for number, length in enumerate(lengths):
        full[number, length:] = full[number, length - 1] * np.cumprod(factors[length - 1 :])
    return full


def _errors(
    full: np.ndarray,
    lengths: Sequence[int],
    factors: np.ndarray,
    spread: np.ndarray,
    volumes: np.ndarray,
) -> tuple[np.ndarray, float]:
    """The standard error of each cohort's final value (Mack's theorem 3), and of their sum."""
    final, relative = full[:, -1], spread / factors**2
    variance, shared = np.zeros(len(lengths)), np.zeros(len(lengths))
    for number, length in enumerate(lengths):
        later = slice(length - 1, None)
        own = relative[later] * (1 / full[number, length - 1 : -1] + 1 / volumes[later])
        variance[number] = final[number] ** 2 * own.sum()
        # What cohorts have in common: the factors were estimated once for all.
        younger = final[number + 1 :].sum()
        shared[number] = final[number] * younger * (2 * relative[later] / volumes[later]).sum()
    return np.sqrt(variance), float(np.sqrt((variance + shared).sum()))


def _interval(value: float, error: float) -> Interval:
    return Interval(float(value), float(value - Z * error), float(value + Z * error))
