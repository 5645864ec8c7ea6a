"""Evidence grades: four letters, best first, each with its design and what it can show."""

from __future__ import annotations

from cleanroom.evidence import Grade, graded


def test_grades_are_a_to_d_from_chance_to_credit() -> None:
    assert [*Grade] == ["A", "B", "C", "D"]
    assert graded(Grade.RANDOMISED) == "evidence grade A, randomised holdout"


def test_each_grade_says_what_may_be_concluded() -> None:
    told = [(grade.design, grade.meaning) for grade in Grade]
    assert len(set(told)) == len(Grade)
    assert all("effect" in meaning or "anyway" in meaning for _, meaning in told)
