"""Published answers of randomised experiments."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from cleanroom.borders import Findings
from cleanroom.studies.intervals import Proportion, planned_split_p_value
from cleanroom.studies.score import difference_of_proportions
from tests.known_answers import test_hillstrom as hillstrom
from tests.known_answers import test_public_experiments as experiments
from tests.known_answers.published import Answer, Found, Source, estimate_of
from tests.real_data import files

_customers = cache(partial(hillstrom.read_customers, files.read))


@cache
def _email(segment: str, outcome: str) -> Findings:
    return hillstrom.study(_customers(), segment, outcome)


def _email_error(segment: str, outcome: str) -> float:
    rows = _customers()
    arms = [hillstrom.arm(rows, one, outcome) for one in (segment, hillstrom.NONE)]
    shares = (Proportion(one.converters, one.people) for one in arms)
    return difference_of_proportions(*shares).standard_error


def _spend(segment: str, end: str) -> float:
    """In dollars: an `end` of the interval, or half of it over the normal quantile."""
    one = _email(segment, "conversion").estimates["amount_lift"]
    assert one.lower is not None
    assert one.upper is not None
    half = (one.upper - one.lower) / 2 / 1.959964
    return {"lower": one.lower, "upper": one.upper, "error": half}[end] / 100


def _split() -> float:
    sizes = _customers()["segment"].value_counts()["count"].to_list()
    return planned_split_p_value(sizes, [1 / 3] * 3)


_MENS, _WOMENS = hillstrom.MENS, hillstrom.WOMENS
_WELCH = "published with normal quantiles, ours are Welch's"
EMAILS = Source(
    "Two e-mails against none",
    "Hillstrom's randomised test of 64,000 customers (MineThatData E-Mail Analytics Challenge, "
    "2008), with the effects that its analyses agree on.",
    (
        *(
            answer
            for name, segment, outcome, lift, error in (
                ("men's e-mail, visits", _MENS, "visit", 0.076590, 0.003386),
                ("men's e-mail, buyers", _MENS, "conversion", 0.006805, 0.000921),
                ("women's e-mail, visits", _WOMENS, "visit", 0.045233, 0.003234),
                ("women's e-mail, buyers", _WOMENS, "conversion", 0.003111, 0.000823),
            )
            for answer in (
                Answer(
                    f"{name}: lift",
                    lift,
                    6,
                    estimate_of(partial(_email, segment, outcome), "absolute_lift"),
                ),
                Answer(f"{name}: its error", error, 6, partial(_email_error, segment, outcome)),
            )
        ),
        Answer(
            "men's e-mail, visits: relative lift",
            0.721,
            3,
            estimate_of(partial(_email, _MENS, "visit"), "relative_conversion_lift"),
        ),
        Answer(
            "men's e-mail: additional buyers",
            145.0,
            1,
            estimate_of(partial(_email, _MENS, "conversion"), "incremental_conversions"),
        ),
        *(
            answer
            for name, segment, dollars, error in (
                ("men's e-mail", _MENS, 0.769827, 0.145247),
                ("women's e-mail", _WOMENS, 0.424412, 0.130333),
            )
            for answer in (
                Answer(
                    f"{name}: spend per customer, dollars",
                    dollars,
                    6,
                    estimate_of(partial(_email, segment, "conversion"), "amount_lift", 0.01),
                ),
                Answer(
                    f"{name}: its error",
                    error,
                    6,
                    partial(_spend, segment, "error"),
                    1.5e-5,
                    _WELCH,
                ),
            )
        ),
        Answer(
            "men's e-mail: interval from",
            0.485144,
            6,
            partial(_spend, _MENS, "lower"),
            1e-5,
            _WELCH,
        ),
        Answer("men's e-mail: to", 1.054510, 6, partial(_spend, _MENS, "upper"), 1e-5, _WELCH),
        Answer("sample-ratio p-value of the three arms", 0.904, 3, _split),
    ),
)


@cache
def _cats(retained: str) -> Findings:
    return experiments.cookie_cats(files.read, retained)


@cache
def _udacity(outcome: str) -> Findings:
    return experiments.udacity(files.read, outcome)


def _end(findings: Callable[[], Findings], name: str, end: str) -> Found:
    return lambda: getattr(findings().estimates[name], end)


_starbucks = cache(partial(experiments.starbucks, files.read))
EXPERIMENTS = Source(
    "Three public experiments",
    "Cookie Cats (90,189 players, in arms of the wrong sizes), Starbucks' promotion (84,534 "
    "customers) and Udacity's free trial, as their teaching material and its solutions have them.",
    (
        *(
            Answer(
                f"Cookie Cats, retained on day {day}, {words}",
                value,
                4,
                estimate_of(partial(_cats, f"retention_{day}"), f"conversion_rate_{arm}"),
            )
            for day, arm, words, value in (
                (1, "holdout", "gate at 30", 0.4482),
                (1, "treated", "gate at 40", 0.4423),
                (7, "holdout", "gate at 30", 0.1902),
                (7, "treated", "gate at 40", 0.1820),
            )
        ),
        Answer(
            "Cookie Cats: sample-ratio p-value",
            0.0086,
            4,
            estimate_of(partial(_cats, "retention_1"), "sample_ratio_p_value"),
        ),
        *(
            Answer(f"Starbucks: {words}", value, 6, estimate_of(_starbucks, name))
            for words, name, value in (
                ("purchase rate with the promotion", "conversion_rate_treated", 0.017019),
                ("without", "conversion_rate_holdout", 0.007565),
                ("difference", "absolute_lift", 0.009455),
            )
        ),
        *(
            Answer(
                f"Udacity, {outcome.lower()}: {words}",
                value,
                4,
                _end(partial(_udacity, outcome), "absolute_lift", end),
            )
            for outcome, values in (
                ("Enrollments", (-0.0206, -0.0291, -0.0120)),
                ("Payments", (-0.0049, -0.0116, 0.0019)),
            )
            for words, end, value in zip(
                ("difference", "interval from", "to"),
                ("value", "lower", "upper"),
                values,
                strict=True,
            )
        ),
        Answer(
            "Udacity: sample-ratio p-value of page views",
            0.288,
            3,
            estimate_of(partial(_udacity, "Enrollments"), "sample_ratio_p_value"),
        ),
    ),
)
