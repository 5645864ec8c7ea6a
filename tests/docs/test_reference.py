"""What the docs say of commands, tables, keys, rules and codes is what the code says."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from cleanroom import agreement
from cleanroom.bench.schedule import Wanted
from cleanroom.bench.settings import RunSettings
from cleanroom.errors import ExitCode
from cleanroom.gate.rules import RULES
from cleanroom.noise import Noise
from cleanroom.party.checks import Reason
from cleanroom.policy import Policy
from cleanroom.review.checks import CHECKS
from cleanroom.review.states import TRANSITIONS, State
from cleanroom.review.templates import Bounds, Draft
from cleanroom.room.link_rules import BASES, LINK_RULES
from cleanroom.study import ConversionStudy, GeoStudy, LiftStudy, ObservationalStudy
from cleanroom.tables import TABLES
from tests.docs import reference
from tests.docs.pages import ROOT

AGAIN = "run: python -m tests.docs.reference"
KEYS: dict[type[BaseModel], tuple[str, str]] = {
    agreement.Agreement: ("agreement.md", "Top level"),
    agreement.PartyTerms: ("agreement.md", "parties"),
    agreement.RoomTerms: ("agreement.md", "room"),
    agreement.Join: ("agreement.md", "join"),
    agreement.PermittedStudy: ("agreement.md", "studies"),
    Policy: ("agreement.md", "policy"),
    Noise: ("agreement.md", "noise"),
    agreement.Eligibility: ("agreement.md", "eligibility"),
    agreement.StandingRule: ("agreement.md", "standing_rule"),
    Draft: ("agreement.md", "Study templates"),
    Bounds: ("agreement.md", "Bounds of a parameter"),
    RunSettings: ("how-to/room-operator.md", "3. Run the studies"),
    Wanted: ("how-to/room-operator.md", "Schedule a report every week"),
}


def documented(page: str, heading: str) -> list[str]:
    """The keys in the tables under a heading: the first cell of each row, where it is code."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)


@pytest.mark.parametrize("section", reference.SECTIONS)
def test_what_is_drawn_from_the_code_is_drawn_anew(section: str) -> None:
    _, draw = reference.SECTIONS[section]
    assert reference.written(section) == draw(), AGAIN


def test_the_reference_of_commands_is_their_help() -> None:
    assert reference.COMMANDS.read_text(encoding="utf-8") == reference.commands(), AGAIN


def test_every_command_argument_and_option_says_what_it_is() -> None:
    text = reference.commands()
    assert re.findall(r"^\* `[^`]+`:? *(?:\[|$).*", text, flags=re.MULTILINE) == []
    assert re.findall(r"^## .*\n\n\*\*Usage", text, flags=re.MULTILINE) == []
    assert text.count("\n## ") + text.count("\n### ") >= 15


def test_the_drawn_parts_leave_nothing_out() -> None:
    tables = reference.tables()
    for table, contract in TABLES.items():
        assert f"### {table} " in tables
        assert all(f"| `{column}`" in tables for column in contract.columns)
    assert all(f"| `{reason}` |" in reference.reasons() for reason in Reason)
    assert all(f"| `{rule.id}` |" in reference.disclosure_rules() for rule in RULES)
    assert all(f"| `{rule.id}` |" in reference.link_rules() for rule in (*BASES, *LINK_RULES))
    assert all(f"| {code:d} |" in reference.exit_codes() for code in ExitCode)
    assert all(f"| **{state}** |" in reference.states() for state in State)
    assert all(f"| `{check.id}` |" in reference.machine_checks() for check in CHECKS)
    assert len(reference.transitions().splitlines()) == 2 + len(TRANSITIONS)
    arrows = re.findall(r"(\w+) --> (\w+): (.*)", reference.diagram())
    drawn = {(source, action) for source, _, said in arrows for action in said.split(", ")}
    assert drawn == {(row.source.replace(" ", "_"), row.action) for row in TRANSITIONS}


@pytest.mark.parametrize("model", KEYS, ids=lambda model: model.__name__)
def test_every_key_of_a_file_that_people_write_is_documented(model: type[BaseModel]) -> None:
    assert documented(*KEYS[model]) == list(model.model_fields)


def test_every_parameter_of_a_study_is_documented() -> None:
    studies = (ConversionStudy, LiftStudy, ObservationalStudy, GeoStudy)
    fields = [name for study in studies for name in study.model_fields]
    wanted = list(dict.fromkeys(name for name in fields if name != "kind"))
    assert documented("how-to/data-scientist.md", "Parameters") == wanted
