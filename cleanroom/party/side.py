"""A platform at a blinded join: who it is, what it joins, and with whom it exchanges messages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cleanroom import signing
from cleanroom.agreement import Agreement
from cleanroom.errors import HandoverError
from cleanroom.mailbox import Mailbox
from cleanroom.matching import Ticket
from cleanroom.message import Step, Stream
from cleanroom.party.join_input import JOIN
from cleanroom.party.keys import PartyKeys
from cleanroom.stepwise import SILENT, Progress
from cleanroom.streams import Inbox, Outbox
from cleanroom.tables import IdentifierKind, KeyRole, Platform

CHUNK = 32_768  # records in a message: a tenth of a second for one core, 1.6 MB


@dataclass(frozen=True, repr=False)
class Side:
    """A platform at a match: who it is, what it joins, and where.

    `handover` is its handover's digest, `nonce` the handover's nonce, `inputs` the folder of the
    join inputs that were written with it, `state` a directory of its own.
    """

    agreement: Agreement
    keys: PartyKeys
    handover: str
    nonce: str
    inputs: Path
    mailbox: Mailbox
    state: Path
    chunk: int = CHUNK
    processes: int = 0
    progress: Progress = SILENT

    @property
    def other(self) -> Platform:
        """The other platform."""
        return Platform.STORE if self.keys.party is Platform.ADS else Platform.ADS


def side_of(
    agreement: Agreement,
    keys: PartyKeys,
    export: Path,
    handover: Path,
    mailbox: Mailbox,
    state: Path,
) -> Side:
    """The side of the platform that holds `keys`, with the `export` that it handed over and the
    directory `handover` that it handed over.

    Raises `HandoverError` if that is no handover.
    """
    try:
        manifest = json.loads((handover / "manifest.json").read_bytes())
        digest, nonce = signing.digest(manifest), str(manifest["body"]["nonce"])
    except (OSError, ValueError, KeyError, TypeError):
        raise HandoverError(
            f"There is no handover at {handover}.", "name the directory that was handed over."
        ) from None
    return Side(agreement, keys, digest, nonce, export / JOIN, mailbox, state)


def outbox(side: Side, ticket: Ticket, kind: IdentifierKind, step: Step) -> Outbox:
    """Where the platform's messages of a step go: to the other platform, or on to the room."""
    own, to_room = side.keys.party, step is Step.DOUBLED
    recipient = KeyRole.ROOM if to_room else KeyRole(side.other)
    stream = Stream(
        match=ticket.match, kind=kind, step=step, sender=KeyRole(own), recipient=recipient
    )
    total = ticket.points[kind][side.other if to_room else own]
    terms = side.agreement.room if to_room else side.agreement.parties[side.other]
    return Outbox(side.mailbox, stream, total, side.keys.identity, terms.transport_key or "")


def inbox(side: Side, ticket: Ticket, kind: IdentifierKind) -> Inbox:
    """Where the other platform's blinded points come from."""
    stream = Stream(
        match=ticket.match,
        kind=kind,
        step=Step.BLINDED,
        sender=KeyRole(side.other),
        recipient=KeyRole(side.keys.party),
    )
    sender = side.agreement.parties[side.other].identity_key or ""
    return Inbox(side.mailbox, stream, ticket.points[kind][side.other], sender, side.keys.transport)
