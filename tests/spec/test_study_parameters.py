"""A study's parameters: checked before anything runs, and every mistake named."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from cleanroom.agreement import StudyKind
from cleanroom.errors import ExitCode, StudyError
from cleanroom.study import (
    ConversionStudy,
    LiftStudy,
    parse_study,
    study_digest,
    to_parameters,
)

CONVERSION = {"merchant": "M01", "start": "2026-04-01", "end": "2026-05-30"}
LIFT = {**CONVERSION, "study": "holdout-M01"}


def complaint(kind: StudyKind, parameters: dict[str, Any]) -> str:
    with pytest.raises(StudyError) as caught:
        parse_study(kind, parameters)
    assert caught.value.exit_code is ExitCode.STUDY
    return caught.value.problem


def test_a_conversion_study_names_a_merchant_and_a_period() -> None:
    study = parse_study(StudyKind.CONVERSION, CONVERSION)
    assert study == ConversionStudy(merchant="M01", start=date(2026, 4, 1), end=date(2026, 5, 30))


def test_a_lift_study_names_its_assignment_and_has_defaults() -> None:
    study = parse_study(StudyKind.LIFT, LIFT)
    assert isinstance(study, LiftStudy)
    assert (study.study, study.population) == ("holdout-M01", "linked_panel")
    assert (study.planned_treated_share, study.max_amount) == (0.5, 500_000)


def test_dates_may_be_given_as_dates_and_last_one_day() -> None:
    day = date(2026, 4, 1)
    study = parse_study(StudyKind.CONVERSION, {"merchant": "M01", "start": day, "end": day})
    assert (study.start, study.end) == (day, day)


@pytest.mark.parametrize(("kind", "given"), [("conversion", CONVERSION), ("lift", LIFT)])
def test_parameters_come_back_as_they_were_given(kind: str, given: dict[str, Any]) -> None:
    study = parse_study(StudyKind(kind), given)
    parameters = to_parameters(study)
    assert parameters == {**parameters, **given}
    assert parse_study(StudyKind(kind), parameters) == study


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("max_amout", "'max_amout': did you mean 'max_amount'?"),
        ("merchnt", "'merchnt': did you mean 'merchant'?"),
        ("kind", "'kind': known: "),
        ("threshold", "'threshold': known: "),
    ],
)
def test_a_misspelt_parameter_is_an_error(name: str, words: str) -> None:
    found = complaint(StudyKind.LIFT, {**LIFT, name: 3})
    assert found.startswith("The lift study has no such parameter: ")
    assert words in found


def test_a_conversion_study_has_no_parameters_of_a_lift_study() -> None:
    assert "'study': known: channel, end, merchant, start, " in complaint(
        StudyKind.CONVERSION, LIFT
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"merchant": 7}, "merchant: Input should be a valid string"),
        ({"merchant": ""}, "merchant: String should have at least 1 character"),
        ({"start": "April"}, "start: Input should be a valid date"),
        ({"start": 20260401}, "start: Input should be a valid date"),
        ({"end": "2026-03-31"}, "end: lies before start."),
        ({"study": None}, "study: Input should be a valid string"),
        ({"population": "everybody"}, "population: Input should be 'linked_panel' or"),
        ({"planned_treated_share": 0}, "planned_treated_share: Input should be greater than 0"),
        ({"planned_treated_share": 1.0}, "planned_treated_share: Input should be less than 1"),
        ({"planned_treated_share": "0.5"}, "planned_treated_share: Input should be a valid number"),
        ({"planned_treated_share": float("nan")}, "planned_treated_share: Input should be a"),
        ({"max_amount": 0.5}, "max_amount: Input should be a valid integer"),
        ({"max_amount": True}, "max_amount: Input should be a valid integer"),
    ],
)
def test_a_wrong_value_is_told_by_its_name(changes: dict[str, Any], words: str) -> None:
    assert words in complaint(StudyKind.LIFT, {**LIFT, **changes})


def test_every_wrong_parameter_is_told_at_once() -> None:
    words = complaint(StudyKind.LIFT, {"merchant": 7, "start": "x", "end": "2026-05-30"})
    assert [part.split(":")[0] for part in words.split("wrong: ")[1].split("; ")] == [
        "merchant",
        "start",
        "study",
    ]


def test_a_study_is_frozen() -> None:
    study = parse_study(StudyKind.LIFT, LIFT)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(study, "merchant", "M02")  # noqa: B010 - mypy already forbids the plain form


def test_equal_studies_have_equal_digests_and_others_have_not() -> None:
    lift = parse_study(StudyKind.LIFT, LIFT)
    spelt_out = parse_study(StudyKind.LIFT, {**LIFT, "max_amount": 500_000})
    assert study_digest(lift) == study_digest(spelt_out)
    others = [
        parse_study(StudyKind.CONVERSION, CONVERSION),
        parse_study(StudyKind.LIFT, {**LIFT, "merchant": "M02"}),
        parse_study(StudyKind.LIFT, {**LIFT, "max_amount": 400_000}),
    ]
    assert len({study_digest(study) for study in (lift, *others)}) == 4
