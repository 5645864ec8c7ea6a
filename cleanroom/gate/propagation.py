"""The audit of tables whose relations form no cycle: bounds passed along, no program, no library.

Exact on a component without cycles (every end extends to a whole solution, branch by branch) and
on one of orders alone (x ≤ y, where all lower ends together are a solution, and all upper ends).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import inf

from cleanroom.gate.relations import Cell, Row

Bounds = dict[Cell, tuple[float, float]]
_NEAR = 1e-9


def components(rows: Iterable[Row], unknown: Iterable[Cell]) -> dict[Cell, Cell]:
    """For each unknown cell one that stands for all that the rows bind it to."""
    above: dict[Cell, Cell] = {cell: cell for cell in unknown}

    def root(cell: Cell) -> Cell:
        while above[cell] is not cell:
            above[cell] = cell = above[above[cell]]
        return cell

    for row in rows:
        inside = [cell for cell in row.terms if cell in above]
        for other in inside[1:]:
            above[root(other)] = root(inside[0])
    return {cell: root(cell) for cell in above}


def propagated(
    rows: Iterable[Row], values: Mapping[Cell, float], bounds: Bounds, asked: Iterable[Cell]
) -> Bounds | None:
    """The interval of every cell that is `asked`, or bound to one that is.

    `bounds`: the unknown cells with what is known of each; all others are as in `values`. None
    where passing bounds along is not enough.
    """
    inner = [row for row in (_over(row, values, bounds) for row in rows) if row.terms]
    group = components(inner, bounds)
    needed = {group[cell] for cell in asked}
    inner = [row for row in inner if group[next(iter(row.terms))] in needed]
    if not _exact(inner, group):
        return None
    found, moved = {cell: ends for cell, ends in bounds.items() if group[cell] in needed}, True
    while moved:
        moved = False
        for row in inner:
            for cell in row.terms:
                low, high = found[cell]
                least, most = _left(row, cell, found)
                # The truth is a solution: no bound crosses it, whatever the rounding.
                new = max(low, min(least, values[cell])), min(high, max(most, values[cell]))
                if new[0] > low + _NEAR or new[1] < high - _NEAR:
                    found[cell], moved = new, True
    return found


def _over(row: Row, values: Mapping[Cell, float], unknown: Bounds) -> Row:
    """The row with all that is known moved to its sides."""
    inside = {cell: x for cell, x in row.terms.items() if cell in unknown}
    known = sum(x * values[cell] for cell, x in row.terms.items() if cell not in inside)
    return Row(inside, row.lower - known, row.upper - known)


def _exact(rows: list[Row], group: Mapping[Cell, Cell]) -> bool:
    binding = [row for row in rows if len(row.terms) > 1]
    cells = Counter(group.values())
    edges, orders = Counter[Cell](), Counter[Cell]()
    for row in binding:
        root = group[next(iter(row.terms))]
        edges[root] += len(row.terms) - 1  # of a tree: one less than its cells
        orders[root] += row.lower == -inf and sorted(row.terms.values()) == [-1.0, 1.0]
    rows_in = Counter(group[next(iter(row.terms))] for row in binding)
    return all(edges[r] == cells[r] - 1 or orders[r] == rows_in[r] for r in rows_in)


def _left(row: Row, cell: Cell, bounds: Bounds) -> tuple[float, float]:
    """Between which values one cell lies by one row, all others within their bounds."""
    least = most = 0.0
    for other, x in row.terms.items():
        if other != cell:
            ends = [x * end for end in bounds[other]]
            least, most = least + min(ends), most + max(ends)
    x = row.terms[cell]
    ends = [(row.lower - most) / x, (row.upper - least) / x]
    return (ends[0], ends[1]) if x > 0 else (ends[1], ends[0])
