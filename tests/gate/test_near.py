"""The search for what is too near, against all that there is to try."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.behind import SKETCH, Answer, Group, group_of, together
from cleanroom.gate.near import Near, Origin, Track
from cleanroom.gate.remains import apart
from tests.gate.crowds import SEED, group

FEW = 4
HERE = Origin({}, None)
sets = st.frozensets(st.integers(0, 15), min_size=5, max_size=14).map(sorted)
spent = st.dictionaries(st.integers(0, 11), st.integers(1, 3), min_size=5, max_size=10)


def track(*earlier: Any, sums: bool = True, few: int = FEW) -> Track:
    made = Track(few, sums)
    for who in earlier:
        made.add(group(who), HERE)
    return made


def adds(who: Any) -> dict[int, int]:
    return dict(who) if isinstance(who, dict) else dict.fromkeys(who, 1)


def left(whole: Any, *parts: Any) -> int:
    """How many people's parts do not cancel out."""
    rest = adds(whole)
    for part in parts:
        for person, add in adds(part).items():
            rest[person] = rest.get(person, 0) - add
    return sum(add != 0 for add in rest.values())


def too_few(whole: Any, *parts: Any) -> bool:
    return 0 < left(whole, *parts) < min(FEW, len(whole), *map(len, parts))


def found_by_trying(new: Any, earlier: list[Any]) -> bool:
    pairs = any(too_few(new, other) for other in earlier)
    wholes = any(
        too_few(whole, *parts)
        for three in permutations([new, *earlier], 3)
        if new in three
        for whole, *parts in [three]
    )
    return pairs or wholes


@given(st.lists(sets | spent, min_size=1, max_size=6), sets | spent)
def test_no_two_numbers_and_no_whole_of_two_parts_are_missed(earlier: list[Any], new: Any) -> None:
    counts = isinstance(new, list)
    alike = [who for who in earlier if isinstance(who, list) is counts and adds(who) != adds(new)]
    near = track(*alike).near(group(new))
    assert near is not None or not found_by_trying(new, alike)


@given(st.lists(sets | spent, min_size=1, max_size=6), sets | spent)
def test_whatever_is_found_is_about_too_few(earlier: list[Any], new: Any) -> None:
    counts = isinstance(new, list)
    alike = [who for who in earlier if isinstance(who, list) is counts]
    distinct = list({tuple(sorted(adds(who).items())): who for who in alike}.values())
    near = track(*distinct).near(group(new))
    if near is None:
        return
    others = [distinct[place] for place in near.others]
    if near.whole is not None:
        assert too_few(distinct[near.whole], new, *others)
    else:
        assert too_few(new, *others)


@given(st.lists(sets, min_size=2, max_size=2) | st.lists(spent, min_size=2, max_size=2))
def test_apart_counts_who_is_in_one_only_or_adds_something_else(two: list[Any]) -> None:
    a, b = two
    assert apart(group(a), group(b)) == left(a, b)


def test_parts_of_a_whole_are_followed_however_many_there_are() -> None:
    days = [range(10 * day, 10 * day + 10) for day in range(12)]
    month = range(123)
    assert track(*days).near(group(month)) == Near(tuple(range(12)), is_whole=True)
    assert track(month, *days[:-1]).near(group(days[-1])) is not None
    assert track(*days).near(group(range(120))) is None
    assert track(*days).near(group(range(130))) is None


def test_parts_of_one_answer_are_followed_though_others_lie_across() -> None:
    mixed = Track(FEW, sums=True)
    for part in (range(25, 70), range(70, 110)):
        mixed.add(group(part), HERE)
    assert mixed.near(group(range(120))) is None
    other = Origin({}, Answer("c", "2026-05-01", {}, ()))
    for part in (range(40), range(40, 80), range(80, 118)):
        mixed.add(group(part), other)
    assert mixed.near(group(range(120))) is not None


@pytest.mark.parametrize("people", [60, 1_000, 40_000])
def test_large_groups_are_told_apart_as_well(people: int) -> None:
    whole = range(people)
    earlier = [whole, range(people // 2), range(9 * people, 10 * people)]
    few = range(people + 49), range(people // 2, people - 3), range(10, people)
    for new in few:
        assert track(*earlier, few=50).near(group(new)) is not None
    enough = range(people + 50), range(5 * people, 6 * people), range(people // 2, people)
    for new in enough:
        assert track(*earlier, few=50).near(group(new)) is None


def test_of_bases_two_are_compared_and_no_more() -> None:
    parts, whole = (range(20), range(20, 40)), range(42)
    assert track(*parts, sums=True).near(group(whole)) is not None
    assert track(*parts, sums=False).near(group(whole)) is None


def test_what_was_shown_before_says_nothing_new() -> None:
    shown = [range(20), range(23), range(40)]
    assert [track(*shown).near(group(who)) for who in shown] == [None] * 3


def test_refunds_that_cancel_out_leave_nobody() -> None:
    earlier = group({1: 500, 2: -300, 3: 0, 4: 7})
    assert earlier.size == 3
    assert apart(earlier, group({1: 500, 2: -300, 4: 7, 9: 0})) == 0


@given(spent, spent)
def test_fingerprints_add_up_as_amounts_do(a: dict[int, int], b: dict[int, int]) -> None:
    both = {person: a.get(person, 0) + b.get(person, 0) for person in {*a, *b}}
    assert together([group(a), group(b)], SEED).content == group(both).content


def test_another_room_has_other_fingerprints() -> None:
    numbers, amounts = np.arange(3, dtype=np.uint32), np.array([5, 6, 7])
    one, other = (group_of(numbers, amounts, seed) for seed in (1, 2))
    assert one.people == other.people
    assert not {*one.values.tolist()} & {*other.values.tolist()}
    assert not {*one.values.tolist()} & {5, 6, 7}


def test_a_sketch_has_a_fixed_size() -> None:
    sizes = {len(group(range(n)).sketch) for n in (0, 1, 5_000)}
    assert sizes == {8 * SKETCH}


def test_a_group_keeps_its_numbers_in_order() -> None:
    shuffled: Group = group({9: 1, 2: 5, 4: 3})
    assert list(shuffled.numbers) == [2, 4, 9]
    assert together([shuffled], SEED).content == shuffled.content
