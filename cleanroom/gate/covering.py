"""The best pattern, by cutting planes: a covering problem whose rows the attacker writes.

Method: Benders' decomposition of Fischetti and Salazar-González (2001). The master chooses cells
to withhold at the least weight under the cuts so far, first in fractions (which gives a lower
bound and prices for the builder), then in whole; the attacker answers with the cuts that the
choice breaks, until it breaks none. All limits are on work, not on time: the same problem has the
same answer everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil, inf

import numpy as np

from cleanroom.gate.attacker import SMALL, Attacker, Cut, Demand, Problem, cut_of
from cleanroom.gate.circuits import Builder
from cleanroom.gate.linear import Flags, Numbers, Program, Solution

NONE: tuple[Numbers, float] = (np.zeros(1), 0.0)
ENOUGH = 0.005  # of the bound: if the rounds between two full sweeps raise it less, they end


@dataclass(frozen=True)
class Work:
    """How much work to spend on a connected part of the tables, to come within `gap` of the best.

    All limits are counts, so that the answer is the same on every machine. A part of at most
    `small` cells gets up to 60 rounds of cutting planes and `whole` rounds of whole masters, each
    of at most `nodes`; a larger one `rounds` of cutting planes, which bound and guide a pattern;
    one of more than `cells` or `demands` the heuristic alone, which spends about `swaps` programs
    on replacing cells.
    """

    gap: float = 0.02
    small: int = 250
    whole: int = 4
    nodes: int = 100
    rounds: int = 10
    cells: int = 1500
    demands: int = 150
    swaps: int = 200


SMALL_ROUNDS = 60
PROOF = Work(gap=0.0, small=5000, whole=1000, nodes=1_000_000, cells=5000, demands=1000)


class Method(StrEnum):
    """How a pattern was found; of several connected parts, the weakest says it."""

    EXACT = "exact"  # no pattern weighs less, but for the gap that was allowed
    BOUNDED = "bounded"  # the limit on work came first; the bound says how far off it may be
    HEURISTIC = "heuristic"  # too large for a proof


@dataclass(frozen=True, eq=False)
class Found:
    """A pattern (n) with its weight, and a proven lower bound of any pattern's weight."""

    pattern: Flags
    weight: float
    bound: float
    method: Method

    def within(self, gap: float) -> bool:
        """Whether the weight is that close to the best."""
        return self.weight <= self.bound + max(gap, 1e-6) * self.weight


class Master:
    """Which cells to withhold, at the least weight under the cuts so far."""

    def __init__(self, problem: Problem) -> None:
        self._always = problem.always.astype(float)
        weight = np.where(problem.always, 0.0, problem.weight)
        self._largest = float(weight.max(initial=0.0)) or 1.0
        self._weight = weight / self._largest
        self._cuts: dict[bytes, Numbers] = {}
        self._chosen: dict[bytes, Numbers] = {}  # the cuts that whole masters have to keep
        self._program = self._new([])

    def _new(self, rows: list[Numbers]) -> Program:
        from scipy import sparse

        count = len(self._weight)
        matrix = sparse.csr_matrix(np.array(rows).reshape(-1, count))
        sides = np.ones(len(rows)), np.full(len(rows), inf)
        program = Program(matrix, sides, (self._always, np.ones(count)))
        program.cost(self._weight)
        return program

    def add(self, cut: Cut) -> None:
        """Add a cut, once."""
        coefficients = np.where(cut.coefficients > SMALL, cut.coefficients, 0.0)
        key = np.round(coefficients, 6).tobytes()
        if key not in self._cuts:
            self._cuts[key] = self._chosen[key] = coefficients
            self._program.add_row(1.0, inf, coefficients)

    def choose(self) -> tuple[Numbers, float]:
        """The cheapest choice in fractions (n), and the lower bound it proves."""
        solution = self._program.solve()
        self._keep_tight(solution.values)
        return np.where(np.abs(solution.values) < SMALL, 0.0, solution.values), self._bound(
            solution
        )

    def _keep_tight(self, values: Numbers) -> None:
        self._chosen = {k: c for k, c in self._cuts.items() if c @ values < 1 + 1e-6}

    def choose_whole(self, known: Flags, work: Work) -> tuple[Flags, float]:
        """The cheapest whole choice (n) and its lower bound, within the work's gap and nodes.

        Begins with the cuts that were tight in fractions; another cut comes in once it is broken.
        `known`: a pattern that meets all cuts, to start from.
        """
        while True:
            program = self._new(list(self._chosen.values()))
            program.require_whole(np.arange(len(self._weight)))
            program.option("mip_rel_gap", max(work.gap / 2, 1e-6))
            program.option("mip_max_nodes", work.nodes)
            program.start_from(known.astype(float))
            solution = program.solve()
            choice = solution.values > 0.5
            broken = {k: c for k, c in self._cuts.items() if c @ choice < 1 - 1e-6}
            if not broken:
                return choice, self._bound(solution)
            self._chosen |= broken

    def _bound(self, solution: Solution) -> float:
        return solution.bound * self._largest


def cuts_of(attacker: Attacker, demand: Demand, choice: Numbers) -> list[Cut]:
    """The cuts of one demand that a choice breaks; none if it meets the demand.

    Moves are first limited to the demand's own length, which no simple circuit exceeds in a
    two-way table: that breaks fractions which a real capacity would let pass. Only if such a
    cut turns out to hold is the true capacity asked.
    """
    for limit in (demand.furthest, inf):
        reaches, capacities = {1: 0.0, -1: 0.0}, {1: NONE, -1: NONE}
        for sign in (1, -1):
            cap = demand.cap(sign)
            if cap and not demand.met(reaches[-1], reaches[1]):
                move = attacker.reach(demand.place, sign, cap, choice, limit)
                reaches[sign] = abs(float(move[demand.place]))
                capacities[sign] = attacker.capacities(demand.place, sign, cap)
        if demand.met(reaches[-1], reaches[1]):
            return []
        cuts = [
            cut_of(demand.down, capacities[-1]) if demand.down > reaches[-1] else None,
            cut_of(demand.up, capacities[1]) if demand.up > reaches[1] else None,
            cut_of(demand.width, *capacities.values())
            if demand.width > sum(reaches.values())
            else None,
        ]
        broken = [c for c in cuts if c is not None and c.coefficients @ choice < 1 - 1e-6]
        if broken:
            return broken
    return []


def fractional(
    problem: Problem, master: Master, attacker: Attacker, rounds: int
) -> tuple[Numbers, float]:
    """Cut until no fraction is left to cut, or rounds run out; the last choice and its bound.

    Demands that the last round did not break are asked again only once no other breaks.
    """
    everyone = list(range(len(problem.demands)))
    asked, settled = everyone, -inf
    choice, bound = master.choose()
    for _ in range(rounds):
        broken = []
        for number in asked:
            cuts = cuts_of(attacker, problem.demands[number], choice)
            broken += [number] * bool(cuts)
            for cut in cuts:
                master.add(cut)
        if broken:
            choice, bound = master.choose()
            asked = broken
        elif asked == everyone or bound - settled < ENOUGH * abs(bound):
            break
        else:
            asked, settled = everyone, bound
    return choice, bound


def best_pattern(builder: Builder, work: Work) -> Found:
    """The best pattern that the work allows."""
    problem = builder.problem
    always = problem.always
    if len(always) > work.cells or len(problem.demands) > work.demands:
        pattern = builder.pattern(always, problem.weight, work.swaps)
        return Found(pattern, weight_of(problem, pattern), 0.0, Method.HEURISTIC)
    builder.shorten(range(len(problem.demands)))
    problem = builder.problem
    master, attacker = Master(problem), Attacker(problem)
    small = len(always) <= work.small
    rounds = SMALL_ROUNDS if small else work.rounds
    choice, bound = fractional(problem, master, attacker, rounds)
    guided = problem.weight * (1.0 - 0.99 * np.clip(choice, 0.0, 1.0))
    pattern = builder.pattern(always, guided)
    found = _found(problem, [pattern], _rounded(problem, bound))
    for _ in range(work.whole if small else 0):
        if found.within(work.gap):
            break
        pattern, bound = master.choose_whole(found.pattern, work)
        bound = max(found.bound, min(_rounded(problem, bound), found.weight))
        cuts = [c for d in problem.demands for c in cuts_of(attacker, d, pattern.astype(float))]
        if cuts:
            pattern = builder.pattern(pattern, problem.weight)
        found = _found(problem, [found.pattern, pattern], bound)
        if not cuts:
            break
        for cut in cuts:
            master.add(cut)
    return replace(found, method=Method.EXACT) if found.within(work.gap) else found


def _found(problem: Problem, patterns: list[Flags], bound: float) -> Found:
    best = min(patterns, key=lambda pattern: weight_of(problem, pattern))
    return Found(best, weight_of(problem, best), bound, Method.BOUNDED)


def weight_of(problem: Problem, pattern: Flags) -> float:
    """What withholding a pattern's further cells costs."""
    return float(problem.weight[pattern & ~problem.always].sum())


def _rounded(problem: Problem, bound: float) -> float:
    """A lower bound, rounded up where all weights are whole."""
    whole = bool((problem.weight == np.round(problem.weight)).all()) and np.isfinite(bound)
    return float(ceil(bound - 1e-6)) if whole else bound
