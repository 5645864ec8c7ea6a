"""The observational study's sentences, checks and estimates, from released numbers alone."""

from __future__ import annotations

import pytest

from cleanroom.absences import Absence
from cleanroom.borders import SHARE, Findings, Verdict
from cleanroom.studies import observational
from cleanroom.studies.observational_checks import DECISIVE, REASONS, credibility
from tests.factories import protected
from tests.known_answers.observational_examples import STUDY, Key, observational_of, tables

PLACEBO: Key = ("bought_before", "both", "adjusted")


def verdict(found: Findings) -> str:
    return credibility(found.estimates, found.checks)[0].value


def test_a_sound_study_is_credible_and_says_its_grade_first() -> None:
    found = observational_of()
    assert verdict(found) == "credible"
    assert {check.verdict for check in found.checks.values()} == {Verdict.PASSED}
    assert found.summary[0] == (
        "Credible (evidence grade C): the 5,000 people exposed include about 62 more buyers than "
        "comparable people would (95% interval 38 to 87)."
    )
    assert "nobody was held out by chance" in found.summary[1]
    assert "counting at most ¥5,000 a person" in found.summary[2]


@pytest.mark.parametrize(
    ("changes", "check", "comes_to"),
    [
        ({"design": {("comparable", "effective_before"): 90}}, "enough_comparable", "do not use"),
        ({"design": {("comparable", "effective"): 90}}, "enough_comparable", "do not use"),
        ({"design": {("exposed", "people"): 90}}, "enough_comparable", "do not use"),
        ({"comparison": {PLACEBO: 0.008}}, "placebo_period", "do not use"),
        (
            {"comparison": {("bought_elsewhere", "both", "adjusted"): 0.008}},
            "negative_control",
            "weak",
        ),
        ({"balance": {("region", "after"): -0.12}}, "balance", "weak"),
        ({"design": {("exposed", "set_aside"): 0.15}}, "overlap", "weak"),
        ({"comparison": {("bought", "both", "adjusted"): 0.0055}}, "sensitivity", "weak"),
    ],
)
def test_a_failed_check_costs_the_verdict_and_is_the_reason(
    changes: dict[str, dict[Key, float | None]], check: str, comes_to: str
) -> None:
    found = observational_of(**changes)
    failed = [name for name, one in found.checks.items() if one.verdict is Verdict.FAILED]
    assert check in failed
    assert verdict(found) == comes_to
    assert REASONS[check] in found.summary[0]
    if comes_to == "do not use":
        assert check in DECISIVE
        assert "no effect is estimated" in found.summary[0]
        assert "none is estimated" in found.summary[2]


def test_a_check_that_was_withheld_makes_the_evidence_weak() -> None:
    found = observational_of(comparison={PLACEBO: None})
    assert found.checks["placebo_period"].verdict is Verdict.UNKNOWN
    assert verdict(found) == "weak"
    assert "could not be checked" in found.summary[0]


def test_an_effect_that_is_withheld_is_not_stated() -> None:
    found = observational_of(comparison={("bought", "both", "adjusted"): None})
    assert found.estimates["absolute_lift"].absence is Absence.WITHHELD
    assert found.summary[0].startswith("No effect on buying can be stated (evidence grade C)")


def test_a_refused_effect_is_no_data_and_the_study_must_not_be_used() -> None:
    given = tables()
    cells = [
        ("bought", "both", name, None, SHARE, None, None, None, "refused")
        for name in ("adjusted", "adjusted_error")
    ]
    refused = {**given, "comparison": protected("comparison", ("outcome", "arm"), cells)}
    found = observational.findings(refused, STUDY, "CNY")
    assert found.estimates["absolute_lift"].absence is Absence.NO_DATA
    assert "refused to estimate" in (found.estimates["absolute_lift"].withheld or "")
    assert verdict(found) == "do not use"


def test_effects_are_released_numbers_with_their_normal_intervals() -> None:
    found = observational_of().estimates
    lift = found["absolute_lift"]
    assert (lift.value, lift.unit) == (0.0125, SHARE)
    assert lift.lower == pytest.approx(0.0125 - 1.959964 * 0.0025)
    assert found["incremental_conversions_p_value"].value == pytest.approx(
        5.733e-7, rel=1e-3
    )  # z = 5
    assert found["incremental_conversions"].value == pytest.approx(62.5)
    # 3.2 % bought; without 1.95 % would have.
    assert found["relative_conversion_lift"].value == pytest.approx(0.032 / 0.0195 - 1)
    ratio = 0.032 / 0.0195
    assert found["e_value"].value == pytest.approx(ratio + (ratio * (ratio - 1)) ** 0.5)
    assert found["imbalance_before"].value == 0.4
    assert found["segments_p_value"].value == pytest.approx(0.00468, rel=0.01)  # z = 2√2


def test_rounded_effects_have_wider_intervals() -> None:
    rows = [
        ("bought", "both", "adjusted", 0.0125, SHARE, None, 0.01225, 0.01275),
        ("bought", "both", "adjusted_error", 0.0025, SHARE, None, 0.002, 0.0025),
    ]
    given = {**tables(), "comparison": protected("comparison", ("outcome", "arm"), rows)}
    found = observational.findings(given, STUDY, "CNY").estimates["absolute_lift"]
    assert found.lower == pytest.approx(0.01225 - 1.959964 * 0.0025)
    assert found.upper == pytest.approx(0.01275 + 1.959964 * 0.0025)
    assert found.rounding == pytest.approx(0.00025)
