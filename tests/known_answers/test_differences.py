"""Difference in differences to statsmodels, and to the definition of its error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from cleanroom.studies.differences import (
    cluster_error,
    difference_in_differences,
    event_study,
    in_logarithms,
    wild_bootstrap_p_value,
)
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.panel import Panel, Real, Whole
from tests.known_answers.regions import Regions

SMALL = Regions(count=14, treated=5, periods=12, after=5, effect=0.2)


def regression(panel: Panel) -> tuple[Real, Real, Whole]:
    """Outcomes, the terms of the two-way regression with the effect first, and the regions."""
    regions, periods = panel.outcomes.shape
    region, period = np.repeat(np.arange(regions), periods), np.tile(np.arange(periods), regions)
    effect = np.repeat(panel.treated, periods) & (period >= panel.first)
    own = region[:, None] == np.arange(regions)
    common = period[:, None] == np.arange(1, periods)
    terms = np.column_stack([effect, own, common]).astype(np.float64)
    return panel.outcomes.ravel(), terms, region


@pytest.mark.parametrize("seed", range(3))
def test_effect_and_clustered_error_are_those_of_statsmodels(seed: int) -> None:
    panel, _ = SMALL.draw(seed)
    outcomes, terms, region = regression(panel)
    fit = sm.OLS(outcomes, terms).fit(cov_type="cluster", cov_kwds={"groups": region})
    assert difference_in_differences(panel).value == pytest.approx(fit.params[0], rel=1e-9)
    assert cluster_error(panel) == pytest.approx(fit.bse[0], rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_its_error_is_the_clustered_one_of_the_kind_cr2(seed: int) -> None:
    panel, _ = SMALL.draw(seed)
    outcomes, terms, region = regression(panel)
    inverse = np.linalg.inv(terms.T @ terms)
    left = outcomes - terms @ (inverse @ terms.T @ outcomes)
    middle = np.zeros_like(inverse)
    for one in range(len(panel.regions)):
        own = terms[region == one]
        values, vectors = np.linalg.eigh(np.eye(len(own)) - own @ inverse @ own.T)
        # What the region's own level takes up has no error to scale.
        scale = np.where(values > 1e-9, 1 / np.sqrt(np.maximum(values, 1e-9)), 0.0)
        score = own.T @ (vectors * scale) @ vectors.T @ left[region == one]
        middle += np.outer(score, score)
    by_definition = np.sqrt((inverse @ middle @ inverse)[0, 0])
    assert difference_in_differences(panel).standard_error == pytest.approx(by_definition, rel=1e-9)


def test_the_event_study_is_a_regression_with_leads_and_lags() -> None:
    panel, _ = SMALL.draw(1)
    outcomes, terms, _ = regression(panel)
    period = np.tile(np.arange(panel.periods), len(panel.regions))
    others = [one for one in range(panel.periods) if one != panel.first - 1]
    treated = np.repeat(panel.treated, panel.periods)
    leads = (period[:, None] == np.array(others)) & treated[:, None]
    fit = sm.OLS(outcomes, np.column_stack([leads, terms[:, 1:]]).astype(float)).fit()
    found = event_study(panel).periods
    assert found[panel.first - 1] is None
    values = [one.value for one in found if one is not None]
    assert values == pytest.approx(fit.params[: len(others)].tolist(), rel=1e-7, abs=1e-7)


def test_a_trend_of_its_own_before_the_start_is_seen_and_no_trend_is_not() -> None:
    panel, _ = Regions(count=30, treated=8, periods=40, after=10).draw(2)
    assert event_study(panel).pre_trend.p_value > 0.01
    drifting = panel.outcomes.copy()
    drifting[panel.treated] *= 1 + 0.02 * np.arange(panel.periods)
    found = event_study(replace(panel, outcomes=drifting)).pre_trend
    assert found.p_value < 0.001
    assert found.value > 0


def test_the_bootstrap_lists_all_signs_of_few_regions() -> None:
    panel, _ = Regions(count=8, treated=3, periods=10, after=4).draw(0)
    p_value = wild_bootstrap_p_value(panel)
    # Turning all signs turns the statistic alone, so orders come in pairs of 256.
    assert p_value * 256 == pytest.approx(round(p_value * 256))
    assert p_value >= 2 / 256


def test_logarithms_are_refused_where_a_region_had_nothing() -> None:
    panel, _ = SMALL.draw(0)
    emptied = panel.outcomes.copy()
    emptied[3, 4] = 0
    with pytest.raises(UndefinedError, match="nothing in some period"):
        in_logarithms(replace(panel, outcomes=emptied))


def test_one_treated_region_has_no_spread_and_no_interval() -> None:
    panel, _ = Regions(count=8, treated=1, periods=10, after=4).draw(0)
    with pytest.raises(UndefinedError, match="only one region"):
        difference_in_differences(panel)
