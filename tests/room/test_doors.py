"""What the rest of the package may take from the room, and that none of it gives rows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import get_type_hints

from cleanroom.behind import Answer
from cleanroom.borders import Table
from cleanroom.noise import Reach
from cleanroom.room import (
    blinded,
    delay,
    diagnostics,
    eligibility,
    geo,
    lift,
    observational,
    reach,
    recorded,
    shown,
    spillover,
    substitution,
    vault,
    whole_path,
)
from cleanroom.stepwise import Steps

PACKAGE = Path(vault.__file__).parents[1]
DOORS = {
    "blinded": {"Meeting", "match"},
    "delay": {"last_complete_day"},
    "diagnostics": {"link_diagnostics", "match_sizes"},
    "engine": {"Engine", "use"},
    "geo": {"geo_tables", "periods_of"},  # the latter of a study alone
    "lift": {"lift_tables"},
    "observational": {"observational_tables"},
    "spillover": {"spillover_tables"},
    "substitution": {"substitution_tables"},
    "eligibility": {"eligibility", "Eligible", "Excluded"},
    "reach": {"reach_of", "tables_depend_on"},
    "recorded": {"days_reached"},
    "retention": {"expire"},
    "rotation": {"known_and_carried", "rotate"},
    "shown": {"forget", "holding", "memory_in", "memory_of"},
    "vault": {
        "Acceptance",
        "Vault",
        "accept",
        "create_room",
        "open_vault",
        "room_key",
        "room_keys",
    },
    "whole_path": {"whole_path"},
}


def taken() -> Iterator[tuple[str, str]]:
    """(module, name) of all that modules outside the zone import from the room."""
    for file in PACKAGE.rglob("*.py"):
        if file.parent.name == "room":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "cleanroom.room"
            ):
                yield from (((node.module or "").split(".")[-1], a.name) for a in node.names)
            elif isinstance(node, ast.Import):
                yield from ((a.name, "*") for a in node.names if "cleanroom.room" in a.name)


def test_the_room_is_entered_by_its_doors_only() -> None:
    found = {door for door in taken() if door[0] != "place"}  # where files lie, not what is in them
    assert found <= {(module, name) for module, names in DOORS.items() for name in names}
    assert ("whole_path", "whole_path") in found


def test_what_comes_out_is_tables_and_facts_of_merchants() -> None:
    assert get_type_hints(whole_path.whole_path)["return"] == list[Table]
    assert get_type_hints(delay.last_complete_day)["return"] == date  # of enough people
    assert get_type_hints(lift.lift_tables)["return"] == list[Table]
    assert get_type_hints(geo.geo_tables)["return"] == list[Table]
    assert get_type_hints(observational.observational_tables)["return"] == list[Table]
    assert get_type_hints(spillover.spillover_tables)["return"] == list[Table]
    assert get_type_hints(substitution.substitution_tables)["return"] == list[Table]
    assert get_type_hints(diagnostics.link_diagnostics)["return"] == Table
    assert get_type_hints(blinded.match)["return"] == Steps[None]  # when it moved, and no result
    # Who is behind answers, by numbers that mean something in the room alone; for the gate.
    assert get_type_hints(shown.Memory.answers)["return"] == tuple[Answer, ...]
    assert get_type_hints(reach.reach_of)["return"] == dict[str, Reach]  # before any row is read
    assert get_type_hints(recorded.days_reached)["return"] == list[bool]  # of a whole platform
    facts = (eligibility.Eligible, eligibility.Excluded)
    assert {name for fact in facts for name in fact.__annotations__} == {
        "merchant",
        "name",
        "category",
        "reason",
    }
