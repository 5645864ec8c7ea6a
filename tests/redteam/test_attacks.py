"""The red team: what programs learn of one person that see only what leaves the room."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cleanroom.gate import complementary, protect
from cleanroom.room import admission
from tests.redteam import page
from tests.redteam.attack import PEOPLE, Attack, blind, score
from tests.redteam.joins import tree
from tests.redteam.page import ATTACKS, scored
from tests.redteam.worlds import Outlet, Refused, named

BY_NAME = {attack.name: attack for attack in ATTACKS}
HELD = [attack for attack in ATTACKS if not attack.conceded]
CONCEDED = [attack for attack in ATTACKS if attack.conceded]


@pytest.mark.slow
@pytest.mark.parametrize("attack", HELD, ids=lambda attack: attack.name)
def test_an_attack_learns_nothing_of_anybody(attack: Attack) -> None:
    assert scored(attack.name, PEOPLE).learned <= 0
    assert page.line(attack) in page.written(), "run: python -m tests.redteam.page"


@pytest.mark.slow
@pytest.mark.parametrize("attack", CONCEDED, ids=lambda attack: attack.name)
def test_what_the_threat_model_concedes_is_learned(attack: Attack) -> None:
    """When a later version ends a limit, the concession has to go."""
    assert scored(attack.name, PEOPLE).learned > 0
    assert page.line(attack) in page.written(), "run: python -m tests.redteam.page"


def test_every_attack_says_what_holds_it_or_what_is_conceded() -> None:
    assert len(BY_NAME) == len(ATTACKS) >= 20
    assert [one.name for one in ATTACKS if bool(one.held_by) == bool(one.conceded)] == []


def test_each_limit_that_is_conceded_stands_in_the_threat_model() -> None:
    text = (page.PAGE.parent / "threat-model.md").read_text(encoding="utf-8")
    _, _, limits = text.partition("## What this version does not stop")
    limits = limits.partition("\n## ")[0]
    for attack in ATTACKS:
        assert not attack.conceded or f"- **{attack.conceded}" in limits, attack.name


def test_a_blind_guess_learns_nothing() -> None:
    attack = replace(BY_NAME["all others"], play=blind)
    assert (score(attack, 1).learned, score(attack, 1).right) == (0, 1)


DIFFERENCING, COMPLEMENTARY, JOIN_INPUT = "`differencing`", "`complementary`", "the join input"


def take_away(held_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the room do without what holds an attack: the rules on answers, and on handovers."""
    if DIFFERENCING in held_by:
        for name in ("differing", "told_together"):
            rule = getattr(protect, name)
            # The past is the last argument of both.
            monkeypatch.setattr(protect, name, lambda *all_, rule=rule: rule(*all_[:-1], None))
    if COMPLEMENTARY in held_by:
        monkeypatch.setattr(complementary._Withholding, "run", lambda _: None)
    if JOIN_INPUT in held_by:
        monkeypatch.setattr(admission, "compare", lambda *_: None)


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack",
    [a for a in HELD if a.held_by.startswith((DIFFERENCING, COMPLEMENTARY, JOIN_INPUT))],
    ids=lambda attack: attack.name,
)
def test_without_what_holds_it_an_attack_wins(
    attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the scene would hold it, and the rule would not have been tried."""
    take_away(attack.held_by, monkeypatch)
    # An attack that only sees that all did it knows of the one room alone.
    least = 0.5 if attack.held_by == COMPLEMENTARY else 1
    assert score(attack, 1).learned >= least


@pytest.mark.slow
@pytest.mark.parametrize("rule", [DIFFERENCING, JOIN_INPUT])
@pytest.mark.parametrize("name", ["a rerun without a few people", "the third handover"])
def test_of_a_rerun_the_handover_and_the_answer_are_each_held(
    name: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(rule, monkeypatch)
    assert score(BY_NAME[name], 1).learned <= 0


@pytest.mark.slow
def test_without_the_rules_on_single_amounts_the_largest_is_read_off() -> None:
    attack = BY_NAME["the largest amount"]

    def laxer(number: int) -> Any:
        lax = {"max_share_of_two": 1.0, "p_percent": 0}
        return replace(attack.scene(number), policy=lax)

    assert score(replace(attack, scene=laxer), 1).learned == 1


@pytest.mark.slow
def test_under_laxer_thresholds_the_hidden_cell_shows() -> None:
    attack = BY_NAME["a hidden cell"]

    def laxer(number: int) -> Any:
        return replace(attack.scene(number), policy={"min_people": 2, "min_converters": 2})

    assert score(replace(attack, scene=laxer), 1).learned == 1


@pytest.mark.parametrize("matched", [True, False])
def test_the_tree_finds_its_target_where_every_size_is_told(matched: bool) -> None:
    people = named("one", 121)
    inside = {one for place, one in enumerate(people[:-1]) if place % 3} | (
        {people[-1]} if matched else set()
    )
    assert tree(people, lambda some: len(some & inside)) is matched


def test_the_tree_subtracts_where_a_part_is_withheld() -> None:
    """Sets that hold the target are told only as a whole: what the rest lacks is theirs."""
    people = named("one", 8)

    def size(some: set[str]) -> int | None:
        return None if people[7] in some and len(some) < 8 else len(some & {people[0], people[7]})

    assert tree(people, size) is True
    assert tree(people, lambda some: size(some) if len(some) > 1 else None) is None


@pytest.mark.slow
def test_a_schedule_of_handovers_ends_at_the_agreed_number_of_joins() -> None:
    """Whoever picks what to bring into a join has so many tries, and no more."""
    attack = BY_NAME["three joins"]
    scene = replace(attack.scene(0), policy={"max_joins": 1})
    with Outlet(scene, secret=True) as outlet:
        assert not isinstance(outlet.conversion(0, 5), Refused)
        claimed = attack.play(outlet, scene)
    assert claimed is None


def test_the_page_has_the_lines_of_the_table_beside_the_attacks() -> None:
    lines, others = page.written().splitlines(), page.without_attacks()
    assert len(lines) == len(ATTACKS) + len(others)
    assert [line for line in lines if line in others] == others


def test_the_page_names_all_attacks_in_their_order() -> None:
    text = Path(page.PAGE).read_text(encoding="utf-8")
    places = [text.index(f"\n| {attack.name} |") for attack in ATTACKS]
    assert all(one < two for one, two in pairwise(places))
