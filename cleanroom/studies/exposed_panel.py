"""The panel of an observational study and what is estimated of it: arrays in, results out.

Runs where the rows are, in the room: an adjusted effect is no function of counts. What becomes of
the results is the gate's to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleanroom.studies.balance import standardised_differences
from cleanroom.studies.comparison import (
    Comparison,
    Effect,
    Flags,
    Real,
    Target,
    naive,
    odds_weights,
)
from cleanroom.studies.cross_fitting import (
    LEAST,
    Learners,
    folds_of,
    foresee_propensity,
    learners_of_shares,
)
from cleanroom.studies.doubly_robust import doubly_robust
from cleanroom.studies.matching import log_odds, matched
from cleanroom.studies.overlap import effective_size, separation, with_counterparts
from cleanroom.studies.uplift import Ranking, rank

# Fewer people than this, in weight, carry no estimate.
LEAST_EFFECTIVE = 100
# A placebo that chance alone explains less often than this shows that the groups differ.
PLACEBO_LEVEL = 0.01


@dataclass(frozen=True, eq=False)
class Panel:
    """One row a person, all arrays of n: `exposed`; what they did after their (pseudo-)exposure
    (`bought`, `spent` in minor units, `bought_elsewhere`) and in as long a time before the study
    (`bought_before`); whether they were `known_before` that time, and a `customer` by the start.

    `covariates` (n × k) with a name each; those of `recent` columns know of that time before.
    """

    exposed: Flags
    bought: Flags
    spent: Real
    bought_elsewhere: Flags
    bought_before: Flags
    known_before: Flags
    customer: Flags
    covariates: Real
    names: tuple[str, ...]
    recent: Flags


@dataclass(frozen=True, eq=False)
class Contrast:
    """One outcome of the people compared (`rows`: flags over the panel) by three methods; `outcome`
    and `propensity` are theirs alone."""

    rows: Flags
    outcome: Real
    propensity: Real
    naive: Effect
    matched: Effect
    adjusted: Effect


@dataclass(frozen=True, eq=False)
class Analysis:
    """What a panel says: the `propensity` of all, how comparable the groups are, and the contrasts
    by outcome (`bought`, `spent`, `bought_before`, `bought_elsewhere`).

    `effective`: what the comparable are worth in people, before and after some were set aside;
    `separation`: the propensity's area under the curve. `before`, `after`: standardised differences
    by covariate. `ranking`: of the people compared by what they `bought`.
    """

    propensity: Real
    effective: tuple[float, float]
    separation: float
    before: Real
    after: Real
    contrasts: dict[str, Contrast]
    ranking: Ranking

    @property
    def refused(self) -> bool:
        """Whether the groups are too unlike for an estimate to be made of them."""
        placebo = self.contrasts["bought_before"].adjusted
        fails = placebo.standard_error > 0 and placebo.p_value < PLACEBO_LEVEL
        exposed = int(self.ranking.comparison.exposed.sum())
        return min(*self.effective, exposed) < LEAST_EFFECTIVE or fails


def analyse(panel: Panel) -> Analysis:
    """Set aside who has no counterpart, compare the rest, and ask what should show no effect.

    People are set aside by a propensity that no outcome went into. Raises `UndefinedError` where
    nothing can be compared: nobody exposed, or nobody like them.
    """
    covariates = _standardised(panel.covariates)
    everybody = Comparison(panel.exposed, panel.bought.astype(np.float64), covariates)
    found = foresee_propensity(everybody, Learners(), folds_of(everybody, seed=1))
    propensity = np.clip(found, LEAST, 1 - LEAST)
    kept = with_counterparts(panel.exposed, propensity, Target.EXPOSED)
    earlier = kept & panel.known_before
    shares, amounts, older = learners_of_shares(), Learners(), covariates[:, ~panel.recent]
    outcomes: dict[str, tuple[Flags, Flags | Real, Real, Learners]] = {
        "bought": (kept, panel.bought, covariates, shares),
        "spent": (kept, panel.spent, covariates, amounts),
        "bought_before": (earlier, panel.bought_before, older, shares),
        "bought_elsewhere": (kept, panel.bought_elsewhere, covariates, shares),
    }
    contrasts = {name: _contrast(panel.exposed, *outcome) for name, outcome in outcomes.items()}
    main, compared = contrasts["bought"], everybody.part(kept)
    weights = odds_weights(compared, main.propensity, Target.EXPOSED)
    all_weights = odds_weights(everybody, propensity, Target.EXPOSED)
    return Analysis(
        propensity,
        (effective_size(all_weights[~panel.exposed]), effective_size(weights[~compared.exposed])),
        separation(panel.exposed, found),
        standardised_differences(everybody),
        standardised_differences(compared, weights),
        contrasts,
        rank(compared, learners_of_shares()),
    )


def _contrast(
    exposed: Flags, rows: Flags, outcome: Flags | Real, covariates: Real, learners: Learners
) -> Contrast:
    comparison = Comparison(exposed[rows], outcome[rows].astype(np.float64), covariates[rows])
    found = doubly_robust(comparison, learners)
    return Contrast(
        rows,
        comparison.outcome,
        found.propensity,
        naive(comparison),
        matched(comparison, log_odds(found.propensity)),
        found.effect,
    )


def _standardised(covariates: Real) -> Real:
    spread = covariates.std(axis=0)
    scaled: Real = (covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled
