"""What everyone knows to hold between cells: sums, nested steps, and the bounds of each cell.

An attacker who sees some cells solves these relations for the rest. Tables that share cells, and
all tables a merchant was ever given, are one system: `linked`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Any

import numpy as np

from cleanroom.errors import SuppressionError
from cleanroom.gate.linear import Flags, Numbers, Positions

Cell = Hashable
TOLERANCE = 1e-6  # relative to the largest value: sums of money are floats


@dataclass(frozen=True, eq=False)
class Row:
    """lower ≤ Σ coefficient × cell ≤ upper."""

    terms: Mapping[Cell, float]
    lower: float = 0.0
    upper: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class Relations:
    """A linear system over n cells, true of their `values`.

    `cells`: what each cell is, the same in every table that shows it. `lower`, `upper`: what is
    known of a cell beforehand (counts: 0 … infinity). `whole`: its values are integers. `hidden`:
    no table ever shows it (a margin that is left out); the attacker has it as an unknown.

    Raises `SuppressionError` if the values contradict the relations: an attacker's intervals would
    mean nothing.
    """

    cells: tuple[Cell, ...]
    values: Numbers
    lower: Numbers
    upper: Numbers
    whole: Flags
    hidden: Flags
    rows: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        if len(self.place) < len(self.cells):
            raise SuppressionError("A cell stands twice in a table.", "sum or drop its rows.")
        allowed = TOLERANCE * max(1.0, float(np.abs(self.values).max(initial=0.0)))
        outside = (self.values < self.lower - allowed) | (self.values > self.upper + allowed)
        if outside.any():
            raise SuppressionError(
                f"{outside.sum()} of {len(self.cells)} cells lie outside the bounds said to hold.",
                "give bounds that are true of every cell.",
            )
        low, high = self.slack
        broken = (low > allowed) | (high < -allowed)
        if broken.any():
            raise SuppressionError(
                f"{broken.sum()} of {len(self.rows)} relations do not hold of the cells' values.",
                "complete the table, or say which dimensions overlap (a person in several cells).",
            )

    def __repr__(self) -> str:
        return f"Relations({len(self.cells)} cells, {len(self.rows)} rows, unprotected: not shown)"

    @cached_property
    def place(self) -> dict[Cell, int]:
        """Where each cell stands."""
        return {cell: number for number, cell in enumerate(self.cells)}

    @cached_property
    def matrix(self) -> Any:
        """The rows' coefficients (m × n, scipy CSR)."""
        from scipy import sparse

        sizes = [len(row.terms) for row in self.rows]
        columns = [self.place[cell] for row in self.rows for cell in row.terms]
        numbers = np.array([x for row in self.rows for x in row.terms.values()], dtype=float)
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return sparse.csr_matrix((numbers, columns, starts), (len(self.rows), len(self.cells)))

    @cached_property
    def slack(self) -> tuple[Numbers, Numbers]:
        """How far each row's activity may move down (≤ 0) and up (≥ 0) from the true values."""
        activity = self.matrix @ self.values
        low = np.array([row.lower for row in self.rows]) - activity
        return low, np.array([row.upper for row in self.rows]) - activity

    def places(self, cells: Iterable[Cell]) -> Positions:
        """The positions of some cells; raises `SuppressionError` for one that is not here."""
        found = [self.place.get(cell, -1) for cell in cells]
        if -1 in found:
            raise SuppressionError(
                f"{found.count(-1)} of {len(found)} cells are in no table.", "name the tables' own."
            )
        return np.array(found, dtype=np.int64)

    def flags(self, cells: Iterable[Cell]) -> Flags:
        """Which cells are among the named (n)."""
        marked = np.zeros(len(self.cells), dtype=bool)
        marked[self.places(cells)] = True
        return marked


def relate(
    values: Mapping[Cell, float], *, lower: float = 0.0, upper: float = inf, whole: bool = True
) -> Relations:
    """Cells without any relation yet, all with the same bounds."""
    number = len(values)
    return Relations(
        cells=tuple(values),
        values=np.array(list(values.values()), dtype=float),
        lower=np.full(number, lower),
        upper=np.full(number, upper),
        whole=np.full(number, whole),
        hidden=np.zeros(number, dtype=bool),
    )


def with_rows(relations: Relations, rows: Iterable[Row]) -> Relations:
    """The same cells under further rows."""
    return replace(relations, rows=(*relations.rows, *rows))


def with_sums(relations: Relations, sums: Iterable[tuple[Cell, Sequence[Cell]]]) -> Relations:
    """Each total equals the sum of its parts."""
    return with_rows(relations, (sum_of(total, parts) for total, parts in sums))


def with_order(relations: Relations, pairs: Iterable[tuple[Cell, Cell]]) -> Relations:
    """Each first cell is at most the second: people who bought ≤ people who visited."""
    return with_rows(relations, (at_most(smaller, larger) for smaller, larger in pairs))


def known(
    relations: Relations, cells: Iterable[Cell], *, lower: float = -inf, upper: float = inf
) -> Relations:
    """Some cells with tighter bounds that everyone knows.

    A release that says "fewer than 50 people" tells an upper bound of 49; one that says "withheld
    to protect another cell" tells a lower bound of 50. A zero known to be structural has both 0.
    """
    places = relations.places(cells)
    low, high = relations.lower.copy(), relations.upper.copy()
    low[places] = np.maximum(low[places], lower)
    high[places] = np.minimum(high[places], upper)
    return replace(relations, lower=low, upper=high)


def linked(*systems: Relations) -> Relations:
    """Several systems as one: cells of the same name are the same unknown.

    Bounds are the tightest known. Raises `SuppressionError` if two systems give one cell different
    values: cells of different periods or populations need different names.
    """
    merged: dict[Cell, list[float]] = {}
    for one in systems:
        columns = (one.values, one.lower, one.upper, one.whole, one.hidden)
        for cell, value, low, high, whole, hidden in zip(one.cells, *columns, strict=True):
            had = merged.setdefault(cell, [float(value), float(low), float(high), whole, hidden])
            if abs(had[0] - value) > TOLERANCE * max(1.0, abs(value)):
                raise SuppressionError(
                    "A cell has different values in two tables.",
                    "name cells by their period and population, or make both from the same rows.",
                )
            had[1:] = [max(had[1], low), min(had[2], high), had[3] or whole, had[4] and hidden]
    table = np.array(list(merged.values()), dtype=float).reshape(-1, 5)
    return Relations(
        cells=tuple(merged),
        values=table[:, 0],
        lower=table[:, 1],
        upper=table[:, 2],
        whole=table[:, 3].astype(bool),
        hidden=table[:, 4].astype(bool),
        rows=tuple(row for one in systems for row in one.rows),
    )


def sum_of(total: Cell, parts: Sequence[Cell]) -> Row:
    """total = Σ parts."""
    return Row({**dict.fromkeys(parts, 1.0), total: -1.0})


def at_most(smaller: Cell, larger: Cell) -> Row:
    """smaller ≤ larger."""
    return Row({smaller: 1.0, larger: -1.0}, lower=-inf)


def overlap_of(whole: Cell, parts: Sequence[Cell]) -> list[Row]:
    """each part ≤ whole ≤ Σ parts: distinct people, of whom one may stand in several parts."""
    covered = Row({**dict.fromkeys(parts, -1.0), whole: 1.0}, lower=-inf)
    return [*(at_most(part, whole) for part in parts), covered]
