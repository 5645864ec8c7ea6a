"""The red team: what programs learn of one person that see only what leaves the room."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cleanroom.room import admission
from tests.redteam import page
from tests.redteam.attack import PEOPLE, Attack, blind, score
from tests.redteam.joins import tree
from tests.redteam.page import ATTACKS, scored
from tests.redteam.worlds import Outlet, Refused, named

# Attacks that succeed until a rule is there that refuses what is too close to earlier answers, and
# one that withholds what other cells and tables would give away.
AWAITED: dict[str, str] = {}
BY_NAME = {attack.name: attack for attack in ATTACKS}


def _params(*, conceded: bool) -> list[Any]:
    """The attacks, those that await a rule marked."""
    return [
        pytest.param(
            attack,
            id=attack.name,
            marks=[
                pytest.mark.xfail(strict=True, reason=f"awaits the rule `{AWAITED[attack.name]}`")
            ]
            if attack.name in AWAITED
            else [],
        )
        for attack in ATTACKS
        if bool(attack.conceded) is conceded
    ]


@pytest.mark.slow
@pytest.mark.parametrize("attack", _params(conceded=False))
def test_an_attack_learns_nothing_of_anybody(attack: Attack) -> None:
    assert scored(attack.name, PEOPLE).learned <= 0


@pytest.mark.slow
@pytest.mark.parametrize("attack", _params(conceded=True))
def test_what_the_threat_model_concedes_is_learned(attack: Attack) -> None:
    """When a later version ends a limit, the concession has to go."""
    assert scored(attack.name, PEOPLE).learned > 0


def test_every_attack_says_what_holds_it_or_what_is_conceded() -> None:
    assert len(BY_NAME) == len(ATTACKS) >= 20
    assert [one.name for one in ATTACKS if bool(one.held_by) == bool(one.conceded)] == []
    assert set(AWAITED) <= set(BY_NAME)
    for name, rule in AWAITED.items():
        assert f"`{rule}`" in BY_NAME[name].held_by


def test_each_limit_that_is_conceded_stands_in_the_threat_model() -> None:
    text = (page.PAGE.parent / "threat-model.md").read_text(encoding="utf-8")
    _, _, limits = text.partition("## What this version does not stop")
    limits = limits.partition("\n## ")[0]
    for attack in ATTACKS:
        assert not attack.conceded or f"- **{attack.conceded}" in limits, attack.name


def test_a_blind_guess_learns_nothing() -> None:
    attack = replace(BY_NAME["all others"], play=blind)
    assert (score(attack, 1).learned, score(attack, 1).right) == (0, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["a rerun without one person", "the third handover", "match sizes, with and without"]
)
def test_without_the_comparison_of_join_inputs_the_attacks_on_it_win(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "compare", lambda *_: None)
    attack = BY_NAME[name]
    if name == "match sizes, with and without":
        # Rounded sizes show a person at the edge of a multiple, so an attacker tries several.
        shifted = (replace(attack, scene=_shifted(attack, by)) for by in range(5))
        assert any(score(each, 1).learned for each in shifted)
    else:
        assert score(attack, 1).learned == 1


def _shifted(attack: Attack, by: int) -> Any:
    return lambda number: attack.scene(number + by)


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


@pytest.mark.slow
def test_the_page_has_the_table_that_was_measured() -> None:
    assert page.written() == page.table(), "run: python -m tests.redteam.page"


def test_the_page_names_all_attacks_in_their_order() -> None:
    text = Path(page.PAGE).read_text(encoding="utf-8")
    places = [text.index(f"\n| {attack.name} |") for attack in ATTACKS]
    assert all(one < two for one, two in pairwise(places))
