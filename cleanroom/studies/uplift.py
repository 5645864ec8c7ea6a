"""Who responds: people ranked by the effect foreseen for them, and how far that ranking holds.

A person's place comes from models that have not seen the person, and what a place is worth is told
by doubly robust scores of the same kind; so a ranking that knows nothing shows nothing. Only groups
of many people are told of, never a person's place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleanroom.studies.comparison import Comparison, Effect, Flags, Real, Target, Whole, effect_of
from cleanroom.studies.cross_fitting import Foreseen, Learners, folds_of, foresee
from cleanroom.studies.doubly_robust import effect_of_foreseen, scores_of
from cleanroom.studies.intervals import UndefinedError

FIFTHS = 5


@dataclass(frozen=True, eq=False)
class Ranking:
    """The people of a `comparison`, what was `foreseen` of them, and by person the `place` (near 0:
    foreseen to respond most; near 1: least)."""

    comparison: Comparison
    foreseen: Foreseen
    place: Real

    @property
    def fifth(self) -> Whole:
        """The fifth of the ranking, from 0 for those foreseen to respond most."""
        return np.minimum((self.place * FIFTHS).astype(np.int64), FIFTHS - 1)

    @property
    def qini(self) -> Effect:
        """What the order is worth, as `area` has it, beside any other order."""
        return area(self.place, scores_of(self.comparison, self.foreseen))

    def effect_in(self, group: Flags, target: Target = Target.EXPOSED) -> Effect:
        """The effect among some of the people, all of them or those exposed."""
        return effect_of_foreseen(self.comparison.part(group), self.foreseen.part(group), target)


def area(place: Real, score: Real) -> Effect:
    """The area between the curve of effects won in the order of `place`, and that in no order.

    Of n people with doubly robust scores s at places r it is the mean of s (1/2 − r): 0 if the
    order tells nothing. Sources: Radcliffe (2007), Direct Marketing Analytics Journal 1, 14-21; in
    this form Yadlowsky et al. (2025), JASA 120, 38-51.
    """
    terms = score * (0.5 - place)
    return effect_of(float(terms.mean()), terms - terms.mean())


def rank(comparison: Comparison, learners: Learners, seed: int = 1) -> Ranking:
    """Rank by the difference of two outcome models, one a group (Künzel et al. 2019, PNAS 116).

    Places are taken within each fold: models of different folds are not compared.
    """
    fold_of = folds_of(comparison, seed)
    foreseen = foresee(comparison, learners, Target.ALL, fold_of)
    return Ranking(comparison, foreseen, _places(foreseen, fold_of))


def _places(foreseen: Foreseen, fold_of: Whole) -> Real:
    gain = foreseen.exposed - foreseen.comparable
    place = np.empty(len(gain))
    for fold in range(int(fold_of.max()) + 1):
        own = np.flatnonzero(fold_of == fold)
        order = own[np.argsort(-gain[own], kind="stable")]
        place[order] = (np.arange(len(own)) + 0.5) / len(own)
    return place


def heterogeneity(values: Real, errors: Real) -> tuple[float, float]:
    """Cochran's Q of several independent effects being one, and its p-value.

    Source: Cochran (1954), Biometrics 10, 101-129. Raises `UndefinedError` for fewer than two.
    """
    from scipy.stats import chi2

    if len(values) < 2 or (errors <= 0).any():
        raise UndefinedError("there are fewer than two effects that vary")
    weights = 1 / errors**2
    mean = float((weights * values).sum() / weights.sum())
    departure = float((weights * (values - mean) ** 2).sum())
    return departure, float(chi2.sf(departure, len(values) - 1))
