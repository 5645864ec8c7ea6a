"""Charts: drawn from what the gate let through, saying what they show and what they do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from cleanroom.borders import PEOPLE, Findings
from cleanroom.errors import BorderError
from cleanroom.outside.charts import (
    funnel_chart,
    lift_chart,
    portfolio_chart,
    rates_chart,
    to_svg,
)
from tests.factories import protected
from tests.outside import factories

CONVERSION, LIFT = (release.candidate for release in factories.rich())
SMALL, SMALL_LIFT = (release.candidate for release in factories.mostly_withheld())
BROKEN = factories.broken_split()[1].candidate.findings
FLAT = factories.without_effect()[1].candidate.findings

CHARTS: dict[str, Callable[[Any], Any]] = {
    "funnel": funnel_chart,
    "funnel's rates": lambda given: funnel_chart(CONVERSION.tables["path"], given),
    "rates": rates_chart,
    "lift": lift_chart,
    "portfolio": lambda given: portfolio_chart({"m": given}),
}
DRAWN = {
    "funnel": funnel_chart(CONVERSION.tables["path"], CONVERSION.findings),
    "funnel with withheld steps": funnel_chart(SMALL.tables["path"], SMALL.findings),
    "rates": rates_chart(CONVERSION.findings),
    "lift": lift_chart(LIFT.findings),
    "withheld lift": lift_chart(SMALL_LIFT.findings),
    "portfolio": portfolio_chart({"a": LIFT.findings, "b": BROKEN, "c": SMALL_LIFT.findings}),
}


def rows(chart: Any) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = chart.to_dict()["data"]["values"]
    return values


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(pl.DataFrame({"step": ["reach"], "value": [1.0]}), id="a frame"),
        pytest.param(pl.LazyFrame({"step": ["reach"]}), id="a lazy frame"),
        pytest.param(factories.table("path", ("step",), []), id="an unprotected table"),
        pytest.param({"estimates": {}}, id="plain values"),
        pytest.param(LIFT, id="a candidate"),
    ],
)
def test_a_chart_refuses_what_has_not_passed_the_gate(chart: str, raw: Any) -> None:
    with pytest.raises(BorderError, match="was given a"):
        CHARTS[chart](raw)


def test_the_funnel_is_of_one_merchant() -> None:
    many = protected("path", ("merchant", "step"), [("m", "reach", "people", 90.0, PEOPLE)])
    with pytest.raises(BorderError, match="cannot draw the table 'path'"):
        funnel_chart(many)
    assert rows(funnel_chart(many.only("merchant", "m")))[0]["value"] == 90


@pytest.mark.parametrize("chart", DRAWN.values(), ids=list(DRAWN))
def test_a_chart_is_valid_vega_lite_with_title_words_and_axis_units(chart: Any) -> None:
    spec = chart.to_dict(validate=True)
    assert spec["title"]
    assert spec["description"].startswith(f"{spec['title']}. ")
    assert re.search(r'"title": "[^"]*(people|%|points)', chart.to_json())


@pytest.mark.parametrize("chart", DRAWN.values(), ids=list(DRAWN))
def test_a_drawing_is_static_and_asks_for_nothing(chart: Any) -> None:
    svg = to_svg(chart)
    assert svg.startswith("<svg")
    assert re.search(r"<(script|image|foreignObject|use|a)\b|href=|url\(|@import", svg) is None


def test_the_funnel_shows_counts_and_rates_as_found() -> None:
    shown = {row["label"]: (row["value"], row["note"]) for row in rows(DRAWN["funnel"])}
    assert shown["Reached"] == (45_210, "")
    assert shown["Clicked through"] == (14_022, "31.0% of those reached")
    assert shown["Bought"] == (548, "6.74% of visitors")
    assert DRAWN["funnel"].title == "Of 45,210 people reached, 14,022 clicked and 548 bought"


def test_a_withheld_step_is_said_to_be_and_has_a_length_that_says_nothing() -> None:
    chart = DRAWN["funnel with withheld steps"]
    bought = next(row for row in rows(chart) if row["label"] == "Bought")
    assert bought["value"] is None
    assert (bought["text"], bought["note"]) == ("withheld", "")
    assert "how many bought is withheld" in chart.title
    assert "Bought: withheld" in chart.description
    (box,) = [layer for layer in chart.to_dict()["layer"] if "strokeDash" in layer["mark"]]
    assert all("field" not in channel for axis, channel in box["encoding"].items() if axis != "y")


def test_a_path_without_any_number_can_be_drawn() -> None:
    hidden = protected("path", ("step",), [(s, "people", None, PEOPLE) for s in ("reach", "click")])
    chart = funnel_chart(hidden)
    assert chart.title == "How many people were reached is withheld"
    assert "withheld" in to_svg(chart)


def test_rates_have_whiskers_at_the_interval() -> None:
    estimate = CONVERSION.findings.estimates["purchase_per_click"]
    (row,) = rows(rates_chart(CONVERSION.findings, ["purchase_per_click"]))
    bounds = [row[name] / 100 for name in ("lower", "value", "upper")]
    assert bounds == pytest.approx([estimate.lower, estimate.value, estimate.upper])
    assert (row["label"], row["below"]) == ("Bought", "of those who clicked")


def test_the_lift_chart_shows_both_groups_and_their_difference() -> None:
    arms, difference = DRAWN["lift"].to_dict()["vconcat"]
    drawn = [r["label"] for part in (arms, difference) for r in part["data"]["values"]]
    assert drawn == ["Campaign group", "Holdout group", "Difference"]
    assert difference["data"]["values"][0]["text"] == "+0.85 points (+0.55 to +1.15)"
    assert any(layer["encoding"].get("x") == {"datum": 0} for layer in difference["layer"])


def test_a_difference_that_must_not_be_used_is_not_drawn() -> None:
    spec = lift_chart(BROKEN).to_dict()
    (difference,) = spec["vconcat"][1]["data"]["values"]
    assert difference["value"] is difference["lower"] is difference["upper"] is None
    assert difference["text"] == "a check failed: not to be used"


def test_a_portfolio_is_sorted_and_ends_with_those_that_have_no_lift() -> None:
    lifts: dict[str, Findings] = {
        "hidden": SMALL_LIFT.findings,
        "flat": FLAT,
        "broken": BROKEN,
        "clear": LIFT.findings,
    }
    chart = portfolio_chart(lifts)
    assert [row["label"] for row in rows(chart)] == ["clear", "flat", "hidden", "broken"]
    assert chart.title == "Conversion rose beyond chance for 1 of 4 merchants"


def test_a_merchant_s_name_is_text_whatever_it_holds() -> None:
    name = """</svg><script>alert('1')</script> "&" datum.value"""
    svg = to_svg(portfolio_chart({name: LIFT.findings}))
    assert "<script" not in svg
    assert svg.count("</svg>") == 1


def test_two_merchants_of_one_name_keep_a_row_each() -> None:
    one = rows(rates_chart(CONVERSION.findings))
    assert [row["place"] for row in one] == list(range(len(one)))
    assert [row["label"] for row in one].count("Bought") == 2
