"""The ledger: an append-only, hash-chained file of JSON lines that either platform can verify.

A record's hash covers the hash before it, so a changed, removed or reordered record breaks the
chain at a place that can be named. A line that a crash cut short is not a record: it is dropped
at the next append. An event's meaning never changes under its name.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from cleanroom import signing
from cleanroom.errors import LedgerError

GENESIS = "0" * 64
_BLOCK = 8192  # bytes read at once, looking for the last record


class Event(StrEnum):
    """What the ledger records."""

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
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        facts = decide(records(path))
        if facts is None:
            return None
        last, length = _last_line(file)
        body = {
            "event": event.value,
            "facts": facts,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "previous": str(_parse(last, "at the end")["hash"]) if last else GENESIS,
        }
        record = {**body, "hash": signing.digest(body)}
        file.truncate(length)
        file.write(signing.canonical(record) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if not last:
        _sync_directory(path.parent)
    return str(record["hash"])


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Every record in order, verified; raises `LedgerError` naming the first that is not as it was.

    A ledger that does not exist yet holds no records.
    """
    previous = GENESIS
    if not path.exists():
        return
    for number, line in enumerate(_whole_lines(path.read_bytes()).splitlines(), 1):
        record = _parse(line, number)
        body = {key: value for key, value in record.items() if key != "hash"}
        if record.get("previous") != previous:
            raise _broken(number, "does not follow the record before it (one removed or moved?)")
        if record["hash"] != signing.digest(body):
            raise _broken(number, "was changed after it was written")
        previous = record["hash"]
        yield record


def _last_line(file: BinaryIO) -> tuple[bytes, int]:
    """The last whole line without its end, and the length of all whole lines.

    Reads back from the end only, so that appending costs the same in a long ledger.
    """
    start, tail = file.seek(0, os.SEEK_END), b""
    length = start
    while start and tail.count(b"\n") < 2:
        start = max(0, start - _BLOCK)
        file.seek(start)
        tail = file.read(length - start)
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
    if "hash" not in record:
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
