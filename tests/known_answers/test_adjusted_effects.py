"""Stata's published treatment effects, statsmodels' and DoubleML's: birth weights and smoking.

Cattaneo (2010); Stata's manual of treatment effects. The data ship with statsmodels.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels
from statsmodels.discrete.discrete_model import Probit
from statsmodels.regression.linear_model import OLS
from statsmodels.treatment.treatment_effects import TreatmentEffect

from cleanroom.studies import adjustment
from cleanroom.studies.comparison import Comparison, Effect, Real, Target, naive
from cleanroom.studies.cross_fitting import FOLDS, Learners, foresee, learners_of_shares
from cleanroom.studies.doubly_robust import doubly_robust, effect_of_foreseen
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.propensity_model import Link, fit_propensity, with_constant

DATA = Path(statsmodels.__file__).parent / "treatment" / "tests" / "results" / "cataneo2.csv"
BIRTHS = pl.read_csv(DATA, infer_schema_length=None)
ORACLE = json.loads((Path(__file__).parent / "doubleml.json").read_text())
OF_OUTCOME = ["prenatal1_", "mmarried_", "mage", "fbaby_"]
OF_EXPOSURE = ["mmarried_", "mage", "mage2", "fbaby_", "medu"]


def numbers(*columns: str) -> Real:
    return BIRTHS.select(columns).cast(pl.Float64).to_numpy()


SMOKES = BIRTHS["mbsmoke_"].to_numpy() == 1
SELECTION = numbers(*OF_EXPOSURE)
COMPARISON = Comparison(SMOKES, numbers("bweight")[:, 0], numbers(*OF_OUTCOME))
METHODS: dict[str, Callable[[Comparison, Target], Effect]] = {
    "ra": adjustment.regression_adjustment,
    "ipw": lambda c, t: adjustment.inverse_weighting(c, t, Link.PROBIT, SELECTION),
    "aipw": lambda c, t: adjustment.augmented_weighting(c, t, Link.PROBIT, SELECTION),
    "ipw_ra": lambda c, t: adjustment.weighted_regression_adjustment(c, t, Link.PROBIT, SELECTION),
}


@pytest.mark.parametrize(
    ("method", "target", "value", "standard_error"),
    [
        ("ra", Target.ALL, -239.64, 23.82),
        ("ipw", Target.ALL, -230.69, 25.82),
        ("aipw", Target.ALL, -230.99, 26.21),
        ("ipw_ra", Target.ALL, -229.97, 26.63),
        ("ra", Target.EXPOSED, -223.30, 22.74),
        ("ipw", Target.EXPOSED, -225.18, 23.66),
        ("ipw_ra", Target.EXPOSED, -223.55, 23.79),
    ],
)
def test_the_effects_and_errors_that_stata_publishes(
    method: str, target: Target, value: float, standard_error: float
) -> None:
    found = METHODS[method](COMPARISON, target)
    assert round(found.value, 2) == value
    assert round(found.standard_error, 2) == standard_error


@pytest.mark.parametrize(
    ("method", "target"),
    # statsmodels has no augmented weighting for the exposed
    [pair for pair in product(METHODS, Target) if pair != ("aipw", Target.EXPOSED)],
)
def test_statsmodels_finds_the_same_effect(method: str, target: Target) -> None:
    outcome = OLS(COMPARISON.outcome, with_constant(COMPARISON.covariates))
    exposure = Probit(SMOKES.astype(int), with_constant(SELECTION)).fit(disp=False)
    theirs = TreatmentEffect(outcome, SMOKES.astype(int), exposure)
    group = {} if method == "aipw" else {"effect_group": 1 if target is Target.EXPOSED else "all"}
    value = getattr(theirs, method)(return_results=False, **group)[0]
    assert METHODS[method](COMPARISON, target).value == pytest.approx(float(value), rel=1e-6)


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("outcome", ["weight", "light"])
def test_doubleml_finds_the_same_cross_fitted_effect(outcome: str, target: Target) -> None:
    covariates = numbers("mmarried_", "mage", "mage2", "fbaby_", "medu", "prenatal1_")
    scaled = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    weight = numbers("bweight")[:, 0]
    is_share = outcome == "light"
    found_at_birth = (weight < 2500).astype(np.float64) if is_share else weight
    comparison = Comparison(SMOKES, found_at_birth, scaled)
    learners = learners_of_shares() if is_share else Learners()
    foreseen = foresee(comparison, learners, target, np.arange(len(weight)) % FOLDS)
    found = effect_of_foreseen(comparison, foreseen, target)
    theirs = ORACLE[f"{outcome} {'ATTE' if target is Target.EXPOSED else 'ATE'}"]
    assert found.value == pytest.approx(theirs["value"], rel=1e-6)
    assert found.standard_error == pytest.approx(theirs["standard_error"], rel=1e-6)


def test_the_cross_fitted_effect_of_several_splits_is_their_median() -> None:
    found = doubly_robust(COMPARISON, Learners(), seeds=(1, 2, 3, 4, 5))
    values = sorted(one.value for one in found.by_seed)
    assert found.effect.value == values[2]
    assert values[0] < values[2] < values[4]
    spread = [one.standard_error**2 + (one.value - values[2]) ** 2 for one in found.by_seed]
    assert found.effect.standard_error == pytest.approx(np.sqrt(np.median(spread)))
    assert found.effect.value == pytest.approx(
        METHODS["aipw"](COMPARISON, Target.EXPOSED).value, abs=5
    )


def test_a_models_influence_gives_its_standard_errors() -> None:
    model = fit_propensity(SMOKES, SELECTION, Link.LOGIT)
    residual = SMOKES - model.propensity
    # The score of the likeliest model is zero for every covariate.
    assert np.abs(with_constant(SELECTION).T @ residual).max() < 1e-6 * len(residual)
    assert np.abs(model.influence.mean(axis=0)).max() < 1e-9


def test_covariates_that_tell_the_groups_apart_have_no_propensity() -> None:
    with pytest.raises(UndefinedError, match="apart entirely"):
        fit_propensity(SMOKES, SMOKES[:, None] * 1.0, Link.LOGIT)


@pytest.mark.parametrize(
    ("exposed", "outcome", "problem"),
    [
        ([True, False], [1.0], "not everybody"),
        ([True, False], [1.0, np.nan], "missing"),
        ([True, True], [1.0, 2.0], "empty"),
    ],
)
def test_two_groups_that_cannot_be_compared_are_refused(
    exposed: list[bool], outcome: list[float], problem: str
) -> None:
    with pytest.raises(UndefinedError, match=problem):
        Comparison(np.array(exposed), np.array(outcome), np.zeros((2, 1)))


def test_the_p_value_and_the_interval_of_an_effect_agree() -> None:
    effect = naive(COMPARISON)
    assert effect.interval.upper < 0
    assert effect.p_value < 0.05
    with pytest.raises(UndefinedError, match="nothing varies"):
        _ = Effect(0.0, 0.0, np.zeros(2)).p_value
