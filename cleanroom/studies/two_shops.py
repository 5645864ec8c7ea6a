"""One arm against another in two shops: what both gain together, and what one takes from the other.

Both outcomes are of the same people, so they go together more or less closely. How closely is known
where it was released how many bought in both; else the interval holds however closely they do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from cleanroom.studies.intervals import (
    Interval,
    Moments,
    Proportion,
    UnboundedError,
    UndefinedError,
    Z,
)


@dataclass(frozen=True)
class Pair:
    """Means per person in the `store` and in the shop (`onsite`), of an arm or treated minus
    holdout; their variances, and between what the covariance of both lies (`low` … `high`)."""

    store: float
    onsite: float
    store_variance: float
    onsite_variance: float
    low: float
    high: float


def pair_of_buyers(*numbers: float) -> Pair:
    """Differences of shares, from `people`, `store_buyers`, `onsite_buyers` and, if it is known,
    `both_buyers` of the treated arm, and the same of the holdout.

    Where `both_buyers` is not known the overlap lies within what the two counts allow (Fréchet).
    Raises `UndefinedError` where a part is larger than its whole, or nobody differs.
    """
    return _difference(_buyers, numbers)


def pair_of_amounts(*numbers: float) -> Pair:
    """Differences of means, from `people`, `store_amount`, `store_amount_squared`, `onsite_amount`
    and `onsite_amount_squared` of the treated arm, and of the holdout.

    The covariance lies within what the two variances allow (Cauchy and Schwarz)."""
    return _difference(_amounts, numbers)


def joint_difference(pair: Pair) -> Interval:
    """What both shops together gain per person: the sum of both differences, normal interval, with
    the larger covariance that is possible."""
    value = pair.store + pair.onsite
    half = Z * sqrt(pair.store_variance + pair.onsite_variance + 2 * pair.high)
    return Interval(value, value - half, value + half)


def share_taken(pair: Pair) -> Interval:
    """What the shop loses, as a share of what the store gains; below zero where both gain.

    Every share s at which (shop + s · store) is not told from zero, with every covariance that is
    possible. Source: Fieller (1954), Journal of the Royal Statistical Society B 16, 175-185. Raises
    `UnboundedError` where the store's gain is not told from zero: there no share is ruled out.
    """
    square = pair.store**2 - Z**2 * pair.store_variance
    if square <= 0 or pair.store <= 0:
        raise UnboundedError("no gain of the store is told from zero")
    bounds = [
        bound for covariance in (pair.low, pair.high) for bound in _shares(pair, square, covariance)
    ]
    return Interval(-pair.onsite / pair.store, min(bounds), max(bounds))


def _shares(pair: Pair, square: float, covariance: float) -> tuple[float, float]:
    middle = pair.store * pair.onsite - Z**2 * covariance
    rest = pair.onsite**2 - Z**2 * pair.onsite_variance
    root = sqrt(max(middle**2 - square * rest, 0.0))
    return (-middle - root) / square, (-middle + root) / square


def _difference(arm_of: Callable[..., Pair], numbers: tuple[float, ...]) -> Pair:
    half = len(numbers) // 2
    treated, holdout = arm_of(*numbers[:half]), arm_of(*numbers[half:])
    pair = Pair(
        treated.store - holdout.store,
        treated.onsite - holdout.onsite,
        treated.store_variance + holdout.store_variance,
        treated.onsite_variance + holdout.onsite_variance,
        treated.low + holdout.low,
        treated.high + holdout.high,
    )
    if pair.store_variance <= 0 or pair.onsite_variance <= 0:
        raise UndefinedError("everyone did the same")
    return pair


def _buyers(people: float, store: float, onsite: float, both: float | None = None) -> Pair:
    p, q = Proportion(store, people).share, Proportion(onsite, people).share
    least, most = max(0.0, p + q - 1), min(p, q)
    if both is not None:
        overlap = Proportion(both, people).share
        if not least - 1e-12 <= overlap <= most + 1e-12:
            raise UndefinedError("the part is larger than the whole")
        least = most = overlap
    return Pair(
        p,
        q,
        p * (1 - p) / people,
        q * (1 - q) / people,
        (least - p * q) / people,
        (most - p * q) / people,
    )


def _amounts(
    people: float, store: float, store_squares: float, onsite: float, onsite_squares: float
) -> Pair:
    one, other = Moments(people, store, store_squares), Moments(people, onsite, onsite_squares)
    most = sqrt(one.mean_variance * other.mean_variance)
    return Pair(one.mean, other.mean, one.mean_variance, other.mean_variance, -most, most)
