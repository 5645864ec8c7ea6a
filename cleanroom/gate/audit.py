"""The attacker's audit: how closely everything that is released bounds each withheld cell.

The attacker knows every released number, the relations and the bounds, and finds the least and
the greatest value of every withheld cell. Method: linear programs in HiGHS, each warm from the
last, and none where a bound is already known to be reached (filtering as in optimisation-based
bound tightening; Gleixner et al. 2017). docs/methods.md names the formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from cleanroom.errors import SuppressionError
from cleanroom.gate.linear import Flags, Numbers, Outcome, Positions, Program
from cleanroom.gate.relations import Cell, Relations
from cleanroom.gate.unknowns import Part, Unknowns, parts_of, propagated, substituted, unknowns_of

REACHED = 1e-5  # in a component scaled to values of about a million
SCALE_BITS = 20
MANY = 16  # ends that a program for all of them together has to reach to be worth another


@dataclass(frozen=True, eq=False)
class Intervals:
    """What an attacker can prove of each withheld cell: lower ≤ value ≤ upper.

    `places`: the withheld cells' positions. Whole numbers' ends are rounded inwards. The attacker
    can prove at least this much: over whole numbers the true interval may be narrower still.
    `programs`: how many linear programs it took.
    """

    places: Positions
    lower: Numbers
    upper: Numbers
    programs: int

    @property
    def width(self) -> Numbers:
        """Upper less lower, infinite where nothing bounds the cell."""
        return self.upper - self.lower


@dataclass(frozen=True, eq=False)
class Protection:
    """What each cell's interval has to leave open (n each; 0 asks nothing).

    `down`, `up`: how far below and above the true value it reaches. `width`: how wide it is.
    """

    down: Numbers
    up: Numbers
    width: Numbers


@dataclass(frozen=True)
class Exposure:
    """A withheld cell whose interval is narrower than its protection.

    `words` name the cell and what is missing, and give no number away.
    """

    cell: Cell
    words: str


def width_of(relations: Relations, cells: Flags, share: float, least: float) -> Protection:
    """An interval as wide as `share` of the cell's value and at least `least`, for some cells."""
    width = np.maximum(share * np.abs(relations.values), least)
    width = np.where(relations.whole, np.ceil(width - REACHED), width)
    nothing = np.zeros(len(relations.cells))
    return Protection(nothing, nothing, np.where(cells, width, 0.0))


def feasible(relations: Relations, withheld: Flags) -> Intervals:
    """The interval of every withheld cell (n flags), given all others.

    Raises `SuppressionError` if the solver gives no answer.
    """
    unknown = withheld | relations.hidden
    system, substitution = substituted(unknowns_of(relations, unknown))
    system, settled = propagated(system)
    lower, upper = system.lower.copy(), system.upper.copy()
    programs = 0
    for part in parts_of(system):
        if not (part.tree and settled):
            lower[part.places], upper[part.places], used = _bounded(part)
            programs += used
    chosen, factor = substitution.representative, substitution.factor
    # Infinity times a factor of 0 is no number; known cells have no representative.
    with np.errstate(invalid="ignore"):
        ends = np.stack([factor * lower[chosen], factor * upper[chosen]]) + substitution.constant
    ends[:, chosen < 0] = system.truth[chosen < 0]
    asked = ~relations.hidden[unknown]
    places = np.flatnonzero(unknown)[asked]
    low, high = _inwards(relations, places, ends.min(axis=0)[asked], ends.max(axis=0)[asked])
    return Intervals(places, low, high, programs)


def exposed(relations: Relations, withheld: Flags, protection: Protection) -> tuple[Exposure, ...]:
    """The withheld cells that can be bounded more closely than their protection allows."""
    intervals = feasible(relations, withheld)
    short = shortfall(relations, intervals, protection)
    return tuple(
        Exposure(relations.cells[place], _words(low == high))
        for place, low, high, missing in zip(
            intervals.places, intervals.lower, intervals.upper, short, strict=True
        )
        if missing > 0
    )


def shortfall(relations: Relations, intervals: Intervals, protection: Protection) -> Numbers:
    """How much each withheld cell's interval lacks (k), 0 where it is protected."""
    places = intervals.places
    values = relations.values[places]
    lacks = np.stack(
        [
            protection.down[places] - (values - intervals.lower),
            protection.up[places] - (intervals.upper - values),
            protection.width[places] - intervals.width,
        ]
    ).max(axis=0)
    scale = max(1.0, float(np.abs(relations.values).max(initial=0.0)))
    return np.where(lacks > 1e-9 * scale, lacks, 0.0)


def _words(known: bool) -> str:
    if known:
        return "The released numbers give this withheld cell away."
    return "The released numbers bound this withheld cell more closely than its protection allows."


def _inwards(
    relations: Relations, places: Positions, lower: Numbers, upper: Numbers
) -> tuple[Numbers, Numbers]:
    whole, truth = relations.whole[places], relations.values[places]
    slip = 1e-6 * max(1.0, float(np.abs(truth).max(initial=0.0)) * 2.0**-SCALE_BITS)
    low = np.where(whole, np.ceil(lower - slip), lower)
    high = np.where(whole, np.floor(upper + slip), upper)
    return np.minimum(low, truth), np.maximum(high, truth)


def _bounded(part: Part) -> tuple[Numbers, Numbers, int]:
    """The exact interval of every unknown of a component, by linear programs."""
    system = part.system
    finite = np.concatenate([system.truth, system.lower, system.upper])
    largest = float(np.abs(finite[np.isfinite(finite)]).max())
    scale = 2.0 ** (SCALE_BITS - np.ceil(np.log2(max(largest, 2.0**-SCALE_BITS))))
    endless_down, endless_up, used = _endless(system)
    search = _Search(system, scale, endless_down, endless_up)
    search.run()
    lower = np.where(endless_down, -inf, search.lower / scale)
    upper = np.where(endless_up, inf, search.upper / scale)
    return lower, upper, used + search.programs


class _Search:
    """The ends of all intervals of one component, skipping what some solution already reaches.

    Each program starts from the solution, among all so far, that lies nearest to the end it seeks.
    """

    def __init__(
        self, system: Unknowns, scale: float, endless_down: Flags, endless_up: Flags
    ) -> None:
        self.lower, self.upper = system.lower * scale, system.upper * scale
        # Furthest down and up of all solutions, and the number of the solution that went there.
        self.furthest = {1: system.truth * scale, -1: system.truth * scale}
        self.reached_by = {sign: np.full(len(system.truth), -1) for sign in (1, -1)}
        self.open = {1: ~endless_down, -1: ~endless_up}
        self.programs = 0
        self._bases: list[Any] = []
        self._program = Program(
            matrix_of(system),
            (system.low * scale, system.high * scale),
            (self.lower.copy(), self.upper.copy()),
        )

    def run(self) -> None:
        """Many ends at once for as long as that reaches many, then one by one."""
        left = self._left()
        before = left + MANY
        while left and before - left >= MANY:
            before = left
            for sign in (1, -1):
                self._program.cost(np.where(self._missing(sign) > REACHED, float(sign), 0.0))
                self._solve()
            left = self._left()
        self._program.cost(np.zeros(len(self.lower)))
        self._program.option("simplex_strategy", 4)  # primal: only the cost changes from here
        for sign in (1, -1):
            missing = self._missing(sign)
            while missing.max() > REACHED:
                self._end(int(np.argmax(missing)), sign)
                missing = self._missing(sign)

    def _left(self) -> int:
        return sum(int((self._missing(sign) > REACHED).sum()) for sign in (1, -1))

    def _missing(self, sign: int) -> Numbers:
        """How far the solutions so far stay from each bound."""
        bound = self.lower if sign > 0 else self.upper
        return np.where(self.open[sign], sign * (self.furthest[sign] - bound), 0.0)

    def _end(self, column: int, sign: int) -> None:
        start = int(self.reached_by[sign][column])
        if 0 <= start < len(self._bases) - 1:
            self._program.resume(self._bases[start])
        self._program.cost_of(column, float(sign))
        value = self._solve()[column]
        self._program.cost_of(column, 0.0)
        end = self.lower if sign > 0 else self.upper
        end[column] = self.furthest[sign][column] = value

    def _solve(self) -> Numbers:
        solution = self._program.solve()
        if solution.outcome is not Outcome.OPTIMAL:
            raise SuppressionError(
                f"The audit's solver ended with '{solution.outcome.value}'.",
                "report the agreement and the table's shape to the maintainers; release nothing.",
            )
        for sign, furthest in self.furthest.items():
            further = sign * (furthest - solution.values) > 0
            furthest[further] = solution.values[further]
            self.reached_by[sign][further] = self.programs
        self._bases.append(self._program.basis())
        self.programs += 1
        return solution.values


def _endless(system: Unknowns) -> tuple[Flags, Flags, int]:
    """Which unknowns have no lower, no upper end, and the programs it took.

    They are those that some direction of the system's recession cone moves; the direction that
    moves most of them is one linear program: maximise Σ min(1, movement).
    """
    found, programs = [], 0
    for sign, bound in ((-1.0, system.lower), (1.0, system.upper)):
        candidates = np.flatnonzero(np.isinf(bound))
        if len(candidates):
            found.append(_movable(system, candidates, sign))
            programs += 1
        else:
            found.append(np.zeros(len(system.truth), dtype=bool))
    return found[0], found[1], programs


def _movable(system: Unknowns, candidates: Positions, sign: float) -> Flags:
    from scipy import sparse

    unknowns, count = len(system.truth), len(candidates)
    counted = sparse.coo_matrix(  # one column more for each candidate: its movement up to 1
        (
            np.concatenate([np.full(count, sign), np.full(count, -1.0)]),
            (
                np.tile(np.arange(count), 2),
                np.concatenate([candidates, unknowns + np.arange(count)]),
            ),
        ),
        shape=(count, unknowns + count),
    )
    matrix = sparse.vstack(
        [sparse.hstack([matrix_of(system), sparse.csr_matrix((len(system.low), count))]), counted]
    )
    nothing, one = np.zeros(count), np.ones(count)
    program = Program(
        matrix,
        (
            np.concatenate([np.where(np.isinf(system.low), -inf, 0.0), nothing]),
            np.concatenate([np.where(np.isinf(system.high), inf, 0.0), np.full(count, inf)]),
        ),
        (
            np.concatenate([np.where(np.isinf(system.lower), -inf, 0.0), nothing]),
            np.concatenate([np.where(np.isinf(system.upper), inf, 0.0), one]),
        ),
    )
    program.cost(np.concatenate([np.zeros(unknowns), -one]))
    solution = program.solve()
    endless = np.zeros(unknowns, dtype=bool)
    endless[candidates] = solution.values[unknowns:] > REACHED
    return endless


def matrix_of(system: Unknowns) -> Any:
    """The rows of a system (m × k, scipy COO)."""
    from scipy import sparse

    shape = (len(system.low), len(system.truth))
    return sparse.coo_matrix((system.coefficient, (system.row, system.column)), shape=shape)
