"""Whether a step of the review is allowed, and if not, why: one text for error and page.

`check_…` raises with the reason, `may_…` gives the same as a truth value, `why_not_…` as words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cleanroom.errors import ReviewError
from cleanroom.review.case import Case, approved, decisions, findings_digest, requests, seats
from cleanroom.review.records import Ballot, Decision
from cleanroom.review.states import Action, Guard, State, Transition, Who, sources, transition
from cleanroom.tables import Platform


@dataclass(frozen=True)
class Actor:
    """Who takes a step: a reviewer, who has a platform, or somebody else."""

    name: str
    platform: Platform | None = None

    def is_author_of(self, case: Case) -> bool:
        """Whether this is who asked for the release; an author may be named with a platform."""
        return case.author in {self.name, str(self)} and bool(case.author)

    def __str__(self) -> str:
        return self.name if self.platform is None else f"{self.platform}/{self.name}"


OWN = "You asked for it to be released; somebody else has to review it."
_REVIEWERS = "Only a reviewer of either platform can."
ROOM, AGREEMENT, ITSELF = Actor("the room"), Actor("the agreement"), Actor("")


@dataclass(frozen=True)
class Attempt:
    """A step as somebody tries it; `template_holds`: both platforms approved its template."""

    action: Action
    actor: Actor
    comment: str = ""
    template_holds: bool = False


GUARDS: Mapping[Guard, Callable[[Case, Attempt], bool]] = MappingProxyType(
    {
        Guard.ALWAYS: lambda case, attempt: True,
        Guard.TEMPLATE_HOLDS: lambda case, attempt: attempt.template_holds,
        Guard.RULE_PASSED: lambda case, attempt: not case.rule_refusal,
        Guard.SEATS_TAKEN: lambda case, attempt: all(seats(case).values()),
        Guard.ALL_APPROVED: lambda case, attempt: approved(case),
        Guard.SOMETHING_OPEN: lambda case, attempt: not approved(case),
        Guard.CHANGES_ASKED: lambda case, attempt: any(requests(case)),
        Guard.COMMENTED: lambda case, attempt: bool(attempt.comment.strip()),
        Guard.REPLACED: lambda case, attempt: case.replaced_by is not None,
    }
)


def why_not(case: Case, attempt: Attempt) -> str | None:
    """Why a step is not allowed, in words; None if it is."""
    row = transition(case.state, attempt.action)
    if row is None:
        return _out_of_place(case, attempt.action)
    refused = _who_refuses(case, row, attempt.actor)
    if refused is None and not GUARDS[row.guard](case, attempt):
        refused = row.refusal
    return refused


def may_step(case: Case, attempt: Attempt) -> bool:
    """Whether a step is allowed."""
    return why_not(case, attempt) is None


def check_step(case: Case, attempt: Attempt) -> Transition:
    """The row of the table by which a step is allowed; raises `ReviewError` with the reason."""
    reason = why_not(case, attempt)
    row = transition(case.state, attempt.action)
    if reason is not None or row is None:
        raise ReviewError(
            f"{attempt.action.capitalize()} {case.candidate[:12]}: {reason}",
            "see where it stands: cleanroom review status.",
        )
    return row


def why_not_vote(case: Case, ballot: Ballot) -> str | None:
    """Why this vote does not count, in words; None if it does."""
    actor = Actor(ballot.reviewer, ballot.platform)
    refused = why_not(case, Attempt(Action.VOTE, actor))
    return refused or next(_wrong_in(case, ballot), None)


def may_vote(case: Case, ballot: Ballot) -> bool:
    """Whether this vote counts."""
    return why_not_vote(case, ballot) is None


def check_vote(case: Case, ballot: Ballot) -> None:
    """Raise `ReviewError` with the reason for which this vote does not count."""
    reason = why_not_vote(case, ballot)
    if reason is not None:
        raise ReviewError(
            f"Vote on {case.candidate[:12]}: {reason}", "look at it again, and vote anew."
        )


def _wrong_in(case: Case, ballot: Ballot) -> Iterator[str]:
    """What does not fit between a vote and what it is on."""
    if ballot.candidate != case.candidate:
        yield "It is on another version of this candidate."
    if (ballot.policy, ballot.author) != (case.policy, case.author):
        yield "It was made for another policy or author than the candidate's."
    if ballot.findings != findings_digest(case):
        yield "The machine has found other things since; look at them first."
    for part, vote in ballot.tables.items():
        if part not in case.parts:
            yield f"There is no table '{part}' in it."
        elif vote.digest != case.parts[part]:
            yield f"The table '{part}' is not the one that was seen."
        elif vote.decision is Decision.REQUEST_CHANGES and not (vote.comment or ballot.comment):
            yield f"To ask for changes of '{part}', say in a comment which."
    if not ballot.tables:
        yield "It decides on nothing."
    yield from _against_findings(case, ballot)


def _against_findings(case: Case, ballot: Ballot) -> Iterator[str]:
    for finding in case.findings:
        parts = [finding.part] if finding.part else list(ballot.tables)
        votes = [ballot.tables[part] for part in parts if part in ballot.tables]
        for vote in votes:
            if vote.decision is Decision.APPROVE and not (vote.comment or ballot.comment):
                yield f"To approve against a finding ({finding.check}), say in a comment why."


def missing_parts(case: Case, actor: Actor) -> list[str]:
    """The parts that a reviewer has not decided on, those of which earlier votes hold left out."""
    said = decisions(case).get((actor.platform, actor.name), {}) if actor.platform else {}
    return [
        part for part in case.parts if part not in said or said[part].decision is Decision.UNDECIDED
    ]


def _out_of_place(case: Case, action: Action) -> str:
    places = list(dict.fromkeys(sources(action)))
    return f"It is {case.state}; that can be done only with what is {_or(places)}."


def _who_refuses(case: Case, row: Transition, actor: Actor) -> str | None:
    is_author, is_reviewer = actor.is_author_of(case), actor.platform is not None
    refusals = {
        Who.ANYBODY: (True, ""),
        Who.AUTHOR: (is_author, "Only its author can."),
        Who.ROOM: (actor == ROOM, "Only the room can."),
        Who.AGREEMENT: (actor == AGREEMENT, "Only the agreement's standing rule can."),
        Who.NOBODY: (actor == ITSELF, "It follows by itself."),
        Who.REVIEWER: (is_reviewer and not is_author, _REVIEWERS),
    }
    is_allowed, refusal = refusals[row.who]
    if row.who is Who.REVIEWER and is_author:
        return OWN
    return None if is_allowed else refusal


def _or(states: list[State]) -> str:
    *first, last = [str(state) for state in states]
    return f"{', '.join(first)} or {last}" if first else last
