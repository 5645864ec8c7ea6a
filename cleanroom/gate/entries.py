"""The cells of several tables by what they are, whichever tables show them.

A cell's name is (about, period, category, measure, (dimension, code), …), totals left out. So the
margin of one table is the same cell as that of another, and a cell asked for again is known again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import polars as pl

from cleanroom.layout import Layout, Measure, Parts, Place, Use
from cleanroom.policy import Policy

OWNER = "merchant"


class Period(NamedTuple):
    """The days of a study, both included, and what else tells its cells from those of others."""

    start: date
    end: date
    of: tuple[str, ...] = ()


ANY_TIME = Period(date.min, date.max)


class Name(NamedTuple):
    """What a cell is; `codes` are its dimensions' codes but for totals, in their names' order."""

    about: str
    period: Period
    at: str
    measure: str
    codes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, repr=False)
class Entry:
    """A cell with its support, `rule` if one withholds it, and how it makes up larger ones.

    `minimum`: what `column_minimums` asks for it. `told`: the rule that readers are told.
    """

    name: Name
    unit: str
    value: float
    people: int
    contributors: int | None
    largest: float | None
    magnitude: float | None
    minimum: int
    parts: Parts
    rule: str | None
    told: str | None = None

    def __repr__(self) -> str:
        return "Entry(not shown)"

    @property
    def behind(self) -> int:
        """The people who make up the value."""
        return self.people if self.contributors is None else self.contributors


Entries = dict[Name, Entry]
_COLUMNS = ("measure", "unit", "value", "people", "contributors", "largest", "magnitude")


def names_of(layout: Layout, cells: pl.DataFrame, periods: Mapping[str, Period]) -> list[Name]:
    """The name of each row; `periods` are the merchants'."""
    about = layout.about or layout.name
    categories = [d.name for d in layout.dimensions if d.categories]
    codes = [d for d in layout.dimensions if not d.categories]
    place = sorted(range(len(codes)), key=lambda number: codes[number].name)
    columns = [cells[name].to_list() for name in (*categories, *(d.name for d in codes))]
    found = []
    for measure, *row in zip(cells["measure"].to_list(), *columns, strict=True):
        at, own = ".".join(row[: len(categories)]), row[len(categories) :]
        pairs = [(codes[n].name, own[n]) for n in place if own[n] != codes[n].total]
        owner = next((code for name, code in pairs if name == OWNER), "")
        found.append(Name(about, periods.get(owner, ANY_TIME), at, measure, tuple(pairs)))
    return found


def entries_of(
    layout: Layout, cells: pl.DataFrame, names: Sequence[Name], policy: Policy
) -> Entries:
    """The rows that have data, with their support, `minimum` and `withheld`; not the estimates,
    which nothing is added up from."""
    rows = cells.select(*_COLUMNS, "minimum", "withheld").rows()
    found = {}
    parts = {(m.name, at): parts_of(m, policy) for m in layout.measures for at in m.of or [""]}
    for name, (measure, unit, value, people, contributors, most, size, least, rule) in zip(
        names, rows, strict=True
    ):
        if value is not None and measure not in layout.estimates:
            own = parts.get((measure, name.at)) or parts.get((measure, ""), Parts.WITHIN)
            found[name] = Entry(
                name, unit, value, people, contributors, most, size, least, own, rule, rule
            )
    return found


def parts_of(measure: Measure, policy: Policy) -> Parts:
    """How a measure's parts make up a whole, once what one person counts in each is bounded."""
    if measure.parts is not Parts.ADD:
        return measure.parts
    if measure.use is Use.SUM:
        # Of purchases and refunds, each cut off by itself, nothing adds up.
        return Parts.ADD if policy.max_amount_per_person is None else Parts.FREE
    return Parts.ADD if policy.max_events_per_person is None else Parts.OVERLAP


def paired(
    pairs: Iterable[tuple[Place, Place]], entries: Mapping[Name, Entry]
) -> Iterator[tuple[Name, Name]]:
    """The cells of each pair of places, wherever both are there."""
    by_place: dict[Place, list[Name]] = {}
    for name in entries:
        by_place.setdefault(Place(name.about, name.measure, name.at), []).append(name)
    for first, second in pairs:
        for name in by_place.get(first, ()):
            other = Name(second.about, name.period, second.at, second.measure, name.codes)
            if other in entries:
                yield name, other
