"""What a platform does not record is no data: neither zero, nor withheld."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cleanroom.absences import NoData
from cleanroom.borders import Table
from cleanroom.policy import Policy
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.lift import lift_tables
from cleanroom.study import LiftStudy
from tests.room.event_log import Room, moment, shown

DAYS = (date(2026, 3, 2), date(2026, 3, 5))
PEOPLE = 12
POLICY = Policy(min_people=PEOPLE, min_converters=2)


def logs(people: int = PEOPLE, **touch: Any) -> dict[str, list[dict[str, Any]]]:
    """Everybody sees, reads, clicks and comes to the store, where nobody searches."""
    touches = [
        {"user": f"u{n}", "kind": kind, "time": moment("02T10:00"), "cost": 5, **touch}
        for n in range(people)
        for kind in ("impression", "read", "click")
    ]
    for number, row in enumerate(touches):
        row["cid"] = f"c{number}" if row["kind"] == "click" else None
    visits = [
        {"buyer": f"b{row['cid']}", "kind": kind, "time": moment("02T10:05"), "cid": row["cid"]}
        for row in touches
        if row["kind"] == "click"
        for kind in ("visit", "cart")
    ]
    named = {"merchant": "m"}
    return {
        "touches": [{**named, **row, "event_id": f"t{i}"} for i, row in enumerate(touches)],
        "visits": [{**named, **row, "event_id": f"v{i}"} for i, row in enumerate(visits)],
    }


def study(room: Room, **given: list[dict[str, Any]]) -> dict[str, Table]:
    tables = conversion_tables(room.vault(**given), ["m"], *DAYS, POLICY)
    return {table.name: table for table in tables}


def absent(table: Table) -> set[tuple[str, ...]]:
    """The keys of the cells without data."""
    keys = [name for name in (*table.dimensions, "measure") if name != "merchant"]
    cells = table.cells.filter(no_data=NoData.NOT_RECORDED)
    assert cells.select("value", "people", "contributors", "largest").null_count().row(0) == (
        (cells.height,) * 4
    )
    return set(cells.select(*keys).iter_rows())


def test_a_step_of_which_there_is_no_event_anywhere_is_no_data(room: Room) -> None:
    tables = study(room, **logs())
    kinds = ("engage", "search", "purchase")
    assert absent(tables["path"]) == {(s, m) for s in kinds for m in ("people", "events")}
    assert absent(tables["money"]) == {("orders",), ("revenue",)}
    assert absent(tables["link"]) == set()
    assert shown(tables["path"])["cart", "people"] == (PEOPLE, PEOPLE, PEOPLE)


def test_a_step_that_other_merchants_have_is_a_zero_here(room: Room) -> None:
    given = logs()
    elsewhere = {"merchant": "n", "buyer": "b", "time": moment("02T10:00"), "cid": None}
    given["visits"].append({**elsewhere, "kind": "search", "event_id": "x"})
    path = study(room, **given)["path"]
    assert ("search", "people") not in absent(path)
    assert shown(path)["search", "people"] == (0, PEOPLE, 0)


def test_of_a_small_table_nothing_is_said(room: Room) -> None:
    """There it would say that none of a few people did it."""
    tables = study(room, **logs(people=PEOPLE - 3))  # and two whom all logs have
    assert absent(tables["path"]) == absent(tables["money"]) == set()
    assert shown(tables["path"])["search", "people"] == (0, PEOPLE - 3, 0)


@pytest.mark.parametrize(("people", "told"), [(PEOPLE, True), (PEOPLE - 1, False)])
def test_cost_that_no_touch_of_the_merchant_has_is_no_data(
    room: Room, people: int, told: bool
) -> None:
    money = study(room, **logs(people=people, cost=None))["money"]
    assert (("cost",) in absent(money)) is told


def test_cost_that_is_known_to_be_nothing_is_a_zero(room: Room) -> None:
    money = study(room, **logs(cost=0))["money"]
    assert ("cost",) not in absent(money)
    assert shown(money)["cost",] == (0, PEOPLE, 0)


def test_a_study_that_nobody_was_assigned_to_is_no_data(room: Room) -> None:
    assigned = {"merchant": "m", "study": "s", "arm": "treated", "time": moment("10T00:00")}
    vault = room.vault(assignments=[{**assigned, "user": "ann"}])
    for name, reason in (("s", None), ("t", NoData.NO_ASSIGNMENT)):
        asked = LiftStudy(merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 20), study=name)
        for table in lift_tables(vault, [asked], POLICY):
            told = {*table.cells["no_data"]}
            assert told == {reason} or table.cells.is_empty()
