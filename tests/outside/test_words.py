"""Numbers and reasons as readers meet them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom import numbers
from cleanroom.absences import Absence
from cleanroom.borders import (
    EVENTS,
    MONEY,
    PEOPLE,
    Estimate,
)
from cleanroom.evidence import NEEDED
from cleanroom.gate.rules import RULES, Rule
from cleanroom.outside import names, theme, verdicts
from cleanroom.outside.words import cell_figure, estimate_figure, rule_words
from cleanroom.room.conversion_layout import Step
from tests.factories import protected
from tests.outside import factories

RICH = [release.candidate for release in factories.rich()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.count(1_234_567), "1,234,567"),
        (numbers.count(-72.4), "−72"),
        (numbers.money(1_234_500, "CNY"), "¥12,345"),
        (numbers.money(320, "CNY"), "¥3.20"),
        (numbers.money(-99_999, "USD"), "−$999.99"),
        (numbers.money(980, "JPY"), "¥980"),
        (numbers.money(1_500, "KWD"), "KWD 1.500"),
        (numbers.share(0.12345), "12.3%"),
        (numbers.share(0.0084), "0.84%"),
        (numbers.share(0.00042), "0.042%"),
        (numbers.share(0.0), "0.000%"),
        (numbers.points(-0.0021), "−0.21"),
        (numbers.probability(0.00859), "0.0086"),
        (numbers.probability(1e-9), "below 0.0001"),
        (numbers.plain(13.557), "13.56"),
        (numbers.plain(0.0473), "0.047"),
        (numbers.plain(12_345.6), "12,346"),
    ],
)
def test_numbers_read_as_people_write_them(text: str, expected: str) -> None:
    assert text == expected


@given(st.integers(-(10**12), 10**12))
def test_a_count_is_exact(value: int) -> None:
    assert int(numbers.count(value).replace(",", "").replace("−", "-")) == value


@given(st.integers(0, 10**9))
def test_money_below_a_thousand_units_is_exact_and_above_is_within_half_a_unit(fen: int) -> None:
    shown = float(numbers.money(fen, "CNY").removeprefix("¥").replace(",", ""))
    assert abs(shown - fen / 100) <= (0.5 if fen >= 100_000 else 1e-9)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_words_of_its_own_that_name_no_number(rule: Rule) -> None:
    text = rule_words(rule.id)
    assert text.startswith("withheld: ")
    assert text != rule_words("a rule that does not exist")
    assert not any(character.isdigit() for character in text)


def test_a_rule_without_words_is_still_said_to_withhold() -> None:
    assert rule_words("new_rule").startswith("withheld: ")


def test_a_cell_reads_in_its_unit_and_a_withheld_one_as_its_reason() -> None:
    table = protected(
        "money", ("arm",), [("a", "cost", 9_900_00, MONEY), ("a", "orders", None, EVENTS)]
    )
    assert cell_figure(table, "a", "cost", currency="CNY").text == "¥9,900"
    hidden = cell_figure(table, "a", "orders", currency="CNY")
    assert (hidden.text, hidden.state) == (None, "withheld")
    assert f"withheld: {hidden.withheld}" == rule_words("min_people")


def test_a_cell_that_is_not_there_was_not_measured() -> None:
    table = protected("link", ("outcome",), [("clicked", "people", 90.0, PEOPLE)])
    assert cell_figure(table, "linked", "people", currency="CNY").state == "not measured"
    assert estimate_figure(None).state == "not measured"


def test_an_estimate_reads_with_its_interval_in_the_same_decimals() -> None:
    lift = estimate_figure(RICH[1].findings.estimates["absolute_lift"])
    assert (lift.text, lift.interval) == ("+0.85 points", "+0.55 to +1.15")
    zero = factories.without_effect()[1].candidate.findings.estimates["absolute_lift"]
    assert estimate_figure(zero).interval == "−0.29 to +0.34"


def test_a_withheld_estimate_has_words_and_no_number() -> None:
    small = factories.mostly_withheld()[1].candidate.findings.estimates["incremental_conversions"]
    figure = estimate_figure(small)
    assert figure.text is None
    assert "withheld" in (figure.withheld or "")


def test_an_estimate_that_is_not_defined_is_not_called_withheld() -> None:
    estimate = factories.build(
        "cleanroom.studies.testing",
        Estimate,
        "roas",
        "ROAS",
        None,
        "ratio",
        withheld="not defined for the advertising cost: there is nothing to divide by",
        absence=Absence.UNDEFINED,
    )
    assert estimate_figure(estimate).state == "not defined"


def test_every_step_has_words_and_its_rate_is_in_the_findings() -> None:
    assert list(names.STEPS) == list(Step)
    rates = {f"{step}_per_{about.base}" for step, about in names.STEPS.items() if about.base}
    assert rates <= set(RICH[0].findings.estimates)
    assert {about.base for about in names.STEPS.values()} == {*names.OF, ""}


def test_dimensions_and_measures_are_told_in_words() -> None:
    keys = {
        key
        for candidate in RICH
        for table in candidate.tables.values()
        for column in (*table.dimensions, "measure")
        for key in (column, *table.cells[column])
    }
    assert [key for key in keys if "_" in names.key_words(key)] == []


def test_a_lift_is_unusable_for_the_reasons_its_study_names() -> None:
    checks = RICH[1].findings.checks
    assert set(NEEDED) <= set(checks)
    assert verdicts.is_comparable(RICH[1].findings)
    assert not verdicts.is_comparable(factories.broken_split()[1].candidate.findings)


def test_too_little_data_does_not_make_a_lift_unusable() -> None:
    findings = factories.without_effect()[1].candidate.findings
    assert findings.checks["enough_data"].verdict == "failed"
    assert verdicts.is_comparable(findings)
    assert verdicts.is_graded(findings)


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    ("colour", "ground", "least"),
    [
        *((c, "#ffffff", 4.5) for c in (theme.INK, theme.MUTED, theme.ADS, theme.CAUTION)),
        (theme.MUTED, theme.WITHHELD_FILL, 4.5),
        (theme.STORE, "#ffffff", 3),
        (theme.WITHHELD, "#ffffff", 3),
    ],
)
def test_colours_have_the_contrast_that_wcag_asks_for(
    colour: str, ground: str, least: float
) -> None:
    assert (luminance(ground) + 0.05) / (luminance(colour) + 0.05) >= least
