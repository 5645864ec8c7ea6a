"""What the platforms do not record at all: no data, which is neither zero nor withheld."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import narwhals as nw

from cleanroom.room.counting import on_local_days
from cleanroom.room.engine import collect
from cleanroom.room.vault import Vault, rows_of
from cleanroom.tables import TOUCH_KINDS, VISIT_KINDS

_KINDS = {"touches": ("user", TOUCH_KINDS), "visits": ("buyer", VISIT_KINDS)}


def unrecorded(vault: Vault, min_people: int) -> frozenset[str]:
    """The kinds of events that are nowhere in a platform's table.

    Of a table with fewer than `min_people` people nothing is said: there it would be a number.
    Raises `HandoverError` if the engine fails.
    """
    missing: set[str] = set()
    for table, (person, kinds) in _KINDS.items():
        rows = rows_of(vault, table)
        found = collect(rows.select("kind").unique(), f"kinds of {table}").to_series()
        absent = {*kinds} - {*found}
        if absent:
            people = rows.select(person).unique().select(nw.len().alias("people"))
            enough = int(collect(people, f"distinct values of {person}").item()) >= min_people
            missing |= absent if enough else set()
    return frozenset(missing)


def days_reached(vault: Vault, days: Sequence[date]) -> list[bool]:
    """Of each of the local `days`, whether the store handed over anything of it or of later, of
    any merchant. Raises `HandoverError` if the engine fails.
    """
    reached = {
        f"day_{number}": on_local_days("time", day, date.max - timedelta(days=2), zone).any()
        for zone in [vault.agreement.timezone]
        for number, day in enumerate(days)
    }
    visits = rows_of(vault, "visits")
    (row,) = collect(visits.select(**reached), "days of visits").rows()
    return [bool(one) for one in row]
