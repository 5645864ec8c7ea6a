"""What the three processes of a blinded join agree on: the ticket, the receipt, the records.

    match.json               the room's ticket: which handovers are joined, how many points each has
    <match>/<kind>/…         messages, while the match runs
    <match>/done.json        the room's receipt: it has the links, and secrets can be forgotten

Both are signed by the room. A match is named by the digest of its ticket, which holds a nonce.
"""

from __future__ import annotations

import secrets
from operator import lt
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from cleanroom import signing
from cleanroom.agreement import Agreement, Digest, Model, Signature, agreement_digest
from cleanroom.errors import JoinError
from cleanroom.mailbox import Mailbox
from cleanroom.tables import TABLES, IdentifierKind, Platform, Role

HANDLE_BYTES, POINT_BYTES = 16, 32
RECORD_BYTES = HANDLE_BYTES + POINT_BYTES
MOST_RECORDS = 1 << 20  # in one message
TICKET = "match.json"
_LONGEST = 1 << 16  # bytes of a ticket or receipt

Signable = TypeVar("Signable", bound=Model)
Count = Annotated[int, Field(ge=0)]


class Ticket(Model):
    """A match as the room opens it; `points` are padded counts, by kind and platform."""

    format: Literal["cleanroom-match-1"]
    collaboration: str
    epoch: str
    agreement: Digest
    handovers: dict[Platform, Digest]
    points: dict[IdentifierKind, dict[Platform, Count]]
    nonce: Digest

    @property
    def match(self) -> str:
        """The match's id: a digest, 64 hex characters."""
        return signing.digest(self.model_dump(mode="json"))


class Receipt(Model):
    """The room's word that a match is finished."""

    format: Literal["cleanroom-match-done-1"]
    match: Digest


class _Signed(Model):
    body: dict[str, Any]
    signature: Signature


def new_ticket(
    agreement: Agreement,
    handovers: dict[Platform, str],
    counts: dict[IdentifierKind, dict[Platform, int]],
) -> Ticket:
    """A ticket for a match of its own; `counts` are the distinct identifiers of each handover."""
    padded = {
        kind: {party: points(count, agreement) for party, count in by_party.items()}
        for kind, by_party in counts.items()
    }
    return Ticket(
        format="cleanroom-match-1",
        collaboration=agreement.collaboration,
        epoch=agreement.epoch,
        agreement=agreement_digest(agreement),
        handovers=handovers,
        points=padded,
        nonce=secrets.token_hex(32),
    )


def points(count: int, agreement: Agreement) -> int:
    """How many points stand for `count` identifiers once they are padded, as the agreement asks.

    Where there is padding, even no identifier at all is padded.
    """
    multiple = agreement.join.pad_to
    fewest = 1 if multiple > 1 else 0
    return max(-(-count // multiple), fewest) * multiple


def join_columns(agreement: Agreement) -> dict[IdentifierKind, dict[Platform, tuple[str, str]]]:
    """The table and column of each kind of join key that both platforms open, by platform."""
    found: dict[IdentifierKind, dict[Platform, tuple[str, str]]] = {}
    for table, columns in agreement.opens.items():
        for column, role in columns.items():
            kind = TABLES[table].columns[column].identifier
            if role is Role.JOIN_KEY and kind is not None:
                found.setdefault(kind, {})[TABLES[table].platform] = (table, column)
    return {kind: places for kind, places in found.items() if set(places) == set(Platform)}


def write_ticket(mailbox: Mailbox, ticket: Ticket, room: signing.SigningKey) -> None:
    """Open the match for the platforms to see."""
    _write(mailbox, TICKET, "match-ticket", ticket, room)


def read_ticket(mailbox: Mailbox, agreement: Agreement) -> Ticket | None:
    """The ticket in the mailbox, or None; raises `JoinError` if the room did not sign it."""
    return _read(mailbox, TICKET, "match-ticket", Ticket, agreement)


def write_receipt(mailbox: Mailbox, match: str, room: signing.SigningKey) -> None:
    """Tell the platforms that the match is finished."""
    receipt = Receipt(format="cleanroom-match-done-1", match=match)
    _write(mailbox, _receipt(match), "match-receipt", receipt, room)


def has_receipt(mailbox: Mailbox, match: str, agreement: Agreement) -> bool:
    """Whether the room has finished the match; raises `JoinError` if another says so."""
    name = _receipt(match)
    receipt = _read(mailbox, name, "match-receipt", Receipt, agreement)
    if receipt is not None and receipt.match != match:
        raise JoinError(f"The mailbox's {name} is another match's.", "remove it.")
    return receipt is not None


def remove_messages(mailbox: Mailbox, match: str) -> None:
    """Remove the messages of a match; its receipt stays."""
    for kind in IdentifierKind:
        mailbox.remove(f"{match[:16]}/{kind}")


def are_increasing(handles: bytes, after: bytes) -> bool:
    """Whether each handle is above the one before it, and the first above `after`: none twice."""
    found = [handles[i : i + HANDLE_BYTES] for i in range(0, len(handles), HANDLE_BYTES)]
    return not found or (after < found[0] and all(map(lt, found, found[1:])))


def _receipt(match: str) -> str:
    return f"{match[:16]}/done.json"


def _write(
    mailbox: Mailbox, name: str, purpose: str, value: Model, room: signing.SigningKey
) -> None:
    body = value.model_dump(mode="json")
    signed = {"body": body, "signature": signing.sign(room, purpose, body)}
    mailbox.write(name, signing.canonical(signed))


def _read(
    mailbox: Mailbox, name: str, purpose: str, model: type[Signable], agreement: Agreement
) -> Signable | None:
    content = mailbox.read(name, _LONGEST)
    if content is None:
        return None
    key = agreement.room.identity_key or ""
    try:
        signed = _Signed.model_validate_json(content)
        if signing.verifies(key, signed.signature, purpose, signed.body):
            return model.model_validate_json(signing.canonical(signed.body))
        how = "signed by the room"
    except ValidationError:
        how = "readable"
    raise JoinError(
        f"The mailbox's {name} is not {how}.",
        "find out who wrote it; remove it, and have the room run its match again.",
    )
