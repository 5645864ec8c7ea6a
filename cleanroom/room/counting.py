"""Counting as the studies do it: distinct people beside every sum, over local days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import narwhals as nw
import polars as pl

from cleanroom.borders import CELL_COLUMNS, Table
from cleanroom.room.engine import Frame, collect

Key = tuple[str, ...]
Cell = tuple[str | float | int | None, ...]


def on_local_days(column: str, start: date, end: date, timezone: str) -> nw.Expr:
    """Whether the time in `column` lies on the days `start` … `end`, both whole, in `timezone`."""
    zone = ZoneInfo(timezone)
    first = datetime.combine(start, time(), zone).astimezone(UTC)
    after = datetime.combine(end + timedelta(days=1), time(), zone).astimezone(UTC)
    return (nw.col(column) >= first) & (nw.col(column) < after)


def count_people(
    rows: Frame, by: Sequence[str], person: str, marks: Mapping[str, nw.Expr]
) -> dict[Key, Counter[str]]:
    """By group: each mark's sum, and under `<mark>_people` the distinct people it is above 0 for.

    `marks` are integers or flags by row, null as 0. Null persons together are one person. Sums are
    whole numbers. A group without rows counts 0 throughout.
    """
    numbers = [mark.cast(nw.Int64).fill_null(0).alias(name) for name, mark in marks.items()]
    own = rows.select(*by, person, *numbers).group_by(*by, person).agg(nw.col(*marks).sum())
    people = [(nw.col(mark) > 0).cast(nw.Int64).alias(f"{mark}_people") for mark in marks]
    counted = own.with_columns(*people).drop(person).group_by(*by).agg(nw.all().sum())
    return by_key(collect(counted, f"people by {', '.join(by)}"), by)


def by_key(counts: pl.DataFrame, by: Sequence[str]) -> dict[Key, Counter[str]]:
    """The rows of a small frame of counts by their key; what is absent counts 0."""
    return {
        tuple(row.pop(name) for name in by): Counter({name: int(row[name]) for name in row})
        for row in counts.iter_rows(named=True)
    }


def fewer(a: Mapping[str, int], b: Mapping[str, int], mark: str) -> int:
    """People behind a mark that both platforms count people for: the smaller count rules."""
    return min(a[f"{mark}_people"], b[f"{mark}_people"])


def table(
    name: str,
    title: str,
    dimensions: tuple[str, ...],
    cells: Sequence[Cell],
    contrast: str | None = None,
) -> Table:
    """A border table of `cells`, rows of the dimensions and then `CELL_COLUMNS`."""
    schema = {**dict.fromkeys(dimensions, pl.String), **CELL_COLUMNS}
    frame = pl.DataFrame(cells, schema=schema, orient="row")
    return Table(name, title, dimensions, frame, contrast)
