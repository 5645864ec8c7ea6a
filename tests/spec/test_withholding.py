"""Honest withholding: how much, why, how far it is known, and what is told together."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.absences import TOGETHER
from cleanroom.borders import (
    EVENTS,
    MONEY,
    PEOPLE,
    Protected,
    Table,
)
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy, strictest
from cleanroom.withholding import withholding
from tests.factories import table
from tests.policies import policies

POLICY = Policy(min_people=50, min_converters=10)


def arms(
    treated: int, holdout: int, unit: str = PEOPLE, *, adds_up: bool = True, people: int = 1_000
) -> Table:
    """Two arms of a merchant, each with so many of its people behind a value."""
    rows = [
        ("M1", arm, "bought", number, unit, people, number)
        for arm, number in (("treated", treated), ("holdout", holdout))
    ]
    return table("arms", ("merchant", "arm"), rows, contrast="arm", adds_up=adds_up)


def together(protected: Protected) -> float | None:
    """What the catch-all row says, if there is one."""
    return protected.values().get(("M1", TOGETHER, "bought"))


def test_an_arm_that_only_fell_with_the_other_hides_it_in_their_sum() -> None:
    protected = protect(arms(60, 4), POLICY)
    assert protected.values() == {
        ("M1", "treated", "bought"): None,
        ("M1", "holdout", "bought"): None,
        ("M1", TOGETHER, "bought"): 64,
    }


@pytest.mark.parametrize(
    ("treated", "holdout", "told"),
    [
        pytest.param(60, 50, None, id="nothing is withheld"),
        pytest.param(9, 9, None, id="neither hides the other"),
        pytest.param(4, 4, None, id="nor do they together pass the rules"),
        pytest.param(12, 9, 21, id="at least ten are treated: held out are 0 to 9, as said"),
        pytest.param(10, 8, None, id="of 18 they would be 0 to 8"),
        pytest.param(980, 4, 984, id="at most 990 are treated: held out are 0 to 9, as said"),
        pytest.param(990, 4, None, id="of 994 they would be 4 to 9"),
        pytest.param(60, 995, 1_055, id="held out are 991 to 1,000, as said"),
        pytest.param(12, 995, None, id="of 1,007 they would be 991 to 997"),
    ],
)
def test_a_sum_that_would_tell_of_its_parts_is_not_told(
    treated: int, holdout: int, told: float | None
) -> None:
    assert together(protect(arms(treated, holdout), POLICY)) == told


def test_measures_that_do_not_add_up_are_not_added_up() -> None:
    assert together(protect(arms(60, 4, adds_up=False), POLICY)) is None


def test_the_sum_has_to_pass_every_rule_itself() -> None:
    """Contributions of single people count across the parts."""
    whale = [
        ("M1", "treated", "bought", 9_600.0, MONEY, 1_000, 60, 9_000.0, 200.0, 9_600.0),
        ("M1", "holdout", "bought", 400.0, MONEY, 1_000, 40, 10.0, 10.0, 400.0),
    ]
    made = table("arms", ("merchant", "arm"), whale, contrast="arm", adds_up=True)
    assert together(protect(made, POLICY)) is None
    spread = [(*row[:7], row[7] / 3, *row[8:]) for row in whale]
    few = [spread[0], (*spread[1][:6], 9, *spread[1][7:])]
    made = table("arms", ("merchant", "arm"), few, contrast="arm", adds_up=True)
    assert together(protect(made, POLICY)) == 10_000.0


def test_merchants_are_not_mixed_and_two_dimensions_are_not_summed_over() -> None:
    rows = [
        (merchant, arm, "bought", number, PEOPLE, 1_000, number)
        for merchant, numbers in (("M1", (60, 4)), ("M2", (70, 60)), ("M3", (80, 3)))
        for arm, number in zip(("treated", "holdout"), numbers, strict=True)
    ]
    one = protect(table("t", ("merchant", "arm"), rows, contrast="arm", adds_up=True), POLICY)
    told = {key[0]: value for key, value in one.values().items() if key[1] == TOGETHER}
    assert told == {"M1": 64, "M3": 83}
    deeper = [(*row[:2], "beauty", *row[2:]) for row in rows]
    dimensions = ("merchant", "arm", "category")
    two = protect(table("t", dimensions, deeper, contrast="arm", adds_up=True), POLICY)
    assert two.cells.height == len(rows)


numbers = st.integers(0, 300)


@given(policies, st.integers(100, 400), numbers, numbers)
def test_no_sum_bounds_a_withheld_count_more_closely_than_its_rule(
    policy: Policy, people: int, treated: int, holdout: int
) -> None:
    """The attack: who knows the sum and the rules solves for each arm."""
    made = arms(min(treated, people), min(holdout, people), people=people)
    protected = protect(made, policy)
    total = protected.cells.filter(arm=TOGETHER)["least"].to_list()
    if not total or policy.round_counts != "none":
        return
    reasons = dict(protected.cells["arm", "withheld"].rows())
    few, minimum = policy.min_converters, policy.column_minimums.get("visits.buyer", 0)
    (hidden,) = (arm for arm in ("treated", "holdout") if reasons[arm] != "both_arms")
    if reasons[hidden] == "column_minimums":
        said = range(minimum)
    elif made.cells.filter(arm=hidden)["value"].item() < few:
        said = range(few)
    else:
        said = range(people - few + 1, people + 1)
    others = range(max(few, minimum), people - few + 1)
    assert {total[0] - other for other in others}.issuperset(said)


@given(policies, policies, st.integers(100, 400), numbers, numbers)
def test_a_stricter_run_tells_no_sum_that_the_looser_one_did_not(
    a: Policy, b: Policy, people: int, treated: int, holdout: int
) -> None:
    """The attack: ask again under a stricter policy, and take the difference of the two answers."""
    made = arms(min(treated, people), min(holdout, people), people=people)
    strict, loose = protect(made, strictest(a, b)), protect(made, a)
    if together(strict) is not None:
        both = loose.cells.filter(pl.col("arm") != TOGETHER)["value"].null_count() == 0
        assert both or together(loose) is not None


def test_every_measure_says_how_much_of_it_was_withheld_and_by_which_rules() -> None:
    rows = [
        ("reach", "people", 400, PEOPLE, 400),
        ("click", "people", 60, PEOPLE, 400, 60),
        ("visit", "people", 3, PEOPLE, 60, 3),
        ("buy", "people", 1, PEOPLE, 3, 1),
        ("buy", "events", 900.0, EVENTS, 400, 60),
    ]
    (people,) = withholding(protect(table("path", ("step",), rows), POLICY))
    assert (people.measure, people.cells, people.withheld, people.share) == ("people", 4, 2, 0.5)
    assert people.rules == ("min_converters", "min_people")
    assert (people.together, people.value_share) == (None, None)


def test_the_withheld_share_of_a_sum_is_told_where_the_sum_is() -> None:
    rows = [
        (arm, "bought", number, PEOPLE, 1_000, number)
        for arm, number in (("treated", 60), ("holdout", 4))
    ]
    (account,) = withholding(
        protect(table("t", ("arm",), rows, contrast="arm", adds_up=True), POLICY)
    )
    assert (account.cells, account.withheld, account.together) == (2, 2, 64)
    assert account.value_share == 1


def test_a_table_carries_the_bounds_of_what_it_withheld_and_of_nothing_else() -> None:
    rows = [("click", "people", 3, PEOPLE, 400, 3), ("buy", "people", 1, PEOPLE, 3, 1)]
    protected = protect(table("path", ("step",), rows), Policy(min_people=70))
    assert protected.bounds == {
        "min_people": "fewer than 70 people stand behind it",
        "min_converters": "fewer than 10 people are counted or are left out",
    }
    assert protected.only("step", "buy").bounds.keys() == {"min_people"}
    assert protect(table("t", (), [("m", 60, PEOPLE, 60)]), POLICY).bounds == {}


def test_nobody_few_and_all_are_known_no_closer_than_the_rule() -> None:
    bounds = {
        protect(
            table("path", ("step",), [("click", "people", number, PEOPLE, 100, number)]), POLICY
        ).bounds["min_converters"]
        for number in (0, 3, 97, 100)
    }
    assert bounds == {"fewer than 10 people are counted or are left out"}


def test_a_withheld_zero_a_true_zero_and_no_data_are_three_things() -> None:
    rows = [
        ("withheld", "sum", 0.0, MONEY, 100, 0, 0.0, 0.0, 0.0, None),
        ("true", "sum", 0.0, MONEY, 100, 60, 50.0, 50.0, 3_000.0, None),
        ("none", "sum", None, MONEY, None, None, None, None, None, "not_recorded"),
    ]
    cells = protect(table("t", ("zero",), rows), POLICY).cells
    assert cells.select("zero", "value", "withheld", "no_data").rows() == [
        ("withheld", None, "min_converters", None),
        ("true", 0.0, None, None),
        ("none", None, None, "not_recorded"),
    ]


def test_no_data_in_one_arm_is_no_reason_to_withhold_it() -> None:
    rows = [
        ("treated", "sum", 9.0, MONEY, 100, 2),
        ("holdout", "sum", None, MONEY, None, None, None, None, None, "no_assignment"),
    ]
    cells = protect(table("t", ("arm",), rows, contrast="arm"), POLICY).cells
    assert cells.select("withheld", "no_data").rows() == [
        ("min_converters", None),
        (None, "no_assignment"),
    ]
