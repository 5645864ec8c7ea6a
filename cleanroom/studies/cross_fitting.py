"""What models foresee of people they have not seen: each fold by models of all other folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cleanroom.studies.comparison import Comparison, Flags, Real, Target, Whole

FOLDS = 5
# Nobody is taken to be exposed more or less likely than this: a weight is 100 at most.
LEAST = 0.01


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    # Newton's steps: the same solution as the default's, several times as fast where people are
    # many and covariates few.
    return LogisticRegression(solver="newton-cholesky")


def _linear() -> Any:
    from sklearn.linear_model import Ridge

    return Ridge()


@dataclass(frozen=True)
class Learners:
    """The models: any of scikit-learn's will do. `propensity` is a classifier; `outcome` is a
    regressor, or a classifier for an outcome of 0 and 1."""

    propensity: Any = field(default_factory=_logistic)
    outcome: Any = field(default_factory=_linear)


def learners_of_shares() -> Learners:
    """For an outcome of 0 and 1: logistic regression throughout."""
    return Learners(outcome=_logistic())


@dataclass(frozen=True, eq=False)
class Foreseen:
    """By person: the probability to be exposed, and the outcome if exposed and if not.

    `exposed` is the outcome itself where the target is the exposed: it is not needed there.
    """

    propensity: Real
    exposed: Real
    comparable: Real

    def part(self, rows: Flags) -> Foreseen:
        """The same of some of the people."""
        return Foreseen(self.propensity[rows], self.exposed[rows], self.comparable[rows])


def folds_of(comparison: Comparison, seed: int, folds: int = FOLDS) -> Whole:
    """Each person's fold, drawn so that every fold has its share of each group and of its buyers
    (whoever's outcome is above 0)."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(comparison.exposed))
    kinds = 2 * comparison.exposed[shuffled] + (comparison.outcome[shuffled] > 0)
    place = np.empty(len(shuffled), dtype=np.int64)
    place[shuffled[np.argsort(kinds, kind="stable")]] = np.arange(len(shuffled)) % folds
    return place


def foresee(comparison: Comparison, learners: Learners, target: Target, fold_of: Whole) -> Foreseen:
    """What models without a person's own fold foresee of the person."""
    covariates, outcome, exposed = comparison.covariates, comparison.outcome, comparison.exposed
    found = Foreseen(np.empty(len(outcome)), outcome.copy(), np.empty(len(outcome)))
    for held_out, others in _splits(fold_of):
        unseen = covariates[held_out]
        train = covariates[others], exposed[others], outcome[others]
        propensity = _predict(learners.propensity, train[0], train[1].astype(np.int64), unseen)
        found.propensity[held_out] = np.clip(propensity, LEAST, 1 - LEAST)
        for group, foreseen in ((False, found.comparable), (True, found.exposed)):
            if group and target is Target.EXPOSED:
                continue
            rows = train[1] == group
            foreseen[held_out] = _predict(learners.outcome, train[0][rows], train[2][rows], unseen)
    return found


def foresee_propensity(comparison: Comparison, learners: Learners, fold_of: Whole) -> Real:
    """The probability to be exposed alone, which no outcome goes into; not cut at `LEAST`."""
    found = np.empty(len(fold_of))
    for held_out, others in _splits(fold_of):
        kinds = comparison.exposed[others].astype(np.int64)
        found[held_out] = _predict(
            learners.propensity,
            comparison.covariates[others],
            kinds,
            comparison.covariates[held_out],
        )
    return found


def _splits(fold_of: Whole) -> Iterator[tuple[Flags, Flags]]:
    for fold in range(int(fold_of.max()) + 1):
        held_out = fold_of == fold
        yield held_out, ~held_out


def _predict(learner: Any, covariates: Real, outcome: Real | Whole, unseen: Real) -> Real:
    """What a fresh copy of the learner foresees; where nothing varies, that."""
    from sklearn.base import clone

    if (outcome == outcome[0]).all():
        return np.full(len(unseen), float(outcome[0]))
    fitted = clone(learner).fit(covariates, outcome)
    if hasattr(fitted, "predict_proba"):
        probability: Real = fitted.predict_proba(unseen)[:, 1]
        return probability
    return np.asarray(fitted.predict(unseen), dtype=np.float64)
