"""A withheld zero, a true zero and no data look different, wherever people read them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cleanroom.absences import NoData
from cleanroom.bench import display
from cleanroom.borders import (
    MONEY,
    Candidate,
    Findings,
    Protected,
)
from cleanroom.desk.queue import Waiting
from cleanroom.desk.sheet import sheet
from cleanroom.gate.protect import protect
from cleanroom.outside.charts import funnel_chart
from cleanroom.outside.words import cell_figure
from cleanroom.policy import Policy
from cleanroom.review.case import Case
from tests.factories import table
from tests.outside import factories

ZEROS = [
    ("withheld", "spent", 0.0, MONEY, 100, 0, 0.0, 0.0, 0.0),
    ("true", "spent", 0.0, MONEY, 100, 60, 50.0, 50.0, 3_000.0),
    ("none", "spent", None, MONEY, None, None, None, None, None, NoData.NOT_RECORDED),
]


def zeros() -> Protected:
    return protect(table("zeros", ("zero",), ZEROS), Policy())


def candidate(tables: dict[str, Protected]) -> Candidate:
    """A candidate of a rich merchant, with other tables."""
    rich = factories.rich()[0].candidate
    findings: Findings = rich.findings
    fields: tuple[Any, ...] = (rich.manifest, tables, findings)
    made: Candidate = factories.build("cleanroom.gate.testing", Candidate, *fields)
    return made


def at_the_desk(of: Candidate) -> str:
    counted = Counter(
        rule for each in of.tables.values() for rule in each.cells["withheld"].drop_nulls()
    )
    return sheet(Waiting(Path("x.json"), Case("d" * 64, "x.json"), of, 1, counted))


def test_as_figures() -> None:
    names = ("withheld", "true", "none")
    figures = [cell_figure(zeros(), zero, "spent", currency="CNY") for zero in names]
    assert [figure.text for figure in figures] == [None, "¥0.00", None]
    assert [figure.state for figure in figures if figure.text is None] == ["withheld", "no data"]


def test_at_a_reviewers_terminal() -> None:
    text = at_the_desk(candidate({"zeros": zeros()}))
    assert "  withheld spent: withheld: too few people are on one side" in text
    assert "  true spent: ¥0.00\n" in text
    assert "  none spent: no data: the platform hands over no records of it" in text
    assert "  zeros, spent: 1 of 2 (50%); fewer than 10 people are counted" in text


def test_in_a_notebook() -> None:
    study = candidate({"zeros": zeros()})
    shown = str(display.table(study, "zeros").data)
    for words in ("| withheld: too few", "| ¥0.00 |", "| no data: the platform hands over"):
        assert words in shown
    account = str(display.withheld(study).data)
    assert "| zeros | spent | 1 of 2 (50%) |" in account
    assert "known: fewer than 10 people are counted or are left out" in account
    assert "No data: 1 of 3 cells of zeros" in account


def test_on_a_chart() -> None:
    cells = [
        ("reach", "people", 400.0, "people", 400, None),
        ("read", "people", 3.0, "people", 400, 3),
        ("click", "people", None, "people", None, None, None, None, None, NoData.NOT_RECORDED),
    ]
    chart = funnel_chart(protect(table("path", ("step",), cells), Policy()))
    assert chart.title == (
        "Of 400 people reached, how many clicked is not recorded and how many bought is withheld"
    )
    assert "Read a note: withheld; Clicked through: no data" in chart.description


def test_what_rounding_did_is_said_at_the_terminal_and_in_a_notebook() -> None:
    conversion = factories.rounded()[0].candidate
    words = "counts are rounded to the nearest multiple of 5"
    assert f"  ({words}" in at_the_desk(conversion)
    assert "Orders: 610 (±2)" in at_the_desk(conversion)
    assert words.capitalize() in str(display.table(conversion, "path").data)
    assert "| ±2 |" in str(display.estimates(conversion, ["orders"]).data)
    assert "rounded" not in str(display.table(factories.rich()[0].candidate, "path").data)


@pytest.mark.parametrize("rounded", [True, False])
def test_nothing_withheld_is_said_too(rounded: bool) -> None:
    study = (factories.rounded() if rounded else factories.rich())[0].candidate
    assert "Nothing was withheld." in str(display.withheld(study).data)
