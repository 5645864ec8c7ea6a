"""A candidate whose file is not what the ledger names is a line of its own; the rest goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cleanroom.borders import Candidate, candidate_digest
from cleanroom.cli import app
from cleanroom.desk import acting, reading
from cleanroom.desk.acting import RefusedError, Signed
from cleanroom.desk.decide import release_approved
from cleanroom.desk.language import Said, said
from cleanroom.desk.pages import render
from cleanroom.desk.queue import sound, why_broken
from cleanroom.desk.reading import CHECKLIST
from cleanroom.desk.sitting import Sitting, sitting_at
from cleanroom.desk.standing import Desk, opened, read_papers
from cleanroom.errors import ReleaseError
from cleanroom.review.states import State
from cleanroom.tables import Platform
from tests.desk.rooms import WORDS, Place, make_place
from tests.desk.values import FRAME
from tests.outside import factories

BROKEN = said("Its file is not what the ledger names: it cannot be decided on.")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Three candidates under review."""
    made = make_place(tmp_path_factory.mktemp("built"))
    made.add_all([(factories.rich(f"Shop {n}", f"m-{n}")[0], {}) for n in (1, 2, 3)])
    return made


@pytest.fixture
def place(built: Place, tmp_path: Path) -> Place:
    """The same, for each test its own."""
    copied = Path(shutil.copytree(built.room.parent, tmp_path / "place"))
    return replace(built, room=copied / "room", added=dict(built.added))


def file_of(place: Place, name: str) -> Path:
    case = read_papers(place.room).by_digest[candidate_digest(place.added[name])].case
    return place.room / "candidates" / case.file


def by(place: Place) -> Sitting:
    return sitting_at(Desk(place.room, place.keys[Platform.ADS]), place.agreement)


def changed(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"548", b"549", 1))


def exchanged(file: Path) -> None:
    other = next(one for one in file.parent.iterdir() if one != file)
    file.write_bytes(other.read_bytes())


def emptied(file: Path) -> None:
    file.write_bytes(b"{}")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (changed, "The candidate is not what the room signed."),
        (exchanged, "%(text)s is not the candidate that the ledger names."),
        (emptied, "The file is not signed."),
        (lambda file: file.write_bytes(b"\xff"), "%(text)s is no candidate."),
        (Path.unlink, "%(text)s is not there."),
    ],
)
def test_the_queue_shows_it_with_its_reason_and_the_others_as_ever(
    place: Place, how: Callable[[Path], None], reason: str
) -> None:
    how(file_of(place, "Shop 2"))
    papers = read_papers(place.room)
    queue = reading.queue(papers, by(place))
    (line,) = queue.concerning
    assert line.heading.merchant == "Shop 2"
    assert line.concerns[0].says == BROKEN
    assert isinstance(line.concerns[0].found, Said)
    assert line.concerns[0].found.message == reason
    assert (line.selectable, line.waits) == (False, False)
    assert [one.heading.merchant for one in queue.plain if one.waits] == ["Shop 1", "Shop 3"]
    assert "Its file is not what the ledger names" in render(queue, FRAME)


def form(place: Place, *candidates: Candidate) -> Signed:
    papers = read_papers(place.room)
    digests = tuple(candidate_digest(one) for one in candidates)
    seen = reading.seen(papers.by_digest[digest] for digest in digests)
    return Signed(digests, seen, {"": "approve"}, {"": "Fine."}, len(CHECKLIST), WORDS)


def test_it_cannot_be_voted_on_and_the_others_can(place: Place) -> None:
    changed(file_of(place, "Shop 2"))
    desk = Desk(place.room, place.keys[Platform.ADS])
    before = place.votes_in_ledger()
    with pytest.raises(RefusedError, match="is not what the ledger names"):
        acting.sign(desk, by(place), form(place, *place.added.values()))
    assert place.votes_in_ledger() == before
    acting.sign(desk, by(place), form(place, place.added["Shop 1"], place.added["Shop 3"]))
    assert place.votes_in_ledger() == before + 2


def test_it_is_not_released_and_the_others_are(place: Place) -> None:
    for platform in Platform:
        place.vote_on_all([*place.added.values()], platform)
    broken = file_of(place, "Shop 2")
    changed(broken)
    written, waiting = release_approved(place.room, place.agreement, place.releases)
    assert len(written) == 2
    assert waiting == {broken.name: "The candidate is not what the room signed."}
    case = read_papers(place.room).by_digest[candidate_digest(place.added["Shop 2"])].case
    assert case.state is State.APPROVED


def test_the_terminal_names_it_and_votes_on_the_others(place: Place) -> None:
    emptied(file_of(place, "Shop 2"))
    told = CliRunner().invoke(app, ["review", "list", str(place.room)])
    assert told.output.count("! BROKEN, and cannot be decided on: The file is not signed.") == 1
    options = ["--decision", "approve", "--platform", "ads", "--reviewer", "ann"]
    answer = CliRunner().invoke(
        app,
        ["review", "vote", str(place.room), *options, "--keys", str(place.keys[Platform.ADS])],
        env={"CLEANROOM_PASSPHRASE": WORDS},
    )
    assert "approve signed; candidates: 2" in answer.output
    assert "left, for it does not verify" in answer.output
    assert isinstance(answer.exception, ReleaseError)
    assert place.votes_in_ledger() == 2


def test_a_release_that_is_broken_is_not_compared_with_and_the_page_says_so(place: Place) -> None:
    first = place.add(factories.rich()[0], created="2026-05-02T08:15:00+00:00")
    for platform in Platform:
        place.vote(first, platform)
    place.release()
    later = place.add(factories.fewer_buyers())
    (file,) = (place.room / "candidates").glob(f"*{candidate_digest(first)[:12]}*")
    emptied(file)
    papers = read_papers(place.room)
    shown = opened(place.room, papers, papers.by_digest[candidate_digest(later)])
    overview = reading.overview(shown, by(place))
    words = "The last release cannot be opened to be compared with."
    assert words in {concern.says.message for concern in overview.concerns}
    html = render(reading.comparison(shown), FRAME)
    assert words in html
    assert "Nothing of this study of this merchant has been released before" not in html


def test_a_file_that_is_restored_is_whole_again(place: Place) -> None:
    file = file_of(place, "Shop 2")
    content = file.read_bytes()
    cases = [paper.case for paper in read_papers(place.room).by_digest.values()]
    for _ in range(2):
        emptied(file)
        assert len(sound(place.room, cases, place.agreement)[1]) == 1
        file.write_bytes(content)
        assert [why_broken(place.room, case, place.agreement) for case in cases] == [""] * 3
