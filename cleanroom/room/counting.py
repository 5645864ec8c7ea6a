"""Counting as the studies do it: distinct people beside every sum, over local days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import narwhals as nw
import polars as pl

from cleanroom.absences import NoData
from cleanroom.behind import Behind
from cleanroom.borders import CELL_COLUMNS, Table
from cleanroom.layout import Layout
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
    rows: Frame,
    by: Sequence[str],
    person: str,
    marks: Mapping[str, nw.Expr],
    sums: Mapping[str, int | None] | None = None,
) -> dict[Key, Counter[str]]:
    """By group: each mark's sum, and under `<mark>_people` the distinct people it is above 0 for.

    `marks` are integers or flags by row, null as 0. Null persons together are one person. Sums are
    whole numbers. A group without rows counts 0 throughout. `sums`: see `tally`.
    """
    own = by_person(rows, by, person, marks).drop(person)
    return tally(own, by, list(marks), sums or {})


def by_person(rows: Frame, by: Sequence[str], person: str, marks: Mapping[str, nw.Expr]) -> Frame:
    """One row for each person of a group: `by`, `person`, and each mark's sum."""
    numbers = [mark.cast(nw.Int64).fill_null(0).alias(name) for name, mark in marks.items()]
    return rows.select(*by, person, *numbers).group_by(*by, person).agg(nw.col(*marks).sum())


def tally(
    own: Frame, by: Sequence[str], marks: Sequence[str], sums: Mapping[str, int | None]
) -> dict[Key, Counter[str]]:
    """The counts of `count_people`, from one row a person with whole numbers in `marks`.

    `sums` names the marks that one person may make up a large part of, each with the most that one
    person counts (None: no bound). People beyond it are cut to it before anything is summed, and
    counted under `<mark>_capped`. Of these marks there are also `<mark>_magnitude`, the sum of all
    contributions without their signs, and `<mark>_largest` and `<mark>_second`, the two largest.
    """
    for mark, limit in sums.items():
        if limit is not None:
            beyond = (nw.col(mark).abs() > limit).cast(nw.Int64).alias(f"{mark}_capped")
            own = own.with_columns(beyond, nw.col(mark).clip(-limit, limit))
    capped = [f"{mark}_capped" for mark, limit in sums.items() if limit is not None]
    counted = own.group_by(*by).agg(
        nw.col(*marks, *capped).sum(),
        *((nw.col(mark) > 0).cast(nw.Int64).sum().alias(f"{mark}_people") for mark in marks),
        *(nw.col(mark).abs().sum().alias(f"{mark}_magnitude") for mark in sums),
    )
    what = f"people by {', '.join(by)}"
    counts = by_key(collect(counted, what), by)
    for counted_here in counts.values():
        parts = ("capped", "largest", "second")
        counted_here.update({f"{mark}_{part}": 0 for mark in sums for part in parts})
    largest = by_key(collect(_largest(own, by, sums), what), (*by, "of")) if sums else {}
    for (*key, mark), found in largest.items():
        alone = found["at_top"] == 1
        counts[tuple(key)][f"{mark}_largest"] = found["largest"]
        counts[tuple(key)][f"{mark}_second"] = found["below" if alone else "largest"]
    return counts


def _largest(own: Frame, by: Sequence[str], marks: Iterable[str]) -> Frame:
    """By group and mark (`of`): the largest contribution, how many people make one as large, and
    the largest below it."""
    # Most people add nothing to most marks, and who adds nothing is never among the largest.
    sizes = nw.concat(
        own.filter(nw.col(mark) != 0).select(*by, of=nw.lit(mark), size=nw.col(mark).abs())
        for mark in marks
    )
    # The largest by a window, not by a rank: nothing is sorted.
    size, largest = nw.col("size"), nw.col("largest")
    return (
        sizes.with_columns(largest=size.max().over(*by, "of"))
        .with_columns(
            at_top=(size == largest).cast(nw.Int64), below=nw.when(size < largest).then(size)
        )
        .group_by(*by, "of")
        .agg(largest.max(), nw.col("at_top").sum(), nw.col("below").max())
    )


def by_key(counts: pl.DataFrame, by: Sequence[str]) -> dict[Key, Counter[str]]:
    """The rows of a small frame of counts by their key; what is absent counts 0."""
    return {
        tuple(row.pop(name) for name in by): Counter({name: int(row[name] or 0) for name in row})
        for row in counts.iter_rows(named=True)
    }


def fewer(a: Mapping[str, int], b: Mapping[str, int], mark: str) -> int:
    """People behind a mark that both platforms count people for: the smaller count rules."""
    return min(a[f"{mark}_people"], b[f"{mark}_people"])


def single(mark: str, *counted: Mapping[str, int]) -> tuple[int, int, int]:
    """The two largest contributions of single people to a mark, and all its contributions.

    Where both platforms count people for it, the larger: whoever is one person to either is one.
    """
    parts = (f"{mark}_largest", f"{mark}_second", f"{mark}_magnitude")
    largest, second, magnitude = (max(counts[part] for counts in counted) for part in parts)
    return largest, second, magnitude


def table(
    layout: Layout, cells: Iterable[Cell], behind: Callable[[Cell], Behind] | None = None
) -> Table:
    """A border table of `cells`: rows of the dimensions and then `CELL_COLUMNS`.

    A row may end early: what it does not say is null. `behind` says who is behind a cell.
    """
    schema = {**dict.fromkeys(layout.names, pl.String), **CELL_COLUMNS}
    cells = list(cells)
    rows = [[*cell, *[None] * (len(schema) - len(cell))] for cell in cells]
    people = tuple(map(behind, cells)) if behind else None
    return Table(layout, pl.DataFrame(rows, schema=schema, orient="row"), people)


def no_data(cell: Cell, dimensions: int, reason: NoData) -> Cell:
    """The cell with the reason why there never was a value in place of the value and support."""
    measure, _, unit = cell[dimensions : dimensions + 3]
    return (*cell[:dimensions], measure, None, unit, *[None] * 5, reason)
