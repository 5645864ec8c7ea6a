"""The spillover study counts as published formulas do, and never calls what it finds an effect."""

from __future__ import annotations

from datetime import date

import pytest

from cleanroom.borders import PEOPLE, Findings, Verdict
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.studies import spillover
from cleanroom.studies.intervals import Proportion
from cleanroom.studies.score import difference_of_proportions
from cleanroom.study import SpilloverStudy
from tests.factories import table

MEASURES = ("people", "visitors", "searchers", "buyers", "visitors_before")
ENGAGED, SHOWN = (2_000, 300, 90, 60, 110), (30_000, 2_700, 700, 480, 1_600)
ALIKE = (30_000, 2_700, 700, 480, 1_650)


def spillover_of(
    engaged: tuple[int, ...] = ENGAGED,
    shown: tuple[int, ...] = SHOWN,
    parts: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] | None = None,
) -> Findings:
    """The study of two groups, and of them in parts, through the gate with the default policy."""
    study = SpilloverStudy(merchant="m", start=date(2026, 5, 1), end=date(2026, 5, 15))
    rows = _rows((), engaged, shown)
    tables = {"spillover": table("spillover", ("exposure",), rows, contrast="exposure")}
    if parts:
        own = [row for part, pair in parts.items() for row in _rows((part,), *pair)]
        tables["groups"] = table("groups", ("task_group", "exposure"), own, contrast="exposure")
    return spillover.findings({n: protect(t, Policy()) for n, t in tables.items()}, study)


def _rows(
    place: tuple[str, ...], engaged: tuple[int, ...], shown: tuple[int, ...]
) -> list[tuple[object, ...]]:
    return [
        (*place, exposure, measure, value, PEOPLE, numbers[0], _some(measure, value))
        for exposure, numbers in (("engaged", engaged), ("shown", shown))
        for measure, value in zip(MEASURES, numbers, strict=True)
    ]


def _some(measure: str, value: int) -> int | None:
    """The people who make up a count; of the base itself there is no such part."""
    return None if measure == "people" else value


@pytest.mark.parametrize(
    ("name", "place"), [("visit", 1), ("search", 2), ("purchase", 3), ("earlier_visit", 4)]
)
def test_differences_are_those_of_the_score_test(name: str, place: int) -> None:
    found = spillover_of().estimates
    wanted = difference_of_proportions(
        Proportion(ENGAGED[place], ENGAGED[0]), Proportion(SHOWN[place], SHOWN[0])
    )
    one = found[f"{name}_difference"]
    assert (one.value, one.lower, one.upper) == (wanted.value, wanted.lower, wanted.upper)
    relative = found[f"{name}_relative_difference"]
    ratio = ENGAGED[place] / ENGAGED[0] / (SHOWN[place] / SHOWN[0])
    assert relative.value == pytest.approx(ratio - 1)
    assert found[f"{name}_rate_engaged"].value == ENGAGED[place] / ENGAGED[0]


def test_it_is_called_an_association_whatever_is_found() -> None:
    for found in (spillover_of(), spillover_of(shown=ALIKE), spillover_of(ENGAGED, (60,) * 5)):
        assert "an association and no effect" in found.summary[1]
        told = " ".join(found.summary)
        assert "grade" not in told
        assert "caused" not in told
        labels = [e.label for n, e in found.estimates.items() if "difference" in n]
        assert all("an association" in label for label in labels)


def test_groups_that_differed_before_are_said_to_be_other_people() -> None:
    found = spillover_of(engaged=(2_000, 300, 90, 60, 180))
    assert found.checks["alike_before"].verdict is Verdict.FAILED
    assert "they differed before" in found.summary[1]
    assert spillover_of(shown=ALIKE).checks["alike_before"].verdict is Verdict.PASSED


def test_parts_are_compared_each_by_itself() -> None:
    part = ((1_000, 200, 50, 40, 50), (10_000, 900, 300, 200, 500))
    found = spillover_of(parts={"g1": part, "others": (ENGAGED, SHOWN)}).estimates
    assert found["visit_difference@g1"].value == pytest.approx(0.2 - 0.09)
    assert found["visit_difference@others"].value == found["visit_difference"].value
    assert "visit_relative_difference@g1" not in found


def test_what_is_withheld_is_said_to_be() -> None:
    found = spillover_of(engaged=(30, 20, 10, 10, 10))
    assert found.summary[0].startswith("Nothing can be said")
    assert found.checks["alike_before"].verdict is Verdict.UNKNOWN
    assert "withheld" in (found.estimates["visit_difference"].withheld or "")
