"""The configurations that are shipped fit the notebooks that are shipped, and each other."""

from __future__ import annotations

from pathlib import Path

from cleanroom import agreement
from cleanroom.bench.execute import permitted_notebook
from cleanroom.bench.settings import load_settings, study_for

ROOT = Path(__file__).resolve().parents[2]
AGREEMENTS = sorted(ROOT.glob("configs/*-plan.yaml"))
RUNS = sorted(ROOT.glob("configs/*.run.yaml"))


def test_there_are_agreements_and_runs_to_check() -> None:
    assert AGREEMENTS
    assert RUNS


def test_each_agreement_permits_the_notebooks_as_they_are() -> None:
    for file in AGREEMENTS:
        agreed = agreement.load(file)
        for kind in agreed.studies:
            assert permitted_notebook(agreed, kind, ROOT / "notebooks").is_file()


def test_each_run_asks_only_for_studies_its_agreement_permits() -> None:
    for file in RUNS:
        settings = load_settings(file)
        agreed = agreement.load(file.with_name(file.name.replace(".run", "")))
        assert set(settings.studies) <= set(agreed.studies)
        for kind in settings.studies:
            assert study_for(settings, kind, "M01").merchant == "M01"
