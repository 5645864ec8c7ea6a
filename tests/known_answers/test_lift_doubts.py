"""A lift with all its tables: what each says, and the doubts that each raises."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import pytest

from cleanroom.borders import Findings, Verdict
from cleanroom.studies.intervals import Proportion
from cleanroom.studies.lift_doubts import Circumstances
from cleanroom.studies.score import difference_of_proportions
from tests.known_answers.examples import (
    Arm,
    Prior,
    exposure_rows,
    lift_with,
    part_rows,
    prior_rows,
    week_rows,
    whole_lift,
)
from tests.known_answers.simulated import ESTIMATORS, PLANTED, SOUND, looked_at, replicate, verdicts

FOUND = whole_lift()
TREATED = Arm(30_000, 30_000, 1_200, 2.4e7, 6e11)
HOLDOUT = Arm(30_000, 30_000, 900, 1.8e7, 4.5e11)


def value(name: str, found: Findings = FOUND) -> float:
    estimate = found.estimates[name]
    assert estimate.value is not None, estimate.withheld
    return estimate.value


def verdict(found: Findings, name: str) -> Verdict:
    return found.checks[name].verdict


def test_money_is_the_cost_over_what_was_added_and_the_reverse() -> None:
    cost, buyers = value("cost_treated"), FOUND.estimates["incremental_conversions"]
    each = FOUND.estimates["cost_per_incremental_conversion"]
    assert each.value == pytest.approx(cost / value("incremental_conversions"))
    assert (each.lower, each.upper) == pytest.approx(
        (cost / (buyers.upper or 0), cost / (buyers.lower or 0))
    )
    added = value("incremental_conversion_value")
    assert value("incremental_conversion_value_per_cost") == pytest.approx(added / cost)
    assert "2.00 for each unit of cost" in FOUND.summary[2]


def test_what_one_buyer_cost_is_not_defined_where_none_was_shown_to_be_added() -> None:
    exposure = exposure_rows(HOLDOUT, (20_000, 700, 1.4e7), 3e6, 30_000, 12)
    found = lift_with(HOLDOUT._replace(converters=910), HOLDOUT, exposure=exposure)
    estimate = found.estimates["cost_per_incremental_conversion"]
    assert estimate.value is None
    assert "that the campaign added buyers was not shown" in (estimate.withheld or "")
    assert value("incremental_conversion_value_per_cost", found) == pytest.approx(0, abs=1)


def test_the_effect_on_those_shown_is_the_lift_over_the_share_shown() -> None:
    few = whole_lift(reached=0)  # so few that the number was withheld
    shown = value("absolute_lift", few) / value("exposed_share", few)
    assert value("effect_on_exposed", few) == pytest.approx(shown)
    with_leak = value("absolute_lift") / (value("exposed_share") - 12 / 30_000)
    assert value("effect_on_exposed") == pytest.approx(with_leak)


def test_what_was_cut_off_is_added_back_without_an_interval() -> None:
    uncut = FOUND.estimates["amount_lift_uncut"]
    assert uncut.value == pytest.approx(value("amount_lift"))  # as much was cut off in both arms
    assert uncut.lower is None


def test_the_lift_so_far_grows_week_by_week_to_the_study_s() -> None:
    first = difference_of_proportions(Proportion(700, 30_000), Proportion(500, 30_000))
    assert value("absolute_lift_until_week_01") == pytest.approx(first.value)
    for part in ("value", "lower", "upper"):
        last = getattr(FOUND.estimates["absolute_lift_until_week_02"], part)
        assert last == pytest.approx(getattr(FOUND.estimates["absolute_lift"], part))


def test_each_segment_has_its_lift_and_all_are_asked_whether_they_differ() -> None:
    assert value("absolute_lift_customer_new") == pytest.approx(100 / 20_000)
    assert value("absolute_lift_customer_existing") == pytest.approx(200 / 10_000)
    assert value("customers_interaction_p_value") < 0.001
    assert value("regions_interaction_p_value") == pytest.approx(
        value("customers_interaction_p_value")
    )
    weighed = (2 * 0.005 + 0.02) / 3
    assert value("absolute_lift_post_stratified") == pytest.approx(weighed)


def prior(buyers: int, mean: float) -> Prior:
    return Prior(buyers, mean * buyers, 2 * mean**2 * buyers, 1e6, 1e10)


@pytest.mark.parametrize(
    ("treated", "words"),
    [
        (prior(15_600, 8_000), "who had bought before sets the arms apart the most"),
        (prior(15_000, 8_400), "what was spent before sets the arms apart the most"),
    ],
)
def test_arms_that_differed_before_the_assignment_forbid_the_estimate(
    treated: Prior, words: str
) -> None:
    rows = [
        *prior_rows("treated", 30_000, treated),
        *prior_rows("holdout", 30_000, prior(15_000, 8_000)),
    ]
    found = lift_with(TREATED, HOLDOUT, prior=rows)
    assert verdict(found, "prior_equal") is Verdict.FAILED
    assert words in found.checks["prior_equal"].words.lower()
    assert "must not be used: the arms differed before anybody was assigned" in found.summary[0]
    assert "grade A" not in " ".join(found.summary)


def test_a_leak_that_weakens_the_effect_is_found_and_said_by_how_much() -> None:
    few, many = whole_lift(reached=0), whole_lift(reached=3_000)
    for name in ("no_contaminated", "no_by_shared_link"):
        assert verdict(few, name) is Verdict.PASSED
        assert "so few of the holdout" in few.checks[name].words.lower()
        assert verdict(FOUND, name) is Verdict.PASSED
        assert verdict(many, name) is Verdict.FAILED
        assert "understated by about 15.0%" in many.checks[name].words
    assert "grade A" in many.summary[0]  # intention to treat it still is


def test_an_effect_of_the_first_week_alone_is_found() -> None:
    weeks = week_rows((30_000, 30_000), {"week_01": (800, 500), "week_02": (400, 400)})
    found = lift_with(TREATED, HOLDOUT, weeks=weeks)
    assert verdict(found, "lasting") is Verdict.FAILED
    assert verdict(FOUND, "lasting") is Verdict.PASSED


def test_days_that_are_not_over_are_told() -> None:
    running = whole_lift(about=Circumstances(1, complete=False))
    assert verdict(running, "windows_closed") is Verdict.FAILED
    assert "the effect so far" in running.checks["windows_closed"].words
    assert verdict(FOUND, "windows_closed") is Verdict.PASSED


def test_an_effect_that_only_one_look_shows_is_marked_at_the_second() -> None:
    treated = TREATED._replace(converters=1_000)
    alone, again = (lift_with(treated, HOLDOUT, about=Circumstances(looks)) for looks in (1, 2))
    assert verdict(alone, "multiple_looks") is Verdict.PASSED
    assert verdict(again, "multiple_looks") is Verdict.FAILED
    assert "does not hold at every look" in again.summary[0]
    assert "does not hold" not in alone.summary[0]
    assert verdict(FOUND, "multiple_looks") is Verdict.PASSED


def test_if_one_part_of_a_whole_is_withheld_all_parts_are() -> None:
    small = Arm(30_000, 10_000, 4, 8e4, 2e9)
    parts = {"new": (TREATED, HOLDOUT), "existing": (small, small)}
    weeks = week_rows((30_000, 30_000), {"week_01": (1_196, 896), "week_02": (4, 4)})
    found = lift_with(TREATED, HOLDOUT, customers=part_rows(parts), weeks=weeks)
    for name in ("absolute_lift_customer_new", "absolute_lift_until_week_01"):
        assert found.estimates[name].value is None
    # Without table of parts, nothing gives a part away, and the study stands.
    assert value("absolute_lift", found) == pytest.approx(0.01)


def test_small_simulated_studies_hold_what_a_thousand_do() -> None:
    """`python -m benchmarks lift_coverage` prints the same of 1,000 studies and more."""
    world, studies = replace(SOUND, lift=0.015), 150
    error = sqrt(0.95 * 0.05 / studies)
    for name, found in replicate(world, studies).items():
        truth = world.truth(name)
        assert abs(found.coverage(truth) - 0.95) < 3 * error, name
        spread = float(found.values.std()) / sqrt(studies)
        assert abs(found.bias(truth)) < 3.5 * spread, name
    assert len(ESTIMATORS) == 11


@pytest.mark.parametrize(
    ("violation", "check", "least"),
    [
        ("sample-ratio mismatch", "sample_ratio", 0.7),
        ("imbalance", "prior_equal", 0.6),
        ("unequal linked shares", "linked_share_equal", 0.6),
        ("contamination", "no_contaminated", 1.0),
        ("novelty", "lasting", 0.95),
    ],
)
def test_a_planted_violation_is_found_and_a_sound_study_passes(
    violation: str, check: str, least: float
) -> None:
    planted, sound = (
        [one[check] for one in verdicts(world, 50)] for world in (PLANTED[violation], SOUND)
    )
    assert planted.count("failed") >= least * 50
    assert sound.count("failed") <= 3


def test_sixty_looks_mislead_the_usual_interval_and_not_the_one_for_every_look() -> None:
    naive, valid = looked_at(200, seed=3)
    assert naive > 0.2
    assert valid <= 0.03
