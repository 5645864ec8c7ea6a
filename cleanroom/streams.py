"""Streams of records through a mailbox: numbered messages, each checked against those before it.

A record is a handle and a point. Handles strictly increase through all of a stream, which is what
shows that none comes twice, whatever its length; they are pseudo-random, so their order says
nothing. A message holds its handles first, then its points.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from cleanroom import sealing, signing
from cleanroom.errors import JoinError
from cleanroom.mailbox import Mailbox
from cleanroom.matching import (
    HANDLE_BYTES,
    MOST_RECORDS,
    RECORD_BYTES,
    are_increasing,
)
from cleanroom.message import LONGEST, Header, Stream, open_message, seal_message
from cleanroom.stepwise import Waiting


@dataclass(frozen=True)
class Chunk:
    """The records of one message: so many handles, and as many points in the same order."""

    number: int
    before: int
    last: bool
    handles: bytes
    points: bytes

    @property
    def count(self) -> int:
        """How many records it has."""
        return len(self.handles) // HANDLE_BYTES


@dataclass(frozen=True, repr=False)
class Inbox:
    """Where a stream of `total` records is read: its sender's identity key (hex), own transport."""

    mailbox: Mailbox
    stream: Stream
    total: int
    sender: str
    transport: sealing.TransportKey

    def chunks(self, start: int = 0) -> Generator[Waiting | Chunk]:
        """The stream from message `start` on, as it comes.

        Raises `JoinError` for a message that is not as its sender sent it, that is out of place,
        repeats a handle or follows the last, and where counts do not add up.
        """
        before, after = 0, b""
        if start:
            while (earlier := self._chunk(start - 1)) is None:
                yield Waiting(self.stream.words(start - 1))
            before, after = earlier.before + earlier.count, earlier.handles[-HANDLE_BYTES:]
        number, ended = start, start > 0 and before == self.total
        while not ended:
            chunk = self._chunk(number)
            if chunk is None:
                yield Waiting(self.stream.words(number))
                continue
            self._check(chunk, before, after)
            yield chunk
            before, after = before + chunk.count, chunk.handles[-HANDLE_BYTES:]
            number, ended = number + 1, chunk.last
        if self.mailbox.has(self.stream.name(number)):
            raise self._refused(number, "follows the last")

    def _chunk(self, number: int) -> Chunk | None:
        message = self.mailbox.read(self.stream.name(number), LONGEST)
        if message is None:
            return None
        header, content = open_message(message, self.stream, number, self.sender, self.transport)
        if len(content) != header.count * RECORD_BYTES or header.count > MOST_RECORDS:
            raise self._refused(number, f"is of a wrong length ({len(content):,} bytes)")
        handles = content[: header.count * HANDLE_BYTES]
        return Chunk(number, header.before, header.last, handles, content[len(handles) :])

    def _check(self, chunk: Chunk, before: int, after: bytes) -> None:
        behind = before + chunk.count
        if chunk.before != before or behind > self.total:
            raise self._refused(
                chunk.number, f"has counts that do not add up ({behind:,} of {self.total:,})"
            )
        if chunk.last is not (behind == self.total):
            how = "calls itself the last" if chunk.last else "does not call itself the last"
            raise self._refused(chunk.number, f"{how} ({behind:,} of {self.total:,})")
        if not chunk.count and self.total:
            raise self._refused(chunk.number, "is empty")
        if not are_increasing(chunk.handles, after):
            raise self._refused(chunk.number, "repeats a handle, or has them out of order")

    def _refused(self, number: int, why: str) -> JoinError:
        return JoinError(
            f"In the mailbox, {self.stream.words(number)} {why}.",
            "its sender did not keep to the protocol; do not go on before it is known why.",
        )


@dataclass(frozen=True, repr=False)
class Outbox:
    """Where a stream of `total` records is written: own identity key, the recipient's transport
    key (hex)."""

    mailbox: Mailbox
    stream: Stream
    total: int
    identity: signing.SigningKey
    recipient: str

    def sent(self) -> int:
        """How many messages are there already, without a gap from the first on."""
        names, number = self.mailbox.names(self.stream.folder), 0
        while self.stream.name(number).rpartition("/")[2] in names:
            number += 1
        return number

    def send(self, chunk: Chunk) -> None:
        """Seal, sign and write the message of a chunk."""
        header = Header(
            stream=self.stream,
            number=chunk.number,
            last=chunk.last,
            before=chunk.before,
            count=chunk.count,
        )
        content = chunk.handles + chunk.points
        sealed = seal_message(header, content, self.identity, self.recipient)
        self.mailbox.write(self.stream.name(chunk.number), sealed)
