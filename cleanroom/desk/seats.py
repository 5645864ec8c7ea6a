"""What is shown first of a candidate: who holds the quorum's seats, and what is unusual of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cleanroom.borders import Candidate
from cleanroom.desk import phrases, terms
from cleanroom.desk.language import Said, counted, said
from cleanroom.desk.sitting import Sitting
from cleanroom.desk.standing import Paper
from cleanroom.desk.views import Concern, Remark, Seat, Standing, Words
from cleanroom.review.case import ESTIMATES, Case, decisions, requests, visible_votes
from cleanroom.review.checks import CHECKS
from cleanroom.review.records import Decision, TableVote, Vote
from cleanroom.review.states import State
from cleanroom.tables import Platform

_STANDINGS = {
    Decision.APPROVE: Standing.APPROVED,
    Decision.REQUEST_CHANGES: Standing.CHANGES,
    Decision.UNDECIDED: Standing.UNDECIDED,
}
_ASKS = {check.id: Said(check.asks) for check in CHECKS}


def seats(case: Case, by: Sitting, candidate: Candidate | None = None) -> tuple[Seat, ...]:
    """The quorum's seats; another's vote is shown only to who has decided already.

    What was said of single parts is told where the `candidate` is at hand.
    """
    return tuple(seat for platform in Platform for seat in _of(platform, case, by, candidate))


def concerns(paper: Paper) -> tuple[Concern, ...]:
    """What a reviewer should look at first, in words."""
    return tuple(_concerns(paper))


def _of(platform: Platform, case: Case, by: Sitting, candidate: Candidate | None) -> Iterator[Seat]:
    last = {v.body.reviewer: v for v in case.votes if v.body.platform is platform}
    shown = {v.body.reviewer for v in visible_votes(case, by.reader) if v.body.platform is platform}
    for name, vote in last.items():
        if name in shown:
            yield _open(vote, decisions(case)[platform, name], case, candidate)
        else:
            yield Seat(platform, Standing.HIDDEN, name)
    if case.rule is not None:
        yield Seat(platform, Standing.RULE, case.rule)
    elif not last:
        yield Seat(platform, Standing.EMPTY)


def _open(
    vote: Vote, parts: Mapping[str, TableVote], case: Case, candidate: Candidate | None
) -> Seat:
    differ = len({one.decision for one in parts.values()}) > 1
    remarks = tuple(
        Remark(part_title(candidate, part), _STANDINGS[one.decision], one.comment)
        for part, one in parts.items()
        if candidate is not None
        and (one.comment or (differ and one.decision is not Decision.APPROVE))
    )
    body = vote.body
    return Seat(body.platform, _whole(parts, case), body.reviewer, body.comment, body.time, remarks)


def _whole(parts: Mapping[str, TableVote], case: Case) -> Standing:
    """What a reviewer says of all parts together."""
    words = {one.decision for one in parts.values()}
    if Decision.REQUEST_CHANGES in words:
        return Standing.CHANGES
    is_decided = set(parts) == set(case.parts) and Decision.UNDECIDED not in words
    return Standing.APPROVED if is_decided else Standing.UNDECIDED


def part_title(candidate: Candidate, part: str) -> Words:
    """What a part of a candidate is called: a table by its title."""
    if part == ESTIMATES:
        return said("Estimates, checks and sentences")
    return terms.title(candidate.tables[part])


def _concerns(paper: Paper) -> Iterator[Concern]:
    if paper.broken:
        says = said("Its file is not what the ledger names: it cannot be decided on.")
        yield Concern(says, phrases.understood(paper.broken))
    recall = paper.case.recall
    if recall is not None:
        body = recall.body
        yield Concern(
            said(
                "Recalled by %(by)s: “%(reason)s” Its numbers are not to be used any more.",
                by=f"{body.reviewer} ({body.platform})",
                reason=body.comment,
            )
        )
    if paper.doubtful:
        yield Concern(
            counted(
                paper.doubtful,
                "A vote on it is not its reviewer’s, and does not count.",
                "%(count)s votes on it are not their reviewers’, and do not count.",
            )
        )
    if not paper.in_force:
        yield Concern(said("It was made under another agreement than the one in force."))
    if paper.case.state is State.REVIEWED and any(requests(paper.case)):
        yield Concern(said("A reviewer asks for changes."))
    for finding in paper.case.findings:
        asks = _ASKS.get(finding.check) or Said(finding.check.replace("%", "%%"))
        told = phrases.understood(finding.words)
        yield Concern(asks, phrases.part(finding.part, told) if finding.part else told)
