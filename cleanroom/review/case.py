"""One candidate under review, as the ledger tells of it, and what its votes come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cleanroom import signing
from cleanroom.borders import Candidate, candidate_record
from cleanroom.errors import ReleaseError
from cleanroom.policy import Policy, fingerprint
from cleanroom.review.records import (
    Decision,
    Receipt,
    ReceiptBody,
    SignedAct,
    TableVote,
    Vote,
    now,
    plain,
)
from cleanroom.review.states import UNDER_REVIEW, Action, State
from cleanroom.tables import Platform

# The part that holds what was computed from the tables: estimates, checks, sentences.
ESTIMATES = "estimates"


@dataclass(frozen=True)
class Finding:
    """What the machine found: by which check, about which part (empty: the whole), in words."""

    check: str
    part: str
    words: str


@dataclass(frozen=True)
class Step:
    """What happened: when, which action, by whom, where it led, and what was said.

    `by` is empty of what followed by itself.
    """

    time: str
    action: Action
    by: str
    state: State
    comment: str = ""


@dataclass(frozen=True)
class Case:
    """A candidate and all that was said and done about it.

    `parts` are the digests of its tables, and of what was computed from them, by name. `votes` are
    those on this very candidate that nothing was said over since; `carried` those on earlier
    candidates of the same study, which count for parts that did not change. `rule` names the
    standing rule that approved it, `rule_refusal` says why none may; `replaced_by` is what took its
    place, `receipt` what the room signed when it released, `recall` what called it back.
    """

    candidate: str
    file: str
    state: State = State.DRAFT
    author: str = ""
    study: Mapping[str, Any] = field(default_factory=dict)
    merchant_name: str = ""
    agreement: str = ""
    policy: str = ""
    template: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    released_cells: int = 0
    withheld: Mapping[str, int] = field(default_factory=dict)
    rule_refusal: str = "It has not been checked."
    rule: str | None = None
    votes: tuple[Vote, ...] = ()
    carried: tuple[Vote, ...] = ()
    replaces: str | None = None
    replaced_by: str | None = None
    receipt: Receipt | None = None
    recall: SignedAct | None = None
    steps: tuple[Step, ...] = ()

    @property
    def is_under_review(self) -> bool:
        """Whether reviewers can vote on it."""
        return self.state in UNDER_REVIEW


def parts_of(candidate: Candidate) -> dict[str, str]:
    """The digest of each table of a candidate, and of what was computed from them.

    Each is of the study as well: the same numbers about something else are another part. Raises
    `ReleaseError` if a table has the name that is kept for what was computed.
    """
    record = candidate_record(candidate)
    if ESTIMATES in record["tables"]:
        raise ReleaseError(f"No table may be named '{ESTIMATES}'.", "name it otherwise.")
    computed = {name: record[name] for name in ("estimates", "checks", "summary")}
    contents = {**record["tables"], ESTIMATES: computed}
    study = candidate.manifest["study"]
    return {name: signing.digest([study, content]) for name, content in contents.items()}


def policy_of(candidate: Candidate) -> str:
    """The fingerprint of the policy that a candidate was made under."""
    return fingerprint(Policy.model_validate_json(signing.canonical(candidate.manifest["policy"])))


def findings_digest(case: Case) -> str:
    """What a vote names as the findings that its reviewer saw."""
    return signing.digest([asdict(finding) for finding in case.findings])


def receipt_of(case: Case, previous: str) -> ReceiptBody:
    """What the room signs when it releases a case after the ledger's head `previous`."""
    votes = [plain(vote) for vote in (*case.carried, *case.votes)]
    return ReceiptBody(
        candidate=case.candidate,
        votes=signing.digest(votes),
        findings=findings_digest(case),
        rule=case.rule,
        time=now(),
        previous=previous,
    )


def is_receipt_of(body: ReceiptBody, case: Case) -> bool:
    """Whether a receipt is on this case, with these votes and findings."""
    return body == receipt_of(case, body.previous).model_copy(update={"time": body.time})


def decisions(case: Case) -> dict[tuple[Platform, str], dict[str, TableVote]]:
    """What each reviewer says of each part: their last word on that part as it is now.

    A vote on an earlier candidate counts for a part that did not change, unless the machine has
    found something about that part.
    """
    said: dict[tuple[Platform, str], dict[str, TableVote]] = {}
    found = {finding.part for finding in case.findings}
    for vote in (*case.carried, *case.votes):
        own = said.setdefault((vote.body.platform, vote.body.reviewer), {})
        is_carried = vote.body.candidate != case.candidate
        for part, one in vote.body.tables.items():
            if case.parts.get(part) == one.digest and not (is_carried and part in found):
                own[part] = one
    return said


def seat(case: Case, platform: Platform) -> str | None:
    """Who holds the platform's seat of the quorum: who voted on this candidate and decided it all.

    A vote on an earlier candidate counts for what did not change, and takes no seat by itself. The
    standing rule, where it approved, holds both seats.
    """
    for (side, name), said in decisions(case).items():
        if side is platform and _voted(case, side, name) and not _undecided(case, said):
            return name
    return f"standing rule '{case.rule}'" if case.rule else None


def seats(case: Case) -> dict[Platform, str | None]:
    """Who holds each platform's seat."""
    return {platform: seat(case, platform) for platform in Platform}


def approved(case: Case) -> bool:
    """Whether both seats are taken, every part approved by both, and no change asked for."""
    if any(requests(case)):
        return False
    return all(holder is not None for holder in seats(case).values())


def requests(case: Case) -> Iterator[tuple[Platform, str, TableVote]]:
    """The changes that reviewers ask for: of which platform, about which part, and what."""
    for (platform, _), said in decisions(case).items():
        for part, vote in said.items():
            if vote.decision is Decision.REQUEST_CHANGES:
                yield platform, part, vote


def has_decided(case: Case, platform: Platform, reviewer: str) -> bool:
    """Whether a reviewer voted on this candidate and decided on every part of it."""
    said = decisions(case).get((platform, reviewer), {})
    return _voted(case, platform, reviewer) and not _undecided(case, said)


def visible_votes(case: Case, reader: tuple[Platform, str] | None = None) -> tuple[Vote, ...]:
    """The votes that a reader may see: reviews are independent until one has decided oneself.

    `reader` is a reviewer's platform and name; None is anybody else.
    """
    if case.state is not State.IN_REVIEW or (reader and has_decided(case, *reader)):
        return case.votes
    return tuple(v for v in case.votes if (v.body.platform, v.body.reviewer) == reader)


def _voted(case: Case, platform: Platform, reviewer: str) -> bool:
    return any((v.body.platform, v.body.reviewer) == (platform, reviewer) for v in case.votes)


def _undecided(case: Case, said: Mapping[str, TableVote]) -> list[str]:
    """The parts that somebody who said so much has still to decide on."""
    decided = {part for part, vote in said.items() if vote.decision is not Decision.UNDECIDED}
    return [part for part in case.parts if part not in decided]
