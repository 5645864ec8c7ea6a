"""A release that was called back says so wherever it is read, and why; nothing is drawn from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cleanroom.bench.publish import publish
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.cli import app
from cleanroom.desk import reading
from cleanroom.desk.decide import act, mark_recalled
from cleanroom.desk.pages import render
from cleanroom.desk.queue import queue
from cleanroom.desk.standing import opened, read_papers
from cleanroom.desk.words import listed
from cleanroom.errors import ReleaseError
from cleanroom.gate.release import read_release
from cleanroom.review.records import ActKind
from cleanroom.tables import Platform
from tests.desk.rooms import Place, make_place
from tests.desk.values import FRAME, READER
from tests.outside import factories

WHY = "The days were <wrong>."
BY = Platform.STORE
Bundle = dict[str, Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Three releases: a merchant's two, of which the lift was recalled, and another's, recalled."""
    made = make_place(tmp_path_factory.mktemp("recalled"))
    conversion, lift = factories.rich()
    several = made.add_all([(conversion, {}), (lift, {}), (factories.conversion_only()[0], {})])
    for platform in Platform:
        made.vote_on_all(several, platform)
    made.release()
    recall(made, several[1])
    recall(made, several[2])
    return made


def recall(place: Place, candidate: Candidate) -> None:
    digest, by = candidate_digest(candidate), place.reviewer(BY)
    act(place.room, place.agreement, [digest], by, ActKind.RECALL, WHY)


@pytest.fixture
def releases(place: Place, tmp_path: Path) -> Path:
    """The folder of releases, as the room's operator leaves it."""
    mark_recalled(place.room, place.agreement, place.releases)
    return Path(shutil.copytree(place.releases, tmp_path / "releases"))


def published(place: Place, releases: Path) -> dict[str, str]:
    pages = publish(releases, place.room / "agreement.yaml", releases.parent / "reports", None)
    return {page.name: page.read_text(encoding="utf-8") for page in pages}


def test_the_operators_next_release_writes_it_into_the_file_once(
    place: Place, tmp_path: Path
) -> None:
    told = mark_recalled(place.room, place.agreement, place.releases)
    assert set(told.values()) == {f"by bo of store: {WHY}"}
    assert len(told) == 2
    before = {file: file.read_bytes() for file in place.releases.iterdir()}
    assert mark_recalled(place.room, place.agreement, place.releases) == told
    assert {file: file.read_bytes() for file in place.releases.iterdir()} == before
    assert mark_recalled(place.room, place.agreement, tmp_path) == {}
    answer = CliRunner().invoke(app, ["review", "release", str(place.room), "--out", str(tmp_path)])
    assert "1 released" in answer.output
    answer = CliRunner().invoke(
        app, ["review", "release", str(place.room), "--out", str(place.releases)]
    )
    assert answer.output.count(f"RECALLED: {next(iter(told))}") == 1


def test_a_page_says_recalled_with_the_reason_and_draws_nothing_of_it(
    place: Place, releases: Path
) -> None:
    pages = published(place, releases)
    for name in ("m-001.html", "m-012.html"):
        assert "<h2>Recalled</h2>" in pages[name]
        assert "by <bdi>bo of the store platform</bdi>" in pages[name]
        assert "The days were &lt;wrong&gt;." in pages[name]
    assert "From note to order" in pages["m-001.html"]  # the other study holds
    assert "What the notes caused" not in pages["m-001.html"]
    assert "<svg" not in pages["m-012.html"]
    assert "120,400" not in pages["m-012.html"]


def test_the_list_says_recalled_with_the_reason(place: Place, releases: Path) -> None:
    index = published(place, releases)["index.html"]
    assert index.count("RECALLED on") == 2
    assert index.count("The days were &lt;wrong&gt;.") == 2
    assert "<h2>1 report</h2>" in index
    lines = [line for case in queue(place.room) for line in listed(case)]
    assert sum(f"RECALLED by bo of store: {WHY}" in line for line in lines) == 2


def test_the_desk_says_it_first_of_all(place: Place) -> None:
    papers = read_papers(place.room)
    digest = candidate_digest(place.added["花间集 Camellia House"])
    page = reading.overview(opened(place.room, papers, papers.by_digest[digest]), READER)
    assert page.concerns[0].says.message.startswith("Recalled by %(by)s: “%(reason)s”")
    assert "The days were &lt;wrong&gt;." in render(page, FRAME)


def other_comment(bundle: Bundle) -> None:
    bundle["recall"]["body"]["comment"] = "All is well."


def other_reviewer(bundle: Bundle) -> None:
    bundle["recall"]["body"] |= {"platform": "ads", "reviewer": "ann"}


def no_recall(bundle: Bundle) -> None:
    bundle["recall"] = {"body": {}, "signature": ""}


@pytest.mark.parametrize("change", [other_comment, other_reviewer, no_recall])
def test_a_recall_that_is_not_its_reviewers_does_not_verify(
    place: Place, releases: Path, change: Callable[[Bundle], None]
) -> None:
    (file,) = releases.glob("conversion-m-012-*.json")
    bundle = json.loads(file.read_bytes())
    change(bundle)
    file.write_text(json.dumps(bundle))
    with pytest.raises(ReleaseError, match=r"not theirs|not readable"):
        read_release(file, place.agreement)


def test_the_recall_of_one_release_is_not_that_of_another(place: Place, releases: Path) -> None:
    (one,) = releases.glob("conversion-m-012-*.json")
    (other,) = releases.glob("conversion-m-001-*.json")
    bundle = json.loads(other.read_bytes())
    bundle["recall"] = json.loads(one.read_bytes())["recall"]
    other.write_text(json.dumps(bundle))
    with pytest.raises(ReleaseError, match="The recall is of something else"):
        read_release(other, place.agreement)


def test_what_a_recalled_release_had_superseded_does_not_come_back(tmp_path: Path) -> None:
    place = make_place(tmp_path / "room")
    made = []
    for release, day in ((factories.rich()[0], "02"), (factories.fewer_buyers(), "03")):
        made.append(place.add(release, created=f"2026-05-{day}T08:15:00+00:00"))
        for platform in Platform:
            place.vote(made[-1], platform)
        place.release()
    recall(place, made[1])
    mark_recalled(place.room, place.agreement, place.releases)
    pages = published(place, place.releases)
    assert len(list(place.releases.iterdir())) == 2
    assert "From note to order" not in pages["m-001.html"]
    assert "<h2>Recalled</h2>" in pages["m-001.html"]
