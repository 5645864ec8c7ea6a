"""A message of a match: signed by its sender, sealed to its recipient, and for one place only.

A message is one line of canonical JSON, its envelope, and then the ciphertext. The signature covers
the header, the sealed key and the ciphertext's digest; the header is bound into the sealed key, so
that a message opens as what it says it is and as nothing else. See decision 0010.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from io import BytesIO

from pydantic import ValidationError

from cleanroom import sealing, signing
from cleanroom.agreement import Digest, Model, Signature
from cleanroom.errors import JoinError, SealError
from cleanroom.tables import IdentifierKind, KeyRole

LONGEST = 64 << 20  # bytes of a whole message; the longest that is ever sent has 50 MB
_LONGEST_ENVELOPE = 4096
_PURPOSE = "match-message"
_CONTENT = "match-content"


class Step(StrEnum):
    """What a stream of messages carries: points blinded once, or doubly."""

    BLINDED = "blinded"
    DOUBLED = "doubled"


class Stream(Model):
    """The messages from one party to another in one step of one match."""

    match: Digest
    kind: IdentifierKind
    step: Step
    sender: KeyRole
    recipient: KeyRole

    @property
    def folder(self) -> str:
        """Where in the mailbox its messages lie."""
        return f"{self.match[:16]}/{self.kind}/{self.step}-{self.sender}-to-{self.recipient}"

    def name(self, number: int) -> str:
        """The file of one of its messages."""
        return f"{self.folder}/{number:06}"

    def words(self, number: int) -> str:
        """One of its messages as errors name it."""
        return f"message {number} of the {self.sender} platform's {self.step} {self.kind.plural}"


class Header(Model):
    """What a message says of itself: its stream, its place in that, and what it holds.

    `before` records are in the messages before it, `count` in this one; `last` closes the stream.
    """

    stream: Stream
    number: int
    last: bool
    before: int
    count: int


class _Sealed(Model):
    """What the signature covers."""

    header: Header
    key: str
    sha256: Digest


class _Envelope(Model):
    sealed: _Sealed
    signature: Signature


def seal_message(
    header: Header, content: bytes, identity: signing.SigningKey, recipient: str
) -> bytes:
    """The message of `header` with `content`, signed with `identity`, sealed to the transport key
    `recipient` (hex)."""
    data_key, ciphertext = sealing.new_data_key(), BytesIO()
    sealing.encrypt(BytesIO(content), ciphertext, data_key, _CONTENT)
    told = header.model_dump(mode="json")
    sealed = {
        "header": told,
        "key": sealing.seal_key(data_key, recipient, told),
        "sha256": hashlib.sha256(ciphertext.getbuffer()).hexdigest(),
    }
    envelope = {"sealed": sealed, "signature": signing.sign(identity, _PURPOSE, sealed)}
    return signing.canonical(envelope) + b"\n" + ciphertext.getbuffer()


def open_message(
    message: bytes, stream: Stream, number: int, sender: str, transport: sealing.TransportKey
) -> tuple[Header, bytes]:
    """The header and content of message `number` of `stream`, from the party whose identity key
    (hex) is `sender`.

    Raises `JoinError` if it is not that message, of that sender, for the owner of `transport`, as
    it was sent.
    """
    line = message[:_LONGEST_ENVELOPE].partition(b"\n")[0]
    ciphertext = memoryview(message)[len(line) + 1 :]
    try:
        envelope = _Envelope.model_validate_json(line)
    except ValidationError:
        raise _refused(stream, number, "is not readable") from None
    sealed = envelope.sealed
    if not signing.verifies(sender, envelope.signature, _PURPOSE, sealed.model_dump(mode="json")):
        raise _refused(stream, number, f"is not signed by the {stream.sender}")
    if sealed.header.stream.match != stream.match:
        raise _refused(stream, number, "belongs to another match")
    if (sealed.header.stream, sealed.header.number) != (stream, number):
        raise _refused(stream, number, "stands in the place of another message")
    if hashlib.sha256(ciphertext).hexdigest() != sealed.sha256:
        raise _refused(stream, number, "was altered or cut")
    return sealed.header, _content(sealed, ciphertext, stream, transport)


def _content(
    sealed: _Sealed, ciphertext: memoryview[int], stream: Stream, transport: sealing.TransportKey
) -> bytes:
    header, content = sealed.header, BytesIO()
    try:
        data_key = sealing.open_key(sealed.key, transport, header.model_dump(mode="json"))
        sealing.decrypt(BytesIO(ciphertext), content, data_key, _CONTENT)
    except SealError:
        raise _refused(stream, header.number, f"is not sealed to the {stream.recipient}") from None
    return content.getvalue()


def _refused(stream: Stream, number: int, why: str) -> JoinError:
    return JoinError(
        f"In the mailbox, {stream.words(number)} {why}.",
        "find out how it came there; remove it, and have its sender run its match again.",
    )
