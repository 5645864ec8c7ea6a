"""A party's handovers: the one in force, and every one accepted before it.

The list is never shortened. It is how the room knows a handover that comes a second time, though
its rows were deleted long ago.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, Field, ValidationError

from cleanroom import signing
from cleanroom.agreement import Digest, Model
from cleanroom.errors import HandoverError
from cleanroom.tables import Platform

_CLOCKS = timedelta(days=1)  # by which a platform's clock may be ahead of the room's


class Entry(Model):
    """An accepted handover: when it was made and accepted, how long it may be kept, its rows by
    table, and when it was deleted."""

    created: str
    accepted: AwareDatetime
    retention_days: int
    rows: dict[str, int]
    deleted: AwareDatetime | None = None

    @property
    def until(self) -> datetime:
        """The end of its retention."""
        return self.accepted + timedelta(days=self.retention_days)


class History(Model):
    """The entries by the digest of their manifest, and which of them is in force."""

    in_force: Digest | None = None
    entries: dict[Digest, Entry] = Field(default_factory=dict)

    def with_entry(self, digest: str, entry: Entry) -> History:
        """With a handover accepted, or changed, which is then in force unless it is deleted."""
        gone = entry.deleted is not None
        in_force = (None if self.in_force == digest else self.in_force) if gone else digest
        return History(in_force=in_force, entries={**self.entries, digest: entry})


def history(room: Path, party: Platform) -> History:
    """A party's history; raises `HandoverError` if its file was damaged."""
    file = _file(room, party)
    try:
        return History.model_validate_json(file.read_bytes()) if file.exists() else History()
    except (OSError, ValidationError):
        pass
    raise HandoverError(f"vault/{file.name} is not readable.", "restore the room from a backup.")


def write_history(room: Path, party: Platform, history: History) -> None:
    """Write a party's history; whoever does holds the room (`folders.locked`)."""
    signing.write_canonical(_file(room, party), json.loads(history.model_dump_json()))


def handover_folder(room: Path, digest: str) -> Path:
    """Where the rows of an accepted handover rest."""
    return room / "vault" / digest


def refuse_replay(
    known: History, digest: str, created: str, party: Platform, now: datetime
) -> None:
    """Raise `HandoverError` unless a handover is the one in force or newer than all before it.

    `created` is in the form of `inspection.ManifestBody`, whose order is that of time.
    """
    if digest == known.in_force:
        return
    ask = f"ask the {party} platform for the handover it made last."
    earlier = known.entries.get(digest)
    last = max((entry.created for entry in known.entries.values()), default="")
    if earlier is not None:
        why = "its retention is over"
        if earlier.created < last:
            why = f"a later handover of the {party} platform took its place"
        raise HandoverError(
            f"The handover is a replay: it was accepted on {earlier.accepted:%Y-%m-%d}, and {why}.",
            ask,
        )
    if created <= last:
        raise HandoverError(
            f"The handover was made at {created}, not after the one accepted last ({last}).", ask
        )
    if datetime.fromisoformat(created) > now + _CLOCKS:
        raise HandoverError(
            f"The handover says it was made at {created}, which is yet to come.",
            "compare the clocks of the platform and the room.",
        )


def _file(room: Path, party: Platform) -> Path:
    return room / "vault" / f"{party}.json"
