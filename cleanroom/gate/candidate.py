"""A candidate: what a run asks to release, sealed by the room's signature, as one JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cleanroom import signing
from cleanroom.borders import Candidate, Findings, Protected, candidate_from, candidate_record
from cleanroom.errors import ReleaseError


def make_candidate(
    manifest: dict[str, Any],
    tables: Sequence[Protected],
    findings: Findings,
    room_key: signing.SigningKey,
) -> Candidate:
    """Put protected tables and what a study found in them under the room's signature."""
    unsigned = Candidate(manifest, {table.name: table for table in tables}, findings)
    signature = signing.sign(room_key, "candidate", candidate_record(unsigned))
    return Candidate(manifest, unsigned.tables, findings, signature)


def write_candidate(candidate: Candidate, path: Path) -> None:
    """Write a candidate; appears whole or not at all."""
    signing.write_canonical(path, sealed(candidate))


def read_candidate(path: Path, room_key: str) -> Candidate:
    """Read a candidate and verify the room's signature (`room_key`: its public key, hex).

    Raises `ReleaseError` if the file is missing, unreadable, or not what the room signed.
    """
    return unsealed(read_json(path, "candidate"), room_key)


def sealed(candidate: Candidate) -> dict[str, Any]:
    """The candidate's record with the room's signature, as plain JSON values."""
    return {"record": candidate_record(candidate), "signature": candidate.signature}


def unsealed(content: dict[str, Any], room_key: str) -> Candidate:
    """The candidate in `content`, verified; raises `ReleaseError`."""
    try:
        record, signature = content["record"], content["signature"]
    except KeyError:
        raise ReleaseError("The file is not signed.", "ask the room for it again.") from None
    return candidate_from(record, signature, room_key)


def read_json(path: Path, what: str) -> dict[str, Any]:
    """A JSON object from a file; raises `ReleaseError` naming the file and `what` it should be."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise ReleaseError(f"{path.name} is no {what}.", "ask the room for it again.")
    return content
