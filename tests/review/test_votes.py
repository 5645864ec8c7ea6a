"""Votes: on tables, signed for exactly what was seen, and void for what changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cleanroom import ledger, signing
from cleanroom.borders import candidate_digest
from cleanroom.errors import LedgerError, ReleaseError, ReviewError
from cleanroom.gate.candidate import make_candidate
from cleanroom.ledger import Event
from cleanroom.review import guards, office
from cleanroom.review.case import ESTIMATES, decisions, parts_of, seats, visible_votes
from cleanroom.review.records import ActKind, Decision, Reviewer, Vote, plain, sign_vote
from cleanroom.review.states import Action, State
from cleanroom.tables import Platform
from tests.review.stage import (
    ADS,
    AGREED,
    ANN,
    AUTHOR,
    ROOM,
    RULE,
    SAM,
    SECOND,
    STRANGER,
    Desk,
    agreed,
    candidate,
    facts,
)

ONE = candidate(60.0)
YES, NO, UNDECIDED = Decision.APPROVE, Decision.REQUEST_CHANGES, Decision.UNDECIDED


def test_a_reviewer_of_each_platform_approves_and_it_is_approved(desk: Desk) -> None:
    desk.submit(ONE)
    case = desk.vote(ONE, ANN)
    assert case.state is State.IN_REVIEW
    assert seats(case) == {Platform.ADS: "ann", Platform.STORE: None}
    case = desk.vote(ONE, SAM)
    assert case.state is State.APPROVED
    actions = [step.action for step in case.steps]
    assert actions == [
        Action.SUBMIT,
        Action.CHECK,
        Action.OPEN,
        Action.VOTE,
        Action.VOTE,
        Action.COMPLETE,
        Action.APPROVE,
    ]


def test_two_reviewers_of_one_platform_are_no_quorum(desk: Desk) -> None:
    desk.submit(ONE)
    desk.vote(ONE, ANN)
    assert desk.vote(ONE, SECOND).state is State.IN_REVIEW


def test_a_seat_is_taken_by_who_decides_on_every_table(desk: Desk) -> None:
    desk.submit(ONE)
    case = desk.vote(ONE, ANN, {"path": YES, "link": UNDECIDED, ESTIMATES: YES})
    assert seats(case)[Platform.ADS] is None
    case = desk.vote(ONE, ANN, {"link": YES})
    assert seats(case)[Platform.ADS] == "ann"
    assert len(case.votes) == 2  # both are needed to tell what was signed
    assert len(desk.vote(ONE, ANN, dict.fromkeys(case.parts, YES)).votes) == 1


def test_a_request_for_changes_stands_against_any_number_of_approvals(desk: Desk) -> None:
    desk.submit(ONE)
    desk.vote(ONE, ANN)
    desk.vote(ONE, SAM)
    case = desk.vote(ONE, SECOND, {"link": (NO, "who are they?")})
    assert case.state is State.REVIEWED
    assert desk.release(ONE) != {}


def test_what_others_say_is_hidden_until_one_has_decided(desk: Desk) -> None:
    desk.submit(ONE)
    case = desk.vote(ONE, ANN, comment="fine by me")
    sam, ann = (Platform.STORE, "sam"), (Platform.ADS, "ann")
    assert visible_votes(case, sam) == visible_votes(case) == ()
    assert len(visible_votes(case, ann)) == 1
    case = desk.vote(ONE, SAM, {"path": UNDECIDED})
    assert [v.body.reviewer for v in visible_votes(case, sam)] == ["sam"]
    case = desk.vote(ONE, SAM)
    assert len(visible_votes(case)) == 2


def changed(**more: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda body: {**body, **more}


def tables(body: dict[str, Any], **vote: Any) -> dict[str, Any]:
    return {**body, "tables": {p: {**v, **vote} for p, v in body["tables"].items()}}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (changed(candidate="a" * 64), "knows no candidate"),
        (changed(policy="a" * 64), "for another policy or author"),
        (changed(author="somebody"), "for another policy or author"),
        (changed(findings="a" * 64), "has found other things since"),
        (changed(tables={}), "decides on nothing"),
        (changed(previous="a" * 64), "after a record that this ledger does not hold"),
        (lambda body: tables(body, digest="a" * 64), "is not the one that was seen"),
        (lambda body: tables(body, decision="request changes"), "say in a comment which"),
        (
            lambda body: {**body, "tables": {"money": body["tables"]["path"]}},
            "There is no table 'money'",
        ),
    ],
)
def test_a_vote_that_does_not_fit_is_refused_with_the_reason(
    desk: Desk, change: Callable[[dict[str, Any]], dict[str, Any]], problem: str
) -> None:
    desk.submit(ONE)
    body = plain(office.ballot(desk.docket, desk.case(ONE), ANN, YES))
    ballot = type(office.ballot(desk.docket, desk.case(ONE), ANN, YES)).model_validate_json(
        signing.canonical(change(body))
    )
    before = desk.path.read_bytes()
    with pytest.raises(ReviewError, match=problem):
        office.cast(desk.path, AGREED, [ballot], ANN)
    assert desk.path.read_bytes() == before


@pytest.mark.parametrize(
    ("by", "problem"),
    [
        (Reviewer(Platform.ADS, "ann", STRANGER), "is not theirs"),
        (Reviewer(Platform.STORE, "sam", ADS), "is not theirs"),
        (Reviewer(Platform.STORE, "ann", ADS), "names no reviewer 'ann' of store"),
    ],
)
def test_a_vote_under_anothers_name_is_refused(desk: Desk, by: Reviewer, problem: str) -> None:
    desk.submit(ONE)
    with pytest.raises(ReleaseError, match=problem):
        desk.vote(ONE, by)


def test_a_vote_is_not_readable_with_controls_or_at_any_length(desk: Desk) -> None:
    desk.submit(ONE)
    for comment in ("\x1b[2J", "x" * 2001):
        with pytest.raises(ValueError, match=r"control|2000"):
            desk.vote(ONE, ANN, comment=comment)


def withheld() -> Any:
    """A candidate of which more than half is withheld in the table named path."""
    return candidate(None)


def test_approving_against_a_finding_takes_a_comment(desk: Desk) -> None:
    case = desk.submit(withheld())
    assert [(f.check, f.part) for f in case.findings] == [("mostly_withheld", "path")]
    with pytest.raises(ReviewError, match=r"against a finding \(mostly_withheld\)"):
        desk.vote(withheld(), ANN)
    desk.vote(withheld(), ANN, {"": YES, "path": (YES, "so few clicked")})
    assert desk.vote(withheld(), SAM, comment="as expected").state is State.APPROVED


def test_a_change_voids_the_votes_on_what_changed_and_on_nothing_else(desk: Desk) -> None:
    old, new = candidate(60.0), candidate(61.0)
    desk.submit(old)
    desk.vote(old, ANN)
    case = desk.submit(new)
    assert desk.case(old).state is State.WITHDRAWN
    assert case.replaces == candidate_digest(old)
    assert set(decisions(case)[(Platform.ADS, "ann")]) == {"link", ESTIMATES}
    assert seats(case)[Platform.ADS] is None
    desk.vote(new, ANN)
    (own,) = desk.case(new).votes
    assert set(own.body.tables) == {"path"}  # what is left to decide on
    desk.vote(new, SAM)
    assert desk.release(new) == {}


def test_an_old_vote_on_what_did_not_change_takes_no_seat_by_itself(desk: Desk) -> None:
    old, new = candidate(60.0), candidate(60.0, end="2026-05-30", note="again")
    desk.submit(old)
    desk.vote(old, ANN)
    assert seats(desk.submit(new))[Platform.ADS] is None  # another study: nothing is carried


def test_a_vote_on_the_same_numbers_of_another_study_counts_for_nothing(desk: Desk) -> None:
    one, other = candidate(60.0), candidate(60.0, merchant="n")
    desk.submit(one)
    desk.vote(one, ANN)
    case = replace(desk.submit(other), carried=desk.case(one).votes)
    assert decisions(case) == {(Platform.ADS, "ann"): {}}


def test_a_returned_candidate_comes_back_with_the_votes_that_still_hold(desk: Desk) -> None:
    old, new = candidate(60.0), candidate(61.0)
    desk.submit(old)
    desk.vote(old, ANN)
    desk.vote(old, SAM, {"path": (NO, "count anew"), "link": YES, ESTIMATES: YES})
    assert desk.act(old, SAM, ActKind.RETURN).state is State.RETURNED
    case = desk.submit(new)
    assert desk.case(old).state is State.RETURNED
    assert guards.missing_parts(case, guards.Actor("sam", Platform.STORE)) == ["path"]


def test_a_release_is_superseded_when_the_next_of_its_study_is_released(desk: Desk) -> None:
    old, new = candidate(60.0), candidate(61.0)
    desk.released(old)
    case = desk.submit(new)
    assert desk.case(old).state is State.RELEASED
    assert "The same study was released before" in case.findings[0].words
    for by in (ANN, SAM):
        desk.vote(new, by, comment="the difference is of many people")
    assert desk.release(new) == {}
    assert desk.case(old).state is State.SUPERSEDED
    assert desk.act(old, ANN, ActKind.RECALL, "wrong days").state is State.RECALLED


def test_what_was_released_meanwhile_voids_the_votes_of_what_it_overlaps(desk: Desk) -> None:
    may, half = candidate(60.0), candidate(60.0, end="2026-05-15")
    for one in (may, half):
        desk.submit(one)
        for by in (ANN, SAM):
            desk.vote(one, by)
    refused = desk.release(may, half)
    assert [*refused] == [candidate_digest(half)]
    assert "found something since" in refused[candidate_digest(half)]
    case = desk.case(half)
    assert (case.state, case.votes) == (State.IN_REVIEW, ())
    with pytest.raises(ReviewError, match="overlaps_release"):
        desk.vote(half, ANN)
    for by in (ANN, SAM):
        desk.vote(half, by, comment="compared")
    assert desk.release(half) == {}


def test_the_standing_rule_approves_what_passes_with_margin_and_says_so(desk: Desk) -> None:
    desk.agreement = agreed(standing_rule=RULE)
    desk.open()
    plain_sailing = candidate(60.0, desk.agreement)
    case = desk.submit(plain_sailing)
    assert (case.state, case.rule, case.votes) == (State.APPROVED, "plain-sailing", ())
    assert desk.release(plain_sailing) == {}
    assert facts(desk.path, Event.STANDING_RULE_APPLIED)[0]["rule"] == "plain-sailing"


def test_the_standing_rule_leaves_what_lacks_its_margin_to_reviewers(desk: Desk) -> None:
    desk.agreement = agreed(standing_rule=RULE.model_copy(update={"margin": 1.1}))
    desk.open()
    near = candidate(60.0, desk.agreement)  # 51 visitors are less than 1.1 times 50
    case = desk.submit(near)
    assert case.state is State.IN_REVIEW
    assert case.rule_refusal == "A count of people in 'path' lacks the margin of the standing rule."


def test_a_reviewer_stops_what_the_standing_rule_approved(desk: Desk) -> None:
    desk.agreement = agreed(standing_rule=RULE)
    desk.open()
    one = candidate(60.0, desk.agreement)
    desk.submit(one)
    assert desk.vote(one, SAM, {"path": (NO, "not this one")}).state is State.REVIEWED
    assert desk.release(one) != {}


def test_no_table_takes_the_name_of_what_was_computed() -> None:
    hidden = {ESTIMATES: ONE.tables["link"], "path": ONE.tables["path"]}
    made = make_candidate(ONE.manifest, [*ONE.tables.values()], ONE.findings, ROOM)
    object.__setattr__(made, "tables", hidden)
    with pytest.raises(ReleaseError, match="No table may be named 'estimates'"):
        parts_of(made)


def test_a_double_click_changes_nothing(desk: Desk) -> None:
    desk.submit(ONE)
    ballot = office.ballot(desk.docket, desk.case(ONE), ANN, YES)
    assert guards.may_vote(desk.case(ONE), ballot)
    vote = sign_vote(ballot, ANN.key)
    for _ in range(2):
        office.record(desk.path, AGREED, [vote])
    assert desk.case(ONE).votes == (vote,)
    desk.submit(ONE)
    assert len(facts(desk.path, Event.CANDIDATE_SUBMITTED)) == 1


def test_only_the_author_withdraws(desk: Desk) -> None:
    desk.submit(ONE)
    with pytest.raises(ReviewError, match="Only its author can"):
        desk.withdraw(ONE, "somebody")
    assert desk.withdraw(ONE, AUTHOR).state is State.WITHDRAWN


def test_an_event_that_was_not_allowed_is_found_by_number_whoever_wrote_it(desk: Desk) -> None:
    desk.make(ONE)
    ledger.append(desk.path, Event.REVIEW_OPENED, {"candidate": candidate_digest(ONE)})
    with pytest.raises(LedgerError, match=r"record 8 \(review_opened\) was not allowed where"):
        _ = desk.docket


def test_a_forged_vote_in_the_ledger_makes_no_release(desk: Desk) -> None:
    desk.submit(ONE)
    for by in (ANN, SAM):
        ballot = office.ballot(desk.docket, desk.case(ONE), by, YES)
        forged: Vote = sign_vote(ballot, STRANGER)
        ledger.append(desk.path, Event.VOTE_SIGNED, plain(forged))
    assert desk.case(ONE).state is State.APPROVED  # as the ledger has it; and then it is verified
    refused = desk.release(ONE)
    assert "is not theirs" in refused[candidate_digest(ONE)]
