"""The configurations that are shipped fit the notebooks that are shipped, and each other."""

from __future__ import annotations

from pathlib import Path

from cleanroom import agreement
from cleanroom.bench.settings import load_settings, study_for
from cleanroom.review.templates import load_drafts, refusals, template_of

ROOT = Path(__file__).resolve().parents[2]
AGREEMENTS = sorted(ROOT.glob("configs/*-plan.yaml"))
RUNS = sorted(ROOT.glob("configs/*.run.yaml"))


def test_there_are_agreements_and_runs_to_check() -> None:
    assert AGREEMENTS
    assert RUNS


def test_each_agreement_has_a_template_of_each_study_with_a_notebook_that_is_there() -> None:
    for file in AGREEMENTS:
        agreed = agreement.load(file)
        drafts = load_drafts(file.with_suffix(".templates.yaml"))
        made = [template_of(d, name, agreed, ROOT / "notebooks") for name, d in drafts.items()]
        assert {template.kind for template in made} == set(agreed.studies)


def test_each_run_stays_inside_the_templates_that_are_shipped() -> None:
    for file in RUNS:
        settings = load_settings(file)
        own = file.with_name(file.name.replace(".run", ""))
        agreed, drafts = agreement.load(own), load_drafts(own.with_suffix(".templates.yaml"))
        made = [template_of(d, name, agreed, ROOT / "notebooks") for name, d in drafts.items()]
        for kind in settings.studies:
            study = study_for(settings, kind, "M01")
            assert any(not [*refusals(template, study, agreed)] for template in made)


def test_each_run_asks_only_for_studies_its_agreement_permits() -> None:
    for file in RUNS:
        settings = load_settings(file)
        agreed = agreement.load(file.with_name(file.name.replace(".run", "")))
        assert set(settings.studies) <= set(agreed.studies)
        for kind in settings.studies:
            assert study_for(settings, kind, "M01").merchant == "M01"
