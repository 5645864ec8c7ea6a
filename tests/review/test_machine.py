"""A workflow at random: whatever is tried in whatever order, the rules of the review hold."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cleanroom.borders import Candidate, candidate_digest
from cleanroom.errors import CleanroomError
from cleanroom.gate.verification import verify_ledger
from cleanroom.review.case import approved, has_decided, seats
from cleanroom.review.records import ActKind, Decision, Reviewer
from cleanroom.review.states import LEFT, State
from tests.review.stage import AGREED, ANN, SAM, SECOND, Desk, candidate

CANDIDATES = [candidate(60.0), candidate(61.0), candidate(60.0, end="2026-05-15")]
SUBJECTS, REVIEWERS = st.sampled_from(CANDIDATES), st.sampled_from([ANN, SAM, SECOND])
AUTHORS = st.sampled_from(["ann", "analyst"])
COMMENTS = st.sampled_from(["", "why"])
ENDED = (State.REJECTED, State.RETURNED, State.WITHDRAWN, State.RECALLED)


class Review(RuleBasedStateMachine):
    """Anybody tries anything; what is refused changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.desk = Desk(self.folder / "ledger.jsonl").open()
        self.left: set[str] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(of=SUBJECTS, author=AUTHORS)
    def submit(self, of: Candidate, author: str) -> None:
        self.tried(lambda: self.desk.submit(of, author))

    @rule(of=SUBJECTS, by=REVIEWERS, decision=st.sampled_from(Decision), comment=COMMENTS)
    def vote(self, of: Candidate, by: Reviewer, decision: Decision, comment: str) -> None:
        self.tried(lambda: self.desk.vote(of, by, decision, comment))

    @rule(of=SUBJECTS, by=REVIEWERS)
    def approve(self, of: Candidate, by: Reviewer) -> None:
        self.tried(lambda: self.desk.vote(of, by, comment="fine"))

    @rule(
        of=SUBJECTS,
        by=REVIEWERS,
        kind=st.sampled_from([ActKind.RETURN, ActKind.REJECT, ActKind.RECALL]),
        comment=COMMENTS,
    )
    def act(self, of: Candidate, by: Reviewer, kind: ActKind, comment: str) -> None:
        self.tried(lambda: self.desk.act(of, by, kind, comment))

    @rule(of=SUBJECTS, author=AUTHORS)
    def withdraw(self, of: Candidate, author: str) -> None:
        self.tried(lambda: self.desk.withdraw(of, author))

    @rule(of=SUBJECTS)
    def release(self, of: Candidate) -> None:
        if candidate_digest(of) in self.desk.docket.cases:
            self.desk.release(of)

    def tried(self, step: Callable[[], object]) -> None:
        before = self.desk.path.read_bytes()
        try:
            step()
        except CleanroomError:
            after = self.desk.path.read_bytes()
            made = after[len(before) :].count(b'"candidate_made"')
            assert after[len(before) :].count(b"\n") == made  # a refusal records no step

    @invariant()
    def the_rules_hold(self) -> None:
        docket = self.desk.docket
        for case in docket.cases.values():
            if case.state is State.APPROVED:
                assert approved(case)
                assert all(seats(case).values())
            for vote in case.votes:
                assert vote.body.reviewer != case.author
            if case.state in LEFT:
                self.left.add(case.candidate)
                assert case.receipt is not None
                voters = {v.body.platform for v in case.votes}
                decided = {
                    v.body.platform
                    for v in case.votes
                    if has_decided(case, v.body.platform, v.body.reviewer)
                }
                assert len(voters) == len(decided) == 2
        assert {d for d in self.left if docket.cases[d].state not in LEFT} == set()

    @invariant()
    def either_platform_can_verify_it(self) -> None:
        assert verify_ledger(self.desk.path, [AGREED]).docket.cases == self.desk.docket.cases


TestReview = pytest.mark.slow(Review.TestCase)
Review.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=18,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
