"""The gate: which cells leave, which are withheld, and what is said of those."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.borders import EVENTS, MONEY, PEOPLE, PROTECTED_COLUMNS, Table
from cleanroom.gate.protect import protect
from cleanroom.gate.rules import RULES
from cleanroom.policy import Policy, Rounding, fingerprint, strictest
from tests.factories import table
from tests.policies import FIELDS, policies

POLICY = Policy(min_people=50, min_converters=10)


def one_cell(unit: str, value: float, people: int | None, contributors: int | None) -> Table:
    return table("t", ("step",), [("click", "m", value, unit, people, contributors)])


@pytest.mark.parametrize(
    ("unit", "value", "people", "contributors", "withheld"),
    [
        pytest.param(PEOPLE, 50, 50, None, None, id="a base of exactly min_people leaves"),
        pytest.param(PEOPLE, 49, 49, None, "min_people", id="one person fewer does not"),
        pytest.param(PEOPLE, 0, None, None, "min_people", id="unknown support counts as nobody"),
        pytest.param(PEOPLE, 10, 100, 10, None, id="exactly min_converters leaves"),
        pytest.param(PEOPLE, 9, 100, 9, "min_converters", id="one converter fewer does not"),
        pytest.param(PEOPLE, 0, 100, 0, "min_converters", id="nobody is withheld"),
        pytest.param(PEOPLE, 100, 100, 100, "min_converters", id="everybody is withheld"),
        pytest.param(PEOPLE, 91, 100, 91, "min_converters", id="nine left out are withheld"),
        pytest.param(PEOPLE, 90, 100, 90, None, id="ten left out leave"),
        pytest.param(PEOPLE, 20, 30, 20, "min_people", id="a small base comes first"),
        pytest.param(EVENTS, 500, 100, 100, None, id="events of everybody leave"),
        pytest.param(EVENTS, 500, 100, 9, "min_converters", id="events of a few do not"),
        pytest.param(MONEY, 1e6, 100, 10, None, id="an amount of ten people leaves"),
        pytest.param(MONEY, 1e6, 100, 9, "min_converters", id="an amount of nine does not"),
        pytest.param(MONEY, 0, 100, 0, "min_converters", id="an amount of nobody does not"),
    ],
)
def test_a_cell_leaves_only_with_enough_people_behind_it(
    unit: str, value: float, people: int | None, contributors: int | None, withheld: str | None
) -> None:
    cell = protect(one_cell(unit, value, people, contributors), POLICY).cells.row(0, named=True)
    assert cell["withheld"] == withheld
    assert cell["value"] == (value if withheld is None else None)


def test_the_parts_of_a_released_whole_fall_together_in_both_arms() -> None:
    counts = {"week_01": (60, 58), "week_02": (41, 4)}
    rows = [
        (merchant, arm, week, "converters", n + more, PEOPLE, 1000, n + more)
        for merchant, more in (("M1", 0), ("M2", 20))
        for week, pair in counts.items()
        for arm, n in zip(("treated", "holdout"), pair, strict=True)
    ]
    dimensions = ("merchant", "arm", "week")
    weeks = table("weeks", dimensions, rows, contrast="arm", whole="week")
    cells = protect(weeks, POLICY).cells
    withheld = cells.filter(merchant="M1").select("week", "arm", "withheld").rows()
    assert set(withheld) == {
        ("week_01", "treated", "whole"),
        ("week_01", "holdout", "whole"),
        ("week_02", "treated", "both_arms"),
        ("week_02", "holdout", "min_converters"),
    }
    assert cells.filter(merchant="M2")["withheld"].null_count() == 4


def test_both_arms_fall_together_and_only_for_the_measure_that_fell() -> None:
    arms = table(
        "arms",
        ("merchant", "arm"),
        [
            ("M1", "treated", "converters", 60, PEOPLE, 1000, 60),
            ("M1", "holdout", "converters", 4, PEOPLE, 1000, 4),
            ("M1", "treated", "people", 1000, PEOPLE, 2000, 1000),
            ("M1", "holdout", "people", 1000, PEOPLE, 2000, 1000),
            ("M2", "treated", "converters", 60, PEOPLE, 1000, 60),
            ("M2", "holdout", "converters", 50, PEOPLE, 1000, 50),
        ],
        contrast="arm",
    )
    reasons = protect(arms, POLICY).cells["withheld"].to_list()
    assert reasons == ["both_arms", "min_converters", None, None, None, None]


def test_what_leaves_carries_neither_support_nor_anything_but_its_columns() -> None:
    protected = protect(one_cell(PEOPLE, 60, 100, 60), POLICY)
    assert protected.cells.columns == ["step", *PROTECTED_COLUMNS]
    assert not {"people", "contributors", "largest", "second", "magnitude"} & {*PROTECTED_COLUMNS}
    assert protected.policy == fingerprint(POLICY)


def test_reasons_do_not_tell_nobody_from_few_from_all() -> None:
    reasons = {
        protect(one_cell(PEOPLE, n, 100, n), POLICY).cells["withheld"].item()
        for n in (0, 5, 95, 100)
    }
    assert reasons == {"min_converters"}


counts = st.integers(0, 200)


@given(policies, st.lists(st.tuples(counts, counts), min_size=1, max_size=20))
def test_no_released_count_or_its_complement_is_under_the_thresholds(
    policy: Policy, cells: list[tuple[int, int]]
) -> None:
    rows = [
        (str(i), "m", float(min(n, base)), PEOPLE, base, min(n, base))
        for i, (base, n) in enumerate(cells)
    ]
    protected = protect(table("t", ("step",), rows), policy).cells.with_columns(
        base=pl.Series([base for base, _ in cells])
    )
    for row, (_, n) in zip(protected.iter_rows(named=True), cells, strict=True):
        if row["value"] is not None:
            count = min(n, row["base"])
            assert row["base"] >= policy.min_people
            assert count >= max(
                policy.min_converters, policy.column_minimums.get("visits.buyer", 0)
            )
            assert row["base"] - count >= policy.min_converters


@given(policies, policies, st.lists(st.tuples(counts, counts), min_size=1, max_size=20))
def test_a_stricter_policy_never_releases_more(
    a: Policy, b: Policy, cells: list[tuple[int, int]]
) -> None:
    rows = [
        (str(i), "m", float(min(n, base)), PEOPLE, base, min(n, base))
        for i, (base, n) in enumerate(cells)
    ]
    loose = protect(table("t", ("step",), rows), a).cells["value"].is_not_null()
    strict = protect(table("t", ("step",), rows), strictest(a, b)).cells["value"].is_not_null()
    assert not (strict & ~loose).any()


@given(policies, policies, policies)
def test_strictest_is_associative_commutative_and_idempotent(
    a: Policy, b: Policy, c: Policy
) -> None:
    assert strictest(a, strictest(b, c)) == strictest(strictest(a, b), c)
    assert strictest(a, b) == strictest(b, a)
    assert strictest(a, a) == a


def coarseness(rounding: Rounding) -> int:
    return [Rounding.NONE, Rounding.BASE_5, Rounding.MIDPOINT_6].index(rounding)


@given(policies, policies)
def test_strictest_is_at_least_as_strict_as_both_by_every_rule(a: Policy, b: Policy) -> None:
    both = strictest(a, b)
    for one in (a, b):
        assert both.min_people >= one.min_people
        assert both.min_converters >= one.min_converters
        for column, least in one.column_minimums.items():
            assert both.column_minimums[column] >= least
        assert both.max_share_of_two <= one.max_share_of_two
        assert both.p_percent >= one.p_percent
        assert both.protection_width >= one.protection_width
        for bound in ("max_events_per_person", "max_amount_per_person"):
            own = getattr(one, bound)
            assert own is None or getattr(both, bound) <= own
        assert coarseness(both.round_counts) >= coarseness(one.round_counts)
        assert both.min_matches >= one.min_matches
        assert both.max_joins <= one.max_joins
        assert both.join_period_days >= one.join_period_days
        assert both.rounding % one.rounding == 0
    assert both.rounding <= a.rounding * b.rounding
    # Noise has tests of its own (test_noise.py).
    assert {*FIELDS, "noise"} == {*Policy.model_fields}
    assert len(Policy.model_fields) == 14  # a new rule needs its line above, or noise's tests


def test_rules_have_distinct_ids_and_say_what_they_protect() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(len(rule.protects) > 20 for rule in RULES)
