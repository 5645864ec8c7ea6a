"""MineThatData's randomised e-mail test (Hillstrom 2008): two e-mails against none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from cleanroom.borders import Findings, Verdict
from cleanroom.studies.intervals import Proportion, planned_split_p_value
from cleanroom.studies.score import difference_of_proportions
from tests.known_answers.examples import Arm, Prior, lift_of, lift_with, part_rows, prior_rows

Read = Callable[[str], pl.DataFrame]
MENS, WOMENS, NONE = "Mens E-Mail", "Womens E-Mail", "No E-Mail"


@pytest.fixture(scope="module")
def customers(known_data: Read) -> pl.DataFrame:
    frame = known_data("hillstrom/hillstrom.csv.gz")
    return frame.with_columns(cents=(pl.col("spend") * 100).round())


def arm(customers: pl.DataFrame, segment: str, outcome: str) -> Arm:
    people = customers.filter(pl.col("segment") == segment)
    cents = people["cents"]
    amounts = float(cents.sum()), float((cents * cents).sum())
    return Arm(people.height, people.height, int(people[outcome].sum()), *amounts)


def study(customers: pl.DataFrame, email: str, outcome: str = "conversion") -> Findings:
    return lift_of(arm(customers, email, outcome), arm(customers, NONE, outcome))


@pytest.mark.parametrize(
    ("email", "outcome", "lift", "standard_error"),
    [
        (MENS, "visit", 0.076590, 0.003386),
        (MENS, "conversion", 0.006805, 0.000921),
        (WOMENS, "visit", 0.045233, 0.003234),
        (WOMENS, "conversion", 0.003111, 0.000823),
    ],
)
def test_the_lift_is_the_published_one_and_its_interval_rests_on_the_published_error(
    customers: pl.DataFrame, email: str, outcome: str, lift: float, standard_error: float
) -> None:
    estimate = study(customers, email, outcome).estimates["absolute_lift"]
    assert estimate.value == pytest.approx(lift, abs=5e-7)
    treated, holdout = (arm(customers, segment, outcome) for segment in (email, NONE))
    difference = difference_of_proportions(
        Proportion(treated.converters, treated.people),
        Proportion(holdout.converters, holdout.people),
    )
    assert difference.standard_error == pytest.approx(standard_error, abs=5e-7)
    # At such counts the score interval is nearly the one from the standard error.
    assert estimate.lower == pytest.approx(lift - 1.96 * standard_error, rel=0.01)
    assert estimate.upper == pytest.approx(lift + 1.96 * standard_error, rel=0.01)


def test_the_mens_email_raised_visits_by_72_per_cent(customers: pl.DataFrame) -> None:
    relative = study(customers, MENS, "visit").estimates["relative_conversion_lift"]
    assert relative.value == pytest.approx(0.721, abs=5e-4)


def test_the_mens_email_caused_145_additional_conversions(customers: pl.DataFrame) -> None:
    found = study(customers, MENS)
    assert found.estimates["incremental_conversions"].value == pytest.approx(145.0, abs=0.05)
    assert found.summary[0].startswith("The notes caused about 145 additional buyers among")
    assert found.summary[0].endswith("evidence grade A, randomised holdout.")


@pytest.mark.parametrize(
    ("email", "dollars", "standard_error"),
    [(MENS, 0.769827, 0.145247), (WOMENS, 0.424412, 0.130333)],
)
def test_spend_per_person_is_the_published_one(
    customers: pl.DataFrame, email: str, dollars: float, standard_error: float
) -> None:
    estimate = study(customers, email).estimates["amount_lift"]
    assert estimate.value == pytest.approx(100 * dollars, abs=5e-5)
    assert estimate.lower is not None
    assert estimate.upper is not None
    half = (estimate.upper - estimate.lower) / 2
    assert half == pytest.approx(100 * 1.96 * standard_error, rel=1e-4)


def test_the_interval_of_the_mens_spend_is_the_published_one(customers: pl.DataFrame) -> None:
    estimate = study(customers, MENS).estimates["amount_lift"]
    # Published with 1.96 standard errors; Welch's t is wider by five millionths of a dollar.
    assert estimate.lower == pytest.approx(48.5144, abs=6e-4)
    assert estimate.upper == pytest.approx(105.4510, abs=6e-4)


def test_the_three_segments_have_the_planned_sizes(customers: pl.DataFrame) -> None:
    sizes = [float(customers.filter(pl.col("segment") == s).height) for s in (MENS, WOMENS, NONE)]
    assert planned_split_p_value(sizes, [1 / 3] * 3) == pytest.approx(0.904, abs=5e-4)
    for email in (MENS, WOMENS):
        checks = study(customers, email).checks
        assert checks["sample_ratio"].verdict is Verdict.PASSED
        assert checks["linked_share_equal"].verdict is Verdict.PASSED
        assert checks["enough_data"].verdict is Verdict.PASSED


def adjusted(customers: pl.DataFrame, email: str, outcome: str) -> Findings:
    """The study with what each customer had spent in the year before (`history`, in cents), and by
    whether the customer was new that year."""
    rows, parts = [], {}
    for name, segment in (("treated", email), ("holdout", NONE)):
        own = customers.filter(pl.col("segment") == segment)
        x, y, cents = past(own), own[outcome].to_numpy(), own["cents"].to_numpy()
        sums = (x.sum(), (x**2).sum(), x[y == 1].sum(), (x * cents).sum())
        rows += prior_rows(name, own.height, Prior(own.height, *map(float, sums)))
    for part, newbie in (("new", 1), ("existing", 0)):
        own = customers.filter(pl.col("newbie") == newbie)
        pair = [arm(own, segment, outcome) for segment in (email, NONE)]
        everybody = [arm(customers, segment, outcome).people for segment in (email, NONE)]
        treated, holdout = (a._replace(assigned=n) for a, n in zip(pair, everybody, strict=True))
        parts[part] = treated, holdout
    treated, holdout = (arm(customers, segment, outcome) for segment in (email, NONE))
    return lift_with(treated, holdout, prior=rows, customers=part_rows(parts))


def past(customers: pl.DataFrame) -> np.ndarray:
    return (100 * customers["history"]).round().to_numpy()


@pytest.mark.parametrize("email", [MENS, WOMENS])
def test_adjusting_for_the_year_before_is_what_least_squares_on_the_rows_gives(
    customers: pl.DataFrame, email: str
) -> None:
    own = customers.filter(pl.col("segment").is_in([email, NONE]))
    treated, x = (own["segment"] == email).to_numpy().astype(float), past(own)
    away = x - x.mean()
    design = np.column_stack([np.ones(own.height), treated, away, treated * away])
    found = adjusted(customers, email, "conversion")
    for name, y in (("absolute_lift", own["conversion"]), ("amount_lift", own["cents"])):
        least_squares = sm.OLS(y.to_numpy().astype(float), design).fit(cov_type="HC2")
        estimate = found.estimates[f"{name}_adjusted"]
        assert estimate.value == pytest.approx(least_squares.params[1], rel=1e-6)
        assert estimate.lower is not None
        assert estimate.upper is not None
        error = (estimate.upper - estimate.lower) / 2 / 1.959964
        assert error == pytest.approx(least_squares.bse[1], rel=0.02)
    assert found.checks["prior_equal"].verdict is Verdict.PASSED
    assert found.checks["balance"].verdict is Verdict.PASSED


def test_new_and_existing_customers_add_up_to_the_study(customers: pl.DataFrame) -> None:
    found = adjusted(customers, MENS, "visit").estimates
    own = customers.filter(pl.col("segment").is_in([MENS, NONE]))
    for part, newbie in (("new", 1), ("existing", 0)):
        rates = (
            own.filter(pl.col("newbie") == newbie).group_by("segment").agg(pl.col("visit").mean())
        )
        by_segment = dict(rates.iter_rows())
        expected = by_segment[MENS] - by_segment[NONE]
        assert found[f"absolute_lift_customer_{part}"].value == pytest.approx(expected)
    assert found["absolute_lift_post_stratified"].value == pytest.approx(0.0766, abs=2e-4)
