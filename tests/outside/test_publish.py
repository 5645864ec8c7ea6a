"""Reports come from releases that verify, and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleanroom.bench.publish import publish
from cleanroom.desk.decide import release_approved
from cleanroom.errors import ReleaseError
from cleanroom.tables import Platform
from tests.desk.rooms import Place, make_place
from tests.outside import factories

Bundle = dict[str, Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = make_place(tmp_path_factory.mktemp("published"))
    for release in factories.rich():
        for platform in Platform:
            made.vote(made.add(release), platform)
    release_approved(made.room, made.agreement, made.releases)
    return made


def agreement(place: Place) -> Path:
    return place.room / "agreement.yaml"


def test_releases_that_verify_become_reports(place: Place, tmp_path: Path) -> None:
    pages = publish(place.releases, agreement(place), tmp_path, None)
    assert [page.name for page in pages] == ["m-001.html", "index.html"]


def other_number(bundle: Bundle) -> None:
    cell = next(iter(bundle["record"]["tables"].values()))["cells"][0]
    number = next(i for i, value in enumerate(cell) if isinstance(value, float))
    cell[number] += 1


def other_name(bundle: Bundle) -> None:
    bundle["record"]["manifest"]["merchant_name"] = "Somebody Else"


def one_vote(bundle: Bundle) -> None:
    del bundle["votes"][0]


def same_vote_twice(bundle: Bundle) -> None:
    bundle["votes"][1] = bundle["votes"][0]


def other_comment(bundle: Bundle) -> None:
    bundle["votes"][0]["body"]["comment"] = "As planned."


def unsigned(bundle: Bundle) -> None:
    bundle["signature"] = "00" * 64


@pytest.mark.parametrize(
    "change", [other_number, other_name, one_vote, same_vote_twice, other_comment, unsigned]
)
def test_one_bundle_that_does_not_verify_and_no_page_is_drawn(
    place: Place, tmp_path: Path, change: Callable[[Bundle], None]
) -> None:
    releases, out = tmp_path / "releases", tmp_path / "reports"
    releases.mkdir()
    first, second = sorted(place.releases.glob("*.json"))
    (releases / first.name).write_bytes(first.read_bytes())
    bundle = json.loads(second.read_bytes())
    change(bundle)
    (releases / second.name).write_text(json.dumps(bundle), encoding="utf-8")
    with pytest.raises(ReleaseError):
        publish(releases, agreement(place), out, None)
    assert not out.exists()
