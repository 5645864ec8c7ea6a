"""Answered cells as plain JSON values and back, for the room to remember from answer to answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from cleanroom.gate.entries import Entries, Entry, Name, Period
from cleanroom.layout import Parts


def records_of(entries: Entries) -> list[list[Any]]:
    """One record a cell: what it is, its number and support, and by which rule it was withheld."""
    return [
        [
            name.about,
            name.period.start.isoformat(),
            name.period.end.isoformat(),
            list(name.period.of),
            name.at,
            name.measure,
            [list(pair) for pair in name.codes],
            entry.unit,
            entry.value,
            entry.people,
            entry.contributors,
            entry.largest,
            entry.magnitude,
            entry.minimum,
            entry.parts.value,
            entry.over_time.value,
            entry.rule,
            entry.told,
        ]
        for name, entry in entries.items()
    ]


def entries_from(records: Iterable[list[Any]]) -> Entries:
    """The cells of `records_of`. Of one that was answered often, with the same number, what was
    released once counts; of other numbers the last one."""
    found: Entries = {}
    for about, start, end, of, at, measure, codes, *support, parts, passing, rule, told in records:
        unit, value, people, contributors, largest, magnitude, minimum = support
        period = Period(date.fromisoformat(start), date.fromisoformat(end), tuple(of))
        pairs = tuple((dimension, code) for dimension, code in codes)
        name = Name(about, period, at, measure, pairs)
        behind = (people, contributors, largest, magnitude, minimum)
        entry = Entry(name, unit, value, *behind, Parts(parts), Parts(passing), rule, told)
        had = found.get(name)
        if had is None or had.value != entry.value or entry.rule is None:
            found[name] = entry
    return found
