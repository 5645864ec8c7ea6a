"""Forgetting: what has to be gone from the room when an epoch of a party ends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cleanroom.errors import HandoverError
from cleanroom.room.history import handover_folder, history
from cleanroom.room.inspection import read_manifest
from cleanroom.room.retention import Deletion, Why, delete
from cleanroom.tables import Platform


def forget_handovers(room: Path, party: Platform, epoch: str) -> None:
    """Delete every handover of `party` but those of `epoch`, and all computed from handovers.

    What an interrupted run left half-made is deleted with it; so this is within `folders.locked`.
    Each leaves a receipt in the ledger. Again, it does nothing.
    """
    gone = [
        Deletion(party, digest, entry.rows, Why.ROTATED)
        for digest, entry in history(room, party).entries.items()
        if entry.deleted is None and _epoch_of(handover_folder(room, digest)) != epoch
    ]
    delete(room, gone, datetime.now(UTC))


def _epoch_of(handover: Path) -> str | None:
    """The epoch that a handover's manifest names; None if it cannot be read."""
    try:
        return read_manifest(handover).body.epoch
    except HandoverError:
        return None
