"""What holds between the numbers of different periods: the days of a week, weeks that overlap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import inf
from typing import Any

from cleanroom.gate.entries import Entry, Name, Period
from cleanroom.gate.relations import Cell, Row, at_most, sum_of
from cleanroom.layout import Parts

_DAY = timedelta(days=1)
COVERS = 50  # ways to make up one period of others; more of them say hardly more


@dataclass(frozen=True)
class Until:
    """An unknown that no table shows: what an additive number comes to before a day."""

    name: Name
    day: date


def over_time(entries: Mapping[Name, Entry]) -> tuple[list[Row], dict[Cell, float]]:
    """The rows between cells that differ in their days alone, and the values of unknowns in them.

    Of numbers that do not fit together, since the handovers were others, the first ones count.
    """
    alike: dict[Name, list[Name]] = defaultdict(list)
    for name in entries:
        alike[_timeless(name)].append(name)
    rows: list[Row] = []
    until: dict[Cell, float] = {}
    for timeless, names in alike.items():
        if len(names) > 1:
            if entries[names[0]].over_time is Parts.ADD:
                own = {name.period: name for name in names}
                values = {period: entries[name].value for period, name in own.items()}
                levels, fitting = _levels(values)
                hidden = {day: Until(timeless, day) for day in levels}
                rows += _added(own, fitting, hidden, signed=min(values.values()) < 0)
                until |= {hidden[day]: level for day, level in levels.items()}
            else:
                found = _contained(names, entries[names[0]].over_time)
                rows += [row for row in found if row_holds(row, entries)]
    return rows, until


def row_holds(row: Row, entries: Mapping[Any, Entry]) -> bool:
    """Whether a row is true of the values."""
    parts = [x * entries[name].value for name, x in row.terms.items()]
    near = 1e-6 * max(1.0, *map(abs, parts))
    return row.lower - near <= sum(parts) <= row.upper + near


def meet(period: Period, others: Iterable[Period]) -> list[Period]:
    """The periods that overlap it, or one that does, and so on."""
    found, left, moved = [period], list(others), True
    while moved:
        near = [p for p in left if any(_overlap(p, one) for one in found)]
        moved, left = bool(near), [p for p in left if p not in near]
        found += near
    return found[1:]


def _overlap(a: Period, b: Period) -> bool:
    return a.of == b.of and a.start <= b.end and b.start <= a.end


def _timeless(name: Name) -> Name:
    return name._replace(period=Period(date.min, date.max, name.period.of))


def _levels(values: Mapping[Period, float]) -> tuple[dict[date, float], list[Period]]:
    """What additive numbers come to up to each day on which one begins or ends, and which fit."""
    fitting: list[Period] = []
    levels: dict[date, float] = {}
    for period in values:
        found = _rising([*fitting, period], values)
        if found is not None:
            levels, fitting = found, [*fitting, period]
    return levels, fitting


def _rising(periods: Sequence[Period], values: Mapping[Period, float]) -> dict[date, float] | None:
    """Levels that differ by the periods' values, rising from day to day if none is negative:
    longest paths (Bellman and Ford). None if there are none."""
    edges = [(p.start, p.end + _DAY, values[p]) for p in periods]
    edges += [(end, start, -value) for start, end, value in edges]
    days = sorted({start for start, _, _ in edges})
    if min(values.values()) >= 0:
        edges += [(a, b, 0.0) for a, b in pairwise(days)]
    levels = dict.fromkeys(days, 0.0)
    near = 1e-6 * max(1.0, *map(abs, values.values()))
    for _ in range(len(days) + 1):
        moved = False
        for start, end, value in edges:
            if levels[start] + value > levels[end] + near:
                levels[end], moved = levels[start] + value, True
        if not moved:
            return levels
    return None


def _added(
    own: Mapping[Period, Name],
    fitting: Sequence[Period],
    until: Mapping[date, Cell],
    *,
    signed: bool,
) -> Iterator[Row]:
    for period in fitting:
        start, end = until[period.start], until[period.end + _DAY]
        yield sum_of(end, [start, own[period]])
    if not signed:
        yield from (at_most(until[a], until[b]) for a, b in pairwise(sorted(until)))


def _contained(names: Sequence[Name], parts: Parts) -> Iterator[Row]:
    if parts is Parts.FREE:
        return
    for whole in names:
        start, end = whole.period.start, whole.period.end
        inside = [
            n for n in names if n is not whole and start <= n.period.start and n.period.end <= end
        ]
        yield from (at_most(part, whole) for part in inside)
        if parts is Parts.OVERLAP:
            for cover in _covers(start, end, inside, COVERS):
                yield Row({whole: 1.0, **dict.fromkeys(cover, -1.0)}, lower=-inf)


def _covers(start: date, end: date, names: Sequence[Name], most: int) -> list[list[Name]]:
    """Ways to make up the days `start` … `end` of periods, each beginning within or right after
    the one before."""
    found: list[list[Name]] = []
    for first in names:
        if first.period.start <= start <= first.period.end and len(found) < most:
            if first.period.end >= end:
                found.append([first])
                continue
            rest = _covers(first.period.end + _DAY, end, names, most - len(found))
            found += [[first, *others] for others in rest]
    return found
