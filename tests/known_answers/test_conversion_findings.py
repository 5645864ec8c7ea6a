"""The conversion study: numbers by hand, and sentences that stand whatever was withheld."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.absences import Absence
from cleanroom.borders import (
    EVENTS,
    MONEY,
    PEOPLE,
    SHARE,
    Verdict,
)
from cleanroom.errors import StudyError
from cleanroom.studies import conversion
from tests.factories import protected
from tests.known_answers.examples import LINK, MONEY_CELLS, PATH, conversion_of

CELLS = [*(f"{unit}_{step}" for step in PATH for unit in (PEOPLE, EVENTS)), *MONEY_CELLS, *LINK]


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("read_per_reach", 60_000 / 120_334, SHARE),
        ("engage_per_reach", 9_000 / 120_334, SHARE),
        ("click_per_reach", 8_120 / 120_334, SHARE),
        ("visit_per_click", 4_012 / 8_120, SHARE),
        ("search_per_visit", 900 / 4_012, SHARE),
        ("cart_per_visit", 700 / 4_012, SHARE),
        ("purchase_per_visit", 312 / 4_012, SHARE),
        ("purchase_per_click", 312 / 8_120, SHARE),
        ("match_rate", 4_100 / 8_000, SHARE),
        ("roas", 5_123_400 / 1_234_560, "ratio"),
        ("cost_per_click", 1_234_560 / 10_500, MONEY),
        ("cost_per_order", 1_234_560 / 345, MONEY),
        ("average_order_value", 5_123_400 / 345, MONEY),
        ("people_purchase", 312, PEOPLE),
        ("events_purchase", 350, EVENTS),
        ("orders", 345, EVENTS),
        ("revenue", 5_123_400, MONEY),
    ],
)
def test_each_estimate_is_what_its_label_says(name: str, value: float, unit: str) -> None:
    estimate = conversion_of().estimates[name]
    assert estimate.value == pytest.approx(value, rel=1e-12)
    assert estimate.unit == unit
    assert estimate.withheld is None
    if unit == SHARE:
        assert estimate.lower is not None
        assert estimate.upper is not None
        assert estimate.lower < value < estimate.upper


def test_the_summary_tells_reach_orders_and_money_and_that_it_is_not_an_effect() -> None:
    reach, orders, money = conversion_of().summary
    assert reach == (
        "The notes reached 120,334 people, and 8,120 clicked (6.75%, 95% interval 6.61% to 6.89%)."
    )
    assert orders == (
        "Of the people who clicked, 4,012 were seen in the store (49.4%, 95% interval 48.3% to "
        "50.5%) and 312 bought (3.84%, 95% interval 3.45% to 4.28%), placing 345 orders."
    )
    assert money == (
        "Revenue net of refunds was ¥51,234 and advertising cost ¥12,346, a return on advertising "
        "spend of 4.15; this credits orders to the click before them and is attribution, not "
        "effect (evidence grade D)."
    )


def test_a_withheld_number_is_named_and_the_sentences_stand_without_it() -> None:
    found = conversion_of(withheld=("people_click", "people_purchase", "cost"))
    assert found.estimates["purchase_per_click"].withheld == (
        "the number of buyers and the number of people who clicked were withheld by the "
        "disclosure rules"
    )
    assert found.estimates["roas"].withheld == (
        "the advertising cost was withheld by the disclosure rules"
    )
    assert found.summary[0] == "The notes reached 120,334 people, and a withheld number clicked."
    assert found.summary[1] == (
        "Of the people who clicked, 4,012 were seen in the store and a withheld number bought, "
        "placing 345 orders."
    )
    assert found.summary[2].startswith(
        "Revenue net of refunds was ¥51,234 and advertising cost withheld; this credits"
    )
    assert found.checks["steps_nested"].verdict is Verdict.UNKNOWN


def test_what_is_not_recorded_is_called_so_and_not_withheld() -> None:
    never = (None, None, None, "not_recorded")
    path = protected("path", ("step",), [("click", PEOPLE, None, PEOPLE, *never)])
    money = protected("money", (), [("cost", None, MONEY, *never)])
    found = conversion.findings(
        {"path": path, "money": money, "link": protected("link", ("outcome",), [])}, "CNY"
    )
    cost, rate = found.estimates["cost"], found.estimates["purchase_per_click"]
    assert (cost.absence, cost.withheld) == (
        Absence.NO_DATA,
        "there is no data on the advertising cost: the platform hands over no records of it",
    )
    assert rate.absence is Absence.WITHHELD
    assert rate.withheld == (
        "the number of buyers was withheld by the disclosure rules; there is no data on the number "
        "of people who clicked: the platform hands over no records of it"
    )
    assert "an unrecorded number clicked" in found.summary[0]
    assert "advertising cost not recorded" in found.summary[2]
    assert found.estimates["people_reach"].absence is Absence.WITHHELD


def test_an_estimate_with_a_value_has_no_absence_and_an_undefined_one_says_so() -> None:
    found = conversion_of(changed={"cost": 0}).estimates
    assert found["roas"].absence is Absence.UNDEFINED
    assert {one.absence for one in found.values() if one.value is not None} == {None}


@pytest.mark.parametrize(
    "rule", ["min_people", "min_converters", "zero_cell", "full_cell", "both_arms"]
)
def test_the_reason_is_the_same_whichever_rule_withheld(rule: str) -> None:
    path = protected("path", ("step",), [("click", PEOPLE, None, PEOPLE)], rule=rule)
    rest = {"money": protected("money", (), []), "link": protected("link", ("outcome",), [])}
    found = conversion.findings({"path": path, **rest}, "CNY")
    assert found.estimates["people_click"].withheld == (
        "the number of people who clicked was withheld by the disclosure rules"
    )


@settings(deadline=None)
@given(st.sets(st.sampled_from(CELLS)))
def test_whatever_is_withheld_nothing_is_made_up_and_every_sentence_is_whole(
    cells: set[str],
) -> None:
    found = conversion_of(withheld=tuple(cells))
    for estimate in found.estimates.values():
        assert (estimate.value is None) is (estimate.withheld is not None)
    for name in cells & found.estimates.keys():
        assert found.estimates[name].value is None
    assert len(found.summary) == 3
    for sentence in found.summary:
        assert re.fullmatch(r"[A-Z][^\n]*[^ ,;:]\.", sentence)
        assert not re.search(r"None|nan|  |\(\)| ,", sentence)


def test_a_step_with_more_people_than_the_one_before_is_an_error_of_the_data() -> None:
    found = conversion_of(changed={"people_search": 5_000})
    assert found.estimates["search_per_visit"].value is None
    assert "the part is larger than the whole" in str(found.estimates["search_per_visit"].withheld)
    assert found.checks["steps_nested"].verdict is Verdict.FAILED
    assert "more people who searched the store than" in found.checks["steps_nested"].words


def test_nothing_is_divided_by_nothing() -> None:
    found = conversion_of(changed={"cost": 0, "people_click": 0, "people_purchase": 0})
    assert found.estimates["cost"].value == 0
    for name in ("roas", "visit_per_click", "purchase_per_click"):
        assert found.estimates[name].value is None
    assert "divide" in str(found.estimates["roas"].withheld)


def test_revenue_below_the_refunds_is_shown_as_it_is() -> None:
    found = conversion_of(changed={"revenue": -250_000})
    assert found.estimates["roas"].value == pytest.approx(-250_000 / 1_234_560)
    assert "Revenue net of refunds was −¥2,500 and" in found.summary[2]


def test_a_missing_table_is_an_error_that_names_it() -> None:
    with pytest.raises(StudyError, match="'money'"):
        conversion.findings({"path": protected("path", ("step",), [])}, "CNY")
