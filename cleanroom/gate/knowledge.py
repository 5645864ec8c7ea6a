"""What everyone knows to hold between the cells of several tables, whatever the data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from cleanroom.gate import crossings
from cleanroom.gate.entries import Entries, Entry, Name, paired
from cleanroom.gate.periods import over_time, row_holds
from cleanroom.gate.relations import Cell, Relations, Row, at_most
from cleanroom.layout import Dimension, Layout


@dataclass(frozen=True, repr=False, eq=False)
class Knowledge:
    """The rows between all cells, those that no table shows (`hidden`, with a value) among them.

    `among`: pairs of a number and the people it is counted among (see `Layout`).
    """

    rows: tuple[Row, ...] = ()
    hidden: Mapping[Cell, float] = field(default_factory=dict)
    among: tuple[tuple[Name, Name], ...] = ()

    def __repr__(self) -> str:
        return f"Knowledge({len(self.rows)} rows, unprotected: not shown)"


def knowledge(layouts: Sequence[Layout], entries: Entries) -> Knowledge:
    """All that holds between the cells of tables of these layouts, whoever was told which."""
    orders = [
        at_most(*pair)
        for pair in paired((pair for layout in layouts for pair in layout.at_most), entries)
    ]
    rows = [row for row in orders if row_holds(row, entries)]
    hidden: dict[Cell, float] = {}
    for layout in layouts:
        if any(dimension.sums for dimension in layout.dimensions):
            for sums in _sums(layout, entries):
                rows += (
                    Row({_named(c): x for c, x in row.terms.items()}, row.lower, row.upper)
                    for row in sums.rows
                )
                cells = zip(sums.cells, sums.values, sums.hidden, strict=True)
                hidden |= {_named(cell): float(value) for cell, value, unseen in cells if unseen}
    passing, until = over_time(entries)
    among = paired((pair for layout in layouts for pair in layout.among), entries)
    return Knowledge((*rows, *passing), {**hidden, **until}, tuple(among))


def _sums(layout: Layout, entries: Entries) -> Iterator[Relations]:
    """The sums of each measure of a table with totals."""
    dimensions = [dimension for dimension in layout.dimensions if not dimension.tells_apart]
    groups: dict[tuple[Hashable, ...], list[tuple[list[str], Entry]]] = defaultdict(list)
    for name, entry in entries.items():
        codes = _codes(name, layout, dimensions)
        if codes is not None:
            key = (name.about, name.period, name.at, name.measure)
            groups[key].append((codes, entry))
    for about, rows in groups.items():
        schema = {**{d.name: pl.String for d in dimensions}, "value": pl.Float64}
        cells = [[*codes, entry.value] for codes, entry in rows]
        frame = pl.DataFrame(cells, schema=schema, orient="row")
        parts = rows[0][1].parts
        crossed = [crossings.Dimension(d.name, d.total, d.parents, parts) for d in dimensions]
        yield crossings.of_table(frame, crossed, about=about)


def _codes(name: Name, layout: Layout, dimensions: Sequence[Dimension]) -> list[str] | None:
    """A cell's codes in the table's dimensions, if it is one of the table's."""
    own = dict(name.codes)
    codes = [own.pop(dimension.name, dimension.total) for dimension in dimensions]
    if name.about != (layout.about or layout.name) or own or None in codes:
        return None
    return [code for code in codes if code is not None]


def _named(cell: Any) -> Name:
    about, period, at, measure, *codes = cell
    return Name(about, period, at, measure, tuple(codes))
