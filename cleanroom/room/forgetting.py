"""Forgetting: what has to be gone from the room when an epoch of a party ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from cleanroom.errors import HandoverError
from cleanroom.room.inspection import ManifestBody, read_manifest
from cleanroom.tables import Platform


def forget_handovers(room: Path, party: Platform, epoch: str) -> None:
    """Delete every handover of `party` but those of `epoch`, and all computed from handovers.

    What an interrupted run left half-done, and nobody can say whose it is, is deleted with it; so
    nothing may be accepted meanwhile. Again, it does nothing.
    """
    vault = room / "vault"
    for folder in [entry for entry in vault.iterdir() if entry.is_dir()] if vault.is_dir() else []:
        body = _described(folder)
        if body is None or (body.party is party and body.epoch != epoch):
            shutil.rmtree(folder)
    in_force = vault / f"{party}.json"
    if in_force.exists() and not (vault / json.loads(in_force.read_bytes())["handover"]).exists():
        in_force.unlink()
    shutil.rmtree(room / "derived", ignore_errors=True)


def _described(folder: Path) -> ManifestBody | None:
    """What the manifest of a handover says; None if it cannot be read."""
    try:
        return read_manifest(folder).body
    except HandoverError:
        return None
