"""The life of a candidate as one table: from, action, to, who may, on what condition.

Code, documentation and page are drawn from `TRANSITIONS`; what is not a row of it cannot be done.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cleanroom.ledger import Event


class State(StrEnum):
    """Where a candidate stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    CHECKED = "checked"
    IN_REVIEW = "in review"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    RELEASED = "released"
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    RECALLED = "recalled"


MEANS = MappingProxyType(
    {
        State.DRAFT: "made by the room, and not asked to be released",
        State.SUBMITTED: "frozen under its digest; the machine has not looked yet",
        State.CHECKED: "the machine has looked and said what it found",
        State.IN_REVIEW: "reviewers look, each for themselves",
        State.REVIEWED: "a reviewer of each platform has voted; they talk about what is open",
        State.APPROVED: "both platforms approve every table",
        State.RELEASED: "verified again, and written as a release",
        State.RETURNED: "back with the author, who is told what to change",
        State.REJECTED: "refused for good",
        State.WITHDRAWN: "taken back by its author, or replaced before it was released",
        State.SUPERSEDED: "released, and a later release of the same study has taken its place",
        State.RECALLED: "released, and called back; its numbers are known and still count",
    }
)

OPEN = (State.SUBMITTED, State.CHECKED, State.IN_REVIEW, State.REVIEWED, State.APPROVED)
UNDER_REVIEW = (State.IN_REVIEW, State.REVIEWED, State.APPROVED)
# What has left, whatever became of it: differencing counts all of it.
LEFT = (State.RELEASED, State.SUPERSEDED, State.RECALLED)


class Action(StrEnum):
    """What moves a candidate."""

    SUBMIT = "submit"
    CHECK = "check"
    CHECK_AGAIN = "check again"
    OPEN = "open"
    VOTE = "vote"
    APPLY_RULE = "apply the standing rule"
    COMPLETE = "complete"
    APPROVE = "approve"
    REOPEN = "reopen"
    RETURN = "return"
    REJECT = "reject"
    RELEASE = "release"
    WITHDRAW = "withdraw"
    REPLACE = "replace"
    SUPERSEDE = "supersede"
    RECALL = "recall"


class Who(StrEnum):
    """Who may take an action."""

    ANYBODY = "anybody, who becomes its author"
    AUTHOR = "its author"
    ROOM = "the room"
    REVIEWER = "a reviewer of either platform, not the author"
    AGREEMENT = "the agreement, by its standing rule"
    NOBODY = "follows by itself"


class Guard(StrEnum):
    """On what condition; `review.guards` says how each is asked."""

    ALWAYS = "always"
    TEMPLATE_HOLDS = "a template that both platforms approved covers it"
    RULE_PASSED = "it passes every check with the rule's margin"
    SEATS_TAKEN = "a reviewer of each platform has decided on every table"
    ALL_APPROVED = "both platforms approve every table and nobody asks for changes"
    SOMETHING_OPEN = "not all approve any more"
    CHANGES_ASKED = "somebody asks for changes"
    COMMENTED = "a comment says why"
    REPLACED = "a later candidate of the same study has taken its place"


@dataclass(frozen=True)
class Transition:
    """One row of the table; `refusal` says in words why not, if the guard does not hold."""

    source: State
    action: Action
    target: State
    who: Who
    guard: Guard = Guard.ALWAYS
    refusal: str = ""


_OPEN_TABLES = "Both platforms have to approve every table, and nobody may ask for changes."
_UNSAID = "Say why: a comment is required."

TRANSITIONS: tuple[Transition, ...] = (
    Transition(
        State.DRAFT,
        Action.SUBMIT,
        State.SUBMITTED,
        Who.ANYBODY,
        Guard.TEMPLATE_HOLDS,
        "No template that both platforms approved covers it.",
    ),
    Transition(State.SUBMITTED, Action.CHECK, State.CHECKED, Who.ROOM),
    Transition(State.CHECKED, Action.OPEN, State.IN_REVIEW, Who.ROOM),
    Transition(State.IN_REVIEW, Action.VOTE, State.IN_REVIEW, Who.REVIEWER),
    Transition(State.REVIEWED, Action.VOTE, State.REVIEWED, Who.REVIEWER),
    Transition(State.APPROVED, Action.VOTE, State.APPROVED, Who.REVIEWER),
    *(Transition(state, Action.CHECK_AGAIN, State.IN_REVIEW, Who.ROOM) for state in UNDER_REVIEW),
    Transition(
        State.IN_REVIEW,
        Action.APPLY_RULE,
        State.IN_REVIEW,
        Who.AGREEMENT,
        Guard.RULE_PASSED,
        "It does not pass every check with the margin that the standing rule asks for.",
    ),
    Transition(
        State.IN_REVIEW,
        Action.COMPLETE,
        State.REVIEWED,
        Who.NOBODY,
        Guard.SEATS_TAKEN,
        "A reviewer of each platform has to decide on every table.",
    ),
    Transition(
        State.REVIEWED,
        Action.APPROVE,
        State.APPROVED,
        Who.NOBODY,
        Guard.ALL_APPROVED,
        _OPEN_TABLES,
    ),
    Transition(
        State.APPROVED,
        Action.REOPEN,
        State.REVIEWED,
        Who.NOBODY,
        Guard.SOMETHING_OPEN,
        "All still approve.",
    ),
    Transition(
        State.REVIEWED,
        Action.RETURN,
        State.RETURNED,
        Who.REVIEWER,
        Guard.CHANGES_ASKED,
        "Nobody asks for changes: vote for them first.",
    ),
    Transition(
        State.REVIEWED, Action.REJECT, State.REJECTED, Who.REVIEWER, Guard.COMMENTED, _UNSAID
    ),
    Transition(
        State.APPROVED, Action.RELEASE, State.RELEASED, Who.ROOM, Guard.ALL_APPROVED, _OPEN_TABLES
    ),
    *(
        Transition(state, Action.WITHDRAW, State.WITHDRAWN, Who.AUTHOR)
        for state in (*OPEN, State.RETURNED)
    ),
    *(
        Transition(
            state,
            Action.REPLACE,
            State.WITHDRAWN,
            Who.NOBODY,
            Guard.REPLACED,
            "No later candidate of the same study was submitted.",
        )
        for state in OPEN
    ),
    Transition(
        State.RELEASED,
        Action.SUPERSEDE,
        State.SUPERSEDED,
        Who.NOBODY,
        Guard.REPLACED,
        "No later candidate of the same study was released.",
    ),
    *(
        Transition(state, Action.RECALL, State.RECALLED, Who.REVIEWER, Guard.COMMENTED, _UNSAID)
        for state in (State.RELEASED, State.SUPERSEDED)
    ),
)

# Which action each of the ledger's events records; what follows by itself has no event.
EVENTS = MappingProxyType(
    {
        Action.SUBMIT: Event.CANDIDATE_SUBMITTED,
        Action.CHECK: Event.CANDIDATE_CHECKED,
        Action.CHECK_AGAIN: Event.CANDIDATE_CHECKED_AGAIN,
        Action.OPEN: Event.REVIEW_OPENED,
        Action.VOTE: Event.VOTE_SIGNED,
        Action.APPLY_RULE: Event.STANDING_RULE_APPLIED,
        Action.RETURN: Event.CANDIDATE_RETURNED,
        Action.REJECT: Event.CANDIDATE_REJECTED,
        Action.RELEASE: Event.RELEASE_MADE,
        Action.WITHDRAW: Event.CANDIDATE_WITHDRAWN,
        Action.RECALL: Event.RELEASE_RECALLED,
    }
)


def transition(source: State, action: Action) -> Transition | None:
    """The row of an action in a state, if there is one; there are no two."""
    return _ROWS.get((source, action))


def sources(action: Action) -> tuple[State, ...]:
    """The states in which an action has a row."""
    return tuple(row.source for row in TRANSITIONS if row.action is action)


_ROWS = MappingProxyType({(row.source, row.action): row for row in TRANSITIONS})
