"""A restarted platform whose part was done already, while the others finish behind its back.

Its messages of before may be all that the room was missing: then the room has its links, says so
and removes the messages, at whatever moment the platform is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from cleanroom.errors import JoinError
from cleanroom.party import match as at_party
from cleanroom.party.match_state import is_finished
from cleanroom.stepwise import SILENT, Moved, Steps, run
from cleanroom.tables import Platform
from tests.blinding import ADS, OTHER, ROOM, STORE, Scene, scene

CLICKED = [f"CANARY-{n}" for n in range(5)]
VISITED = [f"CANARY-{n}" for n in range(2, 8)]
COMMON = {(cid, cid) for cid in {*CLICKED} & {*VISITED}}

by_either = pytest.mark.parametrize("name", [ADS, STORE])


@pytest.fixture
def match(tmp_path: Path) -> Scene:
    return scene(tmp_path / "whole", CLICKED, VISITED, chunk=8)


def all_sent(match: Scene, name: str) -> None:
    """The platform has sent all that it has to, and is killed; the other has doubled nothing."""
    next(match.actor(ROOM))
    match.until_waiting(OTHER[name])
    match.until_waiting(name)


def finish_without(match: Scene, name: str) -> None:
    match.play(actors=[OTHER[name], ROOM])


def goes_on(steps: Steps[None]) -> None:
    """Take the steps to their end, or until they would be waited for in vain."""
    deque(islice(steps, 50))


def left(match: Scene) -> list[str]:
    folder = match.home / "mailbox"
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def has_finished(match: Scene, name: str) -> bool:
    """The platform has, and left neither a message nor its secrets."""
    side = match.side(Platform(name))
    own = [p.name for p in (match.home / name / "state").rglob("*") if p.is_file()]
    receipt = f"{match.ticket.match[:16]}/done.json"
    return (
        is_finished(side.state, side.keys, match.ticket.match)
        and own == ["matches"]
        and left(match) == [receipt, "match.json"]
        and match.links() == COMMON
    )


@by_either
def test_the_others_may_finish_between_two_of_its_steps(name: str, match: Scene) -> None:
    all_sent(match, name)
    restarted = match.actor(name)
    assert isinstance(next(restarted), Moved)  # it has begun again, and has not seen a receipt
    finish_without(match, name)
    goes_on(restarted)
    assert has_finished(match, name)


class Interrupted:
    """fsspec's files as a process sees them that stands still before one of its calls to them."""

    def __init__(self, files: Any, before: int, meanwhile: Callable[[], object]) -> None:
        self.calls, self._files, self._before, self._meanwhile = 0, files, before, meanwhile

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self._before:
                self._meanwhile()
            return getattr(self._files, name)(*arguments, **options)

        return call


def restarted(match: Scene, name: str, files: Interrupted) -> Steps[None]:
    return at_party.match(match.side(Platform(name), mailbox=replace(match.mailbox, files=files)))


@pytest.mark.slow
@by_either
def test_the_others_may_finish_between_any_two_of_its_looks_into_the_mailbox(
    name: str, match: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_party, "rates", lambda: (1.0, 1.0))  # a forecast's, which takes time
    all_sent(match, name)
    alone = Interrupted(match.mailbox.files, 0, list)
    with pytest.raises(JoinError, match="waiting for the room's receipt"):
        run(restarted(match, name, alone), 0, SILENT)
    assert alone.calls > 15
    for before in range(1, alone.calls + 1):
        again = match.copied(tmp_path / f"before-{before}")
        files = Interrupted(again.mailbox.files, before, partial(finish_without, again, name))
        goes_on(restarted(again, name, files))
        assert has_finished(again, name), before
