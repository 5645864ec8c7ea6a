"""Rounding: what leaves is coarse, keeps its order, and says between which numbers it lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.borders import EVENTS, MONEY, MONEY_SQUARED, PEOPLE, Protected
from cleanroom.gate import sizes
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy, Rounding
from tests.factories import table

ROUNDED = (Rounding.BASE_5, Rounding.MIDPOINT_6)
counts = st.integers(50, 100_000)


def released(rounding: Rounding, *rows: tuple[object, ...]) -> Protected:
    made = table("t", ("step",), [(str(i), f"m{i}", *row) for i, row in enumerate(rows)])
    return protect(made, Policy(round_counts=rounding))


def count(rounding: Rounding, value: int) -> float:
    found: float = released(rounding, (value, PEOPLE, value)).cells["value"].item()
    return found


@pytest.mark.parametrize(
    ("value", "base_5", "midpoint_6"),
    [(52, 50, 51), (53, 55, 51), (54, 55, 51), (55, 55, 57), (60, 60, 57), (61, 60, 63)],
)
def test_counts_are_rounded_as_the_policy_says(
    value: int, base_5: float, midpoint_6: float
) -> None:
    assert count(Rounding.NONE, value) == value
    assert count(Rounding.BASE_5, value) == base_5
    assert count(Rounding.MIDPOINT_6, value) == midpoint_6


def test_the_midpoint_rule_is_that_of_opensafely() -> None:
    """Its documentation: 1-6 to 3, 7-12 to 9, 13-18 to 15; the truth lies in x - 2 … x + 3."""
    rows = [(value, EVENTS, 60, 60) for value in range(1, 19)]
    cells = released(Rounding.MIDPOINT_6, *rows).cells
    assert cells["value"].to_list() == [3.0] * 6 + [9.0] * 6 + [15.0] * 6
    assert (cells["value"] - cells["least"]).unique().to_list() == [2.0]
    assert (cells["most"] - cells["value"]).unique().to_list() == [3.0]


def test_zero_stays_zero() -> None:
    for rounding in ROUNDED:
        nothing = released(rounding, (0.0, MONEY, 60, 60, 50.0, 50.0, 1_000.0)).cells
        assert nothing["value"].item() == 0


def test_midpoint_rounding_shifts_no_average() -> None:
    """Over one whole period of six."""
    rounded = [count(Rounding.MIDPOINT_6, value) for value in range(61, 67)]
    assert sum(rounded) / 6 == pytest.approx(63.0)
    assert sum(range(61, 67)) / 6 == pytest.approx(63.5)


@pytest.mark.parametrize("rounding", ROUNDED)
@given(counts, counts)
def test_a_rounded_count_says_between_which_numbers_it_lies_and_keeps_its_order(
    rounding: Rounding, a: int, b: int
) -> None:
    cells = released(rounding, (a, PEOPLE, a), (b, PEOPLE, b)).cells
    for exact, cell in zip((a, b), cells.iter_rows(named=True), strict=True):
        assert cell["least"] <= exact <= cell["most"]
        assert cell["most"] - cell["least"] >= 4
    first, second = cells["value"]
    assert (first <= second) if a <= b else (first >= second)


amounts = st.lists(st.integers(1, 1_000_000), min_size=12, max_size=40)


@pytest.mark.parametrize("rounding", ROUNDED)
@pytest.mark.parametrize("unit", [MONEY, MONEY_SQUARED])
@given(amounts)
def test_an_amount_is_as_coarse_as_its_count(
    unit: str, rounding: Rounding, contributions: list[int]
) -> None:
    largest, second = sorted(contributions, reverse=True)[:2]
    total, people = sum(contributions), len(contributions)
    made = table("t", (), [("m", float(total), unit, 500, people, largest, second, total)])
    policy = Policy(round_counts=rounding, max_share_of_two=1, p_percent=0)
    cell = protect(made, policy).cells.row(0, named=True)
    base = {Rounding.BASE_5: 5, Rounding.MIDPOINT_6: 6}[rounding]
    assert cell["least"] <= total <= cell["most"]
    assert cell["most"] - cell["least"] >= base * total / people
    assert cell["most"] - cell["least"] <= 2.5 * base * total / people


@given(st.integers(12, 400), st.integers(1, 100_000))
def test_equal_prices_do_not_give_the_exact_count_away(buyers: int, price: int) -> None:
    """Whoever divides a released amount by the price learns no more than from the count."""
    made = table("t", (), [("m", float(buyers * price), MONEY, 500, buyers)])
    cell = protect(made, Policy(round_counts=Rounding.BASE_5)).cells.row(0, named=True)
    possible = [n for n in range(1, 500) if cell["least"] <= n * price <= cell["most"]]
    assert len(possible) >= 5


def test_a_table_says_how_it_was_rounded_and_keeps_saying_so_in_its_parts() -> None:
    for rounding in Rounding:
        whole = released(rounding, (60, PEOPLE, 60), (70, PEOPLE, 70))
        assert whole.rounding is rounding
        assert whole.only("step", "0").rounding is rounding
        assert {part.rounding for part in whole.split("step").values()} == {rounding}


def test_what_was_not_rounded_lies_at_its_value() -> None:
    cells = released(Rounding.NONE, (60, PEOPLE, 60), (4, PEOPLE, 4)).cells
    assert cells.select("value", "least", "most").rows() == [(60, 60, 60), (None, None, None)]


@given(counts, st.integers(1, 40), st.sampled_from(Rounding))
def test_match_sizes_rounded_once_more_say_so_too(
    value: int, multiple: int, rounding: Rounding
) -> None:
    cell = sizes.rounded(released(rounding, (value, PEOPLE, value)), multiple).cells.row(
        0, named=True
    )
    assert cell["value"] % multiple == 0
    assert cell["least"] <= value <= cell["most"]
