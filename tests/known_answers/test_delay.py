"""Delays: a published survival curve, two other libraries' answers, and simulated open windows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.studies.delay import Span, cumulative_incidence
from cleanroom.studies.intervals import UndefinedError

# Weeks in remission of 21 leukaemia patients under 6-mercaptopurine (Freireich et al. 1963), those
# still in remission when last seen with 0; and the curve as textbooks print it.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
CURVE = {
    6: (0.857, 0.0764),
    7: (0.807, 0.0869),
    10: (0.753, 0.0963),
    13: (0.690, 0.1068),
    16: (0.627, 0.1141),
    22: (0.538, 0.1282),
    23: (0.448, 0.1346),
}


# What lifelines 0.30.3 gives: KaplanMeierFitter().fit(WEEKS, ENDED).confidence_interval_
LIFELINES = {
    6: (0.61971796, 0.95155175),
    7: (0.56314656, 0.92280902),
    10: (0.50319951, 0.88936184),
    13: (0.43161022, 0.84906596),
    16: (0.36751086, 0.80491219),
    22: (0.26777894, 0.74679072),
    23: (0.18805201, 0.68014263),
}


def spans(times: list[int], outcomes: list[int], until: int) -> list[Span]:
    """The life table of people by whole times; outcome 0: last seen then, without any."""
    table = Counter(zip(times, outcomes, strict=True))
    return [
        Span({str(o): table[time, o] for o in sorted(set(outcomes) - {0})}, table[time, 0])
        for time in range(until + 1)
    ]


def test_the_remissions_of_freireichs_patients() -> None:
    found = cumulative_incidence(21, spans(WEEKS, ENDED, 35), "1")
    for week, (remaining, error) in CURVE.items():
        assert 1 - found[week].value == pytest.approx(remaining, abs=5e-4)
        # The interval, turned back on its scale, is as wide as the printed standard error says.
        scale = remaining * abs(np.log(remaining))
        low, high = (np.log(-np.log(1 - end)) for end in (found[week].lower, found[week].upper))
        assert (high - low) / (2 * 1.959964) * scale == pytest.approx(error, abs=2e-3)


def test_intervals_are_those_of_lifelines() -> None:
    found = cumulative_incidence(21, spans(WEEKS, ENDED, 35), "1")
    for week, (lower, upper) in LIFELINES.items():
        assert 1 - found[week].upper == pytest.approx(lower, abs=1e-6)
        assert 1 - found[week].lower == pytest.approx(upper, abs=1e-6)


PEOPLE = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), min_size=3, max_size=40).filter(
    lambda people: any(outcome == 1 for _, outcome in people)
)


@given(PEOPLE)
def test_competing_outcomes_are_those_of_statsmodels(people: list[tuple[int, int]]) -> None:
    from statsmodels.duration.survfunc import CumIncidenceRight

    times, outcomes = [t + 1 for t, _ in people], [o for _, o in people]
    with np.errstate(divide="ignore", invalid="ignore"):  # its standard errors, not asked for
        theirs = CumIncidenceRight(np.array(times), np.array(outcomes))
    for outcome in {1, 2} & set(outcomes):
        ours = cumulative_incidence(len(people), spans(times, outcomes, 10), str(outcome))
        for time, value in zip(theirs.times, theirs.cinc[outcome - 1], strict=True):
            assert ours[int(time)].value == pytest.approx(value, abs=1e-9)


@pytest.mark.slow
def test_open_windows_bias_the_share_of_buyers_and_are_corrected() -> None:
    """People touched on any of 30 days, watched to day 30; 20 % buy, after 10 days on average."""
    rng = np.random.default_rng(5)
    naive, off, covered, runs = 0.0, 0.0, 0, 400
    truth = 0.2 * (1 - np.exp(-21 / 10))  # by the end of the 20th day
    for _ in range(runs):
        touched = rng.integers(0, 30, 1500)
        buys = np.where(rng.random(1500) < 0.2, rng.exponential(10, 1500), np.inf)
        watched = 30 - touched  # days, of which the last is whole
        seen = buys < watched
        day = np.where(seen, np.floor(np.minimum(buys, 99)), watched - 1).astype(int)
        table = spans(day.tolist(), seen.astype(int).tolist(), 20)
        found = cumulative_incidence(1500, table, "1")[20]
        naive += (seen & (buys < 21)).mean() / runs
        off += found.value / runs
        covered += found.lower <= truth <= found.upper
    assert naive < 0.8 * truth
    assert off == pytest.approx(truth, rel=0.01)
    assert 0.92 <= covered / runs <= 0.975


def test_where_nobody_is_watched_any_more_the_last_share_stands() -> None:
    found = cumulative_incidence(10, [Span({"order": 2}, 8), Span({"order": 0}, 0)], "order")
    assert [one.value for one in found] == [0.2, 0.2]


def test_more_people_gone_than_there_were_are_no_life_table() -> None:
    with pytest.raises(UndefinedError, match="more people are gone"):
        cumulative_incidence(3, [Span({"order": 2}, 2)], "order")
    with pytest.raises(UndefinedError, match="nobody"):
        cumulative_incidence(0, [], "order")
