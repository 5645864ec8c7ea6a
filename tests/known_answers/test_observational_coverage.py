"""Simulated panels with known truth: the effect is honest, and faults planted are found."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.observational import WORLDS, World, effects, studies
from cleanroom.borders import Verdict
from cleanroom.studies.observational_checks import Credibility, credibility

PEOPLE = 1_000


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say_and_errors_cancel() -> None:
    world, runs = World(lift=0.05), 120
    found = list(effects(world, PEOPLE, runs, seed=3))
    inside = sum(one.interval.lower <= world.lift <= one.interval.upper for one in found)
    assert 0.90 * runs <= inside <= 0.99 * runs  # 95 % within 2.5 standard deviations
    values = [one.value for one in found]
    assert abs(np.mean(values) - world.lift) < 3 * np.std(values) / np.sqrt(runs)
    # The errors stated are those made.
    stated = np.mean([one.standard_error for one in found])
    assert np.std(values) == pytest.approx(stated, rel=0.2)


@pytest.mark.slow
def test_sound_studies_may_be_used() -> None:
    found = list(studies(World(), 3_000, 6))
    verdicts = [credibility(one.estimates, one.checks)[0] for one in found]
    assert sum(verdict is not Credibility.UNUSABLE for verdict in verdicts) >= 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "check"),
    [
        ("something hidden drives both", "placebo_period"),
        ("hardly any overlap", "enough_comparable"),
    ],
)
def test_planted_faults_are_refused_and_no_effect_leaves(world: str, check: str) -> None:
    for found in studies(WORLDS[world], 3_000, 3):
        assert found.checks[check].verdict is not Verdict.PASSED
        assert credibility(found.estimates, found.checks)[0] is Credibility.UNUSABLE
        for name in ("absolute_lift", "matched_lift", "amount_lift", "lift_fifth_1"):
            assert found.estimates[name].value is None
