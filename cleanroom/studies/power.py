"""Planning a randomised holdout: what a test of some size finds, and how many people it takes.

The test is the one that the study makes, at 5 % two-sided; probabilities are to first order, as
planners use them.
"""

from __future__ import annotations

from math import sqrt

from cleanroom.errors import StudyError
from cleanroom.studies.intervals import POWER, Proportion, Z, detectable_difference, upper_tail


def detectable_lift(people: float, rate: float, treated_share: float) -> float:
    """The smallest rise of the holdout's `rate` that a test of so many people finds four times in
    five, `treated_share` of them treated. Raises `StudyError` if the plan makes no sense.

    Source: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, ch. 4.
    """
    treated, holdout = _arms(people, rate, treated_share)
    return detectable_difference(Proportion(rate * holdout, holdout), treated)


def power(people: float, rate: float, treated_share: float, lift: float) -> float:
    """How often a test of so many people finds a true absolute `lift` of the `rate`.

    Raises `StudyError` if the plan makes no sense.
    """
    treated, holdout = _arms(people, rate, treated_share)
    p1 = rate + lift
    if not 0 < p1 < 1:
        raise StudyError("The plan makes no sense.", "name a lift that leaves a rate within 0 … 1.")
    mean = (treated * p1 + holdout * rate) / people
    null = sqrt(mean * (1 - mean) * (1 / treated + 1 / holdout))
    own = sqrt(p1 * (1 - p1) / treated + rate * (1 - rate) / holdout)
    return upper_tail((Z * null - abs(lift)) / own)


def people_needed(rate: float, treated_share: float, lift: float) -> int:
    """The fewest people in both arms who find a true absolute `lift` four times in five.

    Raises `StudyError` if the plan makes no sense.
    """
    low, high = 4, 8
    while power(high, rate, treated_share, lift) < POWER:
        low, high = high, 2 * high
        if high > 1e15:
            raise StudyError("No test finds so small a lift.", "name a larger lift.")
    while high - low > 1:
        middle = (low + high) // 2
        found = power(middle, rate, treated_share, lift) >= POWER
        low, high = (low, middle) if found else (middle, high)
    return high


def _arms(people: float, rate: float, treated_share: float) -> tuple[float, float]:
    if not (people >= 4 and 0 < rate < 1 and 0 < treated_share < 1):
        raise StudyError(
            "The plan makes no sense.",
            "name at least 4 people, and a rate and a treated share between 0 and 1.",
        )
    return people * treated_share, people * (1 - treated_share)
