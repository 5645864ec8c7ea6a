"""Delay, attribution and parts of the conversion study: numbers by hand, from protected tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cleanroom.absences import Absence
from cleanroom.borders import EVENTS, MONEY, PEOPLE, Estimate, Verdict
from cleanroom.outside.path_charts import credit_chart, delay_chart, parts_chart, untold
from cleanroom.policy import Rounding
from cleanroom.studies.conversion_credit import credit_estimates, parts_make_up_all
from cleanroom.studies.conversion_delay import delay_estimates
from cleanroom.studies.conversion_parts import part_estimates
from cleanroom.studies.released import Number, Quantity
from tests.factories import findings, protected

ALL = "(all)"
COST = Quantity("advertising cost", MONEY, Number(1_000.0))
DELAY: list[tuple[Any, ...]] = [
    (ALL, ALL, PEOPLE, 1_000.0, PEOPLE),
    ("ordered", "1", PEOPLE, 100.0, PEOPLE),
    ("ordered", "2–3", PEOPLE, 40.0, PEOPLE),
    ("lost", "1", PEOPLE, 100.0, PEOPLE),
    ("lost", "2–3", PEOPLE, 760.0, PEOPLE),
]
# Revenue of three weeks by day 1, 2–3 and 4–7; the second grows 50 % and then 20 %.
WEEKS = {"05-01": (100.0, 50.0, 30.0), "05-08": (200.0, 100.0), "05-15": (400.0,)}
SPANS = ("1", "2–3", "4–7")


def delay(
    rows: list[tuple[Any, ...]] = DELAY, weeks: Any = None, **more: Any
) -> dict[str, Estimate]:
    cells = [
        (week, days, measure, value, unit)
        for week, values in (WEEKS if weeks is None else weeks).items()
        for days, value in zip(SPANS, values, strict=False)
        for measure, unit in (("orders", EVENTS), ("revenue", MONEY))
    ]
    tables = {
        "delay": protected("delay", ("outcome", "days"), rows),
        "maturity": protected("maturity", ("week", "days"), cells, **more),
    }
    return delay_estimates(tables, COST)


def test_the_curve_counts_people_as_long_as_they_were_watched() -> None:
    found = delay()
    assert found["ordered_by_1"].value == pytest.approx(0.1)
    # 800 were watched on, of whom 40 ordered: 0.9 × 40 / 800 more.
    assert found["ordered_by_3"].value == pytest.approx(0.1 + 0.9 * 0.05)
    assert (found["ordered_by_3"].lower or 0) < 0.145 < (found["ordered_by_3"].upper or 0)
    assert "dated by the first click" in found["ordered_by_3"].method


def test_the_curve_goes_as_far_as_it_was_told() -> None:
    rows = [*DELAY]
    rows[2] = ("ordered", "2–3", PEOPLE, None, PEOPLE)
    found = delay(rows)
    assert found["ordered_by_1"].value == pytest.approx(0.1)
    assert found["ordered_by_3"].absence is Absence.WITHHELD


def test_weeks_are_forecast_by_how_older_ones_grew() -> None:
    found = delay()
    final = 180 + 300 * 1.2 + 400 * 1.5 * 1.2
    assert found["final_revenue"].value == pytest.approx(final)
    assert found["mature_revenue_by_3"].value == pytest.approx(1 / 1.2)
    assert found["mature_revenue_by_1"].value == pytest.approx(1 / 1.8)
    assert found["roi_by_1"].value == pytest.approx(final / 1.8 / 1_000)
    assert found["roi_by_7"].value == pytest.approx(final / 1_000)


def test_there_is_no_forecast_of_a_triangle_with_a_hole_or_of_few_weeks_or_rounded_numbers() -> (
    None
):
    hole = delay(weeks={**WEEKS, "05-08": (None, 100.0)})
    assert hole["final_revenue"].absence is Absence.WITHHELD
    few = delay(weeks={"05-01": (100.0, 50.0, 30.0), "05-08": (200.0,)})
    assert few["final_revenue"].absence is Absence.UNDEFINED
    assert "three cohorts" in (few["final_revenue"].withheld or "")
    tables = protected(
        "maturity",
        ("week", "days"),
        [
            (week, days, m, value, MONEY, None, value - 2, value + 2)
            for week, values in WEEKS.items()
            for days, value in zip(SPANS, values, strict=False)
            for m in ("orders", "revenue")
        ],
        rounding=Rounding.BASE_5,
    )
    given = {"delay": protected("delay", ("outcome", "days"), DELAY), "maturity": tables}
    rounded = delay_estimates(given, COST)["final_revenue"]
    assert "rounded numbers" in (rounded.withheld or "")


# Two channels: a → b → order, and each alone; 100 journeys begin at each.
STEPS = {
    ("start", "a"): 100.0,
    ("start", "b"): 100.0,
    ("a", "b"): 50.0,
    ("a", "conversion"): 10.0,
    ("a", "no conversion"): 40.0,
    ("b", "a"): 0.0,
    ("b", "conversion"): 30.0,
    ("b", "no conversion"): 120.0,
}
SHARED = {"last": (10.0, 30.0), "first": (20.0, 20.0)}


def credit(untold: str = "", **steps: float | None) -> dict[str, Any]:
    taken: list[tuple[Any, ...]] = [(*step, "steps", n, EVENTS) for step, n in STEPS.items()]
    if steps:
        taken = [(a, b, "steps", None, EVENTS) for a, b in STEPS]
    parts = {ALL: 60.0, "attributed": 40.0, "unattributed": 20.0}
    rows: list[tuple[Any, ...]] = []
    for rule, (a, b) in SHARED.items():
        own = {ALL: 60.0, "unattributed": 20.0, "a": a, "b": b}
        rows += [
            (rule, part, "orders", None if rule == untold else value, EVENTS)
            for part, value in own.items()
        ]
    return {
        "orders": protected(
            "orders",
            ("campaign",),
            [(part, "orders", value, EVENTS) for part, value in parts.items()],
        ),
        "credit": protected("credit", ("rule", "campaign"), rows),
        "assists": protected(
            "assists",
            ("campaign",),
            [(n, "orders", v, EVENTS) for n, v in {"a": 10.0, "b": 0.0}.items()],
        ),
        "steps": protected("steps", ("from", "to"), taken),
    }


def test_what_removal_loses_shares_out_the_attributed_orders() -> None:
    found = credit_estimates(credit())
    # From b converts 0.2, from a 0.1 + 0.5 × 0.2 = 0.2; both begin half of the journeys.
    lost_a, lost_b = 0.5 * 0.2 / 0.2, 0.75 * 0.2 / 0.2
    assert found["markov@a"].value == pytest.approx(40 * lost_a / (lost_a + lost_b))
    assert found["markov@a"].value + found["markov@b"].value == pytest.approx(40)  # type: ignore[operator]
    assert found["unattributed_share"].value == pytest.approx(1 / 3)


def test_without_all_steps_nothing_is_credited_by_removal() -> None:
    found = credit_estimates(credit(none=1))
    assert found["markov@a"].absence is Absence.WITHHELD


def test_what_a_channel_assisted_stands_beside_what_it_was_the_last_of() -> None:
    found = credit_estimates(credit())
    assert found["assisted_per_last@a"].value == pytest.approx(1.0)
    assert found["assisted_per_last@b"].value == 0
    untold = credit_estimates(credit(untold="last"))["assisted_per_last@a"]
    assert untold.absence is Absence.WITHHELD


def test_a_merchant_without_touches_has_orders_and_no_channels() -> None:
    tables = credit()
    del tables["steps"], tables["assists"]
    assert set(credit_estimates(tables)) == {"unattributed_share"}


def test_the_parts_of_every_rule_told_are_added_up() -> None:
    assert parts_make_up_all(credit()).verdict is Verdict.PASSED
    unknown = parts_make_up_all(credit(untold="first"))
    assert unknown.verdict is Verdict.UNKNOWN
    assert "1 of 2 sums" in unknown.words
    torn = credit()
    torn["credit"] = protected(
        "credit",
        ("rule", "campaign"),
        [("last", ALL, "orders", 60.0, EVENTS), ("last", "a", "orders", 50.0, EVENTS)],
    )
    assert parts_make_up_all(torn).verdict is Verdict.FAILED


def parts(buyers: dict[str, float | None]) -> dict[str, Estimate]:
    path = [
        (part, step, PEOPLE, value, PEOPLE)
        for part, bought in buyers.items()
        for step, value in (
            ("reach", 9_000.0),
            ("click", 1_000.0),
            ("visit", 500.0),
            ("purchase", bought),
        )
    ]
    money = [(part, "cost", 5_000.0, MONEY) for part in buyers]
    money += [(part, "revenue", 20_000.0, MONEY) for part in buyers]
    return part_estimates(
        {
            "path_by": protected("path_by", ("note", "step"), path),
            "money_by": protected("money_by", ("note",), money),
        }
    )


def test_parts_have_rates_with_intervals_and_money_without() -> None:
    found = parts({"k1": 100.0, "k2": None})
    rate = found["purchase_per_click@k1"]
    assert rate.value == pytest.approx(0.1)
    assert (rate.lower or 0) < 0.1 < (rate.upper or 0)
    assert found["roas@k1"].value == 4
    assert found["roas@k1"].lower is None
    assert found["purchase_per_click@k2"].absence is Absence.WITHHELD


@pytest.mark.parametrize(
    ("buyers", "title"),
    [
        ({"k1": 100.0, "k2": 90.0}, "None is ahead"),
        ({"k1": 200.0, "k2": 90.0, "k3": None}, "k1 is ahead of all others, beyond chance"),
    ],
)
def test_a_winner_is_named_only_where_no_interval_reaches_as_high(
    buyers: dict[str, float | None], title: str
) -> None:
    chart = parts_chart(findings(parts(buyers)))
    assert chart is not None
    assert str(chart.title).startswith(title)


def test_parts_are_ranked_as_far_down_the_path_as_two_are_known() -> None:
    chart = parts_chart(findings(parts({"k1": 100.0, "k2": None})))
    assert chart is not None
    assert "people seen in the store" in json.dumps(chart.to_dict(validate=False))
    assert parts_chart(findings(parts({"k1": 100.0}))) is None


def test_charts_are_drawn_of_what_was_told_or_a_line_says_what_was_not() -> None:
    curve = delay_chart(findings(delay()))
    assert curve is not None
    assert str(curve.title) == "14.5% of those who clicked had ordered by day 3"
    tables = credit(untold="first")
    drawn = credit_chart(tables["credit"], findings(credit_estimates(tables)))
    assert drawn is not None
    assert str(drawn.title) == (
        "b is credited with the most orders by all 2 rules that are told; withheld: 1"
    )
    assert "a: 10 (10 to 16); b: 30 (24 to 30); unattributed: 20." in str(drawn.description)
    every = credit()
    apart = credit_chart(every["credit"], findings(credit_estimates(every)))
    assert "depends on the rule: 3 are told" in str(apart and apart.title)
    nothing = [("ordered", "1", PEOPLE, None, PEOPLE), (ALL, ALL, PEOPLE, None, PEOPLE)]
    hidden = protected("delay", ("outcome", "days"), nothing)
    assert delay_chart(findings(delay(nothing))) is None
    assert untold(hidden) == "delay: 2 of 2 numbers are withheld."
