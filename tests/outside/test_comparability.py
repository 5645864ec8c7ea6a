"""Charts of an observational study: they draw what passed the gate, and say what it shows."""

from __future__ import annotations

from typing import Any

import pytest

from cleanroom.errors import BorderError
from cleanroom.outside import comparability
from cleanroom.outside.charts import to_svg
from tests.factories import protected
from tests.known_answers.observational_examples import observational_of, tables

PEOPLE = "people"
OVERLAP = protected(
    "overlap",
    ("propensity", "arm"),
    [
        ("0% to 2%", "exposed", PEOPLE, None, PEOPLE),
        ("0% to 2%", "comparable", PEOPLE, None, PEOPLE),
        ("2% to 5%", "exposed", PEOPLE, 100, PEOPLE),
        ("2% to 5%", "comparable", PEOPLE, 600, PEOPLE),
        ("5% to 10%", "exposed", PEOPLE, 300, PEOPLE),
        ("5% to 10%", "comparable", PEOPLE, 400, PEOPLE),
    ],
)


def rows(chart: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chart.to_dict(validate=False)["data"]["values"]
    return found


def test_the_love_chart_has_each_covariate_before_and_after_and_says_the_worst() -> None:
    chart = comparability.love_chart(tables()["balance"])
    drawn = [(row["label"], row["group"], row["value"]) for row in rows(chart)]
    assert drawn == [
        ("earlier orders", "Before", 0.31),
        ("earlier orders", "Once weighted", -0.01),
        ("region", "Before", -0.4),
        ("region", "Once weighted", 0.02),
    ]
    assert "at most 0.02 standard deviations" in chart.title
    assert "<svg" in to_svg(chart)


def test_the_overlap_chart_has_shares_of_what_is_told_of_and_leaves_out_what_is_withheld() -> None:
    chart = comparability.overlap_chart(OVERLAP)
    drawn = {(row["label"], row["group"]): row["value"] for row in rows(chart)}
    assert drawn == {
        ("2% to 5%", "Exposed"): 25.0,
        ("2% to 5%", "Comparable"): 60.0,
        ("5% to 10%", "Exposed"): 75.0,
        ("5% to 10%", "Comparable"): 40.0,
    }
    assert "2 of 3 ranges" in chart.title
    assert "<svg" in to_svg(chart)


def test_the_effects_chart_sets_the_methods_side_by_side_and_what_should_be_zero_below() -> None:
    chart = comparability.effects_chart(observational_of())
    told = chart.to_dict(validate=False)
    assert "Conversion differs by +1.25 points (95% interval +0.76 to +1.74)" in str(told["title"])
    labels = [row["label"] for part in told["vconcat"] for row in part["data"]["values"]]
    assert labels == [
        "Unadjusted",
        "Matched",
        "Doubly robust",
        "Before the study",
        "At other merchants",
    ]


def test_a_withheld_effect_is_drawn_as_withheld() -> None:
    found = observational_of(comparison={("bought", "both", "adjusted"): None})
    told = comparability.effects_chart(found).to_dict(validate=False)
    assert "withheld" in str(told["title"])


@pytest.mark.parametrize(
    ("draw", "given"),
    [
        (comparability.love_chart, {"covariate": ["region"], "value": [0.1]}),
        (comparability.love_chart, OVERLAP),
        (comparability.overlap_chart, tables()["balance"]),
        (comparability.effects_chart, OVERLAP),
    ],
)
def test_nothing_else_is_drawn(draw: Any, given: Any) -> None:
    with pytest.raises(BorderError):
        draw(given)
