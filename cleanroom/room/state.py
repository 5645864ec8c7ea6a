"""What the room remembers of its own accord: a small file, encrypted as its rows are (`opened`),
that is written anew in one go.

It holds a line of canonical JSON that says what it is about, then the content. The encryption binds
the file's name, the folder's and a salt of its own: no file can be passed off as another.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from cleanroom import signing
from cleanroom.keyring import Keyring, Secret
from cleanroom.room.opened import blank, read_sealed, write_sealed

_PARTIAL = "partial-"


def write_state(path: Path, ring: Keyring, about: dict[str, Any], content: bytes) -> None:
    """Write `about` (JSON) and `content` encrypted under the room's storage secret.

    Only the room's owner can read the file; it takes the place of an earlier one at once, and is on
    disk when this returns. One process at a time may write it (`folders.locked`).
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob(f"{_PARTIAL}*"):  # by a process that was killed
        shutil.rmtree(left)
    partial = Path(mkdtemp(dir=folder, prefix=_PARTIAL))
    try:
        plain = blank(path.name)
        plain.path.write_bytes(signing.canonical(about) + b"\n" + content)
        sealed = partial / path.name
        write_sealed(plain.path, sealed, ring.secrets[Secret.STORAGE], folder.name)
        sealed.chmod(0o600)
        signing.sync(sealed)
        sealed.replace(path)
        # What it stands for is deleted next: the new name has to outlive a power cut as well.
        signing.sync(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_state(path: Path, ring: Keyring) -> tuple[dict[str, Any], bytes]:
    """What the file is about, and its content.

    Raises `SealError` if it is another file, was altered or cut, or belongs to another room.
    """
    opened = read_sealed(path, ring.secrets[Secret.STORAGE])
    line, _, content = opened.path.read_bytes().partition(b"\n")
    return json.loads(line), content
