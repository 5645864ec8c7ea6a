"""A packet: what a reviewer takes of a room to look and to sign elsewhere, and how it comes back.

It is a directory like a room's, with a copy of the ledger to which nothing is added. What is signed
there goes to a file of its own, a chain like the ledger's: each word names a record of the room's
ledger as its signer saw it, so that the room can take it up. No private key ever leaves its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from cleanroom import ledger, signing
from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.errors import CleanroomError, LedgerError, ReviewError
from cleanroom.ledger import Entry, Event
from cleanroom.review.folding import Docket, fold
from cleanroom.review.records import (
    WORDS,
    SignedAct,
    Vote,
    event_of,
    now,
    plain,
    read,
    require_signed,
)

MARK, SIGNED = "packet.json", "signed.jsonl"
_FORMAT = "cleanroom-packet-1"
_AHEAD = timedelta(minutes=10)  # by which two machines' clocks may differ


class Carried(StrEnum):
    """What became of a signed word that was carried into a room."""

    RECORDED = "recorded"
    THERE = "there already"
    REFUSED = "refused"


@dataclass(frozen=True)
class Brought:
    """A signed word that was carried into a room, what became of it, and if refused, why."""

    word: Vote | SignedAct
    outcome: Carried
    reason: str = ""


def mark(directory: Path, head: str) -> None:
    """Mark a directory as a packet, made when `head` was the last record of the room's ledger."""
    signing.write_canonical(directory / MARK, {"format": _FORMAT, "head": head})


def is_packet(path: Path) -> bool:
    """Whether the ledger at `path` is the copy in a packet."""
    return path.with_name(MARK).exists()


def outbox(path: Path) -> Path:
    """Where what is signed in a packet goes, `path` being the copy of the ledger in it."""
    return path.with_name(SIGNED)


def require_word(event: Event) -> None:
    """Raise `ReviewError` unless it is one that reviewers sign: all else is done in the room."""
    if event not in WORDS:
        raise ReviewError(
            "This is a packet: it holds what reviewers sign, and nothing else.",
            "name the room's own directory.",
        )


def read_words(path: Path) -> list[Vote | SignedAct]:
    """The words signed in a packet, none if there is no file yet.

    Raises `LedgerError` if it is not as it was written, `ReleaseError` if it holds anything else.
    """
    try:
        records = [*ledger.records(path)]
    except LedgerError as error:
        raise LedgerError(
            f"{path.name} is no file of signed words, or not as it was written: {error.problem}",
            "name the signed.jsonl of a packet, and take it from there again.",
        ) from None
    return [
        read(Vote, record["facts"], "vote")
        if record["event"] == Event.VOTE_SIGNED
        else read(SignedAct, record["facts"], "signed word")
        for record in records
    ]


def carry(path: Path, agreement: Agreement, words: Sequence[Vote | SignedAct]) -> list[Brought]:
    """Record words that were signed elsewhere in the ledger at `path`; says what became of each.

    Each is asked for itself whether it is its reviewer's, on what the ledger knows, and allowed
    where the ledger stands now. What is there already is left, so that a file can come twice.
    """
    if is_packet(path):
        raise ReviewError("This is a packet, not a room.", "name the room's own directory.")
    brought: list[Brought] = []

    def decide(known: Iterator[dict[str, Any]]) -> list[Entry]:
        docket, entries = fold(known), list[Entry]()
        for word in words:
            if signing.digest(plain(word.body)) in docket.signed:
                brought.append(Brought(word, Carried.THERE))
                continue
            try:
                _require_sound(word, docket, agreement)
                entry = event_of(word), plain(word)
                docket.take(*entry, now())
            except CleanroomError as error:
                brought.append(Brought(word, Carried.REFUSED, error.problem))
            else:
                entries.append(entry)
                brought.append(Brought(word, Carried.RECORDED))
        return entries

    ledger.append_all_if(path, decide)
    return brought


def require_held(docket: Docket, words: Sequence[Vote | SignedAct]) -> None:
    """Raise `LedgerError` unless a ledger holds every one of these words."""
    missing = [w for w in words if signing.digest(plain(w.body)) not in docket.signed]
    if missing:
        raise LedgerError(
            f"The ledger does not hold {len(missing)} of the {len(words)} signed words, the first "
            f"a {told(missing[0])}.",
            "ask the room's operator to record them: cleanroom review record.",
        )


def told(word: Vote | SignedAct) -> str:
    """What a signed word is: of whom, and on what."""
    body = word.body
    by = f"of {body.reviewer} of {body.platform}"
    if isinstance(word, Vote):
        return f"vote {by} on {word.body.candidate[:12]}"
    return f"'{word.body.act}' {by} on {word.body.subject[:12]}"


def _require_sound(word: Vote | SignedAct, docket: Docket, agreement: Agreement) -> None:
    """Raise unless it is its reviewer's, from the past, and under the agreement in force."""
    require_signed(word, agreement)
    if not _is_past(word.body.time):
        raise ReviewError(
            "It was signed at a time that has not come yet: its signer's clock is wrong.",
            "have the clock set, and the word signed anew.",
        )
    if isinstance(word, Vote):
        made_under = docket.named(word.body.candidate).agreement
        if made_under not in ("", agreement_digest(agreement)):
            raise ReviewError(
                "The candidate was made under another agreement than the one in force.",
                "ask the study again.",
            )


def _is_past(time: str) -> bool:
    try:
        return datetime.fromisoformat(time) <= datetime.now(UTC) + _AHEAD
    except (TypeError, ValueError):
        return False
