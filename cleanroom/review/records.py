"""What reviewers sign: votes on a candidate, and the other acts that need a reviewer's word.

Each body names the head of the ledger that its signer saw, so that a ledger cut short or written
anew does not fit the votes any more. Signatures are Ed25519 (RFC 8032) over the canonical form.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, ValidationError

from cleanroom import signing
from cleanroom.agreement import Agreement, Digest, Model, Signature
from cleanroom.errors import ReleaseError
from cleanroom.ledger import Event
from cleanroom.tables import Platform

LONGEST_COMMENT = 2000  # characters


class Decision(StrEnum):
    """What a reviewer says of a table."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request changes"
    UNDECIDED = "undecided"


def is_plain(comment: str) -> bool:
    """Whether a comment may be signed: not too long, and without signs that cannot be shown."""
    shown = all(character.isprintable() or character == "\n" for character in comment)
    return shown and len(comment) <= LONGEST_COMMENT


def _plain(comment: str) -> str:
    if not is_plain(comment):
        raise ValueError("is too long or holds control characters.")
    return comment


Comment = Annotated[str, AfterValidator(_plain)]


class TableVote(Model):
    """A decision on one table, named by its digest, and why."""

    digest: Digest
    decision: Decision
    comment: Comment = ""


class Ballot(Model):
    """A vote's body: exactly what was seen, and what is said of it.

    `policy` is the fingerprint of the policy it was made under, `findings` the digest of what the
    machine found, `author` who asked for the release, `previous` the ledger's head.
    """

    format: Literal["cleanroom-vote-1"] = "cleanroom-vote-1"
    candidate: Digest
    policy: Digest
    findings: Digest
    author: str
    platform: Platform
    reviewer: str
    tables: dict[str, TableVote]
    comment: Comment = ""
    time: str
    previous: Digest


class Vote(Model):
    """A ballot under its reviewer's signature."""

    body: Ballot
    signature: Signature


class ActKind(StrEnum):
    """What else a reviewer signs."""

    APPROVE_TEMPLATE = "approve template"
    REVOKE_TEMPLATE = "revoke template"
    RETURN = "return"
    REJECT = "reject"
    RECALL = "recall"


class Act(Model):
    """The body of a reviewer's word on a `subject`: a candidate or a template, by its digest."""

    format: Literal["cleanroom-act-1"] = "cleanroom-act-1"
    act: ActKind
    subject: Digest
    platform: Platform
    reviewer: str
    comment: Comment = ""
    time: str
    previous: Digest


class SignedAct(Model):
    """An act under its reviewer's signature."""

    body: Act
    signature: Signature


class ReceiptBody(Model):
    """What the room says when it releases: which candidate, by which votes, after which head.

    `votes` and `findings` are digests, `rule` names the standing rule if it was by one.
    """

    format: Literal["cleanroom-receipt-1"] = "cleanroom-receipt-1"
    candidate: Digest
    votes: Digest
    findings: Digest
    rule: str | None = None
    time: str
    previous: Digest


class Receipt(Model):
    """The room's signature on a release."""

    body: ReceiptBody
    signature: Signature


@dataclass(frozen=True, repr=False)
class Reviewer:
    """Who decides: a name that the agreement gives a platform, and their own signing key."""

    platform: Platform
    name: str
    key: signing.SigningKey


# Under which event of the ledger each word of a reviewer is recorded.
_ACT_EVENTS = MappingProxyType(
    {
        ActKind.APPROVE_TEMPLATE: Event.TEMPLATE_APPROVED,
        ActKind.REVOKE_TEMPLATE: Event.TEMPLATE_REVOKED,
        ActKind.RETURN: Event.CANDIDATE_RETURNED,
        ActKind.REJECT: Event.CANDIDATE_REJECTED,
        ActKind.RECALL: Event.RELEASE_RECALLED,
    }
)
WORDS = frozenset({Event.VOTE_SIGNED, *_ACT_EVENTS.values()})
Record = TypeVar("Record", bound=Model)
_VOTE, _ACT, _RECEIPT = "vote-1", "review-act", "release-receipt"


def now() -> str:
    """The time as records carry it: ISO 8601, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def sign_vote(ballot: Ballot, key: signing.SigningKey) -> Vote:
    """The ballot under its reviewer's signature."""
    return Vote(body=ballot, signature=signing.sign(key, _VOTE, plain(ballot)))


def sign_act(
    by: Reviewer, act: ActKind, subject: str, previous: str, comment: str = ""
) -> SignedAct:
    """A reviewer's word on a candidate or a template, said after the ledger's head `previous`."""
    body = Act(
        act=act,
        subject=subject,
        platform=by.platform,
        reviewer=by.name,
        comment=comment,
        time=now(),
        previous=previous,
    )
    return SignedAct(body=body, signature=signing.sign(by.key, _ACT, plain(body)))


def sign_receipt(body: ReceiptBody, room: signing.SigningKey) -> Receipt:
    """The room's word that it released."""
    return Receipt(body=body, signature=signing.sign(room, _RECEIPT, plain(body)))


def event_of(word: Vote | SignedAct) -> Event:
    """The event under which the ledger records it."""
    return Event.VOTE_SIGNED if isinstance(word, Vote) else _ACT_EVENTS[word.body.act]


def plain(record: Model) -> dict[str, Any]:
    """A record as plain JSON values."""
    return record.model_dump(mode="json")


def read(model: type[Record], content: Any, what: str) -> Record:
    """A record from plain JSON values; raises `ReleaseError` if it is none."""
    try:
        return model.model_validate_json(signing.canonical(content))
    except (ValidationError, ValueError, TypeError):
        raise ReleaseError(f"A {what} is not readable.", "discard it and ask again.") from None


def require_signed(signed: Vote | SignedAct, agreement: Agreement) -> None:
    """Raise `ReleaseError` unless the reviewer whom the body names signed it.

    Their key is the one that the agreement gives them.
    """
    body = signed.body
    key = agreement.parties[body.platform].reviewers.get(body.reviewer)
    if key is None:
        raise ReleaseError(
            f"The agreement names no reviewer '{body.reviewer}' of {body.platform}.",
            "ask one it names.",
        )
    purpose = _VOTE if isinstance(signed, Vote) else _ACT
    if not signing.verifies(key, signed.signature, purpose, plain(body)):
        what = "vote" if isinstance(signed, Vote) else "signature"
        raise ReleaseError(
            f"The {what} of '{body.reviewer}' of {body.platform} is not theirs.",
            "discard it; ask them again.",
        )


def require_receipt(receipt: Receipt, room_key: str) -> None:
    """Raise `ReleaseError` unless the room signed the receipt (`room_key`: its public key, hex)."""
    if not signing.verifies(room_key, receipt.signature, _RECEIPT, plain(receipt.body)):
        raise ReleaseError("The receipt is not the room's.", "ask the room for the release again.")
