"""A portfolio is read from a folder of releases, each verified, and from nothing else."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from cleanroom import agreement as agreements
from cleanroom.agreement import agreement_digest
from cleanroom.bench import display
from cleanroom.bench.portfolio import portfolio
from cleanroom.borders import Candidate
from cleanroom.errors import ReleaseError, StudyError
from cleanroom.gate.candidate import make_candidate
from cleanroom.gate.release import write_release
from tests.known_answers.examples import Arm, lift_study, lifts_of
from tests.outside import factories
from tests.spec.test_release import AGREED, ROOM, ROOT, both
from tests.spec.test_release import release as released

PAIRS = [
    (Arm(20_000, 20_000, bought), Arm(20_000, 20_000, 500)) for bought in (600, 560, 700, 520, 640)
]


def candidate(merchant: str, number: int) -> Candidate:
    """A lift study of one merchant, as a room under the agreement makes it."""
    made = factories.rich()[1].candidate
    study = {**made.manifest["study"], "merchant": merchant}
    changed = {"agreement": agreement_digest(AGREED), "study": study, "merchant_name": "Shop"}
    findings = lifts_of(PAIRS, lift_study())[number]
    return make_candidate({**made.manifest, **changed}, [*made.tables.values()], findings, ROOM)


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    """Five merchants' lifts, released, and the agreement."""
    agreements.write(AGREED, tmp_path / "agreement.yaml")
    (tmp_path / "releases").mkdir()
    for number in range(len(PAIRS)):
        one = candidate(f"m{number}", number)
        release = released(one, both(one))
        write_release(release, tmp_path / "releases" / f"m{number}.json")
    return tmp_path


def test_all_lifts_of_the_folder_are_pooled_under_name_and_id(folder: Path) -> None:
    found = portfolio(folder / "releases", folder / "agreement.yaml")
    assert [one.merchant for one in found.members][:2] == ["Shop (m2)", "Shop (m4)"]
    added = found.findings.estimates["incremental_conversions"].value
    assert added == pytest.approx(100 + 60 + 200 + 20 + 140)
    assert found.left_out == {}


def test_a_release_that_does_not_verify_stops_it(folder: Path) -> None:
    file = folder / "releases" / "m3.json"
    file.write_text(file.read_text().replace("Shop", "Shoq"))
    with pytest.raises(ReleaseError):
        portfolio(folder / "releases", folder / "agreement.yaml")


def test_two_studies_of_one_merchant_are_refused(folder: Path) -> None:
    one = candidate("m1", 2)
    write_release(released(one, both(one)), folder / "releases" / "again.json")
    with pytest.raises(StudyError, match=r"Two lift studies of one merchant.*Shop \(m1\)"):
        portfolio(folder / "releases", folder / "agreement.yaml")


def test_a_folder_without_lifts_is_no_portfolio(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(StudyError, match="fewer than 2"):
        portfolio(folder / "empty", folder / "agreement.yaml")


def test_the_notebook_shows_the_folder(folder: Path) -> None:
    book = nbformat.read(ROOT / "notebooks" / "portfolio.ipynb", as_version=4)
    _, *cells = [cell.source for cell in book.cells if cell.cell_type == "code"]
    names: dict[str, object] = {
        "releases": str(folder / "releases"),
        "agreement": str(folder / "agreement.yaml"),
    }
    for cell in cells:
        exec(cell, names)
    shown = display.portfolio(portfolio(folder / "releases", folder / "agreement.yaml"), "CNY")
    assert "| Shop (m2) |" in shown.data
    assert "evidence grade A" in shown.data
