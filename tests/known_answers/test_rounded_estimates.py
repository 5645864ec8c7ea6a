"""Estimates from rounded tables: what rounding can have changed is stated, and it is enough."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from cleanroom.borders import (
    EVENTS,
    MONEY,
    MONEY_SQUARED,
    PEOPLE,
    Estimate,
    Findings,
    Protected,
    Table,
)
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy, Rounding
from cleanroom.studies import conversion, lift
from cleanroom.studies.lift_checks import shows_effect
from tests.factories import table
from tests.known_answers.examples import lift_study

ROUNDED = (Rounding.BASE_5, Rounding.MIDPOINT_6)
Counts = tuple[int, ...]


def conversion_of(rounding: Rounding, steps: Counts, spent: Counts) -> Findings:
    """A path of people, each step within the one before, and amounts a head, rounded so."""
    reach, click, visit, buy, linked = steps
    cost, revenue = spent
    path = [
        ("reach", "people", reach, PEOPLE, reach),
        ("click", "people", click, PEOPLE, reach, click),
        ("click", "events", click * 2, EVENTS, reach, click),
        ("visit", "people", visit, PEOPLE, click, visit),
        ("purchase", "people", buy, PEOPLE, visit, buy),
    ]
    money = [
        ("cost", reach * cost, MONEY, reach, reach),
        ("orders", buy + 7, EVENTS, click, buy),
        ("revenue", buy * revenue, MONEY, click, buy),
    ]
    link = [
        ("clicked", "people", click, PEOPLE, click),
        ("linked", "people", linked, PEOPLE, click, linked),
    ]
    made = (
        table("path", ("step",), path),
        table("money", (), money),
        table("link", ("outcome",), link),
    )
    return conversion.findings(through(rounding, *made), "CNY")


def lift_of(rounding: Rounding, arms: Mapping[str, Counts]) -> Findings:
    """Arms of people assigned, studied, buying, and of what the buyers spent a head."""
    cells = []
    for arm, (assigned, people, buyers, spent) in arms.items():
        bought = (people, buyers)
        cells += [
            (arm, "assigned", assigned, PEOPLE, assigned),
            (arm, "people", people, PEOPLE, assigned, people),
            (arm, "converters", buyers, PEOPLE, *bought),
            (arm, "amount", buyers * spent, MONEY, *bought),
            (arm, "amount_squared", 1.6 * buyers * spent**2, MONEY_SQUARED, *bought),
        ]
    made = table("arms", ("arm",), cells, contrast="arm")
    return lift.findings(through(rounding, made), lift_study(), "CNY")


def through(rounding: Rounding, *tables: Table) -> dict[str, Protected]:
    policy = Policy(round_counts=rounding)
    return {one.name: protect(one, policy) for one in tables}


@st.composite
def paths(draw: st.DrawFn) -> Counts:
    """Nested counts, each leaving out enough to be released."""
    reach = draw(st.integers(2_000, 100_000))
    click = draw(st.integers(200, reach // 2))
    visit = draw(st.integers(70, click - 20))
    return reach, click, visit, draw(st.integers(20, visit - 20)), draw(st.integers(20, click - 20))


arm = st.builds(
    lambda people, beyond, rate, spent: (
        people + beyond,
        people,
        max(12, people * rate // 100),
        spent,
    ),
    st.integers(200, 30_000),
    st.integers(20, 5_000),
    st.integers(1, 40),
    st.integers(100, 50_000),
)


def inside(exact: Estimate, rounded: Estimate) -> bool:
    """Whether the exact estimate lies where the rounded one says that it may."""
    if exact.value is None or rounded.value is None:
        return exact.value is rounded.value
    slack = 1e-9 * max(abs(exact.value), abs(rounded.value), 1e-9)
    error = rounded.rounding or 0.0
    if abs(exact.value - rounded.value) > error + slack:
        return False
    if exact.lower is None or exact.upper is None:
        return True
    assert rounded.lower is not None
    assert rounded.upper is not None
    return rounded.lower - slack <= exact.lower and exact.upper <= rounded.upper + slack


@pytest.mark.parametrize("rounding", ROUNDED)
@settings(deadline=None)
@given(paths(), st.tuples(st.integers(1, 500), st.integers(100, 90_000)))
def test_conversion_estimates_stay_within_the_stated_error(
    rounding: Rounding, steps: Counts, spent: Counts
) -> None:
    exact = conversion_of(Rounding.NONE, steps, spent).estimates
    rounded = conversion_of(rounding, steps, spent).estimates
    assert [name for name, one in exact.items() if not inside(one, rounded[name])] == []
    assert rounded["purchase_per_click"].value is not None


@pytest.mark.slow
@pytest.mark.parametrize("rounding", ROUNDED)
@settings(deadline=None)
@given(arm, arm)
def test_lift_estimates_stay_within_the_stated_error(
    rounding: Rounding, treated: Counts, holdout: Counts
) -> None:
    arms = {"treated": treated, "holdout": holdout}
    exact, rounded = (lift_of(how, arms).estimates for how in (Rounding.NONE, rounding))
    # A ratio to an amount that is hardly told from zero may be defined for one of the two only.
    ratio = "relative_conversion_value_lift"
    if None in (exact[ratio].value, rounded[ratio].value):
        del exact[ratio]
    assert [name for name, one in exact.items() if not inside(one, rounded[name])] == []


ARMS = {"treated": (5_100, 2_402, 171, 30_000), "holdout": (5_050, 2_398, 128, 31_000)}


@pytest.mark.parametrize("rounding", ROUNDED)
def test_what_rounding_can_explain_is_no_effect(rounding: Rounding) -> None:
    """A lift that is just beyond chance in exact counts is not claimed from rounded ones."""
    exact, rounded = (lift_of(how, ARMS).estimates for how in (Rounding.NONE, rounding))
    assert shows_effect(exact["absolute_lift"])
    p_exact, p_rounded = (
        exact["incremental_conversions_p_value"].value,
        rounded["incremental_conversions_p_value"].value,
    )
    assert p_exact is not None
    assert p_rounded is not None
    assert p_exact < 0.05
    assert p_rounded > p_exact
    assert shows_effect(rounded["absolute_lift"]) is (p_rounded < 0.05)


@settings(deadline=None)
@given(st.integers(60, 200), st.integers(60, 200))
def test_the_interval_and_the_p_value_of_rounded_counts_agree(bought: int, held: int) -> None:
    found = lift_of(
        Rounding.BASE_5,
        {"treated": (5_100, 2_402, bought, 30_000), "holdout": (5_050, 2_398, held, 30_000)},
    ).estimates
    p_value = found["incremental_conversions_p_value"].value
    assert p_value is not None
    assert shows_effect(found["absolute_lift"]) is (p_value < 0.05)


@pytest.mark.parametrize(
    "name", ["incremental_conversions_p_value", "sample_ratio_p_value", "linked_share_p_value"]
)
def test_a_p_value_of_rounded_counts_errs_towards_chance(name: str) -> None:
    exact, rounded = (
        lift_of(how, ARMS).estimates[name].value for how in (Rounding.NONE, Rounding.BASE_5)
    )
    assert exact is not None
    assert rounded is not None
    assert exact < rounded <= 1


def test_exact_tables_are_computed_once_and_say_nothing_of_rounding() -> None:
    for one in lift_of(Rounding.NONE, ARMS).estimates.values():
        assert one.rounding is None
        assert "rounded" not in one.method


@pytest.mark.parametrize("rounding", ROUNDED)
def test_an_estimate_from_rounded_counts_says_so(rounding: Rounding) -> None:
    estimates = lift_of(rounding, ARMS).estimates.values()
    with_value = [one for one in estimates if one.value is not None]
    assert len(with_value) > 15
    for one in with_value:
        assert one.rounding is not None
        assert "from rounded numbers" in one.method


def test_known_numbers() -> None:
    """62 of 203 people who clicked, rounded to 60 of 205: 58/207 … 62/203, by hand."""
    steps = (2_000, 203, 120, 62, 100)
    rate = conversion_of(Rounding.BASE_5, steps, (10, 900)).estimates["purchase_per_click"]
    assert rate.value == pytest.approx(60 / 205)
    assert rate.rounding == pytest.approx(62 / 203 - 60 / 205)
    assert rate.lower == pytest.approx(proportion_confint(58, 207, method="wilson")[0])
    assert rate.upper == pytest.approx(proportion_confint(62, 203, method="wilson")[1])
