"""What layouts say of their numbers is true of them, whatever the rows: attackers rely on it.

The logs are small and crowded: few people, CIDs passed on, orders of several buyers, unknown users.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random

import polars as pl
import pytest

from cleanroom.borders import Table
from cleanroom.gate.entries import parts_of
from cleanroom.layout import Measure, Parts, Place
from cleanroom.policy import Policy
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.lift import lift_tables
from cleanroom.room.substitution import substitution_tables
from cleanroom.room.vault import Vault
from cleanroom.study import LiftStudy, SubstitutionStudy
from tests.room.event_log import Room, opens

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


def numbers(tables: list[Table]) -> dict[tuple[str, str, str, str], float]:
    """Each value by its table, category, measure, and arm."""
    found = {}
    for one in tables:
        category = next((d.name for d in one.layout.dimensions if d.categories), None)
        for row in one.cells.filter(pl.col("no_data").is_null()).iter_rows(named=True):
            at, arm = row[category] if category else "", row.get("arm", "")
            found[one.name, at, row["measure"], arm] = row["value"]
    return found


def broken(tables: list[Table]) -> Iterator[tuple[Place, Place]]:
    values = numbers(tables)
    for smaller, larger in (pair for one in tables for pair in one.layout.at_most):
        for arm in ("", "treated", "holdout"):
            pair = [values.get((p.about, p.at, p.measure, arm)) for p in (smaller, larger)]
            if pair[0] is not None and pair[1] is not None and pair[0] > pair[1]:
                yield smaller, larger


def measures(tables: list[Table]) -> Iterator[tuple[tuple[str, str, str, str], Measure]]:
    for one in tables:
        for measure in one.layout.measures:
            for at in measure.of or [""]:
                yield (one.name, at, measure.name, ""), measure


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
def test_who_bought_in_both_shops_bought_in_each(tmp_path: Path, seed: int) -> None:
    study = SubstitutionStudy(merchant="m", start=WEEK[0], end=WEEK[1], study="s")
    tables = substitution_tables(crowded(tmp_path, Random(seed)), [study])
    assert [*broken(tables)] == []
