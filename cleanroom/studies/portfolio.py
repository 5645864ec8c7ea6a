"""The lift of many merchants at once: their mean, how they differ, and each one's best guess.

Computed from the findings of released lift studies, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import polars as pl

from cleanroom.borders import MONEY, PEOPLE, SHARE, Check, Estimate, Findings, Verdict
from cleanroom.drawable import Ranking
from cleanroom.evidence import DECISIVE, NEEDED, Grade, graded
from cleanroom.numbers import count, money
from cleanroom.studies.intervals import Interval, Z
from cleanroom.studies.lift_checks import shows_effect
from cleanroom.studies.lift_estimates import P_VALUE
from cleanroom.studies.shrinkage import Pooled, adjusted, pool, shrunk
from cleanroom.studies.words import points, probability, sentence

LEVEL = 0.05
# Of the merchants studied, so many have to be in it for the total to speak of them.
_MOST = 0.8
_REML = "random effects, restricted maximum likelihood, 95 % (Viechtbauer 2005)"
_SUM = "sum of the merchants' estimates, their errors added as independent, 95 %"
_FAILED = "a check failed without which its arms cannot be compared"


@dataclass(frozen=True)
class Member:
    """One merchant: its absolute `lift` as released, its `best` guess among the others (None below
    four merchants), its p-value, and that adjusted for how many were tested."""

    merchant: str
    lift: Interval
    best: Interval | None
    p_value: float
    adjusted: float

    @property
    def is_found(self) -> bool:
        """Whether it shows an effect, so many having been tested."""
        return self.adjusted < LEVEL


@dataclass(frozen=True)
class Portfolio:
    """`members`, the largest best guess first; `left_out`, the others with the reason in words; and
    what they say together."""

    members: tuple[Member, ...]
    left_out: Mapping[str, str]
    findings: Findings

    @property
    def ranking(self) -> Ranking:
        """The members for a forest plot, and for further work (`.frame`)."""
        rows = [
            (
                m.merchant,
                *_ends(m.lift),
                *_ends(m.best or m.lift),
                m.p_value,
                m.adjusted,
                m.is_found,
            )
            for m in self.members
        ]
        effects = ("value", "lower", "upper", "best", "best_lower", "best_upper")
        names = ["label", *effects, "p_value", "adjusted", "is_found"]
        return Ranking(pl.DataFrame(rows, schema=names, orient="row"))


def portfolio(lifts: Mapping[str, Findings], currency: str) -> Portfolio:
    """What the lift studies of many merchants (by id) say together; money in `currency`.

    A merchant whose lift was withheld, or must not be used, is left out with the reason. Raises
    `UndefinedError` if fewer than two are left.
    """
    left_out = {name: reason for name, one in lifts.items() if (reason := _why_not(one))}
    names = [name for name in lifts if name not in left_out]
    found = [lifts[name].estimates for name in names]
    effects = [_interval(one["absolute_lift"]) for one in found]
    values = np.array([one.value for one in effects])
    errors = np.array([_error(one) for one in effects])
    pooled = pool(values, errors)
    best = shrunk(values, errors) if len(values) > 3 else [None] * len(values)
    p_values = np.array([one["incremental_conversions_p_value"].value or 0.0 for one in found])
    tested = zip(names, effects, best, p_values.tolist(), adjusted(p_values).tolist(), strict=True)
    members = sorted(
        (Member(*one) for one in tested), key=lambda one: -(one.best or one.lift).value
    )
    estimates = {one.name: one for one in [*_pooled(pooled), *_totals(found)]}
    checks = {one.name: one for one in (_coverage(members, left_out), _differ(pooled))}
    sound = all(
        lifts[name].checks[check].verdict is Verdict.PASSED for name in names for check in NEEDED
    )
    words = _summary(members, estimates, left_out, currency, sound=sound)
    return Portfolio(tuple(members), left_out, Findings(estimates, checks, words))


def _ends(one: Interval) -> tuple[float, float, float]:
    return one.value, one.lower, one.upper


def _why_not(findings: Findings) -> str | None:
    lift, p_value = (
        findings.estimates["absolute_lift"],
        findings.estimates["incremental_conversions_p_value"],
    )
    asked = [findings.checks[name] for name in DECISIVE if name in findings.checks]
    if any(check.verdict is Verdict.FAILED for check in asked):
        return _FAILED
    for one in (lift, p_value):
        if one.value is None:
            return one.withheld or "its lift is withheld"
    return None


def _interval(estimate: Estimate) -> Interval:
    value = estimate.value or 0.0
    ends = (value if end is None else end for end in (estimate.lower, estimate.upper))
    return Interval(value, *ends)


def _error(one: Interval) -> float:
    """The standard error that an interval at 95 % stands for; noise and rounding are in it."""
    return (one.upper - one.lower) / (2 * Z)


def _pooled(pooled: Pooled) -> list[Estimate]:
    mean = pooled.mean
    return [
        Estimate(
            "absolute_lift",
            "Mean of the merchants' true absolute lifts",
            mean.value,
            SHARE,
            mean.lower,
            mean.upper,
            method=_REML,
        ),
        Estimate(
            "lift_spread",
            "Standard deviation of the true lifts",
            sqrt(pooled.between),
            SHARE,
            method=_REML,
        ),
        Estimate(
            "share_not_chance",
            "Share of the variation between merchants that is not chance (I²)",
            pooled.i_squared,
            SHARE,
            method="from Cochran's Q (Higgins and Thompson 2002)",
        ),
        Estimate(
            "alike_p_value",
            "p-value of equal lifts everywhere (Q)",
            pooled.p_value,
            P_VALUE,
            method="Cochran's Q (Cochran 1954)",
        ),
    ]


def _totals(found: Sequence[Mapping[str, Estimate]]) -> list[Estimate]:
    """Buyers and money added over all members whose own estimate was released."""
    labels = {"incremental_conversions": ("Buyers added", PEOPLE)}
    labels |= {"incremental_conversion_value": ("Amount added", MONEY)}
    totals = []
    for name, (label, unit) in labels.items():
        known = [_interval(one[name]) for one in found if one[name].value is not None]
        value = sum(one.value for one in known)
        half = Z * sqrt(sum(_error(one) ** 2 for one in known))
        of = f"{label}, {len(known)} merchants together"
        totals.append(Estimate(name, of, value, unit, value - half, value + half, method=_SUM))
    return totals


def _coverage(members: Sequence[Member], left_out: Mapping[str, str]) -> Check:
    share = len(members) / (len(members) + len(left_out))
    verdict = Verdict.PASSED if share >= _MOST else Verdict.FAILED
    words = (
        f"{len(members)} of {len(members) + len(left_out)} merchants are in it; the mean and the "
        "totals say nothing of the others, whose counts are mostly smaller"
    )
    return Check("most_in_it", "Most merchants are in it", verdict, sentence(words))


def _differ(pooled: Pooled) -> Check:
    """Whether one mean describes them; not a fault, but something to know before quoting it."""
    alike = pooled.p_value >= LEVEL
    words = (
        "the lifts differ no more than chance explains"
        if alike
        else "the lifts differ by more than chance explains: the mean describes no single merchant"
    )
    chance = probability(pooled.p_value)
    verdict = Verdict.PASSED if alike else Verdict.FAILED
    return Check("alike", "One mean describes them all", verdict, sentence(f"{words} ({chance})"))


def _summary(
    members: Sequence[Member],
    estimates: Mapping[str, Estimate],
    left_out: Mapping[str, str],
    currency: str,
    *,
    sound: bool,
) -> tuple[str, ...]:
    added, amount = estimates["incremental_conversions"], estimates["incremental_conversion_value"]
    mean, spread = estimates["absolute_lift"], estimates["lift_spread"]
    grade = graded(Grade.RANDOMISED) if sound else "no evidence grade: not all arms were checked"
    verdict = "added" if shows_effect(added) else "could not be shown to add buyers: estimate"
    up = sum(one.is_found and one.lift.value > 0 for one in members)
    down = sum(one.is_found and one.lift.value < 0 for one in members)
    return (
        sentence(
            f"over {len(members)} merchants together the notes {verdict} "
            f"{_with_interval(added, count, ' buyers')} and "
            f"{_with_interval(amount, lambda x: money(x, currency))}: {grade}"
        ),
        sentence(
            f"{up} merchants show a lift of their own and {down} a fall, their number allowed for: "
            f"of those named so, one in twenty is wrong on average"
        ),
        sentence(
            f"the true lifts lie around {points(mean.value or 0.0)} with a standard deviation of "
            f"{points(spread.value or 0.0)}; {len(left_out)} merchants are left out"
        ),
    )


def _with_interval(estimate: Estimate, shown: Callable[[float], str], noun: str = "") -> str:
    low, value, high = (shown(x or 0.0) for x in (estimate.lower, estimate.value, estimate.upper))
    return f"{value}{noun} (95% interval {low} to {high})"
