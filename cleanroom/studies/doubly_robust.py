"""The doubly robust effect with cross-fitting: right if either of the two models is.

Sources: Robins, Rotnitzky and Zhao (1994), JASA 89, 846-866; Chernozhukov et al. (2018), The
Econometrics Journal 21, C1-C68, whose median over several splits (definition 3.3) is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleanroom.studies.comparison import Comparison, Effect, Real, Target, effect_of
from cleanroom.studies.cross_fitting import Foreseen, Learners, folds_of, foresee

SEEDS = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class DoublyRobust:
    """The effect over several splits; of each split the effect alone; the mean propensity."""

    effect: Effect
    by_seed: tuple[Effect, ...]
    propensity: Real


def doubly_robust(
    comparison: Comparison,
    learners: Learners,
    target: Target = Target.EXPOSED,
    seeds: Sequence[int] = SEEDS,
) -> DoublyRobust:
    """The median of the effects of as many splits as there are `seeds`.

    Its variance is the median of what each split has and how far that split lies off, so that luck
    in the splitting counts as well.
    """
    splits = [foresee(comparison, learners, target, folds_of(comparison, seed)) for seed in seeds]
    effects = tuple(effect_of_foreseen(comparison, found, target) for found in splits)
    value = float(np.median([one.value for one in effects]))
    variances = [one.standard_error**2 + (one.value - value) ** 2 for one in effects]
    influence = np.mean([one.influence for one in effects], axis=0)
    effect = Effect(value, float(np.sqrt(np.median(variances))), influence)
    return DoublyRobust(effect, effects, np.mean([one.propensity for one in splits], axis=0))


def effect_of_foreseen(comparison: Comparison, foreseen: Foreseen, target: Target) -> Effect:
    """The mean of the doubly robust scores of one split."""
    if target is Target.ALL:
        scores = scores_of(comparison, foreseen)
        return effect_of(float(scores.mean()), scores - scores.mean())
    exposed, p = comparison.exposed, foreseen.propensity
    residual = comparison.outcome - foreseen.comparable
    terms = np.where(exposed, residual, -p / (1 - p) * residual)
    value = float(terms.sum() / exposed.sum())
    return effect_of(value, (terms - exposed * value) / exposed.mean())


def scores_of(comparison: Comparison, foreseen: Foreseen) -> Real:
    """Each person's own score (n numbers), whose mean over any group is the group's effect."""
    exposed, outcome, p = comparison.exposed, comparison.outcome, foreseen.propensity
    corrected = np.where(
        exposed,
        (outcome - foreseen.exposed) / p,
        -(outcome - foreseen.comparable) / (1 - p),
    )
    scores: Real = foreseen.exposed - foreseen.comparable + corrected
    return scores
