"""docs/methods.md names every estimate and check, with its unit, and nothing that is no longer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cleanroom.borders import Findings
from cleanroom.studies.portfolio import portfolio
from tests.known_answers.examples import conversion_of, whole_lift
from tests.known_answers.observational_examples import observational_of
from tests.known_answers.regions import Regions, geo_of
from tests.known_answers.test_portfolio import market

METHODS = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
FOUND = {
    "conversion": conversion_of(),
    "lift": whole_lift(),
    "observational": observational_of(),
    "geo": geo_of(Regions(count=10, treated=2, periods=40, after=8).draw(1)[0]),
    "portfolio": portfolio(market(20).lifts, "CNY").findings,
}


def section(study: str) -> str:
    """The text of one study, up to the next heading of its level."""
    return METHODS.split(f"\n## The {study} study\n")[1].split("\n## ")[0]


def rows(text: str) -> dict[str, str]:
    """Lines of the section's tables by the name that opens them in backticks."""
    return dict(re.findall(r"^\| `(\w+)` (\|.*)$", text, flags=re.MULTILINE))


@pytest.mark.parametrize(("study", "found"), FOUND.items())
def test_each_estimate_and_check_has_its_row_and_each_row_its_estimate(
    study: str, found: Findings
) -> None:
    made = {one_for_all(name) for name in (*found.estimates, *found.checks)}
    assert rows(section(study)).keys() == made


def one_for_all(name: str) -> str:
    """Of weeks and of regions, one stands for all."""
    return re.sub(r"_region_.*", "_region_elsewhere", re.sub(r"week_\d+", "week_01", name))


@pytest.mark.parametrize(("study", "found"), FOUND.items())
def test_each_estimates_row_states_its_unit(study: str, found: Findings) -> None:
    documented = rows(section(study))
    for name, estimate in found.estimates.items():
        assert f"| {estimate.unit} |" in documented[one_for_all(name)], name


@pytest.mark.parametrize(("study", "found"), FOUND.items())
def test_each_source_named_by_a_method_is_in_the_references(study: str, found: Findings) -> None:
    references = METHODS.split("\n## Sources\n")[1]
    for estimate in found.estimates.values():
        for authors, year in re.findall(r"\((\D+) (\d{4})\)", estimate.method):
            assert any(
                authors.split(",")[0].split()[0] in line and year in line
                for line in references.splitlines()
            ), estimate.method
