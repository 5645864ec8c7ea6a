"""Three public experiments: one that is broken, one with an effect, one with half of one."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from cleanroom.borders import Findings, Verdict
from tests.known_answers.examples import Arm, lift_of

Read = Callable[[str], pl.DataFrame]


def cookie_cats(read: Read, retained: str) -> Findings:
    players = read("experiments/cookie_cats.csv.gz")

    def arm(version: str) -> Arm:
        people = players.filter(pl.col("test_version") == version)
        return Arm(people.height, people.height, int(people[retained].sum()))

    return lift_of(treated=arm("gate_40"), holdout=arm("gate_30"))


@pytest.mark.parametrize(
    ("retained", "holdout", "treated"),
    [("retention_1", 0.4482, 0.4423), ("retention_7", 0.1902, 0.1820)],
)
def test_cookie_cats_must_not_be_used_because_its_arms_have_the_wrong_sizes(
    known_data: Read, retained: str, holdout: float, treated: float
) -> None:
    found = cookie_cats(known_data, retained)
    assert found.estimates["conversion_rate_holdout"].value == pytest.approx(holdout, abs=5e-5)
    assert found.estimates["conversion_rate_treated"].value == pytest.approx(treated, abs=5e-5)
    assert found.estimates["sample_ratio_p_value"].value == pytest.approx(0.0086, abs=5e-5)
    assert found.checks["sample_ratio"].verdict is Verdict.FAILED
    assert "p = 0.0086" in found.checks["sample_ratio"].words
    assert "must not be used" in found.summary[0]
    assert "caused" not in " ".join(found.summary)


def starbucks(read: Read) -> Findings:
    customers = read("experiments/starbucks_training.csv.gz")

    def arm(promotion: str) -> Arm:
        people = customers.filter(pl.col("Promotion") == promotion)
        return Arm(people.height, people.height, int(people["purchase"].sum()))

    return lift_of(treated=arm("Yes"), holdout=arm("No"))


def test_starbucks_promotion_raised_the_purchase_rate_by_0_9455_points(known_data: Read) -> None:
    found = starbucks(known_data)
    assert found.estimates["conversion_rate_treated"].value == pytest.approx(0.017019, abs=5e-7)
    assert found.estimates["conversion_rate_holdout"].value == pytest.approx(0.007565, abs=5e-7)
    assert found.estimates["absolute_lift"].value == pytest.approx(0.009455, abs=5e-7)
    assert found.checks["sample_ratio"].verdict is Verdict.PASSED
    assert "caused about" in found.summary[0]


def udacity(read: Read, outcome: str) -> Findings:
    """Page views are those assigned, clicks those studied; only days whose outcome is known."""

    def arm(name: str) -> Arm:
        days = read(f"experiments/udacity_{name}.csv")
        known = days.drop_nulls()
        assigned, people = days["Pageviews"].sum(), known["Clicks"].sum()
        return Arm(int(assigned), int(people), int(known[outcome].sum()))

    return lift_of(treated=arm("experiment"), holdout=arm("control"))


@pytest.mark.parametrize(
    ("outcome", "lift", "lower", "upper", "shown"),
    [
        ("Enrollments", -0.0206, -0.0291, -0.0120, True),
        ("Payments", -0.0049, -0.0116, 0.0019, False),
    ],
)
def test_udacity_enrolments_fell_and_payments_did_not_show_it(
    known_data: Read, outcome: str, lift: float, lower: float, upper: float, shown: bool
) -> None:
    found = udacity(known_data, outcome)
    estimate = found.estimates["absolute_lift"]
    assert estimate.value == pytest.approx(lift, abs=5e-5)
    assert estimate.lower == pytest.approx(lower, abs=5e-5)
    assert estimate.upper == pytest.approx(upper, abs=5e-5)
    assert ("fewer buyers" in found.summary[0]) is shown
    assert ("no effect" in found.summary[0].lower()) is not shown


def test_udacity_page_views_show_no_mismatch(known_data: Read) -> None:
    found = udacity(known_data, "Enrollments")
    assert found.estimates["sample_ratio_p_value"].value == pytest.approx(0.288, abs=5e-4)
    assert found.checks["sample_ratio"].verdict is Verdict.PASSED
