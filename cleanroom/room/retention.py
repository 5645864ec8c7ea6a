"""Retention: the room's disk holds the handovers in force, while they may be kept, and no others.

Deleted are handovers that a newer one took the place of, those whose time is over, and those of an
epoch that has ended (`forgetting`), together with all rows derived from them. Each leaves a receipt
in the ledger. What the room remembers of persons (`register`) is not touched.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cleanroom import ledger
from cleanroom.errors import HandoverError
from cleanroom.room.folders import locked
from cleanroom.room.history import History, history, write_history
from cleanroom.room.place import ledger_of, require_room
from cleanroom.tables import Platform


class Why(StrEnum):
    """Why a handover was deleted."""

    SUPERSEDED = "superseded"
    RETENTION = "retention over"
    ROTATED = "rotated"


@dataclass(frozen=True)
class Deletion:
    """A handover that was deleted: whose, its digest, its rows by table, and why."""

    party: Platform
    digest: str
    rows: dict[str, int]
    why: Why


def expire(room: Path, now: datetime | None = None) -> list[Deletion]:
    """Delete what may not be kept any longer, `now` (with its zone; the present, if None).

    Deleted first and recorded then: after a crash in between, the next call writes the receipt.
    Raises `HandoverError` if something cannot be deleted.
    """
    require_room(room)
    now = now or datetime.now(UTC)
    with locked(room):
        known = [(party, history(room, party)) for party in Platform]
        gone = [deletion for party, own in known for deletion in _due(party, own, now)]
        delete(room, gone, now)
    return gone


def delete(room: Path, gone: list[Deletion], now: datetime) -> None:
    """Delete handovers, all that came of them, and what an interrupted run left half-made; then
    record each. Within `folders.locked`. Raises `HandoverError` if something cannot be deleted."""
    known = {party: history(room, party) for party in Platform}
    kept = _kept(known) - {deletion.digest for deletion in gone}
    for parent in ("derived", "matches"):
        _clear(room / parent, lambda folder: _sources(folder) <= kept)
    _clear(room / "vault", lambda folder: folder.name in kept)
    for deletion in gone:
        _record(room, deletion, now)


def is_due(room: Path, now: datetime) -> bool:
    """Whether `expire` would delete a handover."""
    return any(_due(party, history(room, party), now) for party in Platform)


def _due(party: Platform, known: History, now: datetime) -> list[Deletion]:
    found = []
    for digest, entry in known.entries.items():
        if entry.deleted is None and digest != known.in_force:
            found.append(Deletion(party, digest, entry.rows, Why.SUPERSEDED))
        elif entry.deleted is None and entry.until <= now:
            found.append(Deletion(party, digest, entry.rows, Why.RETENTION))
    return found


def _kept(known: dict[Platform, History]) -> set[str]:
    entries = (item for each in known.values() for item in each.entries.items())
    return {digest for digest, entry in entries if entry.deleted is None}


def _sources(derived: Path) -> set[str]:
    """The handovers from which a folder's rows were derived; of an unknown origin, none that is."""
    try:
        return set(json.loads((derived / "sources.json").read_bytes())["handovers"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {"unknown"}


def _clear(parent: Path, keep: Callable[[Path], bool]) -> None:
    """Delete the folders in `parent` that are not to be kept, an interrupted run's among them."""
    if not parent.exists():
        return
    for folder in [entry for entry in parent.iterdir() if entry.is_dir()]:
        if keep(folder):
            continue
        try:
            shutil.rmtree(folder)
        except OSError:
            raise HandoverError(
                f"{parent.name}/{folder.name} may not be kept any longer, and cannot be deleted.",
                "see who may write there; then run `cleanroom room expire`.",
            ) from None


def _record(room: Path, deletion: Deletion, now: datetime) -> None:
    facts = {
        "party": deletion.party.value,
        "handover": deletion.digest,
        "rows": deletion.rows,
        "why": deletion.why.value,
    }
    ledger.append(ledger_of(room), ledger.Event.HANDOVER_DELETED, facts)
    known = history(room, deletion.party)
    entry = known.entries[deletion.digest].model_copy(update={"deleted": now})
    write_history(room, deletion.party, known.with_entry(deletion.digest, entry))
