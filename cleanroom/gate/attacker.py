"""Moves: how far the relations let a cell move from its true value while others move with it.

A pattern protects a cell if moves of withheld cells alone carry it as far as its demand. What
does not go far enough is cut off by an inequality that every protecting pattern satisfies (a
capacity constraint; Fischetti and Salazar-González 2001, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from cleanroom.errors import SuppressionError
from cleanroom.gate.linear import Flags, Numbers, Outcome, Program

SMALL = 1e-7  # of a move, relative to its longest part
SLIP = 1e-6  # of a reach; problems are scaled so that the longest demand is far above
DUAL = 1e-9


@dataclass(frozen=True)
class Demand:
    """How far the cell at `place` must be able to move: down, up, and from end to end."""

    place: int
    down: float
    up: float
    width: float

    def met(self, down: float, up: float) -> bool:
        """Whether these reaches are enough."""
        return down >= self.down - SLIP and up >= self.up - SLIP and down + up >= self.width - SLIP

    def longer(self, more: float) -> Demand:
        """The same demands, each that there is increased."""
        down, up, width = (x + more if x else 0.0 for x in (self.down, self.up, self.width))
        return Demand(self.place, down, up, width)

    def cap(self, sign: int) -> float:
        """No demand asks a move beyond this in one direction."""
        return max(self.down if sign < 0 else self.up, self.width)

    @property
    def furthest(self) -> float:
        """No demand asks a move beyond this."""
        return max(self.down, self.up, self.width)


@dataclass(frozen=True, eq=False)
class Problem:
    """A component to protect, in moves from the truth: low ≤ matrix·move ≤ high (m rows, n cells).

    `down`, `up`: how far each cell may move. `always`: cells withheld whatever comes (primary and
    hidden ones). `weight`: what withholding another costs.
    """

    matrix: Any
    low: Numbers
    high: Numbers
    down: Numbers
    up: Numbers
    always: Flags
    weight: Numbers
    demands: tuple[Demand, ...]


def restricted(problem: Problem, cells: Flags) -> Problem:
    """The problem over some cells alone, all others fixed; the cells in need must be among them."""
    renumbered = np.cumsum(cells) - 1
    columns = problem.matrix[:, np.flatnonzero(cells)]
    used = np.diff(columns.indptr) > 0
    return Problem(
        matrix=columns[used],
        low=problem.low[used],
        high=problem.high[used],
        down=problem.down[cells],
        up=problem.up[cells],
        always=problem.always[cells],
        weight=problem.weight[cells],
        demands=tuple(replace(d, place=int(renumbered[d.place])) for d in problem.demands),
    )


def scaled(problem: Problem, scale: float) -> Problem:
    """The same problem in units of 1 / scale."""
    return replace(
        problem,
        low=problem.low * scale,
        high=problem.high * scale,
        down=problem.down * scale,
        up=problem.up * scale,
        demands=tuple(
            Demand(d.place, d.down * scale, d.up * scale, d.width * scale) for d in problem.demands
        ),
    )


@dataclass(frozen=True, eq=False)
class Cut:
    """coefficients·x ≥ 1 for every protecting pattern x (n, 0 or 1; `always` cells left out)."""

    coefficients: Numbers


class Attacker:
    """The furthest move of a cell, given which others are withheld."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        nothing = np.zeros(len(problem.weight))
        self._program = Program(problem.matrix, (problem.low, problem.high), (nothing, nothing))
        self._program.solve()
        self._program.option("simplex_strategy", 1)

    def reach(
        self, place: int, sign: int, cap: float, pattern: Numbers, limit: float = inf
    ) -> Numbers:
        """The move (n) that carries a cell furthest down (−1) or up (1), at most by `cap`.

        `pattern` (n) opens each cell's range, in part where it is a fraction. `limit` bounds the
        moves of cells that are not withheld anyway.
        """
        problem = self._problem
        lower, upper = (
            -self._range(problem.down, pattern, limit),
            self._range(problem.up, pattern, limit),
        )
        own = cap if sign > 0 else -cap
        lower[place] = max(min(own, 0.0), -problem.down[place])
        upper[place] = min(max(own, 0.0), problem.up[place])
        self._program.bounds(lower, upper)
        self._program.cost_of(place, -float(sign))
        solution = self._program.solve()
        self._program.cost_of(place, 0.0)
        if solution.outcome is not Outcome.OPTIMAL:
            raise SuppressionError(
                f"The attacker's solver ended with '{solution.outcome.value}'.",
                "report the table's shape to the maintainers; release nothing.",
            )
        return solution.values

    def answer(self, number: int, sign: int, pattern: Numbers) -> Numbers:
        """The move (n) that goes furthest towards one demand, in one direction."""
        demand = self._problem.demands[number]
        return self.reach(demand.place, sign, demand.cap(sign), pattern)

    def _range(self, most: Numbers, pattern: Numbers, limit: float) -> Numbers:
        opened = np.where(self._problem.always, most, np.minimum(most, limit))
        with np.errstate(invalid="ignore"):  # infinity of a closed cell
            return np.where(pattern > 0, opened * pattern, 0.0)

    def capacities(self, place: int, sign: int, cap: float) -> tuple[Numbers, float]:
        """Of the last reach: for every pattern x, reach ≤ coefficients·x + constant.

        Weak duality: a cell's reduced cost times its full range. `always` cells and the rows' own
        slack are in the constant.
        """
        problem = self._problem
        reduced, duals = self._program.duals()
        upward, downward = np.maximum(-reduced, 0.0), np.maximum(reduced, 0.0)
        room_up, room_down = problem.up.copy(), problem.down.copy()
        room_up[place] = min(cap, room_up[place]) if sign > 0 else 0.0
        room_down[place] = min(cap, room_down[place]) if sign < 0 else 0.0
        each = _product(upward, room_up) + _product(downward, room_down)
        rows = _product(np.maximum(duals, 0.0), -problem.low) + _product(
            np.maximum(-duals, 0.0), problem.high
        )
        fixed = problem.always.copy()
        fixed[place] = True
        return np.where(fixed, 0.0, each), float(each[fixed].sum() + rows.sum())


def _product(dual: Numbers, room: Numbers) -> Numbers:
    used = dual > DUAL
    return np.where(used, dual, 0.0) * np.where(used, room, 0.0)


def cut_of(needed: float, *capacities: tuple[Numbers, float]) -> Cut | None:
    """The inequality Σ capacities ≥ needed, scaled to ≥ 1; none if it says nothing."""
    coefficients = sum((each for each, _ in capacities), np.zeros(1))
    left = needed - sum(constant for _, constant in capacities)
    if left <= SLIP:
        return None
    return Cut(np.minimum(coefficients / left, 1.0))
