"""Parts of one number: of a whole that is told all leave or none does, and none without it.

By the layouts of the studies themselves, on random people.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import pytest

from cleanroom.behind import Answer, Behind, Share
from cleanroom.borders import PEOPLE, Table
from cleanroom.gate.differencing import Past, shown
from cleanroom.gate.protect import protect_together
from cleanroom.layout import Layout
from cleanroom.policy import Policy
from cleanroom.room import lift_layout, observational_layout
from cleanroom.room.observational_layout import COMPARISON, FIFTH, FIFTHS, SEGMENT, SEGMENTS
from cleanroom.tables import Platform
from tests.factories import filled
from tests.gate.crowds import MAY, SEED, group, past

POLICY = Policy(min_people=8, min_converters=3, protection_width=3)
ARMS = {"lift": ("treated", "holdout"), "observational": ("exposed", "comparable")}
MEASURES = ("people", "converters")


class Person(NamedTuple):
    number: int
    arm: int
    part: int
    bought: bool


class Study(NamedTuple):
    """A kind of study, the layout of its parts, and what those are called."""

    kind: str
    layout: Layout
    parts: tuple[str, ...]


STUDIES = [
    Study("observational", SEGMENT, SEGMENTS),
    Study("observational", FIFTH, FIFTHS[:3]),
    Study("lift", lift_layout.CUSTOMERS_LAYOUT, lift_layout.CUSTOMERS),
    Study("lift", lift_layout.REGIONS_LAYOUT, ("north", "south", "west")),
]
SEEDS = range(25)


def crowd(study: Study, seed: int) -> list[Person]:
    """Some people, of parts that are mostly large enough, and sometimes of none or of buyers."""
    random = Random(seed)
    weights = [random.choice((0.2, 1, 4)) for _ in range(2 * len(study.parts))]
    rates = [random.choice((0.1, 0.5, 0.95)) for _ in weights]
    places = random.choices(range(len(weights)), weights, k=random.randint(40, 160))
    return [
        Person(number, at % 2, at // 2, random.random() < rates[at])
        for number, at in enumerate(places)
    ]


def balanced(study: Study, few: int = 8) -> list[Person]:
    """Twenty people in each part of both arms, of whom eight bought; in the first, `few`."""
    return [
        Person(100 * arm + 1_000 * part + n, arm, part, n < (8 if arm or part else few))
        for arm in (0, 1)
        for part in range(len(study.parts))
        for n in range(20)
    ]


def tables(people: Sequence[Person], study: Study) -> list[Table]:
    """The table that tells the whole, and that of its parts."""
    is_lift = study.kind == "lift"
    whole = lift_layout.ARMS_LAYOUT if is_lift else COMPARISON
    before = () if is_lift else (observational_layout.Outcome.BOUGHT,)
    cells: dict[bool, list[tuple[tuple[str, ...], list[Person]]]] = {False: [], True: []}
    for at, arm in enumerate(ARMS[study.kind]):
        own = [one for one in people if one.arm == at]
        cells[False].append((("m", *before, arm), own))
        for place, part in enumerate(study.parts):
            key = ("m", arm, part) if is_lift else ("m", part, arm)
            cells[True].append((key, [one for one in own if one.part == place]))
    return [_table(whole, cells[False]), _table(study.layout, cells[True])]


def _table(layout: Layout, cells: list[tuple[tuple[str, ...], list[Person]]]) -> Table:
    rows, behind = [], []
    for key, own in cells:
        bought = [one for one in own if one.bought]
        rows.append((*key, "people", len(own), PEOPLE, len(own), None))
        rows.append((*key, "converters", len(bought), PEOPLE, len(own), len(bought)))
        numbers = [[one.number for one in group] for group in (own, bought)]
        behind += [_behind(numbers[0]), _behind(numbers[1], numbers[0])]
    return filled(layout, rows, behind)


def _behind(value: Sequence[int], base: Sequence[int] = ()) -> Behind:
    groups = {(Share.VALUE, Platform.STORE): group(value)}
    groups |= {(Share.BASE, Platform.STORE): group(base)} if base else {}
    return Behind(groups)


Told = dict[tuple[str, str, str], float | None]


def told(people: Sequence[Person], study: Study, before: Past | None = None) -> tuple[Told, Told]:
    """By (part, arm, measure), what leaves of the whole (part '') and of the parts."""
    whole, parts = protect_together(tables(people, study), POLICY, before)[0]
    name = next(n for n in study.layout.names if n not in ("merchant", "arm"))
    wholes = whole.cells.select("arm", "measure", "value").rows()
    pieces = parts.cells.select(name, "arm", "measure", "value").rows()
    return {("", a, m): v for a, m, v in wholes}, {(p, a, m): v for p, a, m, v in pieces}


def check(wholes: Told, parts: Told, study: Study) -> None:
    """Nothing that is withheld is what is told less, or together with, what is told."""
    for measure in MEASURES:
        here = [v for (_, _, m), v in parts.items() if m == measure]
        assert all(v is None for v in here) or all(v is not None for v in here)
        for arm in ARMS[study.kind]:
            if here and here[0] is not None:
                assert wholes["", arm, measure] is not None


@pytest.mark.parametrize("study", STUDIES, ids=lambda one: one.layout.name)
def test_parts_leave_all_together_and_never_without_their_whole(study: Study) -> None:
    left = []
    for seed in SEEDS:
        wholes, parts = told(crowd(study, seed), study)
        check(wholes, parts, study)
        left += [value is not None for value in (*wholes.values(), *parts.values())]
    assert 0.1 < sum(left) / len(left) < 0.9


@pytest.mark.parametrize("study", STUDIES, ids=lambda one: one.layout.name)
def test_a_withheld_part_is_not_the_whole_less_the_others(study: Study) -> None:
    """One buyer too few in one part, where all else is enough: the whole is told, no part is."""
    people = balanced(study, few=POLICY.min_converters - 1)
    wholes, parts = told(people, study)
    assert None not in wholes.values()
    withheld = {measure for (_, _, measure), value in parts.items() if value is None}
    assert withheld == {"converters"}
    assert [v for (_, _, m), v in parts.items() if m == "converters"] == [None] * 2 * len(
        study.parts
    )


@pytest.mark.parametrize("study", STUDIES, ids=lambda one: one.layout.name)
def test_parts_fall_with_a_whole_that_differs_from_an_earlier_one_by_a_person(study: Study) -> None:
    """Asked again with a person more: the whole is withheld, so are all parts, though some of them
    are who they were, and their sum would be the whole."""
    before = balanced(study)
    more = [*before, Person(9_999, 0, 0, bought=True)]
    first = protect_together(tables(before, study)[:1], POLICY)[0]
    cells = shown(tables(before, study)[0], first[0], SEED)["m"]
    earlier = Answer("c", "2026-09-14T00:00:00+00:00", MAY, cells)
    wholes, parts = told(more, study, past(earlier))
    arm = ARMS[study.kind][0]
    assert wholes["", arm, "converters"] is None
    check(wholes, parts, study)
    assert {m for (_, _, m), value in parts.items() if value is not None} == set()
