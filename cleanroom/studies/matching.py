"""Matching: each exposed person beside the most similar people who were not, with replacement.

Sources: Abadie and Imbens (2006), Econometrica 74, 235-267, for the variance; (2011), Journal of
Business & Economic Statistics 29, 1-11, for the correction of what matches still differ in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleanroom.studies.comparison import Comparison, Effect, Real, Whole
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.propensity_model import with_constant

_LOOKED_AT = 16  # so many more places than neighbours are looked at for ties
_EQUAL = 1e-9  # relative: what is not further off than that is as near


@dataclass(frozen=True, eq=False)
class _Neighbours:
    """Who stands for whom: of each exposed, the `places` (distinct points of the comparables) and
    how many `weight`s each place's people share; of each person of the pool, the sums of the
    weights (`used`) and of their squares. `place`: the place of each person of the pool."""

    places: Whole
    weight: Real
    place: Whole
    counts: Whole
    used: Real
    used_squared: Real


def mahalanobis(covariates: Real) -> Real:
    """Coordinates (n × k) whose Euclidean distances are the covariates' Mahalanobis distances."""
    centred = covariates - covariates.mean(axis=0)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(centred, rowvar=False)))
    kept = values > values.max() * 1e-12
    turned: Real = centred @ (vectors[:, kept] / np.sqrt(values[kept]))
    return turned


def log_odds(propensity: Real) -> Real:
    """The propensity as a single coordinate (n × 1)."""
    odds: Real = np.log(propensity / (1 - propensity))[:, None]
    return odds


def matched(comparison: Comparison, coordinates: Real, neighbours: int = 1) -> Effect:
    """The effect on the exposed: each minus the mean of the nearest `neighbours` comparables.

    All who are as near as the last of them count, equally. A linear model of the matched takes out
    what differs still between the two. Raises `UndefinedError` if there are too few comparables.
    """
    exposed, outcome = comparison.exposed, comparison.outcome
    treated, pool = np.flatnonzero(exposed), np.flatnonzero(~exposed)
    if len(pool) < max(neighbours, 2):
        raise UndefinedError("there are too few people to match with")
    found = _neighbours(coordinates[pool], coordinates[treated], neighbours)
    design = with_constant(comparison.covariates)
    slopes = _weighted_fit(design[pool], outcome[pool], found.used)
    beyond = outcome - design @ slopes
    differences = beyond[treated] - _of_matches(found, beyond[pool])
    value = float(differences.mean())
    residual = _variance_nearby(coordinates[pool], outcome[pool])
    squared = ((differences - value) ** 2).sum()
    squared += ((found.used**2 - found.used_squared) * residual).sum()
    influence = np.zeros(len(outcome))
    influence[treated] = differences - value
    influence[pool] = -found.used * np.sqrt(residual)
    return Effect(value, float(np.sqrt(squared)) / len(treated), influence / exposed.mean())


def _neighbours(pool: Real, wanted: Real, neighbours: int) -> _Neighbours:
    from scipy.spatial import cKDTree

    points, place, counts = np.unique(pool, axis=0, return_inverse=True, return_counts=True)
    place = place.ravel()
    looked_at = min(neighbours + _LOOKED_AT, len(points))
    distances, places = cKDTree(points).query(wanted, k=looked_at)
    distances, places = (each.reshape(len(wanted), looked_at) for each in (distances, places))
    last = (np.cumsum(counts[places], axis=1) >= neighbours).argmax(axis=1)
    furthest = np.take_along_axis(distances, last[:, None], axis=1)
    near = distances <= furthest * (1 + _EQUAL)
    weight = near / (near * counts[places]).sum(axis=1, keepdims=True)
    used, squared = (
        np.bincount(places.ravel(), w.ravel(), minlength=len(points)).astype(np.float64)[place]
        for w in (weight, weight**2)
    )
    return _Neighbours(places, weight, place, counts, used, squared)


def _of_matches(found: _Neighbours, values: Real) -> Real:
    """Of each exposed, the mean of the matches' values."""
    sums = np.bincount(found.place, values, minlength=len(found.counts))
    means: Real = (found.weight * sums[found.places]).sum(axis=1)
    return means


def _weighted_fit(design: Real, outcome: Real, weights: Real) -> Real:
    weighted = weights[:, None] * design
    slopes: Real = np.linalg.pinv(weighted.T @ design, hermitian=True) @ (weighted.T @ outcome)
    return slopes


def _variance_nearby(points: Real, outcome: Real) -> Real:
    """Each one's variance given the covariates: half the squared distance to the outcome of the
    nearest other one."""
    from scipy.spatial import cKDTree

    _, found = cKDTree(points).query(points, k=2)
    itself = found[:, 0] == np.arange(len(points))
    beside = np.where(itself, found[:, 1], found[:, 0])
    variance: Real = (outcome - outcome[beside]) ** 2 / 2
    return variance
