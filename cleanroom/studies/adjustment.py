"""Effects adjusted by regression, by weighting, and by both, from parametric models.

The four estimators that Stata calls `teffects ra`, `ipw`, `aipw` and `ipwra`, each for everybody or
for the exposed. Standard errors are those of the stacked estimating equations, so they count the
models' own error. Sources: Wooldridge (2010), Econometric Analysis, chapter 21; Newey and McFadden
(1994), Handbook of Econometrics 4; Cattaneo (2010), Journal of Econometrics 155.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleanroom.studies.comparison import Comparison, Effect, Flags, Real, Target, effect_of
from cleanroom.studies.propensity_model import Link, PropensityModel, fit_propensity, with_constant


@dataclass(frozen=True, eq=False)
class _Weights:
    """How much each counts as exposed and as comparable, and how that moves with the model's
    linear index; `target` is how much each counts in the average."""

    target: Real
    exposed: Real
    comparable: Real
    exposed_slope: Real
    comparable_slope: Real


def regression_adjustment(comparison: Comparison, target: Target = Target.EXPOSED) -> Effect:
    """The mean difference of what two linear models, one a group, foresee for the target."""
    design, target_weight = with_constant(comparison.covariates), _of_target(comparison, target)
    ones = np.ones(len(comparison.exposed))
    fits = [_fit(comparison, design, group, ones) for group in _groups(comparison)]
    differences = design @ (fits[0].coefficients - fits[1].coefficients)
    value, own = _mean(differences, target_weight)
    gradient = _average(target_weight, design)
    return effect_of(value, own + (fits[0].influence - fits[1].influence) @ gradient)


def inverse_weighting(
    comparison: Comparison,
    target: Target = Target.EXPOSED,
    link: Link = Link.LOGIT,
    selection: Real | None = None,
) -> Effect:
    """The difference of two weighted means, weights scaled to average one in each group.

    `selection`: the covariates of the propensity, if they are others than those of the outcome.
    """
    model = _propensity(comparison, link, selection)
    weights = _weights(comparison, model, target)
    value, influence = 0.0, np.zeros(len(comparison.outcome))
    for sign, weight, slope in (
        (1, weights.exposed, weights.exposed_slope),
        (-1, weights.comparable, weights.comparable_slope),
    ):
        mean, own = _mean(comparison.outcome, weight)
        gradient = ((slope * (comparison.outcome - mean))[:, None] * model.design).mean(axis=0)
        value += sign * mean
        influence += sign * (own + model.influence @ gradient / weight.mean())
    return effect_of(value, influence)


def augmented_weighting(
    comparison: Comparison,
    target: Target = Target.EXPOSED,
    link: Link = Link.LOGIT,
    selection: Real | None = None,
) -> Effect:
    """Regression adjustment, corrected by the weighted residuals of its models: doubly robust.

    Source: Robins, Rotnitzky and Zhao (1994), JASA 89, 846-866.
    """
    model = _propensity(comparison, link, selection)
    weights = _weights(comparison, model, target)
    design = with_constant(comparison.covariates)
    ones = np.ones(len(comparison.exposed))
    score, influence = np.zeros(len(ones)), np.zeros(len(ones))
    for sign, group, weight, slope in (
        (1, comparison.exposed, weights.exposed, weights.exposed_slope),
        (-1, ~comparison.exposed, weights.comparable, weights.comparable_slope),
    ):
        fit = _fit(comparison, design, group, ones)
        foreseen = design @ fit.coefficients
        residual = comparison.outcome - foreseen
        score += sign * (weights.target * foreseen + weight * residual)
        by_fit = ((weights.target - weight)[:, None] * design).mean(axis=0)
        by_model = ((slope * residual)[:, None] * model.design).mean(axis=0)
        influence += sign * (fit.influence @ by_fit + model.influence @ by_model)
    share = weights.target.mean()
    value = score.mean() / share
    return effect_of(value, (score - weights.target * value + influence) / share)


def weighted_regression_adjustment(
    comparison: Comparison,
    target: Target = Target.EXPOSED,
    link: Link = Link.LOGIT,
    selection: Real | None = None,
) -> Effect:
    """Regression adjustment whose models are fitted with inverse weights: doubly robust.

    Source: Wooldridge (2007), Journal of Econometrics 141, 1281-1301.
    """
    model = _propensity(comparison, link, selection)
    weights = _weights(comparison, model, target)
    design = with_constant(comparison.covariates)
    means, influence = np.zeros(len(design)), np.zeros(len(design))
    by_fit = _average(weights.target, design)
    for sign, group, weight, slope in (
        (1, comparison.exposed, weights.exposed, weights.exposed_slope),
        (-1, ~comparison.exposed, weights.comparable, weights.comparable_slope),
    ):
        fit = _fit(comparison, design, group, weight)
        means = means + sign * (design @ fit.coefficients)
        turned = (slope * fit.residual)[:, None] * design
        by_model = fit.inverse @ (turned.T @ model.design / len(design))
        influence += sign * (fit.influence + model.influence @ by_model.T) @ by_fit
    value, own = _mean(means, weights.target)
    return effect_of(value, own + influence)


@dataclass(frozen=True, eq=False)
class _Fit:
    """A linear model of one group: coefficients, each person's influence on them (n × k), the
    inverse of its matrix, and what everybody's outcome is beyond it (0 outside the group)."""

    coefficients: Real
    influence: Real
    inverse: Real
    residual: Real


def _fit(comparison: Comparison, design: Real, group: Flags, weight: Real) -> _Fit:
    own = np.where(group, weight, 0.0)
    weighted = own[:, None] * design
    inverse = np.linalg.pinv(weighted.T @ design / len(design), hermitian=True).astype(np.float64)
    coefficients = inverse @ (weighted.T @ comparison.outcome / len(design))
    residual = comparison.outcome - design @ coefficients
    influence = (weighted * residual[:, None]) @ inverse
    return _Fit(coefficients, influence, inverse, np.where(group, residual, 0.0))


def _propensity(comparison: Comparison, link: Link, selection: Real | None) -> PropensityModel:
    chosen = comparison.covariates if selection is None else selection
    return fit_propensity(comparison.exposed, chosen, link)


def _weights(comparison: Comparison, model: PropensityModel, target: Target) -> _Weights:
    exposed, p, density = comparison.exposed, model.propensity, model.density
    squared = np.where(exposed, 0.0, density / (1 - p) ** 2)
    if target is Target.EXPOSED:
        ones = exposed.astype(np.float64)
        return _Weights(ones, ones, np.where(exposed, 0, p / (1 - p)), np.zeros_like(p), squared)
    return _Weights(
        np.ones_like(p),
        np.where(exposed, 1 / p, 0.0),
        np.where(exposed, 0.0, 1 / (1 - p)),
        np.where(exposed, -density / p**2, 0.0),
        squared,
    )


def _groups(comparison: Comparison) -> tuple[Flags, Flags]:
    return comparison.exposed, ~comparison.exposed


def _of_target(comparison: Comparison, target: Target) -> Real:
    if target is Target.EXPOSED:
        return comparison.exposed.astype(np.float64)
    return np.ones(len(comparison.exposed))


def _mean(values: Real, weight: Real) -> tuple[float, Real]:
    """A weighted mean, and each person's influence on it."""
    total = weight.mean()
    mean = float((weight * values).mean() / total)
    return mean, weight * (values - mean) / total


def _average(weight: Real, rows: Real) -> Real:
    mean: Real = (weight[:, None] * rows).mean(axis=0) / weight.mean()
    return mean
