"""Tests of one treated group of regions: exact where that is promised, and never at odds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.studies.conformal import (
    LEVEL,
    effect_by_folds,
    effect_in_time,
    effect_of,
    placebo_in_space,
    placebo_in_time,
)
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.panel import Panel
from cleanroom.studies.synthetic import augmented_control
from tests.known_answers.regions import Regions

SMALL = Regions(count=10, treated=2, periods=40, after=10)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.05, 0.1, 0.3, -0.3]))
def test_p_value_and_interval_never_contradict_each_other(seed: int, effect: float) -> None:
    panel, _ = replace(SMALL, effect=effect).draw(seed)
    for found in (effect_in_time(panel, augmented_control(panel)), effect_by_folds(panel)):
        assert found.lower <= found.value <= found.upper
        assert (found.p_value <= LEVEL) == (found.lower > 0 or found.upper < 0)


def test_the_interval_moves_with_the_effect() -> None:
    panel, _ = SMALL.draw(4)
    more = panel.outcomes.copy()
    more[panel.treated, panel.first :] += 25
    moved = replace(panel, outcomes=more)
    plain = effect_in_time(panel, augmented_control(panel))
    shifted = effect_in_time(moved, augmented_control(moved))
    ends = (shifted.value - 25, shifted.lower - 25, shifted.upper - 25)
    assert ends == pytest.approx((plain.value, plain.lower, plain.upper), abs=1e-6)


def test_too_few_periods_for_a_shift_are_refused_or_taken_by_folds() -> None:
    panel, _ = Regions(count=10, periods=13, after=4).draw(1)
    with pytest.raises(UndefinedError, match="fewer than 20 periods"):
        effect_in_time(panel, augmented_control(panel))
    assert effect_of(panel, augmented_control(panel)) == effect_by_folds(panel)
    with pytest.raises(UndefinedError, match="fewer than 9 periods before"):
        effect_by_folds(replace(panel, first=8))


def test_the_placebo_in_space_is_a_permutation_test_of_exact_level() -> None:
    # Treated by lot among 20 alike: each of the 20 ranks is as likely as any other.
    rng = np.random.default_rng(8)
    p_values = []
    for _ in range(200):
        outcomes = rng.normal(100, 10, (20, 30))
        panel = Panel(tuple(map(str, range(20))), outcomes, np.arange(20) == 0, 20)
        p_values.append(placebo_in_space(panel, penalty=1e12).p_value)
    ranks = np.array(p_values) * 20
    assert ranks == pytest.approx(ranks.round())
    assert np.mean(ranks <= 1.5) == pytest.approx(0.05, abs=0.04)
    assert np.mean(ranks <= 10.5) == pytest.approx(0.5, abs=0.1)


def test_of_many_sets_of_regions_a_seeded_sample_is_tried() -> None:
    panel, _ = Regions(count=30, treated=4, effect=0.5).draw(2)
    once, again = (placebo_in_space(panel, 1e6) for _ in range(2))
    assert len(once.others) == 500
    assert (once.others == again.others).all()
    assert once.p_value < 0.01


def test_a_start_that_never_was_has_no_effect_unless_the_regions_went_their_own_way() -> None:
    panel, _ = Regions(count=20, treated=3, periods=80, after=20).draw(3)
    assert placebo_in_time(panel).p_value > 0.05
    early = panel.outcomes.copy()
    early[panel.treated, 45:] *= 2
    assert placebo_in_time(replace(panel, outcomes=early)).p_value < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("regions", "finds"),
    [(Regions(), (0.0, 0.09)), (Regions(effect=0.2), (0.8, 1.0))],
    ids=["no effect", "effect"],
)
def test_intervals_cover_the_truth_and_alarms_are_as_rare_as_promised(
    regions: Regions, finds: tuple[float, float]
) -> None:
    found = []
    for seed in range(120):
        panel, truth = regions.draw(seed)
        one = effect_in_time(panel, augmented_control(panel))
        found.append((one.lower <= truth <= one.upper, one.p_value <= LEVEL, one.value - truth))
    covers, alarms, errors = np.array(found, float).mean(axis=0)
    # So few leave a coverage uncertain by 2 points; the benchmark has a thousand.
    assert 0.91 <= covers <= 0.99
    assert finds[0] <= alarms <= finds[1]
    assert abs(errors) < 0.4
