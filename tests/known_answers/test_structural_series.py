"""The structural time series to what R's CausalImpact prints of five series."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from cleanroom.studies.panel import Real
from cleanroom.studies.structural import Forecast, forecast_series
from tests.known_answers.regions import DATA

FOLDER = DATA / "causalimpact"
# Each with the period that its summary begins at.
STARTS = {"arma": 70, "basque": 21, "comparison": 90, "google": 61, "volks": 246}


def series(name: str) -> Real:
    """The numbers of a fixture: first the series itself, then those that foretell it."""
    file = next(FOLDER.glob(f"{name}*.csv"))
    separator = " " if name == "volks" else ","
    rows = pl.read_csv(file, separator=separator, infer_schema_length=None)
    if name == "volks":
        rows = rows.drop_nulls()
    return rows.select(pl.selectors.numeric()).to_numpy().astype(np.float64)


def printed(name: str, line: str) -> list[float]:
    """The numbers in the last column, 'Cumulative', of the summary's first line that begins so."""
    text = (FOLDER / f"{name}.R_summary.txt").read_text()
    found = next(one for one in text.splitlines() if one.startswith(line))
    last = re.split(r"\s{2,}", found.strip())[-1]
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", last)]


def forecast_of(name: str) -> Forecast:
    rows, first = series(name), STARTS[name]
    return forecast_series(rows[:, 0], rows[:, 1:], first, draws=2000)


@pytest.mark.parametrize("name", STARTS)
def test_rs_summary_is_met_within_monte_carlo_error(name: str) -> None:
    found = forecast_of(name)
    totals = found.draws.sum(axis=1)
    mean, deviation = printed(name, "Prediction")
    (actual,) = printed(name, "Actual")
    # Printed figures are rounded; R's thousand draws leave a mean uncertain by 3 % of a deviation.
    assert found.observed.sum() == pytest.approx(actual, abs=0.6)
    assert totals.mean() == pytest.approx(mean, abs=0.15 * deviation)
    assert totals.std() == pytest.approx(deviation, rel=0.12)
    text = (FOLDER / f"{name}.R_summary.txt").read_text()
    (tail,) = re.findall(r"tail-area probability p:\s+([\d.]+)", text)
    assert found.tail_probability == pytest.approx(float(tail), abs=0.03)


def test_the_same_series_has_the_same_forecast() -> None:
    assert (forecast_of("google").draws == forecast_of("google").draws).all()


def test_an_effect_that_is_there_is_found_and_one_that_is_not_is_not() -> None:
    rng = np.random.default_rng(5)
    others = rng.normal(100, 10, (120, 8))
    own = 20 + others[:, :3].sum(axis=1) + rng.normal(0, 2, 120)
    for added in (0.0, 10.0):
        with_effect = own + added * (np.arange(120) >= 100)
        found = forecast_series(with_effect, others, 100)
        low, high = found.bounds
        assert low < added < high
        assert (low > 0) == (added > 0)
        assert found.effect == pytest.approx(added, abs=1.5)


def test_series_that_do_not_move_before_the_start_are_left_out() -> None:
    rng = np.random.default_rng(6)
    others = np.column_stack([rng.normal(size=60), np.full(60, 3.0)])
    found = forecast_series(others[:, 0] + rng.normal(0, 0.1, 60), others, 40)
    assert np.isfinite(found.draws).all()
