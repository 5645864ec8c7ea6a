"""A reader with everything that is known, and how closely that places what is withheld.

Known are all released numbers, what holds between cells, the rule that is told for each withheld
number, and that whatever leaves has enough people behind it. Rounding only widens the intervals:
what is protected from a reader of exact numbers is protected from one of rounded ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import numpy as np

from cleanroom.borders import AMOUNTS
from cleanroom.gate.audit import Protection, feasible
from cleanroom.gate.demands import Demand, demand_of, said
from cleanroom.gate.entries import Entries, Name
from cleanroom.gate.knowledge import Knowledge
from cleanroom.gate.propagation import Bounds, propagated
from cleanroom.gate.relations import Cell, Relations, Row
from cleanroom.gate.rules import DIFFERENCING
from cleanroom.policy import Policy

_ENDLESS = (-inf, inf)


@dataclass(frozen=True, repr=False, eq=False)
class Reader:
    """`entries`: each with the `rule` that withholds it and the one that is `told`.

    `known`: cells that were released before, whatever withholds them now. `believing`: whether
    what the told rules say of numbers is counted in.
    """

    entries: Entries
    knowledge: Knowledge
    known: frozenset[Name]
    policy: Policy
    believing: bool = True

    def __repr__(self) -> str:
        return "Reader(not shown)"

    @cached_property
    def unknown(self) -> list[Name]:
        """The cells that nothing has told."""
        return [name for name in self.entries if not self.leaves(name)]

    def leaves(self, name: Name) -> bool:
        """Whether a cell is released, or was."""
        return self.entries[name].rule is None or name in self.known

    @cached_property
    def demands(self) -> dict[Name, Demand]:
        """What is asked of each unknown cell of which anything is."""
        ceilings: dict[Name, float] = {}
        for number, people in self.knowledge.among:
            if self.leaves(people):
                ceilings[number] = min(self.values[people], ceilings.get(number, inf))
        found = {
            name: demand_of(self.entries[name], self.policy, ceilings.get(name, inf))
            for name in self.unknown
        }
        return {name: demand for name, demand in found.items() if demand.asks}

    def short(self, of: Iterable[Name] | None = None) -> set[Name]:
        """The withheld cells (among some, or all) that can be placed closer than their demand."""
        asked = self.demands if of is None else self.demands.keys() & {*of}
        if not asked:
            return set()
        found = self.passed(asked) or self._solved()
        missing = {n: self.demands[n].missing(self.values[n], *found[n]) for n in asked}
        return {name for name, lacks in missing.items() if lacks > 0}

    def passed(self, asked: Iterable[Name]) -> Bounds | None:
        """The intervals, if they can be had without a solver."""
        return propagated(self.knowledge.rows, self.values, self.bounds, asked)

    def knowing(self, rows: tuple[Row, ...]) -> Reader:
        """A reader to whom more is told."""
        return replace(self, knowledge=replace(self.knowledge, rows=(*self.knowledge.rows, *rows)))

    @cached_property
    def values(self) -> dict[Cell, float]:
        """The true values, those of hidden cells among them."""
        own: dict[Cell, float] = {name: entry.value for name, entry in self.entries.items()}
        return own | dict(self.knowledge.hidden)

    @cached_property
    def bounds(self) -> Bounds:
        """What is known of each unknown and hidden cell before any relation is used."""
        enough = self._enough(self._passed)
        found: Bounds = {}
        for name in self.unknown:
            low, high = said(self.entries[name], self.policy) if self.believing else _ENDLESS
            low = max(low, self._floor(name), enough.get(name, -inf))
            # The truth is possible, whatever a row without support says.
            found[name] = min(low, self.values[name]), max(high, self.values[name])
        return found | {cell: (self._floor(cell), inf) for cell in self.knowledge.hidden}

    def choices(self) -> Relations:
        """The system in which every cell that was not told before may still be withheld."""
        ends: Bounds = {cell: (self._floor(cell), inf) for cell in self.values}
        for people, least in self._enough(self.known.__contains__).items():
            ends[people] = max(ends[people][0], least), inf
        return self._system(ends, self._if_it_leaves())

    def protection(self, relations: Relations) -> Protection:
        """The demands in the order of the system's cells."""
        asked = np.zeros((3, len(relations.cells)))
        for name, demand in self.demands.items():
            asked[:, relations.place[name]] = demand.down, demand.up, demand.width
        return Protection(*asked)

    def _solved(self) -> Bounds:
        relations = self._system(self.bounds, ())
        found = feasible(relations, relations.flags(self.unknown))
        cells = [relations.cells[place] for place in found.places]
        ends = zip(found.lower.tolist(), found.upper.tolist(), strict=True)
        return dict(zip(cells, ends, strict=True))

    def _system(self, bounds: Bounds, further: tuple[Row, ...]) -> Relations:
        values = self.values
        ends = [bounds.get(cell, (value, value)) for cell, value in values.items()]
        lower, upper = np.array(ends, dtype=float).reshape(-1, 2).T
        amounts = {name for name, entry in self.entries.items() if entry.unit in AMOUNTS}
        return Relations(
            cells=tuple(values),
            values=np.array([*values.values()], dtype=float),
            lower=lower,
            upper=upper,
            whole=np.array([cell not in amounts for cell in values], dtype=bool),
            hidden=np.array([cell in self.knowledge.hidden for cell in values], dtype=bool),
            rows=(*self.knowledge.rows, *further),
        )

    def _enough(self, leaves: Callable[[Name], bool]) -> dict[Name, float]:
        """People of whom everyone knows that they are so many: a number of theirs left."""
        pairs = ((n, p) for n, p in self.knowledge.among if leaves(n))
        return {people: self._least(people) for _, people in pairs}

    def _passed(self, name: Name) -> bool:
        """Whether everyone knows that a number passed the rules: it left, or fell to another."""
        told = self.believing and self.entries[name].told == DIFFERENCING.id
        return told or self.leaves(name)

    def _if_it_leaves(self) -> tuple[Row, ...]:
        """The same for numbers that may still be withheld: proportional, so 0 once they are."""
        return tuple(
            Row({number: self._least(people) / self.values[number], people: -1.0}, lower=-inf)
            for number, people in self.knowledge.among
            if self.entries[number].rule is None
            and number not in self.known
            and self.values[number] > 0
        )

    def _least(self, people: Name) -> float:
        return min(self.values[people], float(self.policy.min_people))

    def _floor(self, cell: Cell) -> float:
        signed = isinstance(cell, Name) and (cell.about, cell.measure) in self._signed
        return 0.0 if isinstance(cell, Name) and not signed else -inf

    @cached_property
    def _signed(self) -> set[tuple[str, str]]:
        """Measures of which some value is negative."""
        return {(n.about, n.measure) for n, entry in self.entries.items() if entry.value < 0}
