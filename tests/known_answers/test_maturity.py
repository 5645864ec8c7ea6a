"""Forecasts of young campaigns: published reserves, and simulated cohorts with known ends."""

from __future__ import annotations

import numpy as np
import pytest

from cleanroom.errors import StudyError
from cleanroom.studies.maturity import chain_ladder

# Taylor and Ashe (1983), the triangle on which Mack (1993) shows his formula; cumulative.
TAYLOR_ASHE = [
    [357848, 1124788, 1735330, 2218270, 2745596, 3319994, 3466336, 3606286, 3833515, 3901463],
    [352118, 1236139, 2170033, 3353322, 3799067, 4120063, 4647867, 4914039, 5339085],
    [290507, 1292306, 2218525, 3235179, 3985995, 4132918, 4628910, 4909315],
    [310608, 1418858, 2195047, 3757447, 4029929, 4381982, 4588268],
    [443160, 1136350, 2128333, 2897821, 3402672, 3873311],
    [396132, 1333217, 2180715, 2985752, 3691712],
    [440832, 1288463, 2419861, 3483130],
    [359480, 1421128, 2864498],
    [376686, 1363294],
    [344014],
]
# What is still to come by cohort, and its standard error, in thousands (the R package ChainLadder).
STILL_TO_COME = [0, 95, 470, 710, 985, 1419, 2178, 3920, 4279, 4626]
ERRORS = [0, 76, 122, 134, 261, 411, 558, 875, 971, 1363]


def test_macks_forecast_of_the_triangle_of_taylor_and_ashe() -> None:
    forecast = chain_ladder(TAYLOR_ASHE)
    latest = [row[-1] for row in TAYLOR_ASHE]
    to_come = [end.value - now for end, now in zip(forecast.final, latest, strict=True)]
    assert [round(value / 1000) for value in to_come] == STILL_TO_COME
    assert [round(error / 1000) for error in forecast.errors] == ERRORS
    assert forecast.whole.value - sum(latest) == pytest.approx(18_680_856, abs=1)
    assert forecast.error == pytest.approx(2_447_095, abs=1)


def test_maturity_is_the_share_of_the_final_value_reached() -> None:
    forecast = chain_ladder(TAYLOR_ASHE)
    for row, final in zip(TAYLOR_ASHE, forecast.final, strict=True):
        assert row[-1] / final.value == pytest.approx(forecast.mature[len(row) - 1])
    assert forecast.mature[-1] == 1


def cohorts(rng: np.random.Generator, number: int = 10) -> tuple[list[list[float]], float]:
    """Orders by week since the touch, of which 40 % come after the first; and how many in all."""
    shares = [0.6, 0.2, 0.1, 0.06, 0.04]
    rows, whole = [], 0.0
    for cohort in range(number):
        people = 4_000 + 300 * cohort
        orders = rng.multinomial(rng.binomial(people, 0.05), shares)
        whole += orders.sum()
        seen = min(len(shares), number - cohort)
        rows.append(np.cumsum(orders)[:seen].astype(float).tolist())
    return rows, whole


@pytest.mark.slow
def test_the_forecast_of_simulated_campaigns_covers_what_they_come_to() -> None:
    rng = np.random.default_rng(11)
    off, covered, runs = 0.0, 0, 400
    for _ in range(runs):
        rows, whole = cohorts(rng)
        forecast = chain_ladder(rows)
        off += (forecast.whole.value - whole) / whole / runs
        covered += forecast.whole.lower <= whole <= forecast.whole.upper
    assert abs(off) < 0.002
    assert 0.92 <= covered / runs <= 0.975  # four standard errors of the simulation around 0.95


@pytest.mark.parametrize(
    ("triangle", "says"),
    [
        ([[1, 2, 3], [1, 2]], "three cohorts"),
        ([[1, 2], [1, 2], [1]], "three times"),
        ([[1, 2, 3], [1, 2], [1, 2, 3]], "younger cohort"),
        ([[0, 2, 3], [1, 2], [1]], "nothing had happened"),
    ],
)
def test_what_is_no_triangle_is_refused(triangle: list[list[float]], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        chain_ladder(triangle)
