"""The ledger: an append-only, hash-chained file of JSON lines that either platform can verify.

A record's hash covers the hash before it, so a changed, removed or reordered record breaks the
chain at a place that can be named. A line that a crash cut short is not a record: it is dropped
at the next append. An event's meaning never changes under its name.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from cleanroom import signing
from cleanroom.errors import LedgerError

GENESIS = "0" * 64
_BLOCK = 8192  # bytes read at once, looking for the last record


Entry = tuple["Event", dict[str, Any]]  # what is to be recorded: the event and its facts


class Event(StrEnum):
    """What the ledger records.

    `VOTE_CAST` and `RELEASED` were written by earlier versions, whose votes were files beside the
    ledger; they mean what they meant, and nothing writes them any more.
    """

    AGREEMENT_ADOPTED = "agreement_adopted"
    HANDOVER_ACCEPTED = "handover_accepted"
    HANDOVER_DELETED = "handover_deleted"
    JOINED = "joined"
    MATCHED = "matched"
    CANDIDATE_MADE = "candidate_made"
    NOTEBOOK_EXECUTED = "notebook_executed"
    VOTE_CAST = "vote_cast"
    RELEASED = "released"
    EPOCH_ROTATED = "epoch_rotated"
    BUDGET_SPENT = "budget_spent"
    NOISE_DRAWN = "noise_drawn"
    ANSWERS_REMEMBERED = "answers_remembered"
    ANSWERS_FORGOTTEN = "answers_forgotten"
    TEMPLATE_PROPOSED = "template_proposed"
    TEMPLATE_APPROVED = "template_approved"
    TEMPLATE_REVOKED = "template_revoked"
    CANDIDATE_SUBMITTED = "candidate_submitted"
    CANDIDATE_CHECKED = "candidate_checked"
    CANDIDATE_CHECKED_AGAIN = "candidate_checked_again"
    REVIEW_OPENED = "review_opened"
    VOTE_SIGNED = "vote_signed"
    STANDING_RULE_APPLIED = "standing_rule_applied"
    CANDIDATE_RETURNED = "candidate_returned"
    CANDIDATE_REJECTED = "candidate_rejected"
    CANDIDATE_WITHDRAWN = "candidate_withdrawn"
    RELEASE_MADE = "release_made"
    RELEASE_RECALLED = "release_recalled"


def append(path: Path, event: Event, facts: dict[str, Any]) -> str:
    """Add one record and return its hash; durable on return, safe with concurrent writers.

    `facts` are digests, names and counts. Raises `LedgerError` if the last record is damaged.
    """
    return str(append_if(path, event, lambda _: facts))


def append_if(
    path: Path, event: Event, decide: Callable[[Iterator[dict[str, Any]]], dict[str, Any] | None]
) -> str | None:
    """Add the record whose facts `decide` makes of all records so far; None adds nothing.

    No other writer comes between: what `decide` saw is what the record follows. What it raises
    leaves the ledger as it was.
    """

    def entries(known: Iterator[dict[str, Any]]) -> list[Entry]:
        facts = decide(known)
        return [] if facts is None else [(event, facts)]

    return next(iter(append_all_if(path, entries)), None)


def append_all_if(
    path: Path, decide: Callable[[Iterator[dict[str, Any]]], Sequence[Entry]]
) -> list[str]:
    """Add the records that `decide` makes of all records so far, in one go; returns their hashes.

    As `append_if`, for many. A crash can leave the first of them without the rest.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        entries = decide(records(path))
        if not entries:
            return []
        last, length = _last_line(descriptor)
        previous = str(_parse(last, "at the end")["hash"]) if last else GENESIS
        lines, hashes = _chained(entries, previous)
        os.ftruncate(descriptor, length)  # what a crash has cut short was never promised
        _write_all(descriptor, lines)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if not last:
        _sync_directory(path.parent)
    return hashes


def head(path: Path) -> str:
    """The hash of the last record, verified: what a signature names as seen; `GENESIS` if none."""
    last = GENESIS
    for record in records(path):
        last = record["hash"]
    return last


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Every record in order, verified; raises `LedgerError` naming the first that is not as it was.

    A ledger that does not exist yet holds no records.
    """
    if not path.exists():
        return
    lines = _whole_lines(path.read_bytes()).splitlines()
    previous = GENESIS
    for number, line in enumerate(lines, 1):
        record = _parse(line, number)
        body = {key: value for key, value in record.items() if key != "hash"}
        if record["hash"] != signing.digest(body):
            raise _broken(number, "was changed after it was written")
        if record.get("previous") != previous:
            raise _broken(number, f"does not follow the record before it: {_astray(record, lines)}")
        previous = record["hash"]
        yield record


def is_cut_short(path: Path) -> bool:
    """Whether the file ends in the middle of a line: a crash did that, or somebody who cut it."""
    content = path.read_bytes()
    return len(_whole_lines(content)) < len(content)


def _astray(record: dict[str, Any], lines: Sequence[bytes]) -> str:
    """Where the record that another names as the one before it is, if it is anywhere."""
    if record.get("previous") == GENESIS:
        return "it says that it is the first"
    for number, line in enumerate(lines, 1):
        try:
            found = _parse(line, number)["hash"]
        except LedgerError:
            continue
        if found == record.get("previous"):
            return f"it was written after record {number} (moved, or one put in between)"
    return "the one it was written after is not here (removed, or forged anew)"


def _chained(entries: Sequence[Entry], previous: str) -> tuple[bytes, list[str]]:
    """The lines of new records, each naming the one before it, and their hashes."""
    lines, hashes = [], []
    for event, facts in entries:
        body = {
            "event": event.value,
            "facts": facts,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "previous": previous,
        }
        previous = signing.digest(body)
        hashes.append(previous)
        lines.append(signing.canonical({**body, "hash": previous}) + b"\n")
    return b"".join(lines), hashes


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _last_line(descriptor: int) -> tuple[bytes, int]:
    """The last whole line without its end, and the length of all whole lines.

    Reads back from the end only, so that appending costs the same in a long ledger.
    """
    start, tail = os.fstat(descriptor).st_size, b""
    length = start
    while start and tail.count(b"\n") < 2:
        start = max(0, start - _BLOCK)
        tail = os.pread(descriptor, length - start, start)
    whole = _whole_lines(tail)
    return whole[:-1].rpartition(b"\n")[2], start + len(whole)


def _whole_lines(content: bytes) -> bytes:
    """Up to and with the last newline: what follows was cut by a crash."""
    return content[: content.rfind(b"\n") + 1]


def _parse(line: bytes, number: int | str) -> dict[str, Any]:
    """The record of one line; only its canonical form will do, so that no byte can be hidden."""
    try:
        record = json.loads(line)
        readable = isinstance(record, dict) and signing.canonical(record) == line
    except (ValueError, RecursionError):
        readable = False
    if not readable:
        raise _broken(number, "is not readable")
    if not isinstance(record.get("hash"), str):
        raise _broken(number, "is not a record")
    return dict(record)


def _sync_directory(directory: Path) -> None:
    """Make a new file's name durable as well as its content."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _broken(number: int | str, how: str) -> LedgerError:
    return LedgerError(
        f"Ledger record {number} {how}.",
        "compare with the other platform's copy of the ledger; do not append to this one.",
    )
