"""Tables and protected tables for tests, built in the name of the zones that may build them.

table("money", ("merchant",), [("m1", "cost", 9_900.0, MONEY, 120, 80)])
protected("money", (), [("cost", 9_900.0, MONEY), ("revenue", None, MONEY)])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from cleanroom.borders import (
    AMOUNTS,
    CELL_COLUMNS,
    PROTECTED_COLUMNS,
    SUMS,
    Check,
    Estimate,
    Findings,
    Protected,
    Table,
)
from cleanroom.layout import Dimension, Layout, Measure, Use
from cleanroom.policy import Policy, Rounding, fingerprint

Row = tuple[Any, ...]


def table(
    name: str,
    dimensions: Sequence[str],
    rows: Sequence[Row],
    contrast: str | None = None,
    *,
    title: str | None = None,
    adds_up: bool = False,
    whole: str | None = None,
) -> Table:
    """A table as `room` makes it; a row: dimension values, then the values of `CELL_COLUMNS`.

    A row may end early. If it ends before `largest`, a sum is spread evenly over who contributes.
    """
    width = len(dimensions)
    uses = {row[width]: Use.SUM if row[width + 2] in AMOUNTS else Use.COUNT for row in rows}
    sources = {Use.SUM: "visits.amount", Use.COUNT: "visits.buyer"}
    layout = Layout(
        name,
        title or name,
        tuple(Dimension(dimension, ("touches.note",)) for dimension in dimensions),
        tuple(Measure(m, use, (sources[use],), adds_up=adds_up) for m, use in uses.items()),
        contrast,
        whole,
    )
    cells = _frame(dimensions, CELL_COLUMNS, [_spread(row, width) for row in rows])
    made = _build("cleanroom.room.testing", Table, layout, cells)
    assert isinstance(made, Table)
    return made


def _spread(row: Row, dimensions: int) -> Row:
    support = row[dimensions + 5 :]
    row = (*row, *[None] * (dimensions + 5 - len(row)))
    _, value, unit, people, contributors, *_ = row[dimensions:]
    if not support and unit in SUMS and value is not None:
        behind = max(contributors if contributors is not None else people or 0, 1)
        row = (*row, abs(value) / behind, abs(value) / behind if behind > 1 else 0, abs(value))
    return (*row, *[None] * (dimensions + len(CELL_COLUMNS) - len(row)))


def protected(
    name: str,
    dimensions: Sequence[str],
    rows: Sequence[Row],
    rule: str = "min_people",
    rounding: Rounding = Rounding.NONE,
) -> Protected:
    """A table as the gate makes it; a row: dimension values, measure, value, unit, and what more
    there is to say: `withheld`, `least`, `most`, `no_data`, `because`.

    A value of None was withheld by `rule`, if the row does not say otherwise.
    """
    width = len(dimensions)
    ruled = [_ruled(row, width, rule) for row in rows]
    cells = _frame(dimensions, PROTECTED_COLUMNS, ruled)
    policy = fingerprint(Policy())
    fields: Row = (name, name, tuple(dimensions), cells, policy, {}, rounding)
    made = _build("cleanroom.gate.testing", Protected, *fields)
    assert isinstance(made, Protected)
    return made


def _ruled(row: Row, dimensions: int, rule: str) -> Row:
    value, more = row[dimensions + 1], row[dimensions + 3 :]
    usual = (rule if value is None else None, value, value, None, None)
    return (*row[: dimensions + 3], *more, *usual[len(more) :])


def _frame(dimensions: Sequence[str], columns: dict[str, Any], rows: Sequence[Row]) -> pl.DataFrame:
    schema = {**dict.fromkeys(dimensions, pl.String), **columns}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _build(module: str, kind: type, *fields: Any) -> Any:
    """`kind(...)`, called from a function that lives in `module` as far as borders can tell."""
    namespace: dict[str, Any] = {"__name__": module}
    exec("def build(kind, *fields):\n    return kind(*fields)", namespace)
    return namespace["build"](kind, *fields)


def findings(
    estimates: dict[str, Estimate] | None = None,
    checks: dict[str, Check] | None = None,
    summary: tuple[str, ...] = ("A sentence.",),
) -> Findings:
    """Findings as `studies` makes them."""
    fields = (estimates or {}, checks or {}, summary)
    made = _build("cleanroom.studies.testing", Findings, *fields)
    assert isinstance(made, Findings)
    return made
