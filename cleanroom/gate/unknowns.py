"""What an attacker does before the first linear program: substitute, propagate, take apart.

Method: substitution along equations of two unknowns, bound propagation to a fixed point, and
connected components of the graph of unknowns and equations. On a component without cycles the
propagated bounds are exact (every end of an interval extends to a whole solution, branch by
branch), so it needs no program at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from cleanroom.gate.linear import Flags, Numbers, Positions
from cleanroom.gate.relations import Relations

ROUNDS = 200  # of propagation; trees are done in as many rounds as they are deep
ZERO = 1e-9


@dataclass(frozen=True, eq=False)
class Unknowns:
    """A system over k unknowns: low ≤ Σ coefficient·y ≤ high for m rows, lower ≤ y ≤ upper.

    `row`, `column`, `coefficient` are its non-zeros; `truth` is one solution.
    """

    row: Positions
    column: Positions
    coefficient: Numbers
    low: Numbers
    high: Numbers
    lower: Numbers
    upper: Numbers
    truth: Numbers


@dataclass(frozen=True, eq=False)
class Substitution:
    """Each unknown as factor × representative + constant; representative −1 where it is known."""

    representative: Positions
    factor: Numbers
    constant: Numbers


def unknowns_of(relations: Relations, unknown: Flags) -> Unknowns:
    """The relations over the unknown cells (k of n), the others moved to the right-hand sides."""
    inside = relations.matrix[:, np.flatnonzero(unknown)].tocoo()
    low, high = relations.slack
    truth = relations.values[unknown]
    activity = np.bincount(
        inside.row, inside.data * truth[inside.col], minlength=len(relations.rows)
    )
    return Unknowns(
        row=inside.row.astype(np.int64),
        column=inside.col.astype(np.int64),
        coefficient=inside.data,
        low=low + activity,
        high=high + activity,
        lower=relations.lower[unknown],
        upper=relations.upper[unknown],
        truth=truth,
    )


def substituted(system: Unknowns) -> tuple[Unknowns, Substitution]:
    """The system over representatives alone: equations of one or two unknowns used up."""
    work = _Elimination(system)
    work.run()
    substitution = work.substitution()
    chosen = substitution.representative
    lower, upper = system.lower.copy(), system.upper.copy()
    for place in np.flatnonzero((chosen >= 0) & (chosen != np.arange(len(chosen)))):
        factor, constant = substitution.factor[place], substitution.constant[place]
        ends = (system.lower[place] - constant) / factor, (system.upper[place] - constant) / factor
        kept = chosen[place]
        lower[kept] = max(lower[kept], min(ends))
        upper[kept] = min(upper[kept], max(ends))
    left = [(k, terms) for k, terms in enumerate(work.rows) if terms]
    numbers = [k for k, _ in left]
    reduced = Unknowns(
        row=np.repeat(np.arange(len(left)), [len(terms) for _, terms in left]),
        column=np.array([c for _, terms in left for c in terms], dtype=np.int64),
        coefficient=np.array([x for _, terms in left for x in terms.values()], dtype=float),
        low=np.array([work.low[k] for k in numbers], dtype=float),
        high=np.array([work.high[k] for k in numbers], dtype=float),
        lower=lower,
        upper=upper,
        truth=system.truth,
    )
    return reduced, substitution


class _Elimination:
    """Gaussian elimination along equations of at most two unknowns: no fill-in."""

    def __init__(self, system: Unknowns) -> None:
        self.rows: list[dict[int, float]] = [{} for _ in system.low]
        self.uses: list[set[int]] = [set() for _ in system.truth]
        entries = zip(system.row, system.column, system.coefficient, strict=True)
        for row, column, x in ((int(r), int(c), float(x)) for r, c, x in entries):
            self.rows[row][column] = x
            self.uses[column].add(row)
        self.low, self.high = system.low.tolist(), system.high.tolist()
        # The truth gives equations their right-hand sides without a rounding error.
        self.truth = system.truth.tolist()
        self.done: dict[int, tuple[int, float, float]] = {}

    def run(self) -> None:
        queue = [k for k, terms in enumerate(self.rows) if self._ready(k, terms)]
        while queue:
            terms = self.rows[queue.pop()]
            if 1 <= len(terms) <= 2:
                queue += self._eliminate(dict(terms))

    def _ready(self, number: int, terms: dict[int, float]) -> bool:
        return 1 <= len(terms) <= 2 and self.high[number] - self.low[number] <= ZERO

    def _eliminate(self, terms: dict[int, float]) -> list[int]:
        """Replace the unknown that fewer rows use; the rows that are ready now."""
        out = min(terms, key=lambda column: (len(self.uses[column]), column))
        divisor = terms.pop(out)
        kept, x = next(iter(terms.items()), (-1, 0.0))
        factor = -x / divisor
        constant = self.truth[out] - (factor * self.truth[kept] if kept >= 0 else 0.0)
        self.done[out] = (kept, factor, constant)
        ready = []
        for number in self.uses[out]:
            self._replace(number, out, kept)
            if self._ready(number, self.rows[number]):
                ready.append(number)
        self.uses[out] = set()
        return ready

    def _replace(self, number: int, out: int, kept: int) -> None:
        _, factor, constant = self.done[out]
        terms = self.rows[number]
        x = terms.pop(out)
        self.low[number] -= x * constant
        self.high[number] -= x * constant
        if kept < 0:
            return
        total = terms.get(kept, 0.0) + x * factor
        if abs(total) > ZERO:
            terms[kept] = total
            self.uses[kept].add(number)
        else:
            terms.pop(kept, None)
            self.uses[kept].discard(number)

    def substitution(self) -> Substitution:
        number = len(self.truth)
        chosen, factor, constant = np.arange(number), np.ones(number), np.zeros(number)
        for out in reversed(self.done):  # whoever replaced it was replaced later, so is known here
            kept, by, plus = self.done[out]
            if kept < 0:
                chosen[out], factor[out], constant[out] = -1, 0.0, plus
            else:
                chosen[out] = chosen[kept]
                factor[out] = by * factor[kept]
                constant[out] = plus + by * constant[kept]
        return Substitution(chosen, factor, constant)


def propagated(system: Unknowns) -> tuple[Unknowns, bool]:
    """The same system with bounds tightened by each row in turn, and whether a fixed point came."""
    lower, upper = system.lower.copy(), system.upper.copy()
    order = np.argsort(system.column, kind="stable")
    row, column, x = system.row[order], system.column[order], system.coefficient[order]
    if not len(row):
        return system, True
    firsts = np.flatnonzero(np.diff(column, prepend=-1))
    which, positive = column[firsts], x > 0
    allowed = ZERO * max(1.0, float(np.abs(system.truth).max()))
    for _ in range(ROUNDS):
        most = x * np.where(positive, upper[column], lower[column])
        least = x * np.where(positive, lower[column], upper[column])
        cap = system.high[row] - _rest(least, row, len(system.high), -inf)
        floor = system.low[row] - _rest(most, row, len(system.low), inf)
        high = np.minimum.reduceat(np.where(positive, cap, floor) / x, firsts)
        low = np.maximum.reduceat(np.where(positive, floor, cap) / x, firsts)
        # The truth is a solution: no bound may cross it, whatever the rounding.
        high = np.minimum(upper[which], np.maximum(high, system.truth[which]))
        low = np.maximum(lower[which], np.minimum(low, system.truth[which]))
        moved = (high < upper[which] - allowed) | (low > lower[which] + allowed)
        upper[which], lower[which] = high, low
        if not moved.any():
            return _with_bounds(system, lower, upper), True
    return _with_bounds(system, lower, upper), False


def _with_bounds(system: Unknowns, lower: Numbers, upper: Numbers) -> Unknowns:
    s = system
    return Unknowns(s.row, s.column, s.coefficient, s.low, s.high, lower, upper, s.truth)


def _rest(parts: Numbers, row: Positions, rows: int, endless: float) -> Numbers:
    """For each non-zero, the sum of its row's other parts; `endless` where one is infinite."""
    infinite = np.isinf(parts)
    finite = np.where(infinite, 0.0, parts)
    total = np.bincount(row, finite, minlength=rows)[row] - finite
    others = np.bincount(row, infinite, minlength=rows)[row] - infinite
    return np.where(others > 0, endless, total)


@dataclass(frozen=True, eq=False)
class Part:
    """A connected component: its unknowns' places, its rows, and whether it has no cycle."""

    places: Positions
    system: Unknowns
    tree: bool


def parts_of(system: Unknowns) -> Iterator[Part]:
    """The components of a system, rows that say nothing beyond the bounds left out."""
    from scipy import sparse
    from scipy.sparse import csgraph

    saying = _saying(system)[system.row]
    row, column, x = system.row[saying], system.column[saying], system.coefficient[saying]
    number = len(system.truth)
    graph = sparse.coo_matrix(
        (np.ones(len(row)), (column, number + row)), shape=(number + len(system.low),) * 2
    )
    count, label = csgraph.connected_components(graph, directed=False)
    by_label = np.argsort(label[:number], kind="stable")
    entries = np.argsort(label[column], kind="stable")
    cuts = np.searchsorted(label[column][entries], np.arange(count + 1))
    ends = np.searchsorted(label[:number][by_label], np.arange(count + 1))
    for k in range(count):
        places = by_label[ends[k] : ends[k + 1]]
        inside = entries[cuts[k] : cuts[k + 1]]
        if not len(inside):
            continue
        rows, renumbered = np.unique(row[inside], return_inverse=True)
        yield Part(
            places=places,
            system=Unknowns(
                row=renumbered,
                column=np.searchsorted(places, column[inside]),
                coefficient=x[inside],
                low=system.low[rows],
                high=system.high[rows],
                lower=system.lower[places],
                upper=system.upper[places],
                truth=system.truth[places],
            ),
            tree=len(inside) == len(places) + len(rows) - 1,
        )


def _saying(system: Unknowns) -> Flags:
    x, column = system.coefficient, system.column
    ends = x * system.lower[column], x * system.upper[column]
    rows = len(system.low)
    least = np.bincount(system.row, np.minimum(*ends), minlength=rows)
    most = np.bincount(system.row, np.maximum(*ends), minlength=rows)
    allowed = ZERO * max(1.0, float(np.abs(system.truth).max(initial=0.0)))
    return (least < system.low - allowed) | (most > system.high + allowed)
