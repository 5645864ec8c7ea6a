"""What lies on the desk: every candidate that was submitted, by the ledger alone; and opened.

A vote that is not its reviewer's counts for nothing here, whatever the ledger made of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.borders import Candidate
from cleanroom.desk import queue
from cleanroom.desk.language import Said, said
from cleanroom.errors import ReleaseError
from cleanroom.review.case import Case
from cleanroom.review.folding import Docket, released, settled
from cleanroom.review.office import docket
from cleanroom.review.packet import is_packet, outbox
from cleanroom.review.records import Vote, require_signed
from cleanroom.review.states import State
from cleanroom.review.templates import Proposal
from cleanroom.room.place import agreement_of, ledger_of


@dataclass(frozen=True)
class Desk:
    """Where the desk stands: a room's directory, and if somebody is to decide, their own keys."""

    room: Path
    keys: Path | None = None


@dataclass(frozen=True)
class Paper:
    """A candidate on the desk, not opened.

    `case` holds its genuine votes; `doubtful` counts the others. `in_force`: it was made under the
    agreement in force. `earlier`: the last release of this kind of study and merchant before it.
    `broken`: why its file is not what the ledger names, empty if it is or is not needed any more.
    """

    case: Case
    in_force: bool = True
    doubtful: int = 0
    earlier: Case | None = None
    broken: str = ""


@dataclass(frozen=True)
class Papers:
    """All that was submitted in a room, by digest; `drafts` counts what nobody asked to release."""

    agreement: Agreement
    known: Docket
    by_digest: Mapping[str, Paper]
    drafts: int = 0


@dataclass(frozen=True)
class Opened:
    """A paper with its candidate, the candidate before it, and the template it was made by.

    `doubt`: why the candidate before it cannot be opened, if there is one.
    """

    paper: Paper
    candidate: Candidate
    earlier: Candidate | None = None
    template: Proposal | None = None
    doubt: str = ""

    @property
    def case(self) -> Case:
        """What the ledger tells of it."""
        return self.paper.case


def read_papers(room: Path) -> Papers:
    """What lies on the desk of a room; raises the error of what does not verify."""
    agreement, known = agreement_of(room), docket(ledger_of(room))
    terms, left = agreement_digest(agreement), defaultdict(list)
    for case in released(known):
        left[_about(case)].append(case)
    papers = {
        digest: _paper(room, case, agreement, left[_about(case)], case.agreement == terms)
        for digest, case in known.cases.items()
        if case.state is not State.DRAFT
    }
    return Papers(agreement, known, papers, len(known.cases) - len(papers))


def packet_words(desk: Desk) -> Said | None:
    """Of a packet: where what is signed goes; None of a room."""
    path = ledger_of(desk.room)
    if not is_packet(path):
        return None
    return said(
        "This is a packet. What you sign here goes into %(file)s; it counts once the room’s "
        "operator has recorded it.",
        file=str(outbox(path)),
    )


def opened(room: Path, papers: Papers, paper: Paper) -> Opened:
    """A paper's contents; raises `ReviewError` or `ReleaseError` if they are not what was made."""
    found = queue.opened(room, paper.case, papers.agreement).candidate
    earlier, doubt = None, ""
    if paper.earlier is not None:
        doubt = queue.why_broken(room, paper.earlier, papers.agreement)
    if paper.earlier is not None and not doubt:
        earlier = queue.opened(room, paper.earlier, papers.agreement).candidate
    template = papers.known.proposals.get(paper.case.template)
    return Opened(paper, found, earlier, template, doubt)


def released_on(case: Case | None) -> str:
    """When a release left; empty for what did not."""
    return case.receipt.body.time if case is not None and case.receipt is not None else ""


def _paper(
    room: Path, case: Case, agreement: Agreement, left: Iterable[Case], in_force: bool
) -> Paper:
    doubtful, broken = 0, ""
    if case.is_under_review:
        broken = queue.why_broken(room, case, agreement)
        votes, carried = (
            tuple(vote for vote in some if _is_signed(vote, agreement))
            for some in (case.votes, case.carried)
        )
        doubtful = len((*case.votes, *case.carried)) - len((*votes, *carried))
        if doubtful:
            genuine = replace(case, votes=votes, carried=carried, state=State.IN_REVIEW)
            case = replace(genuine, state=settled(genuine, "").state)
    return Paper(case, in_force, doubtful, queue.last_release(left, case), broken)


def _is_signed(vote: Vote, agreement: Agreement) -> bool:
    try:
        require_signed(vote, agreement)
    except ReleaseError:
        return False
    return True


def _about(case: Case) -> tuple[str, str]:
    return case.study.get("kind", ""), case.study.get("merchant", "")
