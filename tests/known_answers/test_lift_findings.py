"""The lift study's verdicts: claimed only where shown, refused where the experiment is broken."""

from __future__ import annotations

import re
from datetime import date
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, Findings, Verdict
from cleanroom.errors import StudyError
from cleanroom.studies import lift
from cleanroom.study import LiftStudy
from tests.factories import protected
from tests.known_answers.examples import Arm, lift_of, lift_study

MEASURES = {
    "assigned": PEOPLE,
    "people": PEOPLE,
    "converters": PEOPLE,
    "amount": MONEY,
    "amount_squared": MONEY_SQUARED,
}


def arm(assigned: int, people: int, converters: int) -> Arm:
    """Each buyer spent 200 yuan, give or take 100 a half of them."""
    spent, squares = 20_000 * converters, (10_000**2 + 30_000**2) / 2 * converters
    return Arm(assigned, people, converters, spent, squares)


HOLDOUT = arm(49_100, 30_200, 1_204)
MORE = arm(49_000, 30_120, 1_612)
SAME = arm(49_000, 30_120, 1_212)
FEWER = arm(49_000, 30_120, 1_002)


def test_an_effect_is_claimed_with_its_interval_grade_population_and_money() -> None:
    verdict, population, money = lift_of(MORE, HOLDOUT).summary
    assert verdict == (
        "The notes caused about 411 additional buyers among the 30,120 people studied who were "
        "assigned to see them (95% interval 310 to 513): evidence grade A, randomised holdout."
    )
    assert "linked to the store (61.5% of the treated arm, 61.5% of the holdout)" in population
    assert "intention to treat" in population
    assert re.fullmatch(
        r"Because of the notes, about ¥82,238 more was spent \(95% interval ¥[\d,]+ to ¥[\d,]+\), "
        r"counting at most ¥5,000 a person\.",
        money,
    )


def test_a_loss_is_told_as_a_loss() -> None:
    verdict, _, money = lift_of(FEWER, HOLDOUT).summary
    assert "led to about 199 fewer buyers" in verdict
    assert "(95% interval 109 to 289)" in verdict
    assert "less was spent" in money


def test_where_the_interval_includes_zero_no_effect_is_claimed() -> None:
    found = lift_of(SAME, HOLDOUT)
    assert found.summary[0].startswith("No effect of the notes on buying could be shown")
    assert "(estimate 11, 95% interval −83 to 106)" in found.summary[0]
    assert found.summary[2].startswith("No effect of the notes on the amount spent could be shown")
    assert found.checks["enough_data"].verdict is Verdict.PASSED
    assert "rules out a lift beyond 10%" in found.checks["enough_data"].words


def test_a_small_study_without_a_finding_does_not_pass_for_proof_of_no_effect() -> None:
    found = lift_of(arm(490, 301, 15), arm(491, 302, 12))
    assert found.checks["enough_data"].verdict is Verdict.FAILED
    assert "does not rule out" in found.checks["enough_data"].words
    assert "too small to rule out one that matters" in found.summary[0]


def test_a_lucky_draw_is_said_to_be_overstated() -> None:
    found = lift_of(arm(1_000, 700, 34), arm(1_000, 700, 17))
    assert found.estimates["incremental_conversions_p_value"].value == pytest.approx(
        0.0153, abs=5e-5
    )
    assert "the size is likely overstated" in found.checks["enough_data"].words


@pytest.mark.parametrize(
    ("treated", "check", "reason"),
    [
        (arm(50_500, 31_060, 1_700), "sample_ratio", "the arms do not have the planned sizes"),
        (arm(49_000, 30_900, 1_700), "linked_share_equal", "outcomes could not be seen alike"),
    ],
)
def test_arms_that_are_not_alike_make_the_estimate_unusable(
    treated: Arm, check: str, reason: str
) -> None:
    found = lift_of(treated, HOLDOUT)
    assert found.checks[check].verdict is Verdict.FAILED
    assert found.summary[0].startswith("The estimate of the effect must not be used: ")
    assert reason in found.summary[0]
    assert "must not be used either" in found.summary[2]
    assert "grade A" not in " ".join(found.summary)


def test_the_sample_ratio_is_held_against_the_planned_split() -> None:
    treated, holdout = arm(88_300, 54_000, 2_000), arm(9_800, 6_000, 200)
    assert lift_of(treated, holdout).checks["sample_ratio"].verdict is Verdict.FAILED
    planned = lift_of(treated, holdout, lift_study(planned=0.9)).checks["sample_ratio"]
    assert planned.verdict is Verdict.PASSED
    assert "where 90.00% were planned" in planned.words


def test_no_arm_is_told_of_if_the_other_has_too_few_buyers() -> None:
    found = lift_of(MORE, HOLDOUT._replace(converters=9))
    assert found.estimates["conversion_rate_treated"].value is None
    assert found.summary[0] == (
        "No effect on buying can be stated: the number of buyers in the treated arm and the "
        "number of buyers in the holdout arm were withheld by the disclosure rules."
    )
    assert found.checks["enough_data"].verdict is Verdict.UNKNOWN
    assert found.checks["sample_ratio"].verdict is Verdict.PASSED


def test_without_the_checks_there_is_no_grade() -> None:
    found = released(withheld={("treated", "assigned"), ("holdout", "assigned")})
    assert found.checks["sample_ratio"].verdict is Verdict.UNKNOWN
    assert found.summary[0].startswith("The notes caused about 411 additional buyers")
    assert found.summary[0].endswith(
        "no evidence grade, because not all of what makes the arms comparable could be checked."
    )


def test_a_shared_identifier_is_told_as_the_population() -> None:
    study = LiftStudy(
        merchant="m",
        start=date(2026, 5, 1),
        end=date(2026, 5, 30),
        study="s",
        population="shared_identifier",
    )
    assert "both platforms know by the same identifier" in lift_of(MORE, HOLDOUT, study).summary[1]


@pytest.mark.parametrize("treated", [MORE, SAME, FEWER])
def test_incremental_numbers_are_the_lifts_over_the_treated_people(treated: Arm) -> None:
    estimates = lift_of(treated, HOLDOUT).estimates
    pairs = [
        ("absolute_lift", "incremental_conversions"),
        ("amount_lift", "incremental_conversion_value"),
    ]
    for (per_person, total), part in product(pairs, ("value", "lower", "upper")):
        expected = getattr(estimates[per_person], part) * treated.people
        assert getattr(estimates[total], part) == pytest.approx(expected)


@settings(deadline=None)
@given(st.sets(st.sampled_from(sorted(product(("treated", "holdout"), MEASURES)))))
def test_whatever_is_withheld_nothing_is_made_up_and_every_sentence_is_whole(
    cells: set[tuple[str, str]],
) -> None:
    found = released(withheld=cells)
    for estimate in found.estimates.values():
        assert (estimate.value is None) is (estimate.withheld is not None)
    assert len(found.summary) == 3
    for sentence in [*found.summary, *(check.words for check in found.checks.values())]:
        assert re.fullmatch(r"[A-Z][^\n]*[^ ,;:]\.", sentence)
        assert not re.search(r"None|nan|  |\(\)| ,", sentence)


@settings(deadline=None)
@given(st.integers(10, 400), st.integers(10, 400), st.integers(500, 4_000))
def test_the_verdict_never_contradicts_the_p_value(bought: int, held: int, people: int) -> None:
    found = lift_of(arm(5_000, people, bought), arm(5_000, people, held))
    p_value = found.estimates["incremental_conversions_p_value"].value
    if p_value is None:
        assert found.summary[0].startswith("No effect on buying can be stated")
    else:
        claimed = (
            "additional buyers among" in found.summary[0] or "fewer buyers" in found.summary[0]
        )
        assert claimed is (p_value < 0.05)


def test_a_missing_table_is_an_error_that_names_it() -> None:
    with pytest.raises(StudyError, match="'arms'"):
        lift.findings({}, lift_study(), "CNY")


def released(withheld: set[tuple[str, str]]) -> Findings:
    """The study MORE against HOLDOUT with some cells (arm, measure) withheld."""
    rows = [
        (name, measure, None if (name, measure) in withheld else float(value), unit)
        for name, numbers in (("treated", MORE), ("holdout", HOLDOUT))
        for (measure, unit), value in zip(MEASURES.items(), numbers, strict=True)
    ]
    return lift.findings({"arms": protected("arms", ("arm",), rows)}, lift_study(), "CNY")
