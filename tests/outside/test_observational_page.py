"""An observational release on a merchant's page: its sentences, and nothing it cannot draw."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from cleanroom.borders import Candidate, Release
from cleanroom.outside.report import render_report
from tests.factories import _build
from tests.known_answers.observational_examples import STUDY, observational_of, tables
from tests.outside import factories


def release() -> Release:
    """The study of the examples in place of a lift study's tables and findings."""
    lift = factories.rich()[1]
    manifest = {**lift.candidate.manifest, "study": STUDY.model_dump(mode="json")}
    given: dict[str, Any] = {"manifest": manifest, "tables": tables()}
    given |= {"findings": observational_of(), "signature": lift.candidate.signature}
    ordered = [given[field.name] for field in fields(Candidate)]
    candidate = _build("cleanroom.gate.testing", Candidate, *ordered)
    made: Release = _build("cleanroom.gate.testing", Release, candidate, lift.votes)
    return made


def test_the_page_says_the_verdict_with_its_grade() -> None:
    page = render_report([release()])
    assert "Credible (evidence grade C)" in page
    assert "nobody was held out by chance" in page
