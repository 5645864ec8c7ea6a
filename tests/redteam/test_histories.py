"""What holds of every history of handovers: no two joins can be subtracted."""

from __future__ import annotations

from itertools import combinations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from cleanroom.errors import HandoverError
from cleanroom.room.join_input import JoinInput, compare, joined
from tests.redteam.strategies import histories, tried

thresholds = st.integers(2, 60)


def brought(persons: BitMap) -> JoinInput:
    """A join input of these persons, each with keys of their own."""
    number = pl.Series("number", list(persons), dtype=pl.UInt32)
    return JoinInput(number.to_frame().with_columns(keys=pl.col("number").cast(pl.UInt64) + 1))


def accepted(history: list[BitMap], least: int) -> list[BitMap]:
    """Those that the room accepts, each after the ones before it."""
    taken: list[BitMap] = []
    for persons in history:
        try:
            compare(brought(persons), [joined(brought(one)) for one in taken], least)
        except HandoverError:
            continue
        taken.append(persons)
    return taken


@tried
@given(histories, thresholds)
def test_no_two_accepted_handovers_bring_sets_that_differ_by_a_few(
    history: list[BitMap], least: int
) -> None:
    for one, two in combinations(accepted(history, least), 2):
        assert not 0 < len(one ^ two) < least


@tried
@given(histories, thresholds)
def test_whether_a_handover_is_refused_depends_on_the_platform_s_own_persons_alone(
    history: list[BitMap], least: int
) -> None:
    """So that a refusal tells a platform nothing of the other: renumbered, all is as it was."""
    moved = [BitMap(1_000 - number for number in persons) for persons in history]
    sizes = [[len(persons) for persons in accepted(each, least)] for each in (history, moved)]
    assert sizes[0] == sizes[1]


@tried
@given(histories, thresholds)
def test_the_same_handover_is_accepted_again(history: list[BitMap], least: int) -> None:
    taken = accepted(history, least)
    assert accepted([*taken, *taken], least) == [*taken, *taken]
