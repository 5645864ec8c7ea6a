"""What an analyst reads of the review of their candidate, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanroom import release
from cleanroom.errors import ReviewError
from cleanroom.review import office
from cleanroom.review.records import ActKind, Decision
from cleanroom.review.states import State
from tests.review.stage import ANN, SAM, Desk, candidate

ONE = candidate()
NO = Decision.REQUEST_CHANGES


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return tmp_path


def test_what_reviewers_ask_for_is_told_once_their_turn_has_ended(desk: Desk, room: Path) -> None:
    desk.make(ONE)
    assert release.status(room, ONE).state is State.DRAFT
    desk.submit(ONE)
    desk.vote(ONE, ANN)
    said: dict[str, office.Word] = {
        "path": (NO, "other days, please"),
        "link": NO,
        "": Decision.APPROVE,
    }
    desk.vote(ONE, SAM, said, "see each table")
    told = release.status(room, ONE)
    assert (told.state, told.asked, told.said) == (State.REVIEWED, (), ())
    desk.act(ONE, SAM, ActKind.RETURN)
    told = release.status(room, ONE)
    assert told.state is State.RETURNED
    assert set(told.asked) == {
        ("store", "path", "other days, please"),
        ("store", "link", "see each table"),
    }
    assert "- store, path: other days, please" in told._repr_markdown_()


def test_why_it_was_rejected_is_told(desk: Desk, room: Path) -> None:
    desk.submit(ONE)
    desk.vote(ONE, ANN, NO, "no")
    desk.vote(ONE, SAM)
    desk.act(ONE, ANN, ActKind.REJECT, "<b>not</b> this merchant")
    told = release.status(room, ONE)
    assert told.said == ("<b>not</b> this merchant",)
    assert "&lt;b>not" in told._repr_markdown_()


def test_an_author_takes_it_back(desk: Desk, room: Path) -> None:
    desk.submit(ONE, author="ana")
    with pytest.raises(ReviewError, match="Only its author"):
        release.withdraw(room, ONE, "ben")
    assert release.withdraw(room, ONE, "ana").state is State.WITHDRAWN
