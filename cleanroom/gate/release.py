"""A release: a candidate with the votes of a quorum and the room's receipt, verified as one.

`verify_again` is asked each time, when the room releases and whenever anybody reads a release: what
is a condition of release is one function in its list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cleanroom import signing
from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.borders import Candidate, Release, candidate_digest
from cleanroom.errors import ReleaseError
from cleanroom.gate.candidate import read_json, sealed, unsealed
from cleanroom.review.case import (
    Case,
    Finding,
    approved,
    is_receipt_of,
    parts_of,
    policy_of,
    requests,
    seats,
)
from cleanroom.review.checks import rule_refusal
from cleanroom.review.guards import why_not_vote
from cleanroom.review.records import (
    ActKind,
    Receipt,
    SignedAct,
    Vote,
    plain,
    read,
    require_receipt,
    require_signed,
)
from cleanroom.review.states import State


@dataclass(frozen=True)
class Ground:
    """What a release rests on: the candidate, what was said of it, and under which agreement.

    `released`: the digests of all that left before it, recalled releases among them; only the room
    knows.
    """

    candidate: Candidate
    case: Case
    agreement: Agreement
    released: frozenset[str] = frozenset()


Check = Callable[[Ground], None]  # raises `ReleaseError` with the reason


def verify_again(ground: Ground, more: Sequence[Check] = ()) -> None:
    """Ask every condition of release again, then those that only the room can ask (`more`).

    Raises `ReleaseError` for the first that does not hold.
    """
    for check in (*CHECKS, *more):
        check(ground)


def make_release(ground: Ground, receipt: Receipt, recall: SignedAct | None = None) -> Release:
    """The release, if everything verifies: the votes of a quorum, and the room's receipt on them.

    `recall`: the signed word that called it back, if one did.

    Raises `ReleaseError` naming what does not: another agreement, a vote that is not its
    reviewer's or on something else, changes asked for, a platform without an approval.
    """
    verify_again(ground)
    _require_receipt(ground, receipt)
    case = ground.case
    votes = tuple(plain(vote) for vote in (*case.carried, *case.votes))
    found = tuple(asdict(finding) for finding in case.findings)
    if recall is not None:
        _require_recall(ground, recall)
    told = plain(recall) if recall is not None else {}
    return Release(ground.candidate, votes, found, plain(receipt), told)


def write_release(release: Release, path: Path) -> None:
    """Write a release as one JSON file; appears whole or not at all."""
    signing.write_canonical(
        path,
        {
            **sealed(release.candidate),
            "votes": list(release.votes),
            "found": list(release.found),
            "receipt": release.receipt,
            **({"recall": release.recall} if release.recall else {}),
        },
    )


def read_release(path: Path, agreement: Agreement) -> Release:
    """Read a release and verify everything again: signatures, votes, quorum, receipt.

    Raises `ReleaseError` for whatever does not verify.
    """
    content = read_json(path, "release")
    candidate = unsealed(content, agreement.room.identity_key or "")
    receipt = read(Receipt, content.get("receipt"), "receipt")
    votes = [read(Vote, vote, "vote") for vote in content.get("votes", ())]
    found = _findings(content.get("found", ()))
    case = case_of(candidate, votes, found, receipt.body.rule)
    recall = content.get("recall")
    word = None if recall is None else read(SignedAct, recall, "recall")
    return make_release(Ground(candidate, case, agreement), receipt, word)


def case_of(
    candidate: Candidate,
    votes: Iterable[Vote],
    found: Iterable[Finding] = (),
    rule: str | None = None,
) -> Case:
    """The case that votes make of a candidate, with no ledger beside it."""
    digest, votes = candidate_digest(candidate), tuple(votes)
    own = tuple(vote for vote in votes if vote.body.candidate == digest)
    return Case(
        digest,
        file="",
        state=State.IN_REVIEW,
        author=next((vote.body.author for vote in own), ""),
        agreement=candidate.manifest["agreement"],
        policy=policy_of(candidate),
        parts=parts_of(candidate),
        findings=tuple(found),
        votes=own,
        carried=tuple(vote for vote in votes if vote.body.candidate != digest),
        rule=rule,
    )


def _same_agreement(ground: Ground) -> None:
    if ground.candidate.manifest["agreement"] != agreement_digest(ground.agreement):
        raise ReleaseError(
            "The candidate was made under another agreement.", "use that agreement's file."
        )


def _votes_are_theirs(ground: Ground) -> None:
    for vote in (*ground.case.carried, *ground.case.votes):
        require_signed(vote, ground.agreement)


def _votes_are_on_it(ground: Ground) -> None:
    """Each as if it were cast now: on this candidate, what was found in it, and these tables."""
    for vote in ground.case.votes:
        asked = Case(**{**vars(ground.case), "state": State.IN_REVIEW})
        reason = why_not_vote(asked, vote.body)
        if reason is not None:
            raise ReleaseError(
                f"The vote of '{vote.body.reviewer}' of {vote.body.platform} does not count: "
                f"{reason}",
                "ask them to look again.",
            )


def _rule_holds(ground: Ground) -> None:
    rule = ground.agreement.standing_rule
    if ground.case.rule is None:
        return
    if rule is None or rule.name != ground.case.rule:
        raise ReleaseError("The agreement has no such standing rule.", "have it reviewed.")
    refusal = rule_refusal(ground.candidate, ground.case.findings, ground.agreement)
    if refusal:
        raise ReleaseError(f"The standing rule does not approve it: {refusal}", "review it.")


def _quorum_approves(ground: Ground) -> None:
    for platform, part, _ in requests(ground.case):
        raise ReleaseError(
            f"A reviewer of {platform} asks for changes of '{part}'.", "change it, or ask them."
        )
    missing = [platform.value for platform, who in seats(ground.case).items() if who is None]
    if missing or not approved(ground.case):
        raise ReleaseError(
            f"No reviewer of {' and '.join(missing)} has approved.", "ask them to review it."
        )


CHECKS: tuple[Check, ...] = (
    _same_agreement,
    _votes_are_theirs,
    _votes_are_on_it,
    _rule_holds,
    _quorum_approves,
)


def _require_receipt(ground: Ground, receipt: Receipt) -> None:
    require_receipt(receipt, ground.agreement.room.identity_key or "")
    if not is_receipt_of(receipt.body, ground.case):
        raise ReleaseError(
            "The receipt is for another candidate or other votes.",
            "ask the room for the release again.",
        )


def _require_recall(ground: Ground, recall: SignedAct) -> None:
    require_signed(recall, ground.agreement)
    if (recall.body.act, recall.body.subject) != (ActKind.RECALL, ground.case.candidate):
        raise ReleaseError(
            "The recall is of something else.", "ask the room for the release again."
        )


def _findings(content: Iterable[Mapping[str, Any]]) -> list[Finding]:
    try:
        return [Finding(**finding) for finding in content]
    except TypeError:
        raise ReleaseError("A finding is not readable.", "ask the room for it again.") from None
