"""What layouts say of their numbers is true of them, whatever the rows: attackers rely on it.

The logs are small and crowded: few people, CIDs passed on, orders of several buyers, unknown users.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from cleanroom.borders import Table
from cleanroom.gate.entries import parts_of
from cleanroom.layout import Measure, Parts, Place
from cleanroom.policy import Policy
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.geo import geo_tables
from cleanroom.room.lift import lift_tables
from cleanroom.room.observational import observational_tables
from cleanroom.room.spillover import spillover_tables
from cleanroom.room.substitution import substitution_tables
from cleanroom.room.vault import Vault
from cleanroom.study import LiftStudy, SpilloverStudy, SubstitutionStudy
from tests.room.event_log import Room, opens
from tests.room.linked_people import GEO, LIFT, OBSERVATIONAL, draw, fill

WEEK = (date(2026, 3, 2), date(2026, 3, 8))
PARTS = ((2, 3), (4, 6), (7, 8))
BOUNDED = Policy(max_events_per_person=2, max_amount_per_person=150)


def crowded(home: Path, random: Random) -> Vault:
    """A room in which every hard case comes often."""
    users, buyers = ["ann", "bob", "eve", "-"], ["kim", "lee", "sam", "-"]
    cids = [f"c{n}" for n in range(12)]

    def time() -> str:
        return f"{random.randint(2, 8):02}T{random.randint(0, 23):02}:00"

    touches = ["time kind user cid cost"]
    for _ in range(60):
        kind = random.choice(["impression", "read", "like", "click", "click"])
        cid = random.choice(cids) if kind == "click" and random.random() < 0.8 else "-"
        cost = random.choice(["-", "5", "20"])
        touches.append(f"{time()} {kind} {random.choice(users)} {cid} {cost}")
    visits = ["time kind buyer cid order amount"]
    for _ in range(80):
        kind = random.choice(["visit", "search", "cart", "purchase", "purchase", "refund"])
        bought = kind in ("purchase", "refund")
        order = f"o{random.randint(1, 12)} {random.randint(1, 90)}" if bought else "- -"
        cid = random.choice([*cids, "-"])
        visits.append(f"{time()} {kind} {random.choice(buyers)} {cid} {order}")
    assignments = ["user study arm time"]
    assignments += [f"{u} s {random.choice(['treated', 'holdout'])} 04T00:00" for u in users[:3]]
    orders = ["time kind user order amount"]
    for _ in range(30):
        kind = random.choice(["purchase", "purchase", "refund"])
        order = f"s{random.randint(1, 12)} {random.randint(1, 90)}"
        orders.append(f"{time()} {kind} {random.choice(users)} {order}")
    room = Room(home)
    room.agree(opens=opens(leaving_out={"phone"}))
    return room.vault(
        touches="\n".join(touches),
        visits="\n".join(visits),
        assignments="\n".join(assignments),
        onsite_orders="\n".join(orders),
    )


# A number's table or what it is about, categories, measure, and the other dimensions' codes.
Key = tuple[str, str, str, tuple[str, ...]]


def rows(tables: list[Table]) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Each cell that has data."""
    for one in tables:
        layout = one.layout
        categories = [d.name for d in layout.dimensions if d.categories]
        codes = [d.name for d in layout.dimensions if not d.categories and d.name != "merchant"]
        for row in one.cells.filter(pl.col("no_data").is_null()).iter_rows(named=True):
            at = ".".join(row[name] for name in categories)
            codes_here = tuple(row[name] for name in codes)
            yield (layout.about or layout.name, at, row["measure"], codes_here), row


def numbers(tables: list[Table]) -> dict[Key, float]:
    return {key: row["value"] for key, row in rows(tables)}


def broken(tables: list[Table]) -> Iterator[tuple[Place, Place]]:
    """Pairs of which the first number is more than the second, or more people are behind it."""
    cells = dict(rows(tables))
    for pairs, what in (("at_most", "value"), ("among", "contributors")):
        for smaller, larger in (p for one in tables for p in getattr(one.layout, pairs)):
            for (about, at, measure, codes), row in cells.items():
                other = cells.get((larger.about, larger.at, larger.measure, codes))
                if (about, at, measure) != (smaller.about, smaller.at, smaller.measure):
                    continue
                if other is not None and (row[what] or 0) > other["value"]:
                    yield smaller, larger


def unlike(tables: list[Table]) -> Iterator[Key]:
    """Wholes that their parts do not come to."""
    whole = numbers(tables)
    for layout in (one.layout for one in tables if one.layout.whole is not None):
        own = [one for one in tables if one.layout is layout]
        sums = defaultdict[Key, float](float)
        dimensions = {d.name: d for d in layout.dimensions}
        kept = [name for name in dimensions if name not in ("merchant", layout.whole)]
        for _, row in rows(own):
            if row["measure"] in layout.estimates:
                continue
            at = [row[name] for name in kept if dimensions[name].categories]
            codes = tuple(row[name] for name in kept if not dimensions[name].categories)
            place = ".".join([*filter(None, [layout.whole_at]), *at])
            sums[layout.whole_in, place, row["measure"], codes] += row["value"]
        yield from (key for key, total in sums.items() if whole[key] != total)


def measures(tables: list[Table]) -> Iterator[tuple[Key, Measure]]:
    for one in tables:
        for measure in one.layout.measures:
            for at in measure.of or [""]:
                yield (one.layout.about or one.name, at, measure.name, ()), measure


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("policy", [Policy(), BOUNDED])
def test_orders_and_parts_hold_of_every_number(tmp_path: Path, seed: int, policy: Policy) -> None:
    vault = crowded(tmp_path, Random(seed))
    week = conversion_tables(vault, ["m"], *WEEK, policy)
    days = [date(2026, 3, day) for part in PARTS for day in part]
    parts = [
        conversion_tables(vault, ["m"], start, end, policy)
        for start, end in zip(days[::2], days[1::2], strict=True)
    ]
    assert [pair for tables in (week, *parts) for pair in broken(tables)] == []
    whole, inside = numbers(week), [numbers(part) for part in parts]
    checked = 0
    for name, measure in measures(week):
        if name not in whole or (measure.name == "people" and name[0] == "bounds"):
            continue
        total, own = whole[name], [part[name] for part in inside]
        match parts_of(measure, policy):
            case Parts.ADD:
                assert sum(own) == total, name
            case Parts.OVERLAP:
                assert max(own) <= total <= sum(own), name
            case Parts.WITHIN:
                assert max(own) <= total, name
        checked += 1
    assert checked > 20


@pytest.mark.parametrize("seed", range(4))
def test_arms_are_nested(tmp_path: Path, seed: int) -> None:
    study = LiftStudy(merchant="m", start=WEEK[0], end=WEEK[1], study="s")
    assert [*broken(lift_tables(crowded(tmp_path, Random(seed)), [study]))] == []


@pytest.mark.parametrize("seed", range(4))
def test_who_did_something_is_among_the_people_counted(tmp_path: Path, seed: int) -> None:
    """In both shops, and with no click."""
    vault, (start, end) = crowded(tmp_path, Random(seed)), WEEK
    shops = SubstitutionStudy(merchant="m", study="s", start=start, end=end)
    spilled = SpilloverStudy(merchant="m", by="none", start=start, end=end)
    tables = [*substitution_tables(vault, [shops]), *spillover_tables(vault, [spilled])]
    assert [*broken(tables)] == []


@pytest.mark.parametrize("seed", range(3))
def test_what_lift_studies_say_of_their_numbers_holds(tmp_path: Path, seed: int) -> None:
    """Of randomised, observational and regional tables: orders, who is among whom, and wholes."""
    vault = fill(Room(tmp_path), draw(seed))
    policy = Policy(min_people=2, min_converters=2)
    lift = lift_tables(vault, [LIFT], policy)
    observational = observational_tables(vault, [OBSERVATIONAL], policy)
    regional = [geo_tables(vault, [GEO], days, policy) for days in (1, 7)]
    for tables in (lift, observational, *regional):
        assert [*broken(tables)] == []
        assert [*unlike(tables)] == []
    assert sum(one.layout.whole is not None for one in (*lift, *observational)) == 5


@pytest.mark.parametrize("seed", range(3))
def test_a_day_is_the_same_day_in_every_regional_study(tmp_path: Path, seed: int) -> None:
    """Those of overlapping days share cells by name: their numbers have to be the same ones."""
    vault, policy = fill(Room(tmp_path), draw(seed)), Policy(min_people=2, min_converters=2)
    moved = {"start": date(2026, 3, 6), "campaign_start": date(2026, 3, 13)}
    first, second = (
        numbers(geo_tables(vault, [study], 1, policy)[:1])
        for study in (GEO, GEO.model_copy(update=moved))
    )
    assert second.items() <= first.items()
    assert len(second) < len(first)
