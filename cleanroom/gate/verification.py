"""Verifying a ledger with nothing but public keys: chain, steps, signatures, and what was released.

Either platform can, on its own copy. A chain alone cannot show that its end is missing, or that all
of it was written anew: votes, receipts and releases name the heads that their signers saw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleanroom import ledger
from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.borders import Release, candidate_digest
from cleanroom.errors import CleanroomError, LedgerError, ReleaseError
from cleanroom.gate.release import read_release
from cleanroom.ledger import Event
from cleanroom.review.folding import ACTIONS, Docket, take
from cleanroom.review.records import (
    Receipt,
    SignedAct,
    Vote,
    read,
    require_receipt,
    require_signed,
)
from cleanroom.review.states import State

_ANOTHER_COPY = "compare with the other platform's copy of the ledger; do not append to this one."
_TEMPLATES = (Event.TEMPLATE_APPROVED, Event.TEMPLATE_REVOKED)
_ACTS = (Event.CANDIDATE_RETURNED, Event.CANDIDATE_REJECTED, Event.RELEASE_RECALLED)
_SIGNED = (Event.VOTE_SIGNED, Event.RELEASE_MADE, *_ACTS, *_TEMPLATES)


@dataclass(frozen=True)
class Verified:
    """What was verified: records by event, signatures, and where everything stands.

    `is_cut_short`: the file ends within a line, as a crash leaves it; the next append drops that.
    """

    events: Counter[str]
    signatures: int
    is_cut_short: bool
    docket: Docket


def verify_ledger(
    path: Path, agreements: Sequence[Agreement] = (), heads: Iterable[str] = ()
) -> Verified:
    """Verify a ledger's chain and steps, and with `agreements` every signature in it.

    `heads` are hashes of records that somebody has seen. Raises `LedgerError` naming the first
    record that is not as it was, was not allowed, or is not its signer's, and a head that is gone.
    """
    docket, events, signatures = Docket(), Counter[str](), 0
    for number, record in enumerate(ledger.records(path), 1):
        take(docket, record, number)
        events[record["event"]] += 1
        if agreements and record["event"] in _SIGNED:
            _require_signer(docket, record, number, agreements)
            signatures += 1
    for head in heads:
        if head not in docket.heads:
            raise LedgerError(
                f"The ledger does not hold record {head[:12]}, which was seen: its end is missing, "
                "or it was written anew.",
                _ANOTHER_COPY,
            )
    return Verified(events, signatures, ledger.is_cut_short(path), docket)


def verify_release(verified: Verified, path: Path, agreements: Sequence[Agreement]) -> State:
    """Verify a release and find it in the ledger; returns what has become of it.

    Raises `ReleaseError` if it does not verify, `LedgerError` if the ledger does not hold it.
    """
    release = _read(path, agreements)
    digest = candidate_digest(release.candidate)
    case = verified.docket.cases.get(digest)
    if case is None or case.receipt != read(Receipt, release.receipt, "receipt"):
        raise LedgerError(
            f"The ledger does not hold the release of {path.name} (candidate {digest[:12]}): its "
            "end is missing, or it is another room's.",
            _ANOTHER_COPY,
        )
    return case.state


def _read(path: Path, agreements: Sequence[Agreement]) -> Release:
    """The release, under that of the agreements which it was made under, or else the last."""
    for agreement in agreements[:-1]:
        with suppress(ReleaseError):
            return read_release(path, agreement)
    return read_release(path, agreements[-1])


def _require_signer(
    docket: Docket, record: dict[str, Any], number: int, agreements: Sequence[Agreement]
) -> None:
    try:
        if record["event"] in _TEMPLATES:
            _require_any(read(SignedAct, record["facts"], "signature"), agreements)
        elif record["event"] in ACTIONS:
            _require_on_case(docket, Event(record["event"]), record["facts"], agreements)
    except CleanroomError as error:
        raise LedgerError(
            f"Ledger record {number} ({record['event']}): {error.problem}", _ANOTHER_COPY
        ) from None


def _require_on_case(
    docket: Docket, event: Event, facts: dict[str, Any], agreements: Sequence[Agreement]
) -> None:
    """The signer is the one whom the agreement names under which the candidate was made."""
    if event is Event.RELEASE_MADE:
        agreement = _under(docket, facts["candidate"], agreements)
        receipt = read(Receipt, facts["receipt"], "receipt")
        require_receipt(receipt, agreement.room.identity_key or "")
        return
    if event is Event.VOTE_SIGNED:
        vote = read(Vote, facts, "vote")
        require_signed(vote, _under(docket, vote.body.candidate, agreements))
        return
    act = read(SignedAct, facts, "signature")
    require_signed(act, _under(docket, act.body.subject, agreements))


def _under(docket: Docket, candidate: str, agreements: Sequence[Agreement]) -> Agreement:
    wanted = docket.cases[candidate].agreement
    for agreement in agreements:
        if agreement_digest(agreement) == wanted:
            return agreement
    raise LedgerError(
        f"It was made under the agreement {wanted[:12]}, which was not given.",
        "name its file as well: --agreement.",
    )


def _require_any(act: SignedAct, agreements: Sequence[Agreement]) -> None:
    """Templates outlast an agreement's version: one of the agreements names the signer."""
    for agreement in agreements[:-1]:
        with suppress(ReleaseError):
            return require_signed(act, agreement)
    return require_signed(act, agreements[-1])
