"""Work that goes on step by step and may have to wait for others, who come in any order.

Whoever does such work yields `Waiting` while what it needs is not there, and `Moved` after each
step; stopped between two steps, or killed in one, it goes on with the next when it is run again.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from cleanroom.errors import JoinError

_SHORTEST, _LONGEST = 0.02, 1.0  # seconds between two looks
_SHARE = 0.05  # of the time waited so far: what is there is seen soon, and a long wait costs little
_SILENCE = 5.0  # seconds of waiting before it is said what for


@dataclass(frozen=True)
class Waiting:
    """Nothing can be done before `what` is there, in words."""

    what: str


@dataclass(frozen=True)
class Moved:
    """A step is done; it dealt with so many `records`."""

    records: int = 0


Result = TypeVar("Result")
Steps = Generator[Waiting | Moved, None, Result]


class Progress(Protocol):
    """Who is told how far the work is."""

    def says(self, line: str) -> None:
        """Take a line for the operator."""

    def begins(self, records: int) -> None:
        """Take the number of records that there are to deal with."""

    def moved(self, records: int) -> None:
        """Take the number of records just dealt with."""


class Silent:
    """A `Progress` that nobody sees."""

    def says(self, line: str) -> None:
        """Forget it."""

    def begins(self, records: int) -> None:
        """Forget it."""

    def moved(self, records: int) -> None:
        """Forget it."""


SILENT: Progress = Silent()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold `folder`, which is made if it is not there, for work that one process may do at a time.

    Raises `JoinError` if another process holds it; the end of a process, however it ends, lets go.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JoinError(
            "Another process is at this match already.", "let it go on, or end it first."
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def run(steps: Iterable[Waiting | Moved], timeout: float, progress: Progress) -> None:
    """Do all the steps; raises `JoinError` if nothing comes for `timeout` seconds."""
    since, told = time.monotonic(), ""
    for step in steps:
        if isinstance(step, Moved):
            progress.moved(step.records)
            since = time.monotonic()
            continue
        waited = time.monotonic() - since
        if waited >= timeout:
            raise JoinError(
                f"Nothing came within {timeout:,.0f} seconds: waiting for {step.what}.",
                "see that the others run their match on the same mailbox, then run this again: it "
                "goes on where it stopped.",
            )
        if waited >= _SILENCE and step.what != told:
            told = step.what
            progress.says(f"waiting for {told}")
        time.sleep(min(max(waited * _SHARE, _SHORTEST), _LONGEST))
