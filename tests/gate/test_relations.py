"""What is said to hold between cells does hold, and one cell has one name everywhere."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cleanroom.errors import ReleaseError, SuppressionError
from cleanroom.gate.audit import feasible, width_of
from cleanroom.gate.crossings import Dimension, of_table
from cleanroom.gate.relations import known, linked, relate, with_order, with_sums
from cleanroom.gate.suppress import Cost, complement, weights
from tests.gate.tables import crossed

REGION = Dimension("region", "all")
CANARY = 987654


def regions(north: int, south: int, total: int) -> pl.DataFrame:
    return pl.DataFrame({"region": ["n", "s", "all"], "value": [north, south, total]})


def test_a_table_has_one_equation_for_every_sum() -> None:
    assert len(crossed(np.ones((2, 3), dtype=np.int64)).rows) == 3 + 4
    assert len(crossed(np.ones((2, 3, 4), dtype=np.int64)).rows) == 4 * 5 + 3 * 5 + 3 * 4
    groups = [{"1": "x", "2": "x", "3": "y"}, {}]
    # Rows all, x, y, 1, 2, 3 by columns all, 1, 2: six sums across, and three down in each column.
    assert len(crossed(np.ones((3, 2), dtype=np.int64), groups).rows) == 6 + 3 * 3


def test_totals_are_left_out_of_a_cells_name() -> None:
    table = of_table(regions(60, 70, 130), [REGION], about=("people", "march"))
    assert table.cells == (
        ("people", "march", ("region", "n")),
        ("people", "march", ("region", "s")),
        ("people", "march"),
    )


def test_a_margin_without_a_row_is_an_unknown_if_it_links_anything() -> None:
    inner = pl.DataFrame({"d0": ["1", "1", "2"], "d1": ["1", "2", "1"], "value": [5, 6, 7]})
    dimensions = [Dimension("d0", "all"), Dimension("d1", "all")]
    assert of_table(inner, dimensions).hidden.sum() == 0
    assert of_table(inner, dimensions).rows == ()
    grand = pl.DataFrame({"d0": ["all"], "d1": ["all"], "value": [18]})
    table = of_table(pl.concat([inner, grand]), dimensions)
    assert table.hidden.sum() == 4  # two margins each way; the sums through them meet in the total
    assert sorted(table.values[table.hidden].tolist()) == [6, 7, 11, 12]


def test_a_sum_that_does_not_hold_is_an_error_that_says_no_value() -> None:
    with pytest.raises(SuppressionError, match=r"1 of 1 relations do not hold") as caught:
        of_table(regions(CANARY, 1, 5), [REGION])
    assert str(CANARY) not in str(caught.value)
    assert isinstance(caught.value, ReleaseError)


def test_a_cell_that_stands_twice_is_an_error() -> None:
    with pytest.raises(SuppressionError, match="twice"):
        of_table(pl.concat([regions(1, 2, 3)] * 2), [REGION])


def test_parents_that_go_round_are_an_error() -> None:
    round_trip = Dimension("region", "all", {"n": "s", "s": "n"})
    with pytest.raises(SuppressionError, match="circle"):
        of_table(regions(1, 2, 3), [round_trip])


def test_one_cell_with_two_values_is_an_error() -> None:
    march, april = of_table(regions(1, 2, 3), [REGION]), of_table(regions(1, 3, 4), [REGION])
    with pytest.raises(SuppressionError, match="different values"):
        linked(march, april)


def test_linking_keeps_the_tightest_bounds() -> None:
    loose = relate({"a": 5.0, "b": 7.0})
    tight = known(relate({"b": 7.0, "c": 9.0}), ["b"], lower=6, upper=8)
    both = linked(loose, tight)
    assert both.cells == ("a", "b", "c")
    assert both.lower.tolist() == [0, 6, 0]
    assert both.upper.tolist() == [np.inf, 8, np.inf]


def test_a_bound_that_is_not_true_is_an_error() -> None:
    with pytest.raises(SuppressionError, match="1 of 2 cells lie outside"):
        known(relate({"a": 60.0, "b": 40.0}), ["a", "b"], upper=49)


def test_steps_that_are_not_nested_are_an_error() -> None:
    with pytest.raises(SuppressionError, match="do not hold"):
        with_order(relate({"visit": 5.0, "buy": 6.0}), [("buy", "visit")])


def test_a_cell_of_no_table_is_an_error() -> None:
    with pytest.raises(SuppressionError, match="1 of 2 cells are in no table"):
        relate({"a": 1.0}).flags(["a", "b"])


def test_relations_do_not_show_their_values() -> None:
    table = with_sums(relate({"all": float(CANARY), "a": float(CANARY)}), [("all", ["a"])])
    assert str(CANARY) not in repr(table)


def test_a_table_without_relations_protects_itself() -> None:
    alone = relate({"a": 5.0, "b": 80.0})
    primary = alone.flags(["a"])
    asked = width_of(alone, primary, 0.0, 50)
    pattern = complement(alone, primary, asked, weights(alone, Cost.VALUE))
    assert not pattern.complement.any()
    assert feasible(alone, primary).upper.tolist() == [np.inf]


def test_a_table_with_nothing_to_withhold_is_left_as_it_is() -> None:
    table = of_table(regions(60, 70, 130), [REGION])
    nothing = np.zeros(3, dtype=bool)
    pattern = complement(
        table, nothing, width_of(table, nothing, 0.0, 50), weights(table, Cost.VALUE)
    )
    assert not pattern.withheld.any()
    assert len(feasible(table, nothing).places) == 0
