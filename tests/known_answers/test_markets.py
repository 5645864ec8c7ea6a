"""The planner of regional tests: what it recommends, what it does not, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.markets import choose_markets
from tests.known_answers.regions import Regions

WORLD = Regions(count=12, treated=2, periods=60, after=10)


def test_larger_effects_are_found_more_often_and_the_least_is_found_four_times_in_five() -> None:
    panel, _ = WORLD.draw(11)
    plan = choose_markets(panel.regions, panel.outcomes, 2, 10, (0.05, 0.2, 0.5))
    shares = list(plan.power.values())
    assert shares == sorted(shares)
    assert plan.least is not None
    assert plan.power[plan.least] >= 0.8
    assert max(share for effect, share in plan.power.items() if effect < plan.least) < 0.8


def test_regions_that_go_their_own_way_come_behind() -> None:
    panel, _ = WORLD.draw(12)
    history = panel.outcomes.copy()
    history[[0, 1]] *= 1 + 0.8 * np.sin(np.arange(60) / 6)  # alike each other, unlike all others
    plan = choose_markets(panel.regions, history, 2, 10, (0.3,))
    regions = [candidate.regions for candidate in plan.candidates]
    assert regions.index(("R00", "R01")) > len(regions) / 2


@pytest.mark.parametrize(("size", "length"), [(2, 31), (11, 5)])
def test_too_short_a_history_and_too_few_regions_are_refused(size: int, length: int) -> None:
    panel, _ = WORLD.draw(1)
    with pytest.raises(UndefinedError, match="history is shorter"):
        choose_markets(panel.regions, panel.outcomes, size, length)
