"""Tables, policies and histories for properties of the gate: one place to draw them from.

`CLEANROOM_EXAMPLES` sets how many examples each property is tried on: a few in every run of the
tests, 10,000 by `python -m benchmarks redteam --examples 10000`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from cleanroom.absences import TOGETHER
from cleanroom.borders import EVENTS, MONEY, PEOPLE, Protected, Table
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from tests.factories import Row, table
from tests.policies import policies

EXAMPLES = "CLEANROOM_EXAMPLES"
tried = settings(
    max_examples=int(os.environ.get(EXAMPLES, "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
UNITS = {"bought": PEOPLE, "events": EVENTS, "amount": MONEY}
STEPS = ("one", "two", "three")
MERCHANTS = ("M1", "M2")


@dataclass(frozen=True)
class Support:
    """A cell as the room counts it; a row of `tests.factories.table` without its place."""

    measure: str
    value: float
    people: int | None
    contributors: int | None
    largest: float | None = None
    second: float | None = None
    magnitude: float | None = None

    @property
    def row(self) -> Row:
        """Measure, value, unit, people, contributors, and the largest contributions."""
        more = (self.largest, self.second, self.magnitude)
        return (
            self.measure,
            self.value,
            UNITS[self.measure],
            self.people,
            self.contributors,
            *more,
        )


def _people(numbers: tuple[int, int, bool]) -> Support:
    base, part, whole = numbers
    if whole:
        return Support("bought", float(base), base, None)
    return Support("bought", float(min(base, part)), base, min(base, part))


def _sum(measure: str, numbers: tuple[int, int, int, int, int]) -> Support:
    """Contributions of so many: the largest, the second, and the others as large as they can be."""
    base, part, one, two, rest = numbers
    part = min(base, part)
    largest, second = (max(one, two), min(one, two)) if part > 1 else (one if part else 0, 0)
    others = min(rest, second * max(part - 2, 0))
    magnitude = float(largest + second + others)
    return Support(measure, magnitude, base, part, float(largest), float(second), magnitude)


# Around the thresholds that `policies` draws (2 … 100), where the rules decide.
_counts = st.integers(0, 220)
_amounts = st.integers(0, 400)
_of_people = st.tuples(_counts, _counts, st.booleans()).map(_people)


def _of_sums(measure: str) -> st.SearchStrategy[Support]:
    numbers = st.tuples(_counts, _counts, _amounts, _amounts, st.integers(0, 20_000))
    return numbers.map(lambda drawn: _sum(measure, drawn))


def supports(measure: str) -> st.SearchStrategy[Support]:
    """A cell of one measure."""
    return _of_people if measure == "bought" else _of_sums(measure)


Place = tuple[str, str, str]  # merchant, step, measure
Cells = dict[Place, Support]
places: list[Place] = [(m, s, measure) for m in MERCHANTS for s in STEPS for measure in UNITS]


def cells(among: list[Place] = places) -> st.SearchStrategy[Cells]:
    """A table's cells, some of the places empty."""
    drawn = st.fixed_dictionaries({}, optional={p: supports(p[2]) for p in among})
    return drawn.filter(bool)


def built(drawn: Cells, *, arms: bool = False, adds_up: bool = False) -> Table:
    """The table of these cells; `arms`: its steps are a contrast."""
    rows = [(merchant, step, *support.row) for (merchant, step, _), support in drawn.items()]
    contrast = "step" if arms else None
    return table("t", ("merchant", "step"), rows, contrast, adds_up=adds_up)


def released(made: Table, policy: Policy) -> Protected:
    """The table as it leaves when nothing was released before."""
    return protect(made, policy)


def reasons(left: Protected) -> dict[Place, str | None]:
    """By place, the rule that withheld its cell; rows of cells told together left out."""
    rows = left.cells.filter(pl.col("step") != TOGETHER)
    return {(m, s, measure): why for m, s, measure, why in rows.select(KEYS).iter_rows()}


KEYS = ["merchant", "step", "measure", "withheld"]


def seen(left: Protected) -> list[tuple[object, ...]]:
    """All that a table says, but for rows of cells told together, which say their sum."""
    return left.cells.filter(pl.col("step") != TOGETHER).rows()


# Of a run of handovers, whom each brings into a join: overlapping sets of persons.
persons = st.builds(
    lambda first, length, without: BitMap(range(first, first + length)) - BitMap(without),
    st.integers(0, 60),
    st.integers(0, 160),
    st.lists(st.integers(0, 220), max_size=4),
)
histories = st.lists(persons, min_size=2, max_size=8)
__all__ = [
    "EXAMPLES",
    "MERCHANTS",
    "STEPS",
    "UNITS",
    "Cells",
    "Place",
    "Support",
    "built",
    "cells",
    "histories",
    "policies",
    "reasons",
    "released",
    "seen",
    "supports",
    "tried",
]
