"""Estimates at the gate: they leave with the counts they rest on or not at all, and coarsely."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cleanroom.borders import CELL_COLUMNS, MONEY, PEOPLE, SHARE, Table
from cleanroom.errors import BorderError
from cleanroom.gate.protect import protect
from cleanroom.layout import Dimension, Layout, Measure, Use
from cleanroom.policy import Policy, Rounding
from tests.factories import _build

POLICY = Policy(min_people=50, min_converters=10)
RESTS: dict[str, Any] = {"rests_on": ("people", "converters"), "error": "error"}
LAYOUT = Layout(
    "comparison",
    "Comparison",
    (
        Dimension("merchant", ("visits.merchant",)),
        Dimension("outcome", categories=("bought", "spent")),
        Dimension("arm", categories=("exposed", "comparable", "difference")),
    ),
    (
        Measure("people", Use.COUNT, ("visits.buyer",)),
        Measure("converters", Use.COUNT, ("visits.buyer",)),
        Measure("effect", Use.ESTIMATE, ("visits.amount",), **RESTS),
        Measure("error", Use.ESTIMATE, ("visits.amount",), **RESTS),
        Measure("weight", Use.ESTIMATE, ("visits.kind",), rests_on=("people",), grain=0.05),
    ),
    contrast="arm",
    compared="arm",
)
EXPOSED = ("m", "bought", "exposed")
COMPARABLE = ("m", "bought", "comparable")
DIFFERENCE = ("m", "bought", "difference")


def study(
    effect: float | None = 0.0123,
    error: float = 0.004,
    buyers: tuple[int, int] = (60, 40),
    support: tuple[int, int] = (1000, 40),
    no_data: str | None = None,
) -> list[tuple[Any, ...]]:
    told = (None, None, None, no_data)
    return [
        (*EXPOSED, "people", 1000, PEOPLE, 1000),
        (*COMPARABLE, "people", 3000, PEOPLE, 3000),
        (*EXPOSED, "converters", buyers[0], PEOPLE, 1000, buyers[0]),
        (*COMPARABLE, "converters", buyers[1], PEOPLE, 3000, buyers[1]),
        (*DIFFERENCE, "effect", effect, SHARE, *support, *told),
        (*DIFFERENCE, "error", None if no_data else error, SHARE, *support, *told),
    ]


def made(cells: list[tuple[Any, ...]]) -> Table:
    schema = {**dict.fromkeys(LAYOUT.names, pl.String), **CELL_COLUMNS}
    rows = [(*cell, *[None] * (len(schema) - len(cell))) for cell in cells]
    table: Table = _build(
        "cleanroom.room.testing", Table, LAYOUT, pl.DataFrame(rows, schema=schema, orient="row")
    )
    return table


def told(cells: list[tuple[Any, ...]], measure: str, policy: Policy = POLICY) -> dict[str, Any]:
    shown = protect(made(cells), policy).cells
    return shown.filter(pl.col("measure") == measure).row(0, named=True)


def test_an_estimate_leaves_where_all_that_it_rests_on_does() -> None:
    found = told(study(), "effect")
    assert (found["withheld"], found["value"]) == (None, pytest.approx(0.0125))


@pytest.mark.parametrize("buyers", [(9, 40), (60, 9), (991, 40), (60, 0)])
def test_an_estimate_stays_where_a_count_that_it_rests_on_is_withheld(
    buyers: tuple[int, int],
) -> None:
    """Though its own support would let it pass."""
    for measure in ("effect", "error"):
        found = told(study(buyers=buyers), measure)
        assert (found["withheld"], found["value"]) == ("support", None)
        assert found["least"] is found["most"] is None


@pytest.mark.parametrize("missing", range(4))
def test_an_estimate_stays_where_a_count_that_it_rests_on_is_not_there(missing: int) -> None:
    """One arm's count may be missing; a measure may not."""
    cells = study()
    measure = cells[missing][3]
    without = [cell for cell in cells if cell[3] != measure]
    assert told(without, "effect")["withheld"] == "support"


@pytest.mark.parametrize("support", [(49, 40), (1000, 9)])
def test_an_estimate_stays_where_its_own_support_is_too_small(support: tuple[int, int]) -> None:
    assert told(study(support=support), "effect")["value"] is None


def test_another_outcomes_count_does_not_hold_it_back() -> None:
    other = [("m", "spent", *cell[2:]) for cell in study(buyers=(3, 3))]
    assert told([*study(), *other], "effect")["withheld"] is None


def test_an_estimate_with_unknown_support_makes_no_table() -> None:
    cells = [*study()[:-2], (*DIFFERENCE, "effect", 0.1, SHARE)]
    with pytest.raises(BorderError, match="how many people"):
        made(cells)


def test_a_refusal_is_told_only_where_the_estimate_could_leave() -> None:
    refused = study(effect=None, no_data="refused")
    assert told(refused, "effect")["no_data"] == "refused"
    hidden = told(study(effect=None, no_data="refused", buyers=(60, 9)), "effect")
    assert (hidden["no_data"], hidden["withheld"]) == (None, "support")


def test_an_amount_that_one_person_makes_up_takes_its_error_along() -> None:
    cells = study()
    cells[4] = (*DIFFERENCE, "effect", 900.0, MONEY, 1000, 40, 900.0, 1.0, 950.0)
    cells[5] = (*DIFFERENCE, "error", 90.0, MONEY, 1000, 40, 1.0, 1.0, 950.0)
    assert told(cells, "effect")["withheld"] == "dominance"
    cells[5] = (*DIFFERENCE, "error", 90.0, MONEY, 1000, 40, 900.0, 1.0, 950.0)
    cells[4] = (*DIFFERENCE, "effect", 900.0, MONEY, 1000, 40, 1.0, 1.0, 950.0)
    assert told(cells, "effect")["withheld"] == "support"


@example(0.09375, 0.00010000000000000002)
@given(st.floats(-1, 1), st.floats(1e-4, 1))
def test_an_estimate_is_a_multiple_of_a_tenth_of_its_error_or_little_more(
    effect: float, error: float
) -> None:
    """Of its released error, so that whoever reads it knows the multiple and nothing more."""
    value, released = (told(study(effect, error), name) for name in ("effect", "error"))
    grain = value["most"] - value["least"]
    assert 0.999 * error / 10 <= grain <= 2.5001 * error / 10
    assert abs(value["value"] / grain - round(value["value"] / grain)) < 1e-4
    assert value["least"] - 1e-12 <= effect <= value["most"] + 1e-12
    assert error <= released["value"] * (1 + 1e-9)
    assert released["value"] - error <= grain * (1 + 1e-6)
    assert told(study(effect, released["value"]), "effect")["value"] == pytest.approx(
        value["value"]
    )


@pytest.mark.parametrize("rounding", Rounding)
def test_counts_are_rounded_by_their_own_rule_and_estimates_by_theirs(rounding: Rounding) -> None:
    policy = Policy(min_people=50, min_converters=10, round_counts=rounding)
    assert told(study(), "effect", policy)["value"] == pytest.approx(0.0125)
    cells = [*study(), (*EXPOSED, "weight", 0.333, SHARE, 1000, 500)]
    found = told(cells, "weight", policy)
    assert (found["value"], found["least"]) == (pytest.approx(0.35), pytest.approx(0.325))
