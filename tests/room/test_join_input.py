"""The differencing attack on joins: of two inputs that differ by a few people one is not joined."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from cleanroom.agreement import JoinMode
from cleanroom.errors import HandoverError
from cleanroom.keyring import Keyring, open_keyring
from cleanroom.room.folders import locked
from cleanroom.room.join_input import (
    BUCKETS,
    Joined,
    JoinInput,
    compare,
    forget_keys,
    join_input,
    joined,
    remember,
    remembered,
)
from cleanroom.room.register import UNKNOWN
from cleanroom.tables import IdentifierKind, Platform
from tests.room.event_log import Room

ADS, STORE, CID = Platform.ADS, Platform.STORE, IdentifierKind.CLICK_ID
MIN_PEOPLE = 10
NUMBERS = pl.DataFrame(
    {"token": [f"{n:064x}" for n in range(300)], "number": range(300)},
    schema={"token": pl.String, "number": pl.UInt32},
)


@pytest.fixture
def ring(room: Room) -> Keyring:
    return open_keyring(room.directory)


def cid(number: int) -> str:
    """A token, whose first bits are far from those of the next."""
    return f"{((number + 1) * 0x9E3779B97F4A7C15) % 2**64:016x}{number:048x}"


def brought(*rows: tuple[int | None, int | None], mode: JoinMode = JoinMode.KEYED) -> JoinInput:
    """A join input of rows of a person's and a CID's number."""
    frame = pl.LazyFrame(
        {
            "person": [None if person is None else f"{person:064x}" for person, _ in rows],
            "key": [None if number is None else cid(number) for _, number in rows],
        },
        schema={"person": pl.String, "key": pl.String},
    )
    return join_input(frame, NUMBERS, mode)


def of(persons: range) -> JoinInput:
    """Each person with a CID of their own."""
    return brought(*((person, person) for person in persons))


def accepted(current: JoinInput, *earlier: JoinInput) -> bool:
    try:
        compare(current, [joined(one) for one in earlier], MIN_PEOPLE)
    except HandoverError:
        return False
    return True


# What is compared


def test_only_rows_with_a_cid_bring_their_person_into_the_join() -> None:
    assert brought((1, 1), (2, None), (1, 2), (3, 3)).persons == BitMap([1, 3])


def test_all_unknown_persons_with_a_cid_are_one() -> None:
    assert brought((None, 1), (None, 2), (None, None), (4, 3)).persons == BitMap([4, UNKNOWN])
    assert brought((None, None)).persons == BitMap()


def test_a_row_that_is_repeated_or_moved_changes_nothing() -> None:
    once, again = brought((1, 1), (1, 2), (2, 3)), brought((2, 3), (1, 2), (1, 1), (1, 2))
    assert once.rows.equals(again.rows)


def test_a_person_without_a_number_is_an_error_and_is_not_shown() -> None:
    with pytest.raises(HandoverError, match="1 persons of the join input have no number") as error:
        brought((1, 1), (999, 2))
    assert f"{999:x}" not in str(error.value)


def test_in_a_blinded_join_persons_alone_are_compared() -> None:
    """A CID's handle is another in each handover, so that a check of them would say nothing."""
    one = brought(*((n, n) for n in range(20)), mode=JoinMode.BLINDED)
    other = brought(*((n, 100 + n) for n in range(20)), mode=JoinMode.BLINDED)
    assert one.rows.columns == ["number"]
    assert accepted(other, one)
    assert not accepted(brought(*((n, n) for n in range(21)), mode=JoinMode.BLINDED), one)


# What is refused


@pytest.mark.parametrize("changed", [1, MIN_PEOPLE - 1])
def test_a_few_persons_more_or_fewer_are_refused(changed: int) -> None:
    assert not accepted(of(range(100 + changed)), of(range(100)))
    assert not accepted(of(range(100 - changed)), of(range(100)))
    assert not accepted(of(range(changed, 100)), of(range(100)))


@pytest.mark.parametrize("changed", [0, MIN_PEOPLE, 60])
def test_the_same_or_enough_others_are_accepted(changed: int) -> None:
    assert accepted(of(range(100 + changed)), of(range(100)))


def test_persons_who_came_and_persons_who_went_count_together() -> None:
    assert not accepted(of(range(4, 105)), of(range(100)))  # 4 went, 5 came
    assert accepted(of(range(5, 105)), of(range(100)))  # 5 went, 5 came


def test_the_first_join_input_has_nothing_to_differ_from() -> None:
    compare(of(range(3)), [], MIN_PEOPLE)


def test_the_same_persons_with_a_few_other_cids_are_refused() -> None:
    """Otherwise whoever gives each person a second CID could take the first away, one at a time."""
    before = brought(*((n, n) for n in range(100)), *((n, 100 + n) for n in range(100)))
    one_less = brought(*((n, n) for n in range(1, 100)), *((n, 100 + n) for n in range(100)))
    assert one_less.persons == before.persons
    assert not accepted(one_less, before)
    many = brought(*((n, n) for n in range(MIN_PEOPLE, 100)), *((n, 100 + n) for n in range(100)))
    assert accepted(many, before)


def test_a_cid_of_an_unknown_person_is_noticed() -> None:
    known = [(n, n) for n in range(100)]
    assert not accepted(brought(*known, (None, 200)), brought(*known))
    assert not accepted(brought(*known, (None, 200), (None, 201)), brought(*known, (None, 200)))


def test_every_earlier_join_counts_and_not_only_the_last() -> None:
    """Three handovers: the third differs much from the second and by one person from the first."""
    first, second, third = of(range(100)), of(range(160)), of(range(101))
    assert accepted(second, first)
    assert accepted(third, second)
    assert not accepted(third, second, first)
    assert accepted(first, second, first)  # the very same again tells nothing new


def test_the_keys_of_every_earlier_join_count_and_not_only_of_the_last() -> None:
    """Three handovers of the same people: many CIDs are spoilt, then put back but for one."""
    first = of(range(100))
    second = brought(*((n, n + 100) for n in range(50)), *((n, n) for n in range(50, 100)))
    third = brought((0, 299), *((n, n) for n in range(1, 100)))
    assert accepted(second, first)
    assert accepted(third, second)
    assert not accepted(third, second, first)


def test_two_persons_who_change_keys_with_each_other_show() -> None:
    """Even if their checks lie in one bucket."""
    numbers = pl.DataFrame(
        {"token": [f"{n:064x}" for n in range(20)], "number": [n * BUCKETS for n in range(20)]},
        schema={"token": pl.String, "number": pl.UInt32},
    )
    rows = [(f"{n:064x}", cid(n)) for n in range(20)]
    swapped = [(rows[0][0], rows[1][1]), (rows[1][0], rows[0][1]), *rows[2:]]
    frames = [
        pl.LazyFrame(each, schema={"person": pl.String, "key": pl.String}, orient="row")
        for each in (rows, swapped)
    ]
    one, other = (join_input(frame, numbers, JoinMode.KEYED) for frame in frames)
    assert one.persons == other.persons
    assert not accepted(other, one)


@given(st.sets(st.integers(0, 299), max_size=80))
def test_buckets_never_hide_a_change_nor_make_it_larger(changed: set[int]) -> None:
    before = of(range(300))
    after = brought(*((n, n + 300 if n in changed else n) for n in range(300)))
    assert accepted(after, before) == (not 0 < len(changed) < MIN_PEOPLE)


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_refused_is_what_differs_and_by_too_few(one: set[int], other: set[int]) -> None:
    differs = len(one ^ other)
    sets = [brought(*((n, n) for n in sorted(persons))) for persons in (one, other)]
    assert accepted(*sets) == (differs == 0 or differs >= MIN_PEOPLE)


@pytest.mark.parametrize("changed", [1, 3, 9])
def test_the_refusal_says_the_class_and_never_the_number(changed: int) -> None:
    with pytest.raises(HandoverError) as refusal:
        compare(of(range(100 + changed)), [joined(of(range(100)))], MIN_PEOPLE)
    assert re.findall(r"\d+", str(refusal.value)) == [str(MIN_PEOPLE)]
    assert "hand over again when more has changed" in refusal.value.remedy
    assert "the earlier one" in refusal.value.remedy


# What is remembered


def test_what_was_joined_is_remembered_by_party(room: Room, ring: Keyring) -> None:
    assert remembered(room.directory, ring, ADS, CID) == ()
    joins = [of(range(5)), of(range(9)), of(range(5))]
    with locked(room.directory):
        for one in joins:
            remember(room.directory, ring, ADS, CID, one)
    assert remembered(room.directory, ring, ADS, CID) == (joined(joins[0]), joined(joins[1]))
    assert remembered(room.directory, ring, STORE, CID) == ()


def test_it_rests_encrypted_and_shows_nobody(room: Room, ring: Keyring) -> None:
    brought_in = of(range(5))
    remember(room.directory, ring, ADS, CID, brought_in)
    for file in (room.directory / "register").iterdir():
        assert brought_in.persons.serialize() not in file.read_bytes()
        assert b"PAR1" not in file.read_bytes()
    assert repr(brought_in) == "JoinInput(persons not shown)"
    assert repr(joined(brought_in)) == "Joined(persons not shown)"


def test_of_old_cids_nothing_stays_and_persons_are_compared_on(room: Room, ring: Keyring) -> None:
    remember(room.directory, ring, ADS, CID, of(range(100)))
    forget_keys(room.directory, ring, ADS)
    (kept,) = remembered(room.directory, ring, ADS, CID)
    assert kept == Joined(of(range(100)).persons, None)
    under_new_keys = brought(*((n, 500 + n) for n in range(100)))
    compare(under_new_keys, [kept], MIN_PEOPLE)
    with pytest.raises(HandoverError):
        compare(of(range(101)), [kept], MIN_PEOPLE)


def test_there_may_be_nothing_to_forget(room: Room, ring: Keyring) -> None:
    forget_keys(room.directory, ring, ADS)
    assert not (room.directory / "register").exists()
