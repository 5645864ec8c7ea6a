"""Releasing again what a pattern withholds in vain."""

from __future__ import annotations

import numpy as np

from cleanroom.gate.attacker import Attacker, Problem, restricted
from cleanroom.gate.moves import Moves

PROGRAMS = 500  # linear programs that one pattern's thinning may take


def thinned(problem: Problem, moves: Moves) -> Moves:
    """The pattern of `moves` without the cells that all demands can do without, dearest first."""
    pattern = moves.pattern
    inside = restricted(problem, pattern)
    inner = _Thinning(inside, moves.restricted(inside, pattern))
    extra = np.flatnonzero(~inner.problem.always)
    dearest = extra[np.argsort(-inner.problem.weight[extra], kind="stable")]
    for cell in dearest.tolist():
        if inner.programs < PROGRAMS:
            inner.try_without(cell)
    return inner.moves.lifted(problem, pattern)


def unmet(problem: Problem, moves: Moves) -> list[int]:
    """The demands that no known move of the pattern meets."""
    reaches = zip(problem.demands, *moves.reaches(), strict=True)
    return [number for number, (d, down, up) in enumerate(reaches) if not d.met(down, up)]


class _Thinning:
    """Closes cells of one pattern as long as every demand stays met."""

    def __init__(self, problem: Problem, moves: Moves) -> None:
        self.problem = problem
        self.moves = moves
        self._attacker = Attacker(problem)
        self.programs = 0
        self._equations = problem.matrix[(problem.low == 0) & (problem.high == 0)] != 0
        self._columns = self._equations.T.tocsr()

    def try_without(self, cell: int) -> None:
        self.moves.close(cell)
        if self._freezes() or not all(
            self._met(number) for number in unmet(self.problem, self.moves)
        ):
            self.moves.reopen(cell)

    def _freezes(self) -> bool:
        """Whether equations with a single cell left to move stop a cell in need altogether."""
        moving = self.moves.pattern
        while True:
            alone = (self._equations @ moving.astype(np.int32)) == 1
            stopped = moving & ((self._columns @ alone.astype(np.int32)) > 0)
            if not stopped.any():
                return False
            if any(stopped[demand.place] for demand in self.problem.demands if demand.furthest):
                return True
            moving &= ~stopped

    def _met(self, number: int) -> bool:
        pattern = self.moves.pattern.astype(float)
        for sign in (1, -1):
            self.programs += 1
            self.moves.add(self._attacker.answer(number, sign, pattern))
            if self.moves.met(number):
                return True
        return False
