"""Intervals that hold however often a running test is looked at.

An interval at 95 % holds at one look that was planned. Whoever looks daily and stops at the first
that excludes zero is wrong far more often. The intervals here hold at all looks at once.
"""

from __future__ import annotations

from math import exp, log, sqrt

from cleanroom.studies.intervals import CONFIDENCE, Difference, Proportion, UndefinedError

_ALPHA = 1 - CONFIDENCE
# At the variance tuned for, an interval is shortest with the mixture's variance so much smaller.
_TIGHTEST = 1 / (-2 * log(_ALPHA) + log(-2 * log(_ALPHA) + 1))
# The rate of buying that the mixture is tuned for, settled before any data; others only widen it.
_TUNED_RATE = 0.02


def always_valid(total: float, variance: float, tuned: float) -> Difference:
    """The mean of a sum that grows look by look and is `total` now, with `variance` so far.

    `tuned`: the variance, settled before the first look, at which the interval is shortest. The
    p-value is below 0.05 exactly where the interval excludes zero.

    Sources: the normal mixture of Robbins, H. (1970), Annals of Mathematical Statistics 41,
    1397-1409; with an estimated variance, Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024),
    Annals of Statistics 52, 2613-2640; the p-value, Johari, Koomen, Pekelis and Walsh (2022),
    Operations Research 70, 1806-1821.
    """
    if variance <= 0 or tuned <= 0:
        raise UndefinedError("nothing varies")
    mixed = tuned * _TIGHTEST
    both = variance + mixed
    half = sqrt(both * log(both / (mixed * _ALPHA**2)))
    p_value = min(1.0, sqrt(both / mixed) * exp(-(total**2) / (2 * both)))
    return Difference(total, total - half, total + half, sqrt(variance), p_value)


def always_valid_difference(treated: Proportion, holdout: Proportion) -> Difference:
    """Difference of the shares who have bought so far, of people who were all assigned before.

    As buyers are added, the difference of the shares is such a sum, and its variance grows.
    """
    n1, n0 = treated.people, holdout.people
    pooled = (treated.count + holdout.count) / (n1 + n0)
    each = 1 / n1 + 1 / n0
    noise = treated.noise_variance(pooled) + holdout.noise_variance(pooled)
    variance = pooled * (1 - pooled) * each + noise
    tuned = _TUNED_RATE * (1 - _TUNED_RATE) * each
    return always_valid(treated.share - holdout.share, variance, tuned)
