"""A schedule for reports that come again: what is chosen, and that no two runs come too close."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from cleanroom.agreement import Agreement, StudyKind, load
from cleanroom.bench.schedule import (
    LONGEST,
    Every,
    Expectation,
    Run,
    Schedule,
    Wanted,
    schedule,
)
from cleanroom.bench.schedule_words import explained, write_runs
from cleanroom.bench.settings import RunSettings, load_as, load_settings, study_for
from cleanroom.errors import StudyError
from cleanroom.noise import Noise
from cleanroom.policy import Policy, strictest
from cleanroom.study import ConversionStudy

ROOT = Path(__file__).resolve().parents[2]
AGREEMENT = load(ROOT / "configs" / "red-cat-plan.yaml")
FIRST = date(2026, 6, 1)
DAYS = {"start": "2026-05-01", "end": "2026-05-30"}
CONVERSION = RunSettings(studies={StudyKind.CONVERSION: DAYS})
REGULARS = 0.2


def planned(
    people: float = 300, converters: float = 12, regulars: float = REGULARS, **wanted: Any
) -> Schedule:
    expected = Expectation(people, converters, regulars)
    return schedule(AGREEMENT, CONVERSION, expected, Wanted(**{"first": FIRST, **wanted}))


# A world as the operator expects it. By cell, the people of each day: a pool of regulars who are
# there every day, and others who come once.

Cells = dict[str, list[BitMap]]
SHARES = {"click": 1.0, "visit": 0.6, "purchase": 0.2, "refund": 0.05}


def world(people: float, days: int, seed: int) -> Cells:
    rng, following = np.random.default_rng(seed), 1_000_000
    found: Cells = defaultdict(list)
    for _ in range(days):
        once = rng.poisson(people * (1 - REGULARS))
        order = rng.permutation(once) + following
        following += once
        for cell, share in SHARES.items():
            regulars = range(round(people * REGULARS * share))
            found[cell].append(BitMap(regulars) | BitMap(order[: round(once * share)]))
    return found


def released(cells: Cells, runs: Iterable[Run], policy: Policy) -> list[dict[str, BitMap]]:
    """By run, the people behind each cell that leaves."""
    found = []
    for run in runs:
        days = slice((run.start - FIRST).days, (run.end - FIRST).days + 1)
        own = {cell: BitMap.union(*daily[days]) for cell, daily in cells.items()}
        base = len(own["click"])
        found.append(
            {
                cell: those
                for cell, those in own.items()
                if base >= policy.min_people
                and (cell == "click" or min(len(those), base - len(those)) >= policy.min_converters)
            }
        )
    return found


def closest(told: list[dict[str, BitMap]]) -> int:
    """The fewest people, but not nobody, by whom two cells of two runs differ."""
    pairs = (
        len(one ^ two)
        for these, those in combinations(told, 2)
        for one in these.values()
        for two in those.values()
    )
    return min(number for number in pairs if number)


NAIVE = [Run(FIRST, FIRST + timedelta(days=n), FIRST + timedelta(days=n + 29)) for n in range(60)]


@pytest.mark.parametrize(
    ("people", "every", "window", "step"),
    [
        pytest.param(600, Every.DAY, 0, 1, id="every day, that day"),
        pytest.param(600, Every.DAY, 30, 1, id="every day, the last thirty"),
        pytest.param(60, Every.DAY, 0, 6, id="days are too few"),
        pytest.param(60, Every.WEEK, 28, 7, id="every week, the last four"),
    ],
)
def test_sixty_runs_of_a_schedule_never_come_too_close(
    people: int, every: Every, window: int, step: int
) -> None:
    plan = planned(people, people * SHARES["purchase"], every=every, runs=60, window_days=window)
    assert plan.step == step
    days = (plan.runs[-1].end - FIRST).days + 1
    for seed in range(3):
        told = released(world(people, days, seed), plan.runs, plan.policy)
        assert all({"click", "purchase"} <= run.keys() for run in told)
        assert closest(told) >= AGREEMENT.policy.min_people


def test_thirty_days_that_slide_by_a_day_come_too_close() -> None:
    """The naive schedule, under the agreement's rules alone, with as many people."""
    for people in (60, 100):
        told = released(world(people, 90, seed=1), NAIVE, AGREEMENT.policy)
        assert 0 < closest(told) < AGREEMENT.policy.min_people


def test_without_the_stricter_rules_what_is_rare_would_come_too_close() -> None:
    plan = planned(60, 12, every=Every.DAY, runs=60)
    days = (plan.runs[-1].end - FIRST).days + 1
    told = released(world(60, days, seed=1), plan.runs, AGREEMENT.policy)
    assert 0 < closest(told) < AGREEMENT.policy.min_people


def test_a_window_is_asked_when_nothing_that_counts_in_it_is_still_to_come() -> None:
    """Orders follow clicks by up to the attribution window, refunds orders, rows both."""
    wanted = Wanted(first=FIRST, refund_days=20, late_days=3)
    plan = schedule(AGREEMENT, CONVERSION, Expectation(300, 12, 0.2), wanted)
    rng, changes = np.random.default_rng(1), []
    for run in plan.runs:
        click = run.end - timedelta(days=int(rng.integers(0, plan.window)))
        order = click + timedelta(days=int(rng.integers(0, 16)))  # the agreement's 15
        refund = order + timedelta(days=int(rng.integers(0, 21)))
        handed_over = refund + timedelta(days=int(rng.integers(0, 4)))
        assert handed_over < run.on
        changes.append(handed_over > run.end)
    assert any(changes), "asked at its end, a window would still change"


schedules = st.builds(
    lambda converters, more, regulars, every, runs, window: planned(
        converters * more, converters, regulars, every=every, runs=runs, window_days=window
    ),
    st.floats(5, 500),
    st.floats(4, 50),
    st.floats(0, 0.6),
    st.sampled_from(Every),
    st.integers(1, 30),
    st.integers(0, 40),
)


@given(schedules)
def test_windows_are_whole_steps_and_follow_each_other(plan: Schedule) -> None:
    assert plan.window % plan.step == 0
    for run in plan.runs:
        assert (run.end - run.start).days + 1 == plan.window
        assert (run.on - run.end).days == plan.costs.delay
    for one, two in zip(plan.runs, plan.runs[1:], strict=False):
        assert (two.start - one.start).days == (two.on - one.on).days == plan.step


@given(schedules)
def test_a_schedule_s_rules_are_the_agreement_s_or_stricter(plan: Schedule) -> None:
    assert strictest(plan.policy, AGREEMENT.policy) == plan.policy


def test_equal_inputs_give_equal_schedules_and_fewer_people_longer_steps() -> None:
    assert planned() == planned()
    steps = [planned(people, people / 25, every=Every.DAY).step for people in (3_000, 300, 100)]
    assert steps == sorted(steps)
    assert len(set(steps)) == 3


def test_every_run_has_settings_that_a_run_takes(tmp_path: Path) -> None:
    settings = load_settings(ROOT / "configs" / "red-cat-plan.run.yaml")
    wanted = load_as(Wanted, ROOT / "configs" / "red-cat-plan.schedule.yaml")
    assert wanted.stated is not None
    plan = schedule(AGREEMENT, settings, wanted.stated, wanted)
    files = write_runs(plan, tmp_path)
    assert [file.name for file in files] == [f"run-{run.on}.yaml" for run in plan.runs]
    for file, run in zip(files, plan.runs, strict=True):
        read = load_settings(file)
        assert read.policy == plan.policy
        assert (read.workers, {*read.studies}) == (settings.workers, {*settings.studies})
        study = study_for(read, StudyKind.CONVERSION, "M01")
        assert study == ConversionStudy(merchant="M01", start=run.start, end=run.end)


def test_it_says_what_was_chosen_why_and_what_it_costs() -> None:
    expected = Expectation(300, 12, REGULARS)
    words = "\n".join(explained(planned(), AGREEMENT.policy, expected))
    assert "Windows: 7 days each, one after the other; the first 2026-06-01 to 2026-06-07." in words
    assert "Runs: 8, every 7 days, from 2026-07-25 to 2026-09-12." in words
    assert "min_converters 32" in words
    assert "changes by about 134 people from window to window, where 50 have to" in words
    assert "slides by a day would change by about 19" in words
    assert "Delay: 48 days" in words
    assert "Run each file once" in words
    sliding = planned(window_days=30, every=Every.DAY)
    words = "\n".join(explained(sliding, AGREEMENT.policy, expected))
    assert "32 days each, a new one every 4" in words
    assert "Rounding: base_5" in words


def test_too_few_people_for_any_schedule_are_refused() -> None:
    with pytest.raises(StudyError, match=f"Even {LONGEST} days"):
        planned(2, 0.1)


def test_a_schedule_that_outlives_the_agreement_is_refused() -> None:
    with pytest.raises(StudyError, match="the agreement ends on 2035-12-31"):
        planned(first=date(2035, 10, 1))


def noisy(**noise: Any) -> Agreement:
    policy = AGREEMENT.policy.model_copy(update={"noise": Noise(**noise)})
    return AGREEMENT.model_copy(update={"policy": policy})


def test_under_noise_a_step_is_as_long_as_the_budget_needs() -> None:
    wanted = Wanted(first=FIRST, every=Every.DAY, runs=5, merchants=2)
    expected = Expectation(5_000, 500, REGULARS)
    steps = {}
    for deviation in (10.0, 20.0):
        agreement = noisy(epsilon=6.0, standard_deviation=deviation, horizon_days=90)
        plan = schedule(agreement, CONVERSION, expected, wanted)
        assert plan.costs.budget is not None
        assert plan.costs.budget * -(-90 // plan.step) <= 1
        assert plan.costs.budget * -(-90 // max(plan.step - 1, 1)) > 1 or plan.step == 1
        steps[deviation] = plan.step
        assert plan.policy == agreement.policy
        words = explained(plan, agreement.policy, expected)
        assert any(line.startswith("Privacy budget: ") for line in words)
    assert steps[10.0] > steps[20.0]
