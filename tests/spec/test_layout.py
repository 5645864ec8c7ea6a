"""Column classes: what a study may make of a column, checked before anything runs."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from cleanroom.borders import CELL_COLUMNS, EVENTS, MONEY, PEOPLE, Table
from cleanroom.errors import BorderError
from cleanroom.layout import CLASSES, Dimension, Layout, Measure, Use
from cleanroom.room import conversion_layout, lift_layout, observational_layout
from cleanroom.tables import COLUMNS, Role
from tests.factories import _build

STEP = Dimension("step", categories=("click", "buy"))
COUNT = Measure("people", Use.COUNT, ("touches.user",))
SUM = Measure("cost", Use.SUM, ("touches.cost",))
TOKEN = "5f" * 32
SAYS: dict[Use, dict[str, Any]] = {Use.ESTIMATE: {"rests_on": ("people",), "grain": 0.01}}


def layout(*dimensions: Dimension, measures: tuple[Measure, ...] = (COUNT, SUM)) -> Layout:
    return Layout("t", "T", dimensions, measures)


def estimate(*rests_on: str, **said: Any) -> Measure:
    return Measure("m", Use.ESTIMATE, ("visits.kind",), rests_on=rests_on, **said)


def test_every_role_has_a_class_that_says_what_it_is_for() -> None:
    assert CLASSES.keys() == {*Role}
    assert all(terms.says for terms in CLASSES.values())
    for role in (Role.IDENTIFIER, Role.JOIN_KEY, Role.EVENT):
        assert CLASSES[role].uses == {Use.COUNT}
    assert CLASSES[Role.TIME].uses == frozenset()


@pytest.mark.parametrize("column", sorted(COLUMNS))
@pytest.mark.parametrize("use", Use)
def test_a_column_is_used_as_its_class_allows_or_there_is_no_table(column: str, use: Use) -> None:
    allowed = use in CLASSES[COLUMNS[column].role].uses

    def define() -> None:
        if use is Use.GROUP:
            layout(Dimension("d", (column,)))
        else:
            layout(STEP, measures=(COUNT, Measure("m", use, (column,), **SAYS.get(use, {}))))

    if allowed:
        define()
    else:
        with pytest.raises(BorderError, match=rf"{column} {use}.* class '{COLUMNS[column].role}'"):
            define()


@pytest.mark.parametrize(
    ("define", "problem"),
    [
        (lambda: layout(Dimension("d")), "come from columns"),
        (lambda: layout(Dimension("d", ("touches.note",), ("a",))), "come from columns"),
        (lambda: layout(Dimension("d", ("touches.nte",))), "no column 'touches.nte'"),
        (lambda: layout(STEP, measures=(Measure("m", Use.COUNT, ()),)), "not made of columns"),
        (lambda: layout(STEP, measures=(Measure("m", Use.GROUP, ("touches.note",)),)), "not made"),
        (lambda: layout(STEP, STEP), "dimensions do not fit"),
        (lambda: Layout("t", "T", (STEP,), (COUNT,), contrast="arm"), "dimensions do not fit"),
        (lambda: Layout("t", "T", (STEP,), (COUNT,), compared="arm"), "dimensions do not fit"),
        (lambda: layout(STEP, measures=(COUNT, estimate(grain=0.1))), "rests on no counts"),
        (lambda: layout(STEP, measures=(COUNT, estimate("m", grain=0.1))), "rests on no counts"),
        (lambda: layout(STEP, measures=(COUNT, estimate("people"))), "how coarsely"),
        (lambda: layout(STEP, measures=(COUNT, estimate("people", error="e"))), "how coarsely"),
    ],
)
def test_a_layout_that_does_not_hold_together_is_refused(define: Any, problem: str) -> None:
    with pytest.raises(BorderError, match=problem):
        define()


def test_the_studies_group_by_dimensions_and_their_own_categories_only() -> None:
    layouts = [
        *(value for value in vars(conversion_layout).values() if isinstance(value, Layout)),
        lift_layout.ARMS_LAYOUT,
        lift_layout.PANEL_LAYOUT,
        *observational_layout.LAYOUTS,
    ]
    names = ["path", "money", "link", "bounds", "arms", "panel"]
    names += ["design", "balance", "overlap", "comparison", "segments", "fifths"]
    assert [one.name for one in layouts] == names
    for one in layouts:
        grouped = [column for dimension in one.dimensions for column in dimension.columns]
        assert {COLUMNS[column].role for column in grouped} <= {Role.DIMENSION}


def build(*cells: tuple[Any, ...], of: Layout | None = None) -> Table:
    of = of or layout(STEP)
    schema = {**dict.fromkeys(of.names, pl.String), **CELL_COLUMNS}
    rows = [(*cell, *[None] * (len(schema) - len(cell))) for cell in cells]
    made: Table = _build(
        "cleanroom.room.testing", Table, of, pl.DataFrame(rows, schema=schema, orient="row")
    )
    return made


def test_cells_as_declared_make_a_table() -> None:
    made = build(("click", "people", 60, PEOPLE, 60), ("buy", "cost", 9, MONEY, 60, 60, 1, 1, 9))
    assert (made.name, made.title, made.dimensions, made.contrast) == ("t", "T", ("step",), None)


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (("visit", "people", 60, PEOPLE, 60), "not the study's categories"),
        (("click", "peeple", 60, PEOPLE, 60), "not declared"),
        (("click", "people", 60, MONEY, 60), "unit of another use"),
        (("click", "cost", 60, EVENTS, 60), "unit of another use"),
        (("click", "people", 60, PEOPLE, 60, None, None, None, None, "x"), "has a value"),
    ],
)
def test_cells_that_were_not_declared_make_none(cell: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(BorderError, match=problem):
        build(cell)


def test_tokens_are_no_dimension_whatever_a_layout_says() -> None:
    by_note = layout(Dimension("note", ("touches.note",)))
    with pytest.raises(BorderError, match="looks like tokens") as error:
        build((TOKEN, "people", 60, PEOPLE, 60), of=by_note)
    assert TOKEN not in str(error.value)


def test_a_table_with_other_columns_is_refused() -> None:
    cells = pl.DataFrame({"step": ["click"], "user": ["ann"]})
    with pytest.raises(BorderError, match="columns are not"):
        _build("cleanroom.room.testing", Table, layout(STEP), cells)
