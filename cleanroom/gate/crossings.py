"""The relations of a long table: every total, margin and level of every dimension's hierarchy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import inf

import numpy as np
import polars as pl

from cleanroom.errors import SuppressionError
from cleanroom.gate.relations import Cell, Relations, Row, at_most, overlap_of, sum_of
from cleanroom.layout import Parts

Codes = tuple[str, ...]


@dataclass(frozen=True)
class Dimension:
    """A column of codes and how they add up.

    `parents`: child → parent (note → creator → campaign; day → week); a code without a parent is
    a child of `total`, or stands alone where there is no total. `parts`: what holds between a
    parent and its children.
    """

    name: str
    total: str | None = None
    parents: Mapping[str, str] = field(default_factory=dict)
    parts: Parts = Parts.ADD

    def parent(self, code: str) -> str | None:
        """The next code above, if any."""
        return None if code == self.total else self.parents.get(code, self.total)

    def above(self, code: str) -> Iterator[str]:
        """All codes above, nearest first; raises `SuppressionError` if they go round."""
        seen = {code}
        while (parent := self.parent(code)) is not None:
            if parent in seen:
                raise SuppressionError(
                    f"The parents of dimension '{self.name}' go round in a circle.",
                    "give each code one parent, up to the total.",
                )
            seen.add(parent)
            yield parent
            code = parent


def of_table(
    frame: pl.DataFrame,
    dimensions: Sequence[Dimension],
    value: str = "value",
    about: tuple[Hashable, ...] = (),
) -> Relations:
    """The relations between the rows of one long table, one row a cell.

    A cell's name is (*about, (dimension, code), …), totals left out: so the margin of one table is
    the same cell as the margin of another, and `linked` finds it. `about` names what else tells
    cells apart: merchant, measure, unit, period. A combination of codes that has no row is a zero
    that everyone sees, except where rows stand below it: then it is a hidden margin. No cell is
    below 0 unless one of the table is.

    Raises `SuppressionError` if a sum does not hold.
    """
    columns = [frame[d.name].cast(pl.String).to_list() for d in dimensions]
    values: dict[Codes, float] = dict(zip(zip(*columns, strict=True), frame[value], strict=True))
    if len(values) < frame.height:
        raise SuppressionError("A cell stands twice in a table.", "sum or drop its rows.")
    hidden = _hidden(values, dimensions)
    values |= hidden
    rows = _vacuous_dropped(list(_rows(values, dimensions)), set(hidden))
    used = {codes for row in rows for codes in row.terms}
    shown = [codes for codes in values if codes not in hidden or codes in used]
    name: dict[Cell, Cell] = {codes: _name(codes, dimensions, about) for codes in shown}
    return Relations(
        cells=tuple(name.values()),
        values=np.array([values[codes] for codes in shown], dtype=float),
        lower=np.full(len(shown), 0.0 if min(values.values(), default=0) >= 0 else -inf),
        upper=np.full(len(shown), inf),
        whole=np.full(len(shown), bool(frame[value].dtype.is_integer() or _whole(frame[value]))),
        hidden=np.array([codes in hidden for codes in shown], dtype=bool),
        rows=tuple(
            Row({name[codes]: x for codes, x in row.terms.items()}, row.lower, row.upper)
            for row in rows
        ),
    )


def _whole(values: pl.Series) -> bool:
    return bool((values == values.round()).all())


def _name(codes: Codes, dimensions: Sequence[Dimension], about: tuple[Hashable, ...]) -> Cell:
    pairs = ((d.name, code) for d, code in zip(dimensions, codes, strict=True) if code != d.total)
    return (*about, *sorted(pairs))


def _hidden(values: Mapping[Codes, float], dimensions: Sequence[Dimension]) -> dict[Codes, float]:
    """Margins without a row of their own, with what their parts add up to.

    Going up one dimension after the other gives every combination of ancestors; overlapping
    dimensions are not gone up, for nobody knows the sum. A margin with no row above it binds
    nothing, and is left out.
    """
    found: dict[Codes, float] = {}
    for place, dimension in enumerate(dimensions):
        if dimension.parts is not Parts.ADD:
            continue
        sums: dict[Codes, float] = defaultdict(float)
        below = {**values, **found}
        for codes, above in _climbs(below, place, dimension):
            for higher in above:
                if higher in below:
                    break  # a row that stands there carries the sum further up
                sums[higher] += below[codes]
        found |= sums
    return {codes: x for codes, x in found.items() if _stands_below(codes, values, dimensions)}


def _stands_below(
    codes: Codes, values: Mapping[Codes, float], dimensions: Sequence[Dimension]
) -> bool:
    upward = ((c, *d.above(c)) for c, d in zip(codes, dimensions, strict=True))
    return any(above in values for above in product(*upward))


def _rows(values: Mapping[Codes, float], dimensions: Sequence[Dimension]) -> Iterator[Row]:
    for place, dimension in enumerate(dimensions):
        parts: dict[Codes, list[Codes]] = defaultdict(list)
        for codes, above in _climbs(values, place, dimension):
            nearest = next((higher for higher in above if higher in values), None)
            if nearest is not None:
                parts[nearest].append(codes)
        for whole, below in parts.items():
            yield from rows_of(dimension.parts, whole, below)


def rows_of(parts: Parts, whole: Cell, below: Sequence[Cell]) -> list[Row]:
    """What holds between a whole and all the parts it is made of."""
    if parts is Parts.ADD:
        return [sum_of(whole, below)]
    if parts is Parts.OVERLAP:
        return overlap_of(whole, below)
    return [at_most(part, whole) for part in below] if parts is Parts.WITHIN else []


def _climbs(
    cells: Iterable[Codes], place: int, dimension: Dimension
) -> Iterator[tuple[Codes, list[Codes]]]:
    """Each cell with the cells above it along one dimension, nearest first."""
    chains: dict[str, list[str]] = {}
    for codes in cells:
        code = codes[place]
        chain = chains.get(code) or chains.setdefault(code, list(dimension.above(code)))
        yield codes, [(*codes[:place], higher, *codes[place + 1 :]) for higher in chain]


def _vacuous_dropped(rows: list[Row], hidden: set[Codes]) -> list[Row]:
    """Without rows that only define a hidden cell: such a cell is in no other row."""
    while True:
        uses: dict[Cell, int] = defaultdict(int)
        for row in rows:
            for codes in row.terms:
                uses[codes] += 1
        kept = [row for row in rows if all(c not in hidden or uses[c] > 1 for c in row.terms)]
        if len(kept) == len(rows):
            return rows
        rows = kept
