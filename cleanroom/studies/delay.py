"""Delay: how many people have done something by so long after a touch, corrected for open windows.

Of people who were touched lately nobody knows yet whether they will buy. They count as long as they
were watched and no longer, so that yesterday's campaign can be compared with last month's. All that
this asks of the room is a life table: by time since the touch, how many people did it, and for how
many the data ends there.

Sources: Kaplan and Meier (1958), Journal of the American Statistical Association 53, 457-481, of
which, for several outcomes that exclude each other, Aalen and Johansen (1978), Scandinavian Journal
of Statistics 5, 141-150, is the general form. Variance: Marubini and Valsecchi (1995), Analysing
Survival Data, section 10.2, Greenwood's where there is one outcome. Intervals on the scale of the
complementary log-log, so that they stay within 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from cleanroom.studies.intervals import Interval, UndefinedError, Z


@dataclass(frozen=True)
class Span:
    """A span of time since the touch: people with each outcome in it (`happened`, by outcome), and
    people of whom nothing is known after it (`lost`), who were watched to its end."""

    happened: Mapping[str, float]
    lost: float


def cumulative_incidence(people: float, spans: Sequence[Span], outcome: str) -> list[Interval]:
    """The share of people with the `outcome` by the end of each span, if all had been watched.

    `people`: how many were touched. People with another outcome can no longer have this one. Where
    nobody is watched any more, the share is the last that was known.

    Raises `UndefinedError` if there is nobody, or if more people are gone than there were.
    """
    if people <= 0:
        raise UndefinedError("there is nobody to divide by")
    steps = _steps(people, spans, outcome)
    shares = _shares(steps)
    return [_interval(share, _variance(steps, shares, end)) for end, share in enumerate(shares)]


@dataclass(frozen=True)
class _Step:
    """People watched, with any outcome, and with this one; free: the share without any before."""

    watched: float
    gone: float
    own: float
    free: float


def _steps(people: float, spans: Sequence[Span], outcome: str) -> list[_Step]:
    steps, watched, free = [], people, 1.0
    for span in spans:
        gone = sum(span.happened.values())
        if min(span.lost, *span.happened.values()) < 0 or gone + span.lost > watched + 1e-9:
            raise UndefinedError("more people are gone than there were")
        steps.append(_Step(watched, gone, span.happened.get(outcome, 0.0), free))
        free *= 1 - gone / watched if watched > 0 else 1.0
        watched = max(0.0, watched - gone - span.lost)
    return steps


def _shares(steps: Sequence[_Step]) -> list[float]:
    shares, share = [], 0.0
    for step in steps:
        share += step.free * step.own / step.watched if step.watched > 0 else 0.0
        shares.append(share)
    return shares


def _variance(steps: Sequence[_Step], shares: Sequence[float], end: int) -> float:
    total = 0.0
    for step, share in zip(steps[: end + 1], shares, strict=False):
        n, d, own, later = step.watched, step.gone, step.own, shares[end] - share
        if n <= 0 or d <= 0:
            continue
        if n > d:  # else nobody is left, and nothing is later
            total += later**2 * d / (n * (n - d))
        total += step.free**2 * own * (n - own) / n**3 - 2 * later * step.free * own / n**2
    return max(total, 0.0)


def _interval(share: float, variance: float) -> Interval:
    if not 0 < share < 1:
        return Interval(share, share, share)
    place = log(-log(1 - share))
    reach = Z * sqrt(variance) / abs((1 - share) * log(1 - share))
    lower, upper = (1 - exp(-exp(place + side * reach)) for side in (-1, 1))
    return Interval(share, lower, upper)
