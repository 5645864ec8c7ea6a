"""Random people whom both platforms know, and what of them a plain count over the rows says.

Everybody is linked by a click of their own on 2 March and assigned on the 4th; buyers are exposed
on the 10th to the 12th, and what counts after exposure is bought on the 13th, so that it counts
whenever somebody's time begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

import polars as pl
from pyroaring import BitMap

from cleanroom.behind import Share
from cleanroom.borders import Table
from cleanroom.room.numbered import numbering
from cleanroom.room.vault import Vault
from cleanroom.study import GeoStudy, LiftStudy, ObservationalStudy
from cleanroom.tables import Platform
from tests.room.event_log import Room

REGIONS = ("East", "West", "North")
LIFT = LiftStudy(
    merchant="m",
    start=date(2026, 3, 4),
    end=date(2026, 3, 17),
    study="s",
    segments=("customer", "region"),
)
OBSERVATIONAL = ObservationalStudy(
    merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 12), follow_up_days=5
)
GEO = GeoStudy(
    merchant="m",
    start=date(2026, 3, 2),
    end=date(2026, 3, 17),
    campaign_start=date(2026, 3, 11),
    treated=("East",),
)


@dataclass(frozen=True)
class Person:
    """A user and a buyer; the days of March on which they bought one order each at the merchant."""

    name: str
    arm: str
    user_region: str
    buyer_region: str
    exposed: bool
    days: tuple[int, ...]
    elsewhere: bool


def draw(seed: int, count: int = 240) -> list[Person]:
    """So many random people."""
    random = Random(seed)
    return [
        Person(
            f"p{number}",
            random.choice(["treated", "holdout"]),
            random.choice(REGIONS),
            random.choice([*REGIONS, "-"]),
            random.random() < 0.4,
            tuple(day for day in (3, 6, 13, 17) if random.random() < 0.25),
            random.random() < 0.2,
        )
        for number in range(count)
    ]


def fill(room: Room, people: list[Person]) -> Vault:
    """The room with their rows; of some orders something was given back."""
    touches, visits = ["time kind user cid"], ["time kind buyer cid order amount merchant"]
    users, buyers = ["user region"], ["buyer region prior_amount"]
    assignments = ["user study arm time"]
    for n, one in enumerate(people):
        touches.append(f"02T10:00 click u{one.name} k{n}")
        visits.append(f"02T10:05 visit {one.name} k{n} - - m")
        users.append(f"u{one.name} {one.user_region}")
        buyers.append(f"{one.name} {one.buyer_region} {n % 3}")
        assignments.append(f"u{one.name} s {one.arm} 04T00:00")
        if one.exposed:
            touches.append(f"{10 + n % 3}T09:00 impression u{one.name} -")
        visits += [
            f"{day:02}T12:00 purchase {one.name} - o{n}.{day} {100 + n} m" for day in one.days
        ]
        if n % 4 == 0 and one.days:
            visits.append(f"19T12:00 refund {one.name} - o{n}.{one.days[-1]} 50 m")
        if one.elsewhere:
            visits.append(f"13T12:00 purchase {one.name} - e{n} 100 other")
    logs = {
        "touches": touches,
        "visits": visits,
        "users": users,
        "buyers": buyers,
        "assignments": assignments,
    }
    return room.vault(**{name: "\n".join(log) for name, log in logs.items()})


Behind = dict[tuple[str, ...], tuple[set[str], set[str]]]


def behind(room: Room, vault: Vault, table: Table, people: list[Person]) -> Behind:
    """By a cell's dimensions but the merchant, and its measure: the names of those who make up its
    value on the store's side, and of its base."""
    names = [one.name for one in people]
    tokens = pl.Series([room.token(name) for name in names])
    numbers = numbering(vault).numbers(tokens, "buyer").tolist()
    named = dict(zip(numbers, names, strict=True))
    keys = [name for name in (*table.dimensions, "measure") if name != "merchant"]
    found = {}
    for key, one in zip(table.cells.select(keys).rows(), table.behind or (), strict=True):
        groups = {share: one.groups.get((share, Platform.STORE)) for share in Share}
        value, base = (
            {named[number] for number in (group.numbers if group else BitMap())}
            for group in (groups[Share.VALUE], groups[Share.BASE])
        )
        found[key] = value, base
    return found
