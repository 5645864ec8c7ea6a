"""The table of transitions: every row can be taken, and nothing that is no row of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest

from cleanroom.errors import ReviewError
from cleanroom.ledger import Event
from cleanroom.review import guards
from cleanroom.review.case import Case
from cleanroom.review.folding import ACTIONS, settled
from cleanroom.review.guards import AGREEMENT, ITSELF, ROOM, Actor, Attempt
from cleanroom.review.records import ActKind, Decision
from cleanroom.review.states import (
    EVENTS,
    LEFT,
    MEANS,
    OPEN,
    TRANSITIONS,
    Action,
    Guard,
    State,
    Transition,
    Who,
    transition,
)
from cleanroom.tables import Platform
from tests.review.stage import ANN, AUTHOR, SAM, SECOND, Desk, candidate, with_state

FIRST, LATER = candidate(60.0), candidate(61.0)
REVIEWER = Actor("ann", Platform.ADS)
WHO = {
    Who.ANYBODY: Actor("somebody"),
    Who.AUTHOR: Actor(AUTHOR),
    Who.ROOM: ROOM,
    Who.REVIEWER: REVIEWER,
    Who.AGREEMENT: AGREEMENT,
    Who.NOBODY: ITSELF,
}
NO = Decision.REQUEST_CHANGES


def brought(desk: Desk, state: State) -> Case:
    """A candidate brought into a state by the steps that lead there."""
    match state:
        case State.DRAFT:
            desk.make(FIRST)
        case State.IN_REVIEW:
            desk.submit(FIRST)
        case State.REVIEWED | State.RETURNED | State.REJECTED:
            desk.submit(FIRST)
            desk.vote(FIRST, ANN)
            desk.vote(FIRST, SAM, NO, "other days")
        case State.APPROVED:
            desk.submit(FIRST)
            desk.vote(FIRST, ANN)
            desk.vote(FIRST, SAM)
        case State.WITHDRAWN:
            desk.submit(FIRST)
            desk.withdraw(FIRST)
        case State.RELEASED | State.RECALLED:
            desk.released(FIRST)
        case State.SUPERSEDED:
            desk.released(FIRST)
            desk.released(LATER)
    if state in (State.RETURNED, State.REJECTED, State.RECALLED):
        kinds = {State.RETURNED: ActKind.RETURN, State.REJECTED: ActKind.REJECT}
        desk.act(FIRST, ANN, kinds.get(state, ActKind.RECALL), "as said")
    if state in (State.SUBMITTED, State.CHECKED):  # passed through at once, by the room
        desk.submit(FIRST)
        return with_state(desk.case(FIRST), state=state, votes=())
    return desk.case(FIRST)


@pytest.mark.parametrize("state", State)
def test_every_state_is_reached_and_says_what_it_means(desk: Desk, state: State) -> None:
    assert brought(desk, state).state is state
    assert MEANS[state]


@pytest.mark.parametrize("state", State)
def test_what_is_no_row_of_the_table_is_refused_with_the_states_that_allow_it(
    desk: Desk, state: State
) -> None:
    case = brought(desk, state)
    rowless = [action for action in Action if transition(state, action) is None]
    assert rowless
    for action, actor in itertools.product(rowless, WHO.values()):
        attempt = Attempt(action, actor, "a comment", template_holds=True)
        reason = guards.why_not(case, attempt)
        assert reason is not None
        assert f"It is {state}; that can be done only with what is " in reason
        assert not guards.may_step(case, attempt)
        with pytest.raises(ReviewError, match=re.escape(reason)):
            guards.check_step(case, attempt)


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda r: f"{r.source}-{r.action}")
def test_a_row_is_for_those_whom_it_names(desk: Desk, row: Transition) -> None:
    case = brought(desk, row.source)
    told = {
        who: guards.why_not(case, Attempt(row.action, actor, "why", template_holds=True))
        for who, actor in WHO.items()
    }
    others = [who for who in WHO if who is not row.who]
    if row.who is not Who.ANYBODY:
        assert all(told[who] for who in others)
        assert told[row.who] in (None, row.refusal)


def unguarded(guard: Guard, desk: Desk, source: State) -> Case:
    """A case in which a guard does not hold."""
    case = brought(desk, source)
    match guard:
        case Guard.ALL_APPROVED | Guard.SEATS_TAKEN | Guard.CHANGES_ASKED:
            return with_state(case, votes=())
        case Guard.SOMETHING_OPEN:
            return case
        case Guard.RULE_PASSED:
            return with_state(case, rule_refusal="no margin")
        case _:
            return case


@pytest.mark.parametrize(
    "row",
    [row for row in TRANSITIONS if row.guard is not Guard.ALWAYS],
    ids=lambda r: f"{r.source}-{r.action}",
)
def test_a_guard_that_does_not_hold_refuses_in_the_words_of_its_row(
    desk: Desk, row: Transition
) -> None:
    case = unguarded(row.guard, desk, row.source)
    assert guards.why_not(case, Attempt(row.action, WHO[row.who])) == row.refusal
    assert row.refusal.endswith(".")


GUARDED: dict[Guard, Callable[[Case], Case]] = {
    Guard.TEMPLATE_HOLDS: lambda case: case,
    Guard.COMMENTED: lambda case: case,
    Guard.RULE_PASSED: lambda case: with_state(case, rule_refusal=""),
    Guard.REPLACED: lambda case: with_state(case, replaced_by="f" * 64),
    Guard.SOMETHING_OPEN: lambda case: with_state(case, votes=case.votes[:1]),
    Guard.ALL_APPROVED: lambda case: with_state(case, rule="r", votes=()),
    Guard.SEATS_TAKEN: lambda case: with_state(case, rule="r"),
    Guard.CHANGES_ASKED: lambda case: case,
}


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda r: f"{r.source}-{r.action}")
def test_a_row_whose_guard_holds_leads_where_it_says(desk: Desk, row: Transition) -> None:
    case = brought(desk, row.source)
    if row.guard in GUARDED:
        case = GUARDED[row.guard](case)
    attempt = Attempt(row.action, WHO[row.who], "why", template_holds=True)
    assert guards.check_step(case, attempt) is row
    if row.who is Who.NOBODY:
        after = settled(case, "now")
        assert row.action in [step.action for step in after.steps[len(case.steps) :]]


def test_the_table_is_whole() -> None:
    assert {row.source for row in TRANSITIONS} | {row.target for row in TRANSITIONS} == set(State)
    assert {row.action for row in TRANSITIONS} == set(Action)
    assert {row.guard for row in TRANSITIONS} == set(Guard) == set(guards.GUARDS)
    assert {row.who for row in TRANSITIONS} == set(Who)
    assert len({(row.source, row.action) for row in TRANSITIONS}) == len(TRANSITIONS)
    following = {row.action for row in TRANSITIONS if row.who is Who.NOBODY}
    assert set(EVENTS) == set(Action) - following
    assert {ACTIONS[event] for event in ACTIONS} == set(EVENTS)
    assert Event.VOTE_CAST not in ACTIONS
    assert not set(OPEN) & set(LEFT)


def test_the_author_reviews_nothing_of_their_own(desk: Desk) -> None:
    desk.submit(FIRST, author="ann")
    with pytest.raises(ReviewError, match="You asked for it to be released"):
        desk.vote(FIRST, ANN)
    desk.vote(FIRST, SECOND)
    assert desk.vote(FIRST, SAM).state is State.APPROVED


def test_an_author_may_be_named_with_a_platform(desk: Desk) -> None:
    desk.submit(FIRST, author="store/ann")
    assert desk.vote(FIRST, ANN).votes  # ann of ads is somebody else
    assert not guards.may_step(desk.case(FIRST), Attempt(Action.VOTE, Actor("ann", Platform.STORE)))


def test_approval_falls_if_a_reviewer_thinks_again(desk: Desk) -> None:
    case = brought(desk, State.APPROVED)
    assert case.state is State.APPROVED
    case = desk.vote(FIRST, SAM, {"path": (NO, "too few")})
    assert case.state is State.REVIEWED
    assert case.steps[-1].action is Action.REOPEN
    case = desk.vote(FIRST, SAM, {"path": Decision.APPROVE})
    assert case.state is State.APPROVED
