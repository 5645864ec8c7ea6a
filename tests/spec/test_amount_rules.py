"""Sums: no single person may be worked out of one, and columns may ask for more people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.borders import EVENTS, MONEY, MONEY_SQUARED, PEOPLE, Table
from cleanroom.gate.protect import protect
from cleanroom.layout import Dimension, Layout, Measure, Use
from cleanroom.policy import Policy
from tests.factories import _build, table
from tests.policies import policies

POLICY = Policy(min_people=50, min_converters=10)


def sum_of(contributions: list[float], unit: str = MONEY, people: int = 500) -> Table:
    """One cell: the sum of what single people contribute, with the support the room gives."""
    sizes = [*sorted(map(abs, contributions), reverse=True), 0.0, 0.0]
    support = (people, len(contributions), sizes[0], sizes[1], sum(sizes))
    return table("t", ("step",), [("buy", "m", sum(contributions), unit, *support)])


def reason(made: Table, policy: Policy = POLICY) -> str | None:
    found: str | None = protect(made, policy).cells["withheld"].item()
    return found


@pytest.mark.parametrize(
    ("contributions", "withheld"),
    [
        pytest.param([100.0] * 12, None, id="twelve alike"),
        pytest.param([425.0, 425.0, *[15.0] * 10], None, id="two with exactly 85 %"),
        pytest.param([426.0, 425.0, *[14.9] * 10], "dominance", id="two with more"),
        pytest.param([9_000.0, *[1.0] * 20], "dominance", id="one with nearly all"),
        pytest.param([1_000.0, 500.0, *[10.0] * 10], "dominance", id="dominance comes first"),
        pytest.param([0.0] * 12, "p_percent", id="nobody contributed: it would say it of each"),
        pytest.param([-9_000.0, *[100.0] * 20], None, id="a refund of 82 %"),
        pytest.param([-9_000.0, *[10.0] * 20], "dominance", id="a refund of nearly all"),
        pytest.param([500.0, -500.0] * 6, None, id="a true zero: refunds equal purchases"),
    ],
)
def test_two_people_make_up_no_more_than_the_agreed_share(
    contributions: list[float], withheld: str | None
) -> None:
    assert reason(sum_of(contributions)) == withheld


@pytest.mark.parametrize(
    ("rest", "withheld"), [(100.0, None), (99.9, "p_percent"), (0.0, "p_percent")]
)
def test_the_second_largest_cannot_work_out_the_largest_closer_than_p_percent(
    rest: float, withheld: str | None
) -> None:
    """What the others contribute is the least uncertainty that the second largest is left with."""
    others = [rest / 10] * 10
    loose = Policy(max_share_of_two=1, p_percent=10)
    assert reason(sum_of([1_000.0, 600.0, *others]), loose) == withheld


@pytest.mark.parametrize("unit", [EVENTS, MONEY, MONEY_SQUARED])
def test_events_and_squares_are_sums_too(unit: str) -> None:
    assert reason(sum_of([9_000.0, *[1.0] * 20], unit)) == "dominance"


@pytest.mark.parametrize("unit", [EVENTS, MONEY, MONEY_SQUARED])
def test_a_sum_whose_largest_contributions_are_unknown_is_withheld(unit: str) -> None:
    unknown = table("t", (), [("m", 900.0, unit, 500, 90, None, None, None)])
    assert reason(unknown) == "dominance"


def test_a_count_of_people_has_no_largest_contribution() -> None:
    assert reason(table("t", (), [("m", 90.0, PEOPLE, 500, 90)])) is None


@given(policies, st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_whatever_leaves_keeps_the_largest_contribution_uncertain(
    policy: Policy, contributions: list[float]
) -> None:
    """The attack: the second largest takes their own and the sum, and estimates the largest."""
    made = sum_of([*contributions, *[1_000.0] * 10])
    cell = made.cells.row(0, named=True)
    if reason(made, policy) is None:
        others = cell["magnitude"] - cell["largest"] - cell["second"]
        assert others >= cell["largest"] * policy.p_percent / 100
        assert cell["largest"] + cell["second"] <= policy.max_share_of_two * cell["magnitude"]


def by_column(people: int) -> Table:
    """Clicks come from the ads side, orders and revenue from the store side."""
    layout = Layout(
        "t",
        "T",
        (Dimension("step", categories=("click", "order")), Dimension("note", ("touches.note",))),
        (
            Measure("people", Use.COUNT, ("touches.user",), of=("click",)),
            Measure("people", Use.COUNT, ("visits.buyer",), of=("order",)),
            Measure("revenue", Use.SUM, ("visits.amount",)),
        ),
    )
    rows = [
        ("click", "people", people, PEOPLE, 500, people),
        ("order", "people", people, PEOPLE, 500, people),
        ("order", "revenue", 9_000.0, MONEY, 500, people),
    ]
    cells = table("t", ("step", "note"), [(step, "n", *rest) for step, *rest in rows]).cells
    made: Table = _build("cleanroom.room.testing", Table, layout, cells)
    return made


@pytest.mark.parametrize(
    ("minimums", "withheld"),
    [
        ({}, [False, False, False]),
        ({"visits.amount": 100}, [False, False, False]),
        ({"visits.amount": 101}, [False, False, True]),
        ({"visits.buyer": 101}, [False, True, False]),
        ({"touches.user": 101}, [True, False, False]),
        ({"touches.note": 101}, [True, True, True]),
        ({"touches.cost": 101}, [False, False, False]),
    ],
)
def test_a_column_may_ask_for_more_people_behind_what_comes_from_it(
    minimums: dict[str, int], withheld: list[bool]
) -> None:
    found = protect(by_column(100), Policy(column_minimums=minimums)).cells["withheld"]
    assert found.to_list() == ["column_minimums" if hidden else None for hidden in withheld]


def test_a_minimum_for_a_column_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'visits.amount'\?"):
        Policy(column_minimums={"visits.amout": 100})
