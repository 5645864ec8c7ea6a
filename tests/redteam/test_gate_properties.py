"""What holds at the gate of every table and every policy."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
from hypothesis import assume, given
from hypothesis import strategies as st

from cleanroom.absences import TOGETHER
from cleanroom.borders import EVENTS, MONEY, PEOPLE
from cleanroom.gate.rules import CELL_RULES
from cleanroom.policy import Policy, Rounding, strictest
from tests.redteam.strategies import (
    MERCHANTS,
    Cells,
    Place,
    Support,
    built,
    cells,
    places,
    policies,
    reasons,
    released,
    seen,
    supports,
    tried,
)

BY_RULE = {rule.id for rule in CELL_RULES}
booleans = st.booleans()


def least(policy: Policy) -> int:
    """The fewest people behind a count, by the columns that `tests.factories` declares of it."""
    return policy.column_minimums.get("visits.buyer", 0)


@tried
@given(policies, cells(), booleans)
def test_no_cell_leaves_with_fewer_people_behind_it_than_the_policy_asks(
    policy: Policy, drawn: Cells, arms: bool
) -> None:
    for place, why in reasons(released(built(drawn, arms=arms), policy)).items():
        cell = drawn[place]
        if why is not None:
            continue
        assert cell.people is not None
        assert cell.people >= policy.min_people
        if cell.contributors is not None:
            assert cell.contributors >= policy.min_converters
            if cell.measure == "bought":
                assert cell.people - cell.contributors >= policy.min_converters
        if cell.magnitude is not None and cell.largest is not None and cell.second is not None:
            assert cell.magnitude > 0
            assert cell.largest + cell.second <= policy.max_share_of_two * cell.magnitude
            rest = cell.magnitude - cell.largest - cell.second
            assert rest >= cell.largest * policy.p_percent / 100


@tried
@given(policies, cells(), cells(), booleans)
def test_what_a_rule_withheld_changes_nothing_that_leaves(
    policy: Policy, drawn: Cells, other: Cells, arms: bool
) -> None:
    """Non-interference: other values and people in its place, withheld by the same rule."""
    left = released(built(drawn, arms=arms), policy)
    both = reasons(left), reasons(released(built(other, arms=arms), policy))
    same = {p for p, why in both[0].items() if why in BY_RULE and both[1].get(p) == why}
    changed = {place: other[place] if place in same else cell for place, cell in drawn.items()}
    after = released(built(changed, arms=arms), policy)
    assert seen(after) == seen(left)
    assert after.bounds == left.bounds


def with_one_more(cell: Support, amount: int) -> Support:
    """The same cell with one person more behind it, who did it."""
    more = 1 if cell.measure == "bought" else amount
    part = None if cell.contributors is None else cell.contributors + 1
    one = replace(cell, value=cell.value + more, people=(cell.people or 0) + 1, contributors=part)
    if cell.largest is None or cell.second is None or cell.magnitude is None:
        return one
    largest, second, _ = sorted([cell.largest, cell.second, float(more)], reverse=True)
    return replace(one, largest=largest, second=second, magnitude=cell.magnitude + more)


@tried
@given(policies, cells(), st.sampled_from(places), st.integers(1, 400), booleans)
def test_one_person_more_in_a_withheld_cell_changes_nothing_that_leaves(
    policy: Policy, drawn: Cells, place: Place, amount: int, arms: bool
) -> None:
    """Two worlds that differ in a person, as long as the rule that withholds is the same."""
    assume(place in drawn)
    worlds = [
        released(built(world, arms=arms), policy)
        for world in (drawn, {**drawn, place: with_one_more(drawn[place], amount)})
    ]
    whys = [reasons(world)[place] for world in worlds]
    assume(whys[0] in BY_RULE)
    if whys[0] == whys[1]:
        assert seen(worlds[0]) == seen(worlds[1])


@tried
@given(policies, policies, cells(), booleans)
def test_a_stricter_policy_releases_no_cell_that_a_laxer_one_withholds(
    one: Policy, two: Policy, drawn: Cells, arms: bool
) -> None:
    made = built(drawn, arms=arms)
    lax, strict = (reasons(released(made, policy)) for policy in (one, strictest(one, two)))
    assert [p for p, why in strict.items() if why is None and lax[p] is not None] == []


@tried
@given(policies, cells())
def test_arms_leave_together_or_not_at_all(policy: Policy, drawn: Cells) -> None:
    why = reasons(released(built(drawn, arms=True), policy))
    for merchant, _, measure in why:
        fates = {r is None for (m, _, of), r in why.items() if (m, of) == (merchant, measure)}
        assert len(fates) == 1


@tried
@given(policies, cells(), booleans)
def test_a_merchant_s_table_is_the_same_whoever_else_is_asked_for(
    policy: Policy, drawn: Cells, arms: bool
) -> None:
    whole = released(built(drawn, arms=arms), policy).cells.rows()
    alone = [
        row
        for merchant in MERCHANTS
        if (own := {place: cell for place, cell in drawn.items() if place[0] == merchant})
        for row in released(built(own, arms=arms), policy).cells.rows()
    ]
    assert sorted(map(repr, whole)) == sorted(map(repr, alone))


@tried
@given(policies, cells())
def test_a_rounded_number_is_as_near_as_it_says_and_equal_ones_are_rounded_equally(
    policy: Policy, drawn: Cells
) -> None:
    left = released(built(drawn), policy)
    told: dict[float, set[float]] = {}
    for merchant, step, measure, value, low, high in left.cells.select(
        "merchant", "step", "measure", "value", "least", "most"
    ).iter_rows():
        if value is None:
            assert (low, high) == (None, None)
            continue
        exact = drawn[merchant, step, measure].value
        assert low <= exact <= high
        assert policy.round_counts is not Rounding.NONE or value == exact
        if measure != "amount":
            told.setdefault(exact, set()).add(value)
    assert all(len(values) == 1 for values in told.values())
    in_order = [max(values) for _, values in sorted(told.items())]
    assert in_order == sorted(in_order)


arms_of_one = cells([("M1", step, measure) for step in ("one", "two") for measure in ("bought",)])


@tried
@given(policies, arms_of_one)
def test_from_the_cells_told_together_none_is_known_closer_than_its_rule(
    policy: Policy, drawn: Cells
) -> None:
    """The attack: who knows all cells but one, and the sum, looks for other values that fit."""
    left = released(built(drawn, arms=True, adds_up=True), policy)
    told = left.cells.filter(pl.col("step") == TOGETHER)
    if told.is_empty():
        return
    why, few = reasons(left), policy.min_converters
    hiding = [drawn[p] for p, rule in why.items() if rule not in BY_RULE]
    assert hiding
    for place, rule in why.items():
        cell = drawn[place]
        if rule != "min_converters" or cell.contributors is None or cell.people is None:
            continue
        few_or_many = [*range(few), *range(cell.people - few + 1, cell.people + 1)]
        one_side = [n for n in few_or_many if (n < few) == (cell.value < few)]
        for value in one_side:
            free = sum(one.value for one in hiding) + cell.value - value
            assert sum(could_leave(one, policy)[0] for one in hiding) <= free
            assert free <= sum(could_leave(one, policy)[1] for one in hiding)


def could_leave(cell: Support, policy: Policy) -> tuple[float, float]:
    """Between which numbers a count lies that no rule withholds."""
    if cell.contributors is None or cell.people is None:
        return max(policy.min_people, least(policy)), float("inf")
    return max(policy.min_converters, least(policy)), cell.people - policy.min_converters


def test_the_generated_tables_have_cells_of_every_kind_on_both_sides_of_the_rules() -> None:
    """Properties that hold of nothing would hold as well."""
    policy = Policy(min_people=50, min_converters=10)
    met: set[tuple[str, str | None]] = set()

    @tried
    @given(cells(), booleans)
    def look(drawn: Cells, arms: bool) -> None:
        left = released(built(drawn, arms=arms), policy)
        met.update(left.cells.select("unit", "withheld").iter_rows())

    look()
    assert {(unit, None) for unit in (PEOPLE, EVENTS, MONEY)} <= met
    assert {"min_people", "min_converters", "both_arms"} <= {why for _, why in met}
    assert {"dominance", "p_percent"} & {why for _, why in met}


@tried
@given(st.data(), policies, st.sampled_from(("bought", "events", "amount")))
def test_a_cell_leaves_or_not_whatever_stands_beside_it(
    data: st.DataObject, policy: Policy, measure: str
) -> None:
    """Without arms, no cell's fate depends on another's: else that would tell of the other."""
    place = ("M1", "one", measure)
    cell = data.draw(supports(measure))
    beside = data.draw(cells([p for p in places if p != place]))
    alone = reasons(released(built({place: cell}), policy))[place]
    assert reasons(released(built({**beside, place: cell}), policy))[place] == alone
