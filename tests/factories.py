"""Tables and protected tables for tests, built in the name of the zones that may build them.

table("money", ("merchant",), [("m1", "cost", 9_900.0, MONEY, 120, 80)])
protected("money", (), [("cost", 9_900.0, MONEY), ("revenue", None, MONEY)])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from cleanroom.borders import (
    CELL_COLUMNS,
    PROTECTED_COLUMNS,
    Check,
    Estimate,
    Findings,
    Protected,
    Table,
)
from cleanroom.policy import Policy, fingerprint

Row = tuple[Any, ...]


def table(
    name: str, dimensions: Sequence[str], rows: Sequence[Row], contrast: str | None = None
) -> Table:
    """A table as `room` makes it; a row: dimension values, then the values of `CELL_COLUMNS`."""
    cells = _frame(dimensions, CELL_COLUMNS, rows)
    made = _build("cleanroom.room.testing", Table, name, name, tuple(dimensions), cells, contrast)
    assert isinstance(made, Table)
    return made


def protected(
    name: str, dimensions: Sequence[str], rows: Sequence[Row], rule: str = "min_people"
) -> Protected:
    """A table as the gate makes it; a row: dimension values, measure, value, unit.

    A value of None was withheld by `rule`.
    """
    ruled = [(*row, rule if row[-2] is None else None) for row in rows]
    cells = _frame(dimensions, PROTECTED_COLUMNS, ruled)
    policy = fingerprint(Policy())
    made = _build("cleanroom.gate.testing", Protected, name, name, tuple(dimensions), cells, policy)
    assert isinstance(made, Protected)
    return made


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
