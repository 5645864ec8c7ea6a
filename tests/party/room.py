"""The room that the parties of these tests seal their handovers to, and what it makes of them."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import polars as pl
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cleanroom import sealing

TRANSPORT = X25519PrivateKey.from_private_bytes(bytes(range(32)))
# What `with_keys` completes an agreement with, beside the platforms' keys.
PUBLIC = {
    "role": "room",
    "identity_key": "0f" * 32,
    "transport_key": TRANSPORT.public_key().public_bytes_raw().hex(),
}


def opened(handover: Path, table: str, transport: X25519PrivateKey = TRANSPORT) -> pl.DataFrame:
    """A table of a handover, opened with the room's transport key; raises `SealError`."""
    body = json.loads((handover / "manifest.json").read_bytes())["body"]
    context = sealing.handover_context(body)
    data_key = sealing.open_key(body["sealed_key"], transport, context)
    target = BytesIO()
    with (handover / f"{table}.sealed").open("rb") as content:
        sealing.decrypt(content, target, data_key, table)
    return pl.read_parquet(target.getvalue())
