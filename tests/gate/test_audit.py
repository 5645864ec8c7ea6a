"""The attacker's audit: what is released bounds what is withheld, and nothing is overlooked."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from cleanroom.gate.audit import Protection, exposed, feasible, width_of
from cleanroom.gate.crossings import Dimension, of_table
from cleanroom.gate.linear import Flags
from cleanroom.gate.relations import (
    Relations,
    Row,
    known,
    linked,
    overlap_of,
    relate,
    with_order,
    with_rows,
    with_sums,
)
from cleanroom.layout import Parts
from tests.gate.tables import crossed

# Fischetti and Salazar-González (2001): activities I … III by regions A … C, in millions.
INVESTMENT = np.array([[20, 50, 10], [8, 19, 22], [17, 32, 12]])


def at(relations: Relations, *cells: object) -> Flags:
    return relations.flags(cells)


def cell(row: int | None, column: int | None) -> tuple[tuple[str, str], ...]:
    pairs = (("d0", row), ("d1", column))
    return tuple((name, str(code)) for name, code in pairs if code)


def interval(relations: Relations, withheld: Flags, place: int) -> tuple[float, float]:
    found = feasible(relations, withheld)
    (here,) = np.flatnonzero(found.places == place)
    return float(found.lower[here]), float(found.upper[here])


def test_the_textbook_pattern_leaves_the_textbook_interval() -> None:
    table = crossed(INVESTMENT)
    withheld = at(table, cell(2, 3), cell(2, 1), cell(3, 1), cell(3, 3))
    assert interval(table, withheld, table.place[cell(2, 3)]) == (5, 30)


def test_a_single_withheld_cell_is_given_away_by_its_margin() -> None:
    table = crossed(INVESTMENT)
    withheld = at(table, cell(2, 3))
    assert interval(table, withheld, table.place[cell(2, 3)]) == (22, 22)
    (found,) = exposed(table, withheld, width_of(table, withheld, 0.1, 1))
    assert found.cell == cell(2, 3)
    assert "give this withheld cell away" in found.words


def test_an_exposure_says_no_number() -> None:
    table = crossed(INVESTMENT)
    withheld = at(table, cell(2, 3), cell(2, 1), cell(3, 1), cell(3, 3))
    found = exposed(table, withheld, width_of(table, withheld, 0.0, 40))
    assert len(found) == 4
    assert not any(character.isdigit() for one in found for character in one.words)


def test_a_protected_pattern_has_no_exposure() -> None:
    table = crossed(INVESTMENT)
    withheld = at(table, cell(2, 3), cell(2, 1), cell(3, 1), cell(3, 3))
    nothing = np.zeros(len(table.cells))
    level = np.where(at(table, cell(2, 3)), 1.0, 0.0)
    assert exposed(table, withheld, Protection(5 * level, 8 * level, 25 * level)) == ()
    assert len(exposed(table, withheld, Protection(nothing, nothing, 26 * level))) == 1


def test_a_total_that_is_withheld_too_leaves_no_upper_end() -> None:
    table = crossed(INVESTMENT)
    everything = np.ones(len(table.cells), dtype=bool)
    found = feasible(table, everything)
    assert (found.lower == 0).all()
    assert np.isinf(found.upper).all()


def test_nested_steps_bound_what_is_withheld() -> None:
    path = relate({"click": 120.0, "visit": 80.0, "buy": 33.0})
    path = with_order(path, [("visit", "click"), ("buy", "visit")])
    assert interval(path, at(path, "visit"), 1) == (33, 120)
    assert interval(path, at(path, "visit", "buy"), 2) == (0, 120)


def test_people_who_may_be_in_several_parts_bound_the_whole_by_inequalities() -> None:
    week = relate({"week": 90.0, "monday": 60.0, "sunday": 50.0})
    week = with_rows(week, overlap_of("week", ["monday", "sunday"]))
    assert interval(week, at(week, "week"), 0) == (60, 110)
    assert interval(week, at(week, "monday"), 1) == (40, 90)


def test_overlapping_days_of_a_table_are_not_summed() -> None:
    frame = pl.DataFrame(
        {"day": ["mon", "tue", "all"], "value": [60, 50, 90]},
    )
    week = of_table(frame, [Dimension("day", "all", parts=Parts.OVERLAP)])
    assert interval(week, at(week, ()), week.place[()]) == (60, 110)


def test_a_threshold_that_the_reason_tells_narrows_the_interval() -> None:
    pair = with_sums(relate({"all": 100.0, "few": 30.0, "many": 70.0}), [("all", ["few", "many"])])
    assert interval(pair, at(pair, "few", "many"), 1) == (0, 100)
    told = known(known(pair, ["few"], upper=49), ["many"], lower=50)
    assert interval(told, at(told, "few", "many"), 1) == (0, 49)
    assert interval(told, at(told, "few", "many"), 2) == (51, 100)


def test_a_later_table_gives_an_earlier_cell_away() -> None:
    march = of_table(
        pl.DataFrame({"region": ["n", "s", "all"], "value": [7, 60, 67]}),
        [Dimension("region", "all")],
        about=("people",),
    )
    withheld = march.flags([("people", ("region", "n")), ("people", ("region", "s"))])
    assert exposed(march, withheld, width_of(march, withheld, 0.0, 50)) == ()
    by_day = of_table(
        pl.DataFrame(
            {"region": ["n", "n", "n"], "day": ["1", "2", "all"], "value": [3, 4, 7]},
        ),
        [Dimension("region"), Dimension("day", "all")],
        about=("people",),
    )
    history = linked(march, by_day)
    assert len(history.cells) == len(march.cells) + 2
    over_time = history.flags([("people", ("region", "n")), ("people", ("region", "s"))])
    words = [e.words for e in exposed(history, over_time, width_of(history, over_time, 0.0, 50))]
    assert words == ["The released numbers give this withheld cell away."] * 2


def test_a_fraction_is_rounded_inwards_only_for_whole_numbers() -> None:
    for whole, expected in ((True, (0, 3)), (False, (0, 3.5))):
        twice = relate({"a": 1.0, "b": 5.0}, whole=whole)
        twice = with_rows(twice, [Row({"a": 2.0, "b": 1.0}, 7.0, 7.0)])
        assert interval(twice, at(twice, "a", "b"), 0) == pytest.approx(expected)


def test_money_in_large_amounts_keeps_its_last_unit() -> None:
    amounts = with_sums(
        relate({"all": 8e11 + 3, "a": 3e11 + 1, "b": 5e11 + 2}), [("all", ["a", "b"])]
    )
    assert interval(amounts, at(amounts, "a", "b"), 1) == (0, 8e11 + 3)
    assert interval(amounts, at(amounts, "a"), 1) == (3e11 + 1, 3e11 + 1)


def test_a_negative_amount_is_bounded_where_refunds_are_allowed() -> None:
    net = relate({"all": 10.0, "a": -5.0, "b": 15.0}, lower=-np.inf)
    net = with_sums(net, [("all", ["a", "b"])])
    found = feasible(net, at(net, "a", "b"))
    assert np.isinf(found.lower).all()
    assert np.isinf(found.upper).all()


def compatible(table: Relations, withheld: Flags) -> NDArray[np.float64]:
    """Every table of whole numbers that agrees with what is released, by brute force."""
    places = np.flatnonzero(withheld)
    outer = feasible(table, withheld)
    ranges = [range(int(a), int(b) + 1) for a, b in zip(outer.lower, outer.upper, strict=True)]
    # One beyond each end, so that too narrow an interval would be noticed.
    ranges = [range(max(0, r.start - 1), r.stop + 1) for r in ranges]
    found = []
    for values in product(*ranges):
        trial = table.values.copy()
        trial[places] = values
        if np.abs(table.matrix @ trial).max() < 1e-9:
            found.append(values)
    return np.array(found, dtype=float)


@given(
    st.lists(st.integers(0, 4), min_size=6, max_size=6),
    st.sets(st.integers(0, 11), min_size=1, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_a_two_way_interval_is_exactly_that_of_all_compatible_tables(
    inner: list[int], places: set[int]
) -> None:
    table = crossed(np.array(inner).reshape(2, 3))
    withheld = np.zeros(len(table.cells), dtype=bool)
    withheld[list(places - {0})] = True
    if not withheld.any():
        return
    found = feasible(table, withheld)
    if np.isinf(found.upper).any():
        return
    every = compatible(table, withheld)
    assert (every.min(axis=0) == found.lower).all()
    assert (every.max(axis=0) == found.upper).all()


@given(
    st.lists(st.integers(0, 2), min_size=8, max_size=8),
    st.sets(st.integers(1, 26), min_size=3, max_size=8),
)
@settings(max_examples=25, deadline=None)
def test_a_three_way_interval_holds_all_compatible_tables(
    inner: list[int], places: set[int]
) -> None:
    table = crossed(np.array(inner).reshape(2, 2, 2))
    withheld = np.zeros(len(table.cells), dtype=bool)
    withheld[list(places)] = True
    found = feasible(table, withheld)
    if np.prod(found.upper - found.lower + 3) > 50_000:
        return
    every = compatible(table, withheld)
    assert (every.min(axis=0) >= found.lower).all()
    assert (every.max(axis=0) <= found.upper).all()


@given(
    st.lists(st.integers(0, 60), min_size=12, max_size=12),
    st.lists(st.booleans(), min_size=36, max_size=36),
    st.lists(st.booleans(), min_size=36, max_size=36),
)
@settings(max_examples=60, deadline=None)
def test_releasing_more_never_widens_an_interval_and_the_truth_is_always_in_it(
    inner: list[int], marks: list[bool], more: list[bool]
) -> None:
    table = crossed(np.array(inner).reshape(2, 2, 3))
    withheld = np.array(marks)
    before = feasible(table, withheld)
    left = withheld & ~np.array(more)
    after = feasible(table, left)
    still = np.isin(before.places, after.places)
    assert (after.lower >= before.lower[still]).all()
    assert (after.upper <= before.upper[still]).all()
    truth = table.values[before.places]
    assert ((before.lower <= truth) & (truth <= before.upper)).all()


def plainly(relations: Relations, withheld: Flags) -> NDArray[np.float64]:
    """The same intervals by two cold linear programs a cell, without any shortcut."""
    unknown = np.flatnonzero(withheld | relations.hidden)
    low, high = relations.slack
    moves = relations.matrix[:, unknown].toarray()
    sides = np.concatenate([high, -low])
    finite = np.isfinite(sides)
    bounds = np.column_stack([relations.lower, relations.upper])[unknown]
    truth = relations.values[unknown]
    ends = []
    for number in np.flatnonzero(~relations.hidden[unknown]):
        both = []
        for sign in (1.0, -1.0):
            cost = np.zeros(len(unknown))
            cost[number] = sign
            rows = np.concatenate([moves, -moves])[finite]
            solved = linprog(
                cost, rows, sides[finite], bounds=bounds - truth[:, None], method="highs"
            )
            both.append(solved.x[number] + truth[number] if solved.status == 0 else sign * -np.inf)
        ends.append(both)
    return np.array(ends).reshape(-1, 2)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_shortcuts_find_the_same_intervals_as_plain_programs(seed: int) -> None:
    random = np.random.default_rng(seed)
    inner = random.integers(0, 30, size=(4, 3))
    groups = [{"1": "x", "2": "x", "3": "y", "4": "y"}, {}]
    table = linked(crossed(inner, groups), relate({"steps": float(inner[0].sum() + 7)}))
    table = with_order(table, [((("d0", "1"),), "steps")])
    withheld = random.random(len(table.cells)) < 0.5
    found, plain = feasible(table, withheld), plainly(table, withheld)
    lower, upper = np.ceil(plain[:, 0] - 1e-6), np.floor(plain[:, 1] + 1e-6)
    assert (found.lower == np.minimum(lower, table.values[found.places])).all()
    assert (found.upper == np.maximum(upper, table.values[found.places])).all()
