"""What was shown: the people behind each cell of each answer, and its numbers, those that were
withheld among them, so that later answers are compared with it and protected together with it.

An analyst sees an answer as soon as it is made, so it counts from then on, released or not. It is
kept by numbers (`register`), which a rotation leaves as they are, and forgotten with the agreed
retention from the day of the answer. The ledger names each file: none can go missing unnoticed.

    shown/<name>.people    the answers that were made at once, encrypted; never written again
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from cleanroom import ledger
from cleanroom.behind import Answer, Behind, Group, Share, Shown
from cleanroom.errors import LedgerError
from cleanroom.keyring import Keyring, Secret
from cleanroom.room.folders import locked
from cleanroom.room.numbered import seed_of
from cleanroom.room.place import ledger_of
from cleanroom.room.state import read_state, write_state
from cleanroom.room.vault import Vault, room_keys, room_ring
from cleanroom.signing import file_digest
from cleanroom.tables import Platform

_FORMAT = "cleanroom-shown-1"
_COLUMNS = {"size": pl.Int64, "people": pl.Binary, "parts": pl.Binary, "sketch": pl.Binary}


@dataclass(frozen=True)
class _Entry:
    """A file as the ledger names it: its digest, and until when it is kept."""

    sha256: str
    until: datetime


@dataclass(frozen=True, repr=False, eq=False)
class Memory:
    """What a room remembers of its answers; the room's keys stay in it."""

    room: Path
    _ring: Keyring

    @property
    def seed(self) -> int:
        """The secret of the fingerprints."""
        return seed_of(self._ring.secrets[Secret.STORAGE])

    def answers(self) -> tuple[Answer, ...]:
        """All answers whose time is not over, as `remembered`; within `holding`."""
        return remembered(self.room, self._ring)

    def remember(self, answers: Sequence[Answer], retention_days: int) -> None:
        """Keep answers that are about to be shown, as `remember`; within `holding`."""
        remember(self.room, self._ring, answers, retention_days)


def memory_of(vault: Vault) -> Memory:
    """The memory of the room whose vault is open."""
    return Memory(vault.room, room_ring(vault))


def memory_in(room: Path, collaboration: str) -> Memory:
    """The memory of a room, opened with its keys; raises `KeysError` if they do not open."""
    return Memory(room, room_keys(room, collaboration))


@contextmanager
def holding(room: Path) -> Iterator[None]:
    """Wait until nobody else compares or remembers answers, and let nobody; not to be nested.

    `folders.locked` may be held within it, never the other way round.
    """
    _folder(room).mkdir(mode=0o700, exist_ok=True)
    with locked(_folder(room)):
        yield


def remembered(room: Path, ring: Keyring, now: datetime | None = None) -> tuple[Answer, ...]:
    """All answers whose time is not over `now` (with its zone), in their order; within `holding`.

    Those whose time is over are forgotten first. Raises `LedgerError` if a file that the ledger
    names is missing or was altered: without it nothing could be compared.
    """
    entries = _entries(room)
    for gone in _forget(room, entries, now):
        del entries[gone]
    for name, entry in entries.items():
        file = _folder(room) / name
        if not file.exists() or file_digest(file) != entry.sha256:
            raise LedgerError(
                f"shown/{name}, which the ledger names, is missing or was altered.",
                "restore it from a backup: without it no answer can be compared with earlier ones.",
            )
    # One that a crash kept out of the ledger may have been shown all the same.
    unnamed = sorted(file.name for file in _files(room) if file.name not in entries)
    found = (_read(_folder(room) / name, ring) for name in (*entries, *unnamed))
    return tuple(answer for answers in found for answer in answers)


def remember(room: Path, ring: Keyring, answers: Sequence[Answer], retention_days: int) -> None:
    """Keep answers that are about to be shown, in one file; within `holding`.

    They are on disk, and named by the ledger, when this returns.
    """
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=retention_days)
    path = _folder(room) / f"{secrets.token_hex(16)}.people"
    records, groups = _records(answers)
    content = io.BytesIO()
    groups.write_parquet(content, compression="uncompressed")  # fingerprints do not compress
    about = {"format": _FORMAT, "until": until.isoformat(), "answers": records}
    write_state(path, ring, about, content.getvalue())
    facts = {"file": path.name, "sha256": file_digest(path), "until": until.isoformat()}
    ledger.append(ledger_of(room), ledger.Event.ANSWERS_REMEMBERED, facts)


def forget(room: Path, now: datetime | None = None) -> int:
    """Forget the answers whose time is over; how many files of them there were."""
    with holding(room):
        return len(_forget(room, _entries(room), now))


def _forget(room: Path, entries: Mapping[str, _Entry], now: datetime | None) -> list[str]:
    """Deleted first, recorded then: after a crash in between, the next call writes the receipt."""
    now = now or datetime.now(UTC)
    due = [name for name, entry in entries.items() if entry.until <= now]
    for name in due:
        (_folder(room) / name).unlink(missing_ok=True)
        ledger.append(ledger_of(room), ledger.Event.ANSWERS_FORGOTTEN, {"file": name})
    return due


def _entries(room: Path) -> dict[str, _Entry]:
    """The files that the ledger names and that are not forgotten, in their order."""
    found: dict[str, _Entry] = {}
    for record in ledger.records(ledger_of(room)):
        facts = record["facts"]
        if record["event"] == ledger.Event.ANSWERS_REMEMBERED:
            until = datetime.fromisoformat(facts["until"])
            found[facts["file"]] = _Entry(facts["sha256"], until)
        elif record["event"] == ledger.Event.ANSWERS_FORGOTTEN:
            found.pop(facts["file"], None)
    return found


def _records(answers: Sequence[Answer]) -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """Answers as JSON values that name groups by their row, and the groups, each once."""
    rows: dict[tuple[bytes, bytes], tuple[int, Group]] = {}

    def row(group: Group) -> int:
        return rows.setdefault(group.content, (len(rows), group))[0]

    def cell(one: Shown) -> dict[str, Any]:
        groups = [[share, party, row(group)] for (share, party), group in one.behind.groups.items()]
        return {"kind": one.kind, "place": dict(one.place), "groups": groups}

    records = [
        {
            "candidate": answer.candidate,
            "created": answer.created,
            "study": dict(answer.study),
            "cells": [cell(one) for one in answer.cells],
            "numbers": [list(record) for record in answer.numbers],
        }
        for answer in answers
    ]
    kept = [[getattr(group, name) for name in _COLUMNS] for _, group in rows.values()]
    return records, pl.DataFrame(kept, schema=_COLUMNS, orient="row")


def _read(path: Path, ring: Keyring) -> list[Answer]:
    about, content = read_state(path, ring)
    groups = [Group(*row) for row in pl.read_parquet(io.BytesIO(content)).iter_rows()]
    return [
        Answer(
            record["candidate"],
            record["created"],
            record["study"],
            [_cell(cell, groups) for cell in record["cells"]],
            record["numbers"],
        )
        for record in about["answers"]
    ]


def _cell(record: dict[str, Any], groups: Sequence[Group]) -> Shown:
    behind = {
        (Share(share), Platform(party)): groups[row] for share, party, row in record["groups"]
    }
    return Shown(record["kind"], record["place"], Behind(behind))


def _files(room: Path) -> list[Path]:
    return list(_folder(room).glob("*.people"))


def _folder(room: Path) -> Path:
    return room / "shown"
