"""A good pattern, quickly: for each cell in need, the cheapest move that carries it far enough.

Each move is one linear program whose cells pay their weight once they move and nothing once they
are withheld (Kelly, Golden and Assad 1992; Cox 1995, here for any linear relations). What all
demands can do without is released again at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from cleanroom.gate.attacker import SMALL, Attacker, Demand, Problem
from cleanroom.gate.linear import Flags, Numbers, Outcome, Program
from cleanroom.gate.moves import Moves
from cleanroom.gate.thinning import thinned, unmet


class Cheapest:
    """The cheapest move that carries one cell by a given length, over up- and down-moves (2n)."""

    def __init__(self, problem: Problem) -> None:
        from scipy import sparse

        self._count = len(problem.weight)
        self._room = np.concatenate([problem.up, problem.down])
        self.programs = 0
        self._program = Program(
            sparse.hstack([problem.matrix, -problem.matrix]),
            (problem.low, problem.high),
            (np.zeros(2 * self._count), self._room.copy()),
        )

    def move(self, place: int, sign: int, length: float, prices: Numbers) -> Numbers | None:
        """The move (n) of least Σ price, or None where nothing carries the cell that far."""
        here, there = (place, place + self._count)[::sign]
        room = np.minimum(self._room, length)  # a full move costs the whole price
        costs = np.where(room > 0, np.tile(prices, 2) / np.where(room > 0, room, 1.0), 0.0)
        self._program.cost(costs)
        self._program.bounds_of(here, length, length)
        self._program.bounds_of(there, 0.0, 0.0)
        solution = self._program.solve()
        self.programs += 1
        self._program.bounds_of(here, 0.0, float(self._room[here]))
        self._program.bounds_of(there, 0.0, float(self._room[there]))
        if solution.outcome is not Outcome.OPTIMAL:
            return None
        move = solution.values[: self._count] - solution.values[self._count :]
        return np.where(np.abs(move) > SMALL * length, move, 0.0)


class Builder:
    """Builds patterns for one problem at any prices.

    A demand that no pattern meets is met as far as it can be; `problem` then says how far.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._cheapest = Cheapest(problem)
        self._rooms = [(problem.down[d.place], problem.up[d.place]) for d in problem.demands]

    def pattern(self, start: Flags, prices: Numbers, swaps: int = 0) -> Flags:
        """A pattern that includes `start` at first and meets the demands, cheap by `prices` (n).

        Its dearest cells are then tried to be swapped for cheaper ones, in about so many programs.
        """
        moves = Moves(self.problem, start | self.problem.always)
        lengths = [-demand.furthest for demand in self.problem.demands]
        order = np.argsort(lengths, kind="stable").tolist()
        failed = [number for number in order if not self._meet(number, moves, prices)]
        if failed:
            self.shorten(failed)
            for number in failed:
                self._meet(number, moves, prices)
        return self._improved(thinned(self.problem, moves), swaps).pattern

    def _improved(self, moves: Moves, swaps: int) -> Moves:
        """Each dear cell in turn withdrawn, and what then fails met more cheaply if it can be."""
        weight, always = self.problem.weight, self.problem.always
        cells = np.flatnonzero(moves.pattern & ~always)
        end = self._cheapest.programs + swaps
        for cell in cells[np.argsort(-weight[cells], kind="stable")].tolist():
            if self._cheapest.programs >= end:
                break
            if not moves.pattern[cell]:
                continue
            other = moves.copy()
            other.close(cell)
            limit = float(weight[moves.pattern].sum())
            if self._cheaper(other, cell, limit):
                moves = thinned(self.problem, other)
        return moves

    def _cheaper(self, moves: Moves, without: int, limit: float) -> bool:
        """Meet all demands without one cell; whether the pattern then weighs less than `limit`."""
        prices = self.problem.weight.copy()
        prices[without] = limit
        for number in unmet(self.problem, moves):
            met = self._meet(number, moves, prices)
            heavy = float(self.problem.weight[moves.pattern].sum()) >= limit
            if not met or heavy or moves.pattern[without]:
                return False
        return True

    def shorten(self, numbers: Iterable[int]) -> None:
        """Cut demands down to what withholding everything would reach, where that is less."""
        count = len(self.problem.weight)
        attacker, everything = Attacker(self.problem), np.ones(count)
        moves = Moves(self.problem, np.ones(count, dtype=bool))
        demands = list(self.problem.demands)
        for number in numbers:
            old = demands[number]
            if moves.met(number):
                continue
            for sign in (1, -1):
                if not moves.met(number):
                    moves.add(attacker.answer(number, sign, everything))
            down, up = (float(reach[number]) for reach in moves.reaches())
            self._rooms[number] = (down, up)
            if not old.met(down, up):
                demands[number] = Demand(
                    old.place, min(old.down, down), min(old.up, up), min(old.width, down + up)
                )
        self.problem = replace(self.problem, demands=tuple(demands))

    def _meet(self, number: int, moves: Moves, prices: Numbers) -> bool:
        demand = self.problem.demands[number]
        for sign in (-1, 1, -1):  # down may have to make up for what up could not reach
            if moves.met(number):
                return True
            down, up = (float(reach[number]) for reach in moves.reaches())
            length = self._aim(number, sign, down, up)
            if length <= (down if sign < 0 else up):
                continue
            free = np.where(moves.pattern, 0.0, prices)
            move = self._cheapest.move(demand.place, sign, length, free)
            if move is not None:
                moves.open(move != 0)
                moves.add(move)
        return moves.met(number)

    def _aim(self, number: int, sign: int, down: float, up: float) -> float:
        """How long a move to ask for in one direction, the other way reaching so far already."""
        demand, (room_down, room_up) = self.problem.demands[number], self._rooms[number]
        if sign > 0:
            return float(min(max(demand.up, demand.width - down), room_up))
        shared = max(demand.width / 2, demand.width - room_up)  # half each way, as far as it goes
        return float(min(max(demand.down, min(shared, demand.width - up)), room_down))
