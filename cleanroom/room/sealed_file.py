"""What the room remembers of its own accord, encrypted under its storage secret, whole or not.

The file is a line of canonical JSON that says what it is and holds a fresh nonce, then the content,
encrypted under a key derived from the secret and that line (`sealing`): no two files, and no two
states of one file, share a key, and no file can be passed off as another.
"""

from __future__ import annotations

import io
import json
import os
import secrets
from pathlib import Path
from typing import Any

from cleanroom import sealing, signing
from cleanroom.errors import SealError
from cleanroom.keyring import Keyring, Secret

_FORMAT = "cleanroom-sealed-1"
_RESTORE = "restore the room's directory from a backup."


def write_sealed(path: Path, ring: Keyring, about: dict[str, Any], content: bytes) -> None:
    """Write `content` encrypted, with `about` (JSON, readable, bound in) before it.

    Only the room's owner can read the file; it takes the place of an earlier one at once, and is on
    disk when this returns. One process at a time may write it (`folders.locked`).
    """
    header = {"format": _FORMAT, "about": about, "nonce": secrets.token_hex(16)}
    line = signing.canonical(header)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        partial.chmod(0o600)
        file.write(line + b"\n")
        sealing.encrypt(io.BytesIO(content), file, ring.secrets[Secret.STORAGE], line.decode())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    # Old handovers are deleted next: the new name has to outlive a power cut as well.
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_sealed(path: Path, ring: Keyring, **wanted: str) -> tuple[dict[str, Any], bytes]:
    """What the file is `about`, and its content; `wanted` says what it has to be about.

    Raises `SealError` if it is another file, was altered or cut, or belongs to another room.
    """
    with path.open("rb") as file:
        line = file.readline().removesuffix(b"\n")
        about = _about(path, line)
        for name, value in wanted.items():
            if about.get(name) != value:
                raise SealError(
                    f"{path.name} is not the room's file of {name} '{value}'.", _RESTORE
                )
        plain = io.BytesIO()
        try:
            sealing.decrypt(file, plain, ring.secrets[Secret.STORAGE], line.decode())
        except SealError:
            raise SealError(
                f"{path.name} does not open: it was altered or cut, or is another room's.", _RESTORE
            ) from None
    return about, plain.getvalue()


def _about(path: Path, line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
        about = header["about"] if header["format"] == _FORMAT else None
    except (ValueError, KeyError, TypeError):
        about = None
    if not isinstance(about, dict):
        raise SealError(f"{path.name} is no file of the room's.", _RESTORE)
    return about
