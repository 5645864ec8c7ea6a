"""Effects within segments that were named beforehand: whether they differ, and their average."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from cleanroom.studies.intervals import Chance, Difference, Moments, UndefinedError, normal

Stratum = tuple[Moments, Moments]  # treated, holdout


def post_stratified(strata: Sequence[Stratum]) -> Difference:
    """The effects of the strata weighed by their people, so that a chance imbalance of the arms
    between strata does not count.

    Source: Miratrix, Sekhon and Yu (2013), Journal of the Royal Statistical Society B 75, 369-396.
    """
    people = sum(t.people + h.people for t, h in strata)
    weights = [(t.people + h.people) / people for t, h in strata]
    value = sum(w * (t.mean - h.mean) for w, (t, h) in zip(weights, strata, strict=True))
    variance = sum(w**2 * _variance(each) for w, each in zip(weights, strata, strict=True))
    return normal(value, sqrt(variance))


def interaction(strata: Sequence[Stratum]) -> Chance:
    """How often chance alone makes the strata's effects differ as much as they do.

    Cochran's Q (Cochran 1954, Biometrics 10, 101-129): the weighted squared differences from their
    common value, chi-square with one degree of freedom fewer than there are strata.
    """
    from scipy.stats import chi2

    effects = [(t.mean - h.mean, _variance((t, h))) for t, h in strata]
    if len(effects) < 2 or min(variance for _, variance in effects) <= 0:
        raise UndefinedError("there are no two segments that vary")
    weight = sum(1 / variance for _, variance in effects)
    common = sum(effect / variance for effect, variance in effects) / weight
    q = sum((effect - common) ** 2 / variance for effect, variance in effects)
    return Chance(float(chi2.sf(q, len(effects) - 1)), sqrt(q))


def change(first: Stratum, last: Stratum) -> Difference:
    """The last effect less the first, of counts of the same people in different weeks: nobody is
    counted in both."""
    value = (last[0].mean - last[1].mean) - (first[0].mean - first[1].mean)
    variance = sum(
        (a.mean + b.mean - (b.mean - a.mean) ** 2) / a.people
        for a, b in zip(first, last, strict=True)
    )
    if variance <= 0:
        raise UndefinedError("nobody bought")
    return normal(value, sqrt(variance))


def _variance(stratum: Stratum) -> float:
    return stratum[0].mean_variance + stratum[1].mean_variance
