"""An analyst's side of the review: ask for a release, see where it stands, take it back.

In a notebook: `cleanroom.release.status("out/demo/room", candidate)`. Nothing here reads a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cleanroom.bench.display import plain
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.review import office
from cleanroom.review.case import Case, decisions
from cleanroom.review.records import Decision
from cleanroom.review.states import LEFT, MEANS, State
from cleanroom.room.place import agreement_of, ledger_of
from cleanroom.tables import Platform

# The reviewers' turn has ended: what they say is now the author's to read.
_ENDED = (State.RETURNED, State.REJECTED, State.WITHDRAWN, *LEFT)


@dataclass(frozen=True)
class Status:
    """Where a candidate stands, in words; `asked`: what reviewers asked for, by platform and table.

    `asked` is empty until the reviewers' turn has ended, and so is `said`, their other comments.
    """

    state: State
    words: str
    asked: tuple[tuple[str, str, str], ...] = ()
    said: tuple[str, ...] = ()

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.state.capitalize()}**: {plain(self.words)}."]
        lines += [f"- {platform}, {part}: {plain(what)}" for platform, part, what in self.asked]
        lines += [f"- {plain(comment)}" for comment in self.said]
        return "\n".join(lines)


def submit(room: str | Path, candidate: Candidate, author: str) -> Status:
    """Ask for a candidate to be released; `author` is who asks, and reviews nothing of it.

    Raises `ReviewError` if it may not be, as when no template covers it any more.
    """
    room = Path(room)
    office.submit(ledger_of(room), agreement_of(room), [candidate], author)
    return status(room, candidate)


def status(room: str | Path, candidate: Candidate) -> Status:
    """Where a candidate stands, and once the reviewers' turn has ended what they asked for."""
    case = office.docket(ledger_of(Path(room))).named(candidate_digest(candidate))
    if case.state not in _ENDED:
        return Status(case.state, MEANS[case.state])
    return Status(case.state, MEANS[case.state], tuple(_asked(case)), tuple(_said(case)))


def withdraw(room: str | Path, candidate: Candidate, author: str, comment: str = "") -> Status:
    """Take a candidate back; raises `ReviewError` for anybody but its author."""
    office.withdraw(ledger_of(Path(room)), candidate_digest(candidate), author, comment)
    return status(room, candidate)


def _asked(case: Case) -> list[tuple[str, str, str]]:
    return [
        (platform.value, part, vote.comment or _overall(case, platform, reviewer))
        for (platform, reviewer), said in decisions(case).items()
        for part, vote in said.items()
        if vote.decision is Decision.REQUEST_CHANGES
    ]


def _said(case: Case) -> list[str]:
    """What was said on the last step, as why it was rejected or recalled."""
    return [step.comment for step in case.steps[-1:] if step.comment]


def _overall(case: Case, platform: Platform, reviewer: str) -> str:
    who = (platform, reviewer)
    votes = (*case.carried, *case.votes)
    comments = [v.body.comment for v in votes if (v.body.platform, v.body.reviewer) == who]
    return comments[-1] if comments else ""
