"""What the room makes of the handovers of these tests, with its keys beside the parties'."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import polars as pl
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cleanroom import sealing
from cleanroom.keyring import open_keyring


def transport(keys: Path) -> X25519PrivateKey:
    """The room's key that opens handovers, made by `agreements.agreed` with a party's `keys`."""
    folder = next(above / "room-keys" for above in keys.parents if (above / "room-keys").exists())
    return open_keyring(folder, role="room").transport


def opened(handover: Path, table: str, key: X25519PrivateKey) -> pl.DataFrame:
    """A table of a handover, opened with a room's transport key; raises `SealError`."""
    body = json.loads((handover / "manifest.json").read_bytes())["body"]
    data_key = sealing.open_key(body["sealed_key"], key, sealing.handover_context(body))
    target = BytesIO()
    with (handover / f"{table}.sealed").open("rb") as content:
        sealing.decrypt(content, target, data_key, table)
    return pl.read_parquet(target.getvalue())
