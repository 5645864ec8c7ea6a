"""What a reviewer does at the desk: sign a vote, or give back, refuse, recall. Nothing is signed
that was not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cleanroom.desk import decide
from cleanroom.desk.language import Said, counted, said
from cleanroom.desk.reading import CHECKLIST, seen
from cleanroom.desk.sitting import Sitting, cannot
from cleanroom.desk.standing import Desk, Paper, Papers, read_papers
from cleanroom.errors import KeysError, ReleaseError
from cleanroom.review.case import Case
from cleanroom.review.guards import why_not_vote
from cleanroom.review.office import Word, ballot, cast, record
from cleanroom.review.packet import outbox
from cleanroom.review.records import (
    LONGEST_COMMENT,
    ActKind,
    Ballot,
    Decision,
    Reviewer,
    is_plain,
    sign_act,
)
from cleanroom.review.states import Action
from cleanroom.room.place import ledger_of

# What can be done with a candidate beside voting on it, each a word that its reviewer signs.
ACTS = {
    ActKind.RETURN: Action.RETURN,
    ActKind.REJECT: Action.REJECT,
    ActKind.RECALL: Action.RECALL,
}
_DONE = {
    ActKind.RETURN: said("It is returned to its author. Keep your receipt: %(receipt)s"),
    ActKind.REJECT: said("It is rejected. Keep your receipt: %(receipt)s"),
    ActKind.RECALL: said("It is recalled. Keep your receipt: %(receipt)s"),
}
_AGAIN = said("Signed already: nothing has changed.")
_TO_QUEUE = said("Go back to the queue.")


@dataclass(frozen=True)
class Signed:
    """What the form of a decision sends.

    `choices`: what was chosen of all ("") and of single parts, by name; `comments` likewise. `seen`
    is the digest that the page carried, `checked` how many points of the checklist were ticked,
    `passphrase` what opens the reviewer's key ('' where a key file does).
    """

    candidates: tuple[str, ...]
    seen: str
    choices: Mapping[str, str]
    comments: Mapping[str, str] = field(default_factory=dict)
    checked: int = 0
    passphrase: str = ""

    @property
    def comment(self) -> str:
        """What was said of the whole."""
        return self.comments.get("", "")


class RefusedError(ReleaseError):
    """The desk does not do it: what is wrong and what to do, in the reader's language (`told`),
    and the HTTP status that says so."""

    def __init__(self, problem: Said, remedy: Said, status: int = 400) -> None:
        super().__init__(problem.message, remedy.message)
        self.told, self.status = (problem, remedy), status


def chosen_papers(papers: Papers, digests: Sequence[str]) -> list[Paper]:
    """The candidates of these digests; raises `RefusedError` if one is not on the desk."""
    missing = [digest for digest in digests if digest not in papers.by_digest]
    if missing or not digests:
        raise RefusedError(
            said("There is no such candidate on the desk."),
            said("Go back to the queue and open it from there."),
            404,
        )
    return [papers.by_digest[digest] for digest in dict.fromkeys(digests)]


def sign(desk: Desk, by: Sitting, signed: Signed) -> Said:
    """Sign a vote on each candidate and record all; returns what to tell the reviewer.

    What is the same already is not signed again, so that a form that arrives twice counts once.
    Raises `RefusedError` for what is not complete or was changed since it was seen, and
    `KeysError` if the key does not open.
    """
    papers = read_papers(desk.room)
    chosen = _as_seen(papers, by, Action.VOTE, signed)
    words = _words(signed)
    reviewer = signer(desk, papers, by, signed)
    votes = []
    for paper in chosen:
        vote = ballot(papers.known, paper.case, reviewer, words, signed.comment)
        if not _said_before(paper.case, vote):
            _require_counting(paper.case, vote)
            votes.append(vote)
    if not votes:
        return _AGAIN
    receipts = cast(ledger_of(desk.room), papers.agreement, votes, reviewer)
    if not receipts:
        return kept_in(desk)
    return counted(
        len(votes),
        "Your vote is signed. Keep your receipt: %(receipt)s",
        "%(count)s votes are signed. Keep your receipt: %(receipt)s",
        receipt=receipts[-1],
    )


def act(desk: Desk, by: Sitting, kind: ActKind, signed: Signed) -> Said:
    """Return, reject or recall a candidate; returns what to tell the reviewer.

    Raises as `sign`.
    """
    papers = read_papers(desk.room)
    (paper,) = chosen_papers(papers, signed.candidates)
    if _done_before(paper.case, by, kind, signed.comment):
        return _AGAIN
    _as_seen(papers, by, ACTS[kind], signed)
    if kind is not ActKind.RETURN and not signed.comment:
        raise RefusedError(
            said("A comment has to say why. Nothing was signed."), said("Go back and say why.")
        )
    reviewer = signer(desk, papers, by, signed)
    word = sign_act(reviewer, kind, paper.case.candidate, papers.known.head, signed.comment)
    receipts = record(ledger_of(desk.room), papers.agreement, [word])
    return Said(_DONE[kind].message, facts={"receipt": receipts[0]}) if receipts else kept_in(desk)


def kept_in(desk: Desk) -> Said:
    """What is told of what was signed in a packet."""
    file = str(outbox(ledger_of(desk.room)))
    return said(
        "It is signed. Send %(file)s to the room’s operator: it is not there yet.", file=file
    )


def _as_seen(papers: Papers, by: Sitting, action: Action, signed: Signed) -> list[Paper]:
    """The candidates, on which the reviewer may act and which are as they were when seen."""
    chosen = chosen_papers(papers, signed.candidates)
    for paper in chosen:
        if reason := cannot(action, paper, by):
            raise RefusedError(reason, _TO_QUEUE, 403)
    if seen(chosen) != signed.seen:
        raise RefusedError(
            said("What you saw has changed since. Nothing was signed."),
            said("Look at it again, and decide then."),
            409,
        )
    for comment in signed.comments.values():
        require_plain(comment)
    return chosen


def require_plain(comment: str) -> None:
    """Raise `RefusedError` for a comment that may not be signed."""
    if not is_plain(comment):
        raise RefusedError(
            said("The comment is too long, or holds signs that cannot be shown."),
            said("Use at most %(most)s characters of plain text.", most=LONGEST_COMMENT),
        )


def _words(signed: Signed) -> dict[str, Word]:
    """What was decided, of all and of single parts; raises `RefusedError` if that is nothing."""
    try:
        decided = {name: Decision(word) for name, word in signed.choices.items() if word}
    except ValueError:
        decided = {}
    if "" not in decided:
        raise RefusedError(
            said("No decision was chosen. Nothing was signed."), said("Go back and choose one.")
        )
    if Decision.APPROVE in decided.values() and signed.checked < len(CHECKLIST):
        raise RefusedError(
            said("Not every point of the checklist was ticked. Nothing was signed."),
            said("Go back and tick what you have looked at."),
        )
    return {
        name: (word, signed.comments.get(name, "")) if name else word
        for name, word in decided.items()
    }


def _require_counting(case: Case, vote: Ballot) -> None:
    """Raise `RefusedError` for a vote that would not count, as one that lacks its comment."""
    if reason := why_not_vote(case, vote):
        asks = any(one.decision is Decision.REQUEST_CHANGES for one in vote.tables.values())
        if (case.findings or asks) and not vote.comment:
            raise RefusedError(
                said("A comment is needed to ask for changes, and to approve against a finding."),
                said("Go back and say why. Nothing was signed."),
            )
        raise RefusedError(Said(reason.replace("%", "%%")), _TO_QUEUE, 409)


def _said_before(case: Case, vote: Ballot) -> bool:
    said_last = [
        one.body
        for one in case.votes
        if (one.body.platform, one.body.reviewer) == (vote.platform, vote.reviewer)
    ]
    return any(
        (one.tables, one.comment, one.findings) == (vote.tables, vote.comment, vote.findings)
        for one in said_last
    )


def _done_before(case: Case, by: Sitting, kind: ActKind, comment: str) -> bool:
    last = case.steps[-1] if case.steps else None
    told = last and (last.action, last.by, last.comment)
    return told == (ACTS[kind], f"{by.platform}/{by.name}", comment)


def signer(desk: Desk, papers: Papers, by: Sitting, signed: Signed) -> Reviewer:
    """The reviewer with their key, which is opened for this one decision.

    A passphrase is taken from the form alone: whoever started the desk may have left.
    """
    assert by.platform is not None
    assert desk.keys is not None  # or else nobody could decide
    if by.locked and not signed.passphrase:
        raise KeysError("No passphrase was given.", "go back and type yours; nothing was signed.")
    given = signed.passphrase or None
    return decide.reviewer(papers.agreement, by.platform, by.name, desk.keys, given)
