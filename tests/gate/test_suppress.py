"""Complementary suppression: every pattern passes the audit, and withholds little."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.errors import SuppressionError
from cleanroom.gate.audit import Protection, exposed, feasible, width_of
from cleanroom.gate.covering import PROOF, Method, Work
from cleanroom.gate.crossings import Dimension, of_table
from cleanroom.gate.linear import Flags
from cleanroom.gate.relations import Relations, known, linked, relate, with_order, with_sums
from cleanroom.gate.suppress import Cost, Pattern, complement, weights
from tests.gate.tables import crossed, random_inner, renamed

INVESTMENT = np.array([[20, 50, 10], [8, 19, 22], [17, 32, 12]])
QUICK = Work(cells=0)


def protected(
    relations: Relations, primary: Flags, protection: Protection, work: Work | None = None
) -> Pattern:
    return complement(relations, primary, protection, weights(relations, Cost.VALUE), work=work)


def names(relations: Relations, flags: Flags) -> set[object]:
    return {relations.cells[place] for place in np.flatnonzero(flags)}


def cell(row: int | None, column: int | None) -> tuple[tuple[str, str], ...]:
    pairs = (("d0", row), ("d1", column))
    return tuple((name, str(code)) for name, code in pairs if code)


@pytest.mark.parametrize("work", [PROOF, QUICK])
def test_one_cell_of_a_two_way_table_needs_three_complements(work: Work) -> None:
    # Fischetti and Salazar-González (2001): the optimum withholds 59 with the sensitive 22.
    table = crossed(INVESTMENT)
    primary = table.flags([cell(2, 3)])
    level = np.where(primary, 1.0, 0.0)
    pattern = protected(table, primary, Protection(5 * level, 8 * level, 0 * level), work)
    assert names(table, pattern.complement) == {cell(2, 1), cell(3, 1), cell(3, 3)}
    assert pattern.weight == 8 + 17 + 12


def test_an_optimum_is_proven() -> None:
    table = crossed(INVESTMENT)
    primary = table.flags([cell(2, 3)])
    pattern = protected(table, primary, width_of(table, primary, 0.0, 13), PROOF)
    assert (pattern.method, pattern.bound) == (Method.EXACT, pattern.weight)


def test_the_quick_way_says_that_nothing_is_proven() -> None:
    table = crossed(INVESTMENT)
    primary = table.flags([cell(2, 3)])
    pattern = protected(table, primary, width_of(table, primary, 0.0, 13), QUICK)
    assert (pattern.method, pattern.bound) == (Method.HEURISTIC, 0.0)


def test_a_hierarchy_is_protected_on_every_level() -> None:
    # note ⊂ creator ⊂ campaign: the second note of creator x alone would be x less the first.
    table = of_table(
        pl.DataFrame(
            {
                "note": ["n1", "n2", "n3", "n4", "x", "y", "all"],
                "value": [7, 90, 60, 80, 97, 140, 237],
            }
        ),
        [Dimension("note", "all", {"n1": "x", "n2": "x", "n3": "y", "n4": "y"})],
    )
    primary = table.flags([(("note", "n1"),)])
    pattern = protected(table, primary, width_of(table, primary, 0.0, 50), PROOF)
    assert names(table, pattern.complement) == {(("note", "n2"),)}
    whole_branch = table.flags([(("note", "n1"),), (("note", "n2"),)])
    pattern = protected(table, whole_branch, width_of(table, whole_branch, 0.0, 120), PROOF)
    # 97 are in x: only a withheld x, and with it y and one of y's notes, leave 120 open.
    assert names(table, pattern.complement) == {
        (("note", "x"),),
        (("note", "n3"),),
        (("note", "y"),),
    }


def test_linked_tables_are_protected_together() -> None:
    def by(name: str, inner: list[list[int]]) -> Relations:
        table = crossed(np.array(inner))
        return renamed(table, {c: _with(c, name) for c in table.cells})

    by_day = by("day", [[20, 80], [60, 90]])
    by_step = by("step", [[70, 30], [80, 70]])
    both = linked(by_day, by_step)
    assert len(both.cells) == len(by_day.cells) + len(by_step.cells) - 3  # two regions, one total
    primary = both.flags([(("d0", "1"), ("day", "1"))])
    asked = width_of(both, primary, 0.0, 50)
    weight = weights(both, Cost.CELLS)
    alone = complement(
        by_day,
        by_day.flags(names(both, primary)),
        width_of(by_day, by_day.flags(names(both, primary)), 0.0, 50),
        weights(by_day, Cost.CELLS),
        keep=by_day.flags([(("d0", "1"), ("day", "2"))]),
        work=PROOF,
    )
    # In its own table alone the margin of region 1 could be withheld; the other table tells it.
    assert by_day.cells.index((("d0", "1"),)) in np.flatnonzero(alone.complement)
    assert exposed(both, both.flags(names(by_day, alone.withheld)), asked) != ()
    keep = both.flags([(("d0", "1"), ("day", "2"))])
    together = complement(both, primary, asked, weight, keep=keep, work=PROOF)
    assert exposed(both, together.withheld, asked) == ()


def _with(name: object, dimension: str) -> tuple[tuple[str, str], ...]:
    assert isinstance(name, tuple)
    return tuple((dimension if d == "d1" else d, code) for d, code in name)


def test_a_step_is_protected_from_the_steps_around_it() -> None:
    path = relate({"click": 90.0, "visit": 60.0, "buy": 55.0})
    path = with_order(path, [("visit", "click"), ("buy", "visit")])
    primary = path.flags(["visit"])
    pattern = protected(path, primary, width_of(path, primary, 0.0, 50), PROOF)
    assert names(path, pattern.complement) == {"buy"}  # 0 … 90; click would leave 55 … ∞, dearer


def test_what_is_released_already_is_not_withheld() -> None:
    table = crossed(INVESTMENT)
    primary = table.flags([cell(2, 3)])
    keep = table.flags([cell(2, 1)])
    asked = width_of(table, primary, 0.0, 13)
    weight = weights(table, Cost.VALUE)
    pattern = complement(table, primary, asked, weight, keep=keep, work=PROOF)
    assert not (pattern.withheld & keep).any()
    assert exposed(table, pattern.withheld, asked) == ()
    with pytest.raises(SuppressionError, match="released already"):
        complement(table, primary, asked, weight, keep=primary)


def test_a_cell_that_nothing_protects_is_named_and_protected_as_far_as_it_goes() -> None:
    pair = with_sums(relate({"all": 30.0, "a": 10.0, "b": 20.0}), [("all", ["a", "b"])])
    primary = pair.flags(["a"])
    asked = width_of(pair, primary, 0.0, 50)
    keep = pair.flags(["all"])
    for work in (PROOF, QUICK):
        weight = weights(pair, Cost.VALUE)
        pattern = complement(pair, primary, asked, weight, keep=keep, work=work)
        assert pattern.short == ("a",)
        assert names(pair, pattern.complement) == {"b"}
        assert feasible(pair, pattern.withheld).width.tolist() == [30, 30]


def test_a_zero_protects_nothing_unless_readers_cannot_know_it() -> None:
    table = crossed(np.array([[5, 70], [60, 0], [90, 80]]))
    primary = table.flags([cell(1, 1)])
    asked = width_of(table, primary, 0.0, 10)
    weight = weights(table, Cost.VALUE)
    without = complement(table, primary, asked, weight, work=PROOF)
    assert not (without.complement & (table.values == 0)).any()
    with_zeros = complement(table, primary, asked, weight, zeros=True, work=PROOF)
    assert with_zeros.weight < without.weight
    structural = known(table, [cell(2, 2)], upper=0)
    pattern = complement(structural, primary, asked, weight, zeros=True, work=PROOF)
    assert not (pattern.complement & (table.values == 0)).any()


@pytest.mark.parametrize("cost", Cost)
def test_a_cost_decides_what_little_is(cost: Cost) -> None:
    table = crossed(random_inner((5, 4), seed=3))
    primary = (table.values > 0) & (table.values < 6)
    asked = width_of(table, primary, 0.0, 6)
    found = {
        kind: complement(table, primary, asked, weights(table, kind), work=PROOF) for kind in Cost
    }
    weight = weights(table, cost)
    totals = {kind: weight[pattern.complement].sum() for kind, pattern in found.items()}
    assert totals[cost] == min(totals.values())


def test_the_same_table_has_the_same_pattern() -> None:
    table = crossed(random_inner((6, 5, 3), seed=1))
    primary = (table.values > 0) & (table.values < 8)
    asked = width_of(table, primary, 0.5, 4)
    first, second = (protected(table, primary, asked) for _ in range(2))
    assert (first.withheld == second.withheld).all()


def test_hidden_margins_are_unknowns_and_never_withheld_cells() -> None:
    frame = pl.DataFrame(
        {
            "d0": ["1", "1", "2", "2", "all"],
            "d1": ["1", "2", "1", "2", "all"],
            "value": [5, 70, 60, 80, 215],
        }
    )
    table = of_table(frame, [Dimension("d0", "all"), Dimension("d1", "all")])
    primary = table.flags([cell(1, 1)])
    asked = width_of(table, primary, 0.0, 50)
    pattern = protected(table, primary, asked, PROOF)
    assert names(table, pattern.complement) == {cell(2, 1)}  # one other of the whole sum
    assert exposed(table, pattern.withheld, asked) == ()


@given(
    shape=st.sampled_from([(3, 4), (4, 4), (2, 3, 3), (3, 3, 3)]),
    seed=st.integers(0, 10_000),
    least=st.sampled_from([3.0, 8.0, 20.0]),
    share=st.sampled_from([0.0, 0.5]),
    exact=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_every_pattern_passes_the_audit(
    shape: tuple[int, ...], seed: int, least: float, share: float, exact: bool
) -> None:
    table = crossed(random_inner(shape, seed))
    primary = (table.values > 0) & (table.values < 10)
    asked = width_of(table, primary, share, least)
    pattern = protected(table, primary, asked, None if exact else QUICK)
    found = exposed(table, pattern.withheld, asked)
    assert {one.cell for one in found if primary[table.place[one.cell]]} == set(pattern.short)
    assert (pattern.withheld[primary]).all()
    assert pattern.weight >= pattern.bound * (1 - 1e-9)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_hierarchies_and_nested_steps_pass_the_audit(seed: int) -> None:
    inner = random_inner((6, 3), seed) + 1
    groups = [dict.fromkeys("12", "x") | dict.fromkeys("345", "y") | {"6": "z"}, {}]
    visits, buys = inner, np.maximum(inner // 2, 1)
    table = linked(
        *(
            renamed(table, {c: (name, c) for c in table.cells})
            for name, table in (("visit", crossed(visits, groups)), ("buy", crossed(buys, groups)))
        )
    )
    table = with_order(table, [(("buy", c), ("visit", c)) for c in crossed(inner, groups).cells])
    primary = table.values < 6
    asked = width_of(table, primary, 0.0, 6)
    pattern = protected(table, primary, asked)
    found = {one.cell for one in exposed(table, pattern.withheld, asked)}
    assert {c for c in found if primary[table.place[c]]} == set(pattern.short)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_no_pattern_of_a_small_table_is_lighter_than_the_proven_best(seed: int) -> None:
    table = crossed(random_inner((2, 3), seed, size=2.5) + 1)
    primary = np.zeros(len(table.cells), dtype=bool)
    primary[int(np.argmin(table.values))] = True
    asked = width_of(table, primary, 0.0, 4)
    weight = weights(table, Cost.VALUE)
    pattern = complement(table, primary, asked, weight, work=PROOF)
    others = np.flatnonzero(~primary)
    for count in range(5):
        for chosen in combinations(others.tolist(), count):
            if weight[list(chosen)].sum() < pattern.weight - 1e-9:
                trial = primary.copy()
                trial[list(chosen)] = True
                assert exposed(table, trial, asked) != ()
