"""Studies that hold nobody out on a merchant's page: their verdict first, their charts, no more."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from cleanroom.borders import Candidate, Findings, Protected, Release
from cleanroom.outside.report import render_report
from cleanroom.study import Study
from tests.factories import _build
from tests.known_answers.observational_examples import STUDY, observational_of, tables
from tests.known_answers.regions import geo_of, geo_study, geolift_test, released_regions
from tests.outside import factories


def release(study: Study, shown: dict[str, Protected], findings: Findings) -> Release:
    """A study in place of a lift study's tables and findings, of the same merchant."""
    lift = factories.rich()[1]
    merchant = lift.candidate.manifest["study"]["merchant"]
    of_it = {**study.model_dump(mode="json"), "merchant": merchant}
    given: dict[str, Any] = {"manifest": {**lift.candidate.manifest, "study": of_it}}
    given |= {"tables": shown, "findings": findings, "signature": lift.candidate.signature}
    ordered = [given[field.name] for field in fields(Candidate)]
    candidate = _build("cleanroom.gate.testing", Candidate, *ordered)
    made: Release = _build("cleanroom.gate.testing", Release, candidate, lift.votes)
    return made


def observational() -> Release:
    return release(STUDY, tables(), observational_of())


def regional(withheld: int = 0) -> Release:
    panel = geolift_test()
    lost = [(panel.donor_names[0], day) for day in range(withheld)]
    table = released_regions(panel, withheld=lost)
    return release(geo_study(panel), {"regions": table}, geo_of(panel, withheld=lost))


def test_an_observational_page_says_the_verdict_with_its_grade_and_draws_why() -> None:
    page = render_report([observational()])
    assert "Credible (evidence grade C)" in page
    assert "nothing unrecorded sets them apart" in page
    assert page.count('role="img"') == 2
    assert "Checks of the comparison" in page


def test_a_regional_page_says_the_verdict_with_its_grade() -> None:
    page = render_report([regional()])
    assert "What changed where the campaign ran" in page
    assert "No effect of the campaign on orders could be shown" in page
    assert "Evidence grade B" in page
    assert "campaign group" not in page


def test_effects_by_several_designs_stand_on_one_page_the_randomised_first() -> None:
    page = render_report([*factories.rich(), observational(), regional()])
    titles = ["What the notes caused", "What the notes may have", "What changed where", "From note"]
    places = [page.index(f"<h2>{title}") for title in titles]
    assert places == sorted(places)


def test_of_many_cells_withheld_for_one_reason_the_first_are_named_and_the_others_counted() -> None:
    page = render_report([regional(withheld=40)])
    assert "and 108 more" in page
