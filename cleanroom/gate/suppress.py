"""Complementary suppression: which further cells to withhold, so that none gives another away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from cleanroom.errors import SuppressionError
from cleanroom.gate.attacker import Demand, Problem, restricted, scaled
from cleanroom.gate.audit import Protection, feasible, shortfall
from cleanroom.gate.circuits import Builder
from cleanroom.gate.covering import Method, Work, best_pattern
from cleanroom.gate.linear import Flags, Numbers, Positions
from cleanroom.gate.relations import Cell, Relations

SCALE_BITS = 16  # the longest demand is scaled to this size: a solver's tolerances are absolute
MENDS = 5


class Cost(StrEnum):
    """What withholding a cell costs: its value, one for each cell, or between the two."""

    VALUE = "value"
    CELLS = "cells"
    LOGARITHM = "logarithm"


@dataclass(frozen=True, eq=False)
class Pattern:
    """Which cells to withhold (n flags): the `primary` ones and their `complement`.

    `weight`: what the complement costs. `bound`: no pattern costs less, as far as is proven (0
    where nothing is). `short`: primary cells that nothing protects as asked, since what may not be
    withheld (a past release, a bound that everyone knows) gives too much away. They are protected
    as far as it goes; whoever releases the pattern has to decide about them.
    """

    primary: Flags
    complement: Flags
    method: Method
    weight: float
    bound: float
    short: tuple[Cell, ...]

    @property
    def withheld(self) -> Flags:
        """All cells to withhold."""
        return self.primary | self.complement


def weights(relations: Relations, cost: Cost) -> Numbers:
    """The weight of each cell (n), at least 1, so that no cell is withheld for nothing."""
    values = np.abs(relations.values)
    if cost is Cost.CELLS:
        return np.ones(len(values))
    return np.maximum(values, 1.0) if cost is Cost.VALUE else 1.0 + np.log1p(values)


def complement(
    relations: Relations,
    primary: Flags,
    protection: Protection,
    weight: Numbers,
    *,
    keep: Flags | None = None,
    zeros: bool = False,
    work: Work | None = None,
) -> Pattern:
    """The further cells to withhold so that every primary cell's interval is wide enough.

    The total `weight` (n) is minimised, to the gap of `work`. `keep`: cells that cannot be
    withheld any more, being released before. `zeros`: whether a cell of value 0 may be withheld
    for others; by default not, since readers often know where nothing can be. Deterministic.

    Raises `SuppressionError` if a primary cell is among those to keep.
    """
    kept = np.zeros(len(primary), dtype=bool) if keep is None else keep
    if (kept & primary).any():
        raise SuppressionError(
            f"{(kept & primary).sum()} cells to be withheld are released already.",
            "a past release cannot be taken back; protect the cells that are new.",
        )
    usable = (~kept & (zeros | (relations.values != 0))) | primary | relations.hidden
    parts = [
        _Part(places, problem, work or Work())
        for places, problem in _problems(relations, primary, usable, protection, weight)
    ]
    further = _mended(relations, primary, protection, parts) & ~primary
    methods = [part.found.method for part in parts]
    return Pattern(
        primary=primary.copy(),
        complement=further,
        method=max(methods, key=list(Method).index, default=Method.EXACT),
        weight=float(weight[further].sum()),
        bound=sum(part.found.bound for part in parts),
        short=tuple(relations.cells[place] for part in parts for place in part.short),
    )


class _Part:
    """A connected part of the tables, with its best pattern so far."""

    def __init__(self, places: Positions, problem: Problem, work: Work) -> None:
        self.places = places
        longest = max(demand.furthest for demand in problem.demands)
        self._scale = 2.0 ** (SCALE_BITS - np.ceil(np.log2(longest)))
        self._builder = Builder(scaled(problem, self._scale))
        asked = self._builder.problem.demands
        self.found = best_pattern(self._builder, work)
        met = self._builder.problem.demands
        self.short = [int(places[a.place]) for a, b in zip(asked, met, strict=True) if a != b]

    @property
    def withheld(self) -> Positions:
        """The places of its withheld cells."""
        return self.places[self.found.pattern]

    def mend(self, lacks: Numbers) -> None:
        """Ask for as much more as cells lack (n): whole numbers may take a little off each end."""
        problem = self._builder.problem
        more = lacks[self.places] * self._scale
        demands = tuple(demand.longer(float(more[demand.place])) for demand in problem.demands)
        if demands != problem.demands:
            self._builder.problem = replace(problem, demands=demands)
            pattern = self._builder.pattern(self.found.pattern, problem.weight)
            self.found = replace(self.found, pattern=pattern)


def _mended(
    relations: Relations, primary: Flags, protection: Protection, parts: list[_Part]
) -> Flags:
    """The parts' patterns together, once the audit finds every cell protected."""
    short = [place for part in parts for place in part.short]
    lacks = np.zeros(len(primary))
    for _ in range(MENDS):
        pattern = primary.copy()
        for part in parts:
            part.mend(lacks)
            pattern[part.withheld] = True
        pattern &= ~relations.hidden
        intervals = feasible(relations, pattern)
        lacks[:] = 0.0
        lacks[intervals.places] = shortfall(relations, intervals, protection)
        lacks[short] = 0.0
        lacks[~primary] = 0.0
        if not lacks.any():
            return pattern
    raise SuppressionError(
        f"{(lacks > 0).sum()} cells stay exposed to the audit.",
        "release nothing of these tables; report their shape to the maintainers.",
    )


def _problems(
    relations: Relations, primary: Flags, usable: Flags, protection: Protection, weight: Numbers
) -> Iterator[tuple[Positions, Problem]]:
    """The connected parts that hold a cell in need: their cells' places, and what to solve."""
    from scipy.sparse import csgraph

    down = np.where(usable, relations.values - relations.lower, 0.0)
    up = np.where(usable, relations.upper - relations.values, 0.0)
    asked = np.stack([protection.down, protection.up, protection.width])
    needy = primary & (asked > 0).any(axis=0)
    columns = np.flatnonzero((down + up > 0) | needy)
    matrix = relations.matrix[:, columns]
    equal = np.array([row.lower == row.upper for row in relations.rows], dtype=bool)
    low, high = relations.slack
    problem = Problem(
        matrix=matrix,
        low=np.where(equal, 0.0, np.minimum(low, 0.0)),
        high=np.where(equal, 0.0, np.maximum(high, 0.0)),
        down=np.maximum(down[columns], 0.0),
        up=np.maximum(up[columns], 0.0),
        always=(primary | relations.hidden)[columns],
        weight=weight[columns],
        demands=tuple(
            Demand(place, *(float(x) for x in asked[:, columns[place]]))
            for place in np.flatnonzero(needy[columns]).tolist()
        ),
    )
    _, label = csgraph.connected_components(abs(matrix).T @ abs(matrix), directed=False)
    for part in sorted({int(label[demand.place]) for demand in problem.demands}):
        inside = label == part
        here = replace(problem, demands=tuple(d for d in problem.demands if label[d.place] == part))
        yield columns[inside], restricted(here, inside)
