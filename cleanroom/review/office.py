"""What is written into the ledger of a review: each function takes one kind of step, or refuses.

All steps of one call follow from what the ledger held when they were written: no other writer comes
between, and what is not allowed leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cleanroom import ledger, signing
from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.errors import CleanroomError, ReviewError, did_you_mean
from cleanroom.ledger import Entry, Event
from cleanroom.review import packet
from cleanroom.review.case import Case, findings_digest, parts_of, policy_of
from cleanroom.review.checks import findings, released_cells, rule_refusal, withheld_cells
from cleanroom.review.folding import Docket, Facts, fold
from cleanroom.review.guards import ROOM, Actor, Attempt, check_step, missing_parts
from cleanroom.review.records import (
    Ballot,
    Decision,
    Receipt,
    Reviewer,
    SignedAct,
    TableVote,
    Vote,
    event_of,
    now,
    plain,
    require_signed,
    sign_vote,
)
from cleanroom.review.states import Action, State
from cleanroom.review.templates import Template

Word = Decision | tuple[Decision, str]  # on a table, with a comment or without
Said = Word | Mapping[str, Word]
_FOUND_SINCE = "The machine has found something since it was approved: its votes are void."


def docket(path: Path) -> Docket:
    """Where everything stands by the ledger at `path`; raises `LedgerError`.

    In a packet: as it will once the room has recorded what was signed there.
    """
    known = fold(ledger.records(path))
    if packet.is_packet(path):
        for word in packet.read_words(packet.outbox(path)):
            known.take(event_of(word), plain(word), word.body.time)
    return known


def propose(path: Path, templates: Sequence[Template], author: str) -> list[Template]:
    """Propose templates; returns those that were not proposed before."""
    new: list[Template] = []

    def steps(docket: Docket) -> Iterator[Entry]:
        for template in templates:
            if template.digest not in docket.proposals:
                new.append(template)
                yield Event.TEMPLATE_PROPOSED, {"template": plain(template), "author": author}

    _write(path, steps)
    return new


def submit(
    path: Path, agreement: Agreement, candidates: Sequence[Candidate], author: str
) -> list[Case]:
    """Submit candidates, have the machine look at them, and open their review.

    Those that were submitted before stay as they are. A candidate takes the place of an earlier one
    of the same study that was not released yet. Raises `ReviewError`.
    """

    def steps(docket: Docket) -> Iterator[Entry]:
        for each in candidates:
            yield from _submission(docket, each, agreement, author)

    _write(path, steps)
    after = docket(path)
    return [after.named(candidate_digest(each)) for each in candidates]


def ballot(docket: Docket, case: Case, by: Reviewer, said: Said, comment: str = "") -> Ballot:
    """A vote's body: what a reviewer says of each table that they have not decided on yet.

    `said`: one decision on all; or by table, where `""` is for those that are not named. `comment`
    is on the whole. A table that is named is voted on again, whatever was said of it.
    """
    by_part = {"": said} if isinstance(said, (Decision, tuple)) else dict(said)
    parts = missing_parts(case, Actor(by.name, by.platform)) or list(case.parts)
    words = dict.fromkeys(parts, by_part[""]) if "" in by_part else {}
    words |= {part: word for part, word in by_part.items() if part}
    return Ballot(
        candidate=case.candidate,
        policy=case.policy,
        findings=findings_digest(case),
        author=case.author,
        platform=by.platform,
        reviewer=by.name,
        tables={part: _table_vote(case, part, word) for part, word in words.items()},
        comment=comment,
        time=now(),
        previous=docket.head,
    )


def _table_vote(case: Case, part: str, word: Word) -> TableVote:
    if part not in case.parts:
        raise ReviewError(
            f"The candidate has no table '{part}'; {did_you_mean(part, case.parts)}",
            "name one that `cleanroom review show` shows.",
        )
    decision, why = (word, "") if isinstance(word, Decision) else word
    return TableVote(digest=case.parts[part], decision=decision, comment=why)


def cast(path: Path, agreement: Agreement, ballots: Sequence[Ballot], by: Reviewer) -> list[str]:
    """Sign ballots and record them; returns the receipts: the hashes of their records.

    A later vote takes the place of the earlier one, table by table. Raises `ReviewError` with the
    reason for which a vote does not count, `ReleaseError` if it is not its reviewer's.
    """
    return record(path, agreement, [sign_vote(one, by.key) for one in ballots])


def record(path: Path, agreement: Agreement, words: Sequence[Vote | SignedAct]) -> list[str]:
    """Record what reviewers signed, votes and other words; returns the receipts, raises as `cast`.

    What is recorded already is left as it is. In a packet there are no receipts.
    """
    for word in words:
        require_signed(word, agreement)

    def steps(docket: Docket) -> Iterator[Entry]:
        for word in words:
            if signing.digest(plain(word.body)) not in docket.signed:
                yield event_of(word), plain(word)

    return _write(path, steps)


def withdraw(path: Path, digest: str, author: str, comment: str = "") -> None:
    """Take a candidate back; raises `ReviewError` for anybody but its author."""
    facts = {"candidate": digest, "author": author, "comment": comment}
    _write(path, lambda docket: [(Event.CANDIDATE_WITHDRAWN, facts)])


def release(
    path: Path,
    agreement: Agreement,
    candidates: Sequence[Candidate],
    verified: Callable[[Docket, Case, Candidate], Receipt],
) -> dict[str, str]:
    """Release candidates one after the other, each beside what was released before it.

    The machine looks at each again; where it finds other things than when they voted, the votes are
    void. `verified` gives the room's receipt, or raises with the reason why it may not be released.
    Returns the reasons why some were not, by digest.
    """
    refused: dict[str, str] = {}

    def steps(docket: Docket) -> Iterator[Entry]:
        for candidate in candidates:
            digest, facts = candidate_digest(candidate), _checked(docket, candidate, agreement)
            case = docket.named(digest)
            if facts["findings"] != [asdict(finding) for finding in case.findings]:
                refused[digest] = _FOUND_SINCE
                yield Event.CANDIDATE_CHECKED_AGAIN, facts
                continue
            try:
                check_step(case, Attempt(Action.RELEASE, ROOM))
                receipt = verified(docket, case, candidate)
            except CleanroomError as error:
                refused[digest] = error.problem
                continue
            yield Event.RELEASE_MADE, {"candidate": digest, "receipt": plain(receipt)}

    _write(path, steps)
    return refused


def _submission(
    docket: Docket, candidate: Candidate, agreement: Agreement, author: str
) -> Iterator[Entry]:
    """The steps that take a candidate from where it stands into review."""
    digest = candidate_digest(candidate)
    if candidate.manifest["agreement"] != agreement_digest(agreement):
        raise ReviewError("The candidate was made under another agreement.", "ask the study again.")
    if docket.named(digest).state is State.DRAFT:
        yield Event.CANDIDATE_SUBMITTED, _submitted(docket, candidate, author)
    if docket.named(digest).state is State.SUBMITTED:
        yield Event.CANDIDATE_CHECKED, _checked(docket, candidate, agreement)
    if docket.named(digest).state is State.CHECKED:
        yield Event.REVIEW_OPENED, {"candidate": digest}
        if not docket.named(digest).rule_refusal and agreement.standing_rule is not None:
            facts = {"candidate": digest, "rule": agreement.standing_rule.name}
            yield Event.STANDING_RULE_APPLIED, facts


def _submitted(docket: Docket, candidate: Candidate, author: str) -> Facts:
    digest, manifest = candidate_digest(candidate), candidate.manifest
    earlier = docket.latest(manifest["study"], digest)
    return {
        "candidate": digest,
        "author": author,
        "study": manifest["study"],
        "merchant_name": manifest["merchant_name"],
        "agreement": manifest["agreement"],
        "policy": policy_of(candidate),
        "template": manifest["template"],
        "parts": parts_of(candidate),
        "replaces": earlier and earlier.candidate,
    }


def _checked(docket: Docket, candidate: Candidate, agreement: Agreement) -> Facts:
    found = findings(candidate, docket.cases.values())
    return {
        "candidate": candidate_digest(candidate),
        "findings": [asdict(finding) for finding in found],
        "released_cells": released_cells(candidate),
        "withheld": dict(withheld_cells(candidate)),
        "rule_refusal": rule_refusal(candidate, found, agreement),
    }


def _write(path: Path, steps: Callable[[Docket], Iterable[Entry]]) -> list[str]:
    """Record the steps, each checked against all before it, or raise and record none."""
    packed = packet.is_packet(path)

    def decide(known: Iterator[dict[str, Any]]) -> list[Entry]:
        before, entries = docket(path) if packed else fold(known), list[Entry]()
        for event, facts in steps(before):
            if packed:
                packet.require_word(event)
            before.take(event, facts, now())
            entries.append((event, facts))
        return entries

    receipts = ledger.append_all_if(packet.outbox(path) if packed else path, decide)
    return [] if packed else receipts
