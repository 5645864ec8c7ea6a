"""Moves known to be possible: each shows, without a program, how far it carries cells in need."""

from __future__ import annotations

from math import inf

import numpy as np

from cleanroom.gate.attacker import SMALL, Problem
from cleanroom.gate.linear import Flags, Numbers, Positions


class Moves:
    """A growing collection of moves over n cells, and the reach of those within one pattern."""

    def __init__(self, problem: Problem, pattern: Flags) -> None:
        self._problem = problem
        self._places = np.array([demand.place for demand in problem.demands], dtype=np.int64)
        self._pattern = pattern.copy()
        self._count = 0
        self._uses = np.zeros((64, len(pattern)), dtype=bool)
        self._reach = np.zeros((2, 64, len(self._places)))
        self._inside = np.zeros(64, dtype=bool)

    @property
    def pattern(self) -> Flags:
        """The cells that may move."""
        return self._pattern.copy()

    def add(self, move: Numbers) -> None:
        """Remember a move (n): either way, as often as the bounds let it be made."""
        problem, longest = self._problem, float(np.abs(move).max())
        if longest <= 0:
            return
        move = np.where(np.abs(move) > SMALL * longest, move, 0.0)
        change = problem.matrix @ move
        change[np.abs(change) <= SMALL * longest] = 0.0
        rows = -problem.low, problem.high
        forth = min(_times(move, problem.down, problem.up), _times(change, *rows))
        back = min(_times(-move, problem.down, problem.up), _times(-change, *rows))
        here = move[self._places]
        with np.errstate(invalid="ignore"):  # endlessly often, a cell that does not move
            ends = np.where(here == 0, 0.0, np.stack([forth * here, -back * here]))
        if self._count == len(self._inside):
            self._grow()
        self._uses[self._count] = move != 0
        self._reach[:, self._count] = -ends.min(axis=0), ends.max(axis=0)
        self._inside[self._count] = not (self._uses[self._count] & ~self._pattern).any()
        self._count += 1

    def _grow(self) -> None:
        self._uses = np.concatenate([self._uses, np.zeros_like(self._uses)])
        self._reach = np.concatenate([self._reach, np.zeros_like(self._reach)], axis=1)
        self._inside = np.concatenate([self._inside, np.zeros_like(self._inside)])

    def open(self, cells: Flags) -> None:
        """Let further cells move."""
        self._pattern |= cells
        uses = self._uses[: self._count]
        self._inside[: self._count] = ~uses[:, ~self._pattern].any(axis=1)

    def close(self, cell: int) -> None:
        """Let one cell move no more."""
        self._pattern[cell] = False
        self._inside &= ~self._uses[:, cell]

    def reopen(self, cell: int) -> None:
        """Let one cell move again."""
        self._pattern[cell] = True
        back = np.flatnonzero(self._uses[: self._count, cell])
        self._inside[back] = ~self._uses[np.ix_(back, np.flatnonzero(~self._pattern))].any(axis=1)

    def copy(self) -> Moves:
        """Another collection of the moves within the pattern."""
        return self._over(self._problem, np.arange(len(self._pattern)), self._pattern)

    def restricted(self, problem: Problem, cells: Flags) -> Moves:
        """The moves within the pattern, over `cells` alone; `problem` is restricted to them."""
        places = np.flatnonzero(cells)
        return self._over(problem, places, self._pattern[places])

    def lifted(self, problem: Problem, cells: Flags) -> Moves:
        """The moves within the pattern, over all cells again, of which these are `cells`."""
        places = np.full(len(cells), len(self._pattern))  # a column that no move uses
        places[cells] = np.arange(len(self._pattern))
        pattern = np.append(self._pattern, False)[places]
        return self._over(problem, places, pattern)

    def _over(self, problem: Problem, places: Positions, pattern: Flags) -> Moves:
        other = Moves(problem, pattern)
        uses = np.pad(self._uses[self._inside], ((0, 0), (0, 1)))
        other._count = len(uses)
        while other._count >= len(other._inside):
            other._grow()
        other._uses[: other._count] = uses[:, places]
        other._reach[:, : other._count] = self._reach[:, self._inside]
        other._inside[: other._count] = True
        return other

    def met(self, number: int) -> bool:
        """Whether they meet a demand."""
        down, up = self._reach[:, self._inside, number].max(axis=1, initial=0.0).tolist()
        return self._problem.demands[number].met(down, up)

    def reaches(self) -> tuple[Numbers, Numbers]:
        """How far moves of the pattern carry each cell in need: down and up."""
        inside = self._reach[:, self._inside]
        return inside[0].max(axis=0, initial=0.0), inside[1].max(axis=0, initial=0.0)


def _times(move: Numbers, down: Numbers, up: Numbers) -> float:
    """How often a move fits between −down and up."""
    moving = move != 0
    if not moving.any():
        return inf
    room = np.where(move > 0, up, down)[moving]
    return float(np.min(room / np.abs(move[moving])))
