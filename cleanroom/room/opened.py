"""Opened files: what the room reads in the clear lies in memory, and encrypted on its disk.

On Linux a file in memory is one without a name (memfd_create), which goes when nobody holds it any
more, the process's end included. Other systems have none: there it lies in a directory of its own
that only the room's user can enter, and goes with the value or at the process's orderly end.
"""

from __future__ import annotations

import os
import secrets
import shutil
import weakref
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from cleanroom import sealing
from cleanroom.errors import HandoverError, SealError

_SALT = 32


@dataclass(frozen=True, eq=False, repr=False)
class Opened:
    """A readable file, at `path` for as long as this value is held."""

    path: Path


@dataclass(frozen=True, repr=False)
class Place:
    """Where encrypted files lie: the room's storage key, and the name of their folder, which is
    bound into them."""

    key: bytes
    folder: str


def blank(name: str) -> Opened:
    """An empty file to write into; `name` is for errors."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create(name)
        opened = Opened(Path(f"/proc/self/fd/{descriptor}"))
        weakref.finalize(opened, os.close, descriptor)
    else:
        folder = mkdtemp(prefix="cleanroom-")
        opened = Opened(Path(folder) / f"{name}.parquet")
        opened.path.touch(mode=0o600)
        weakref.finalize(opened, shutil.rmtree, folder, ignore_errors=True)
    return opened


def name_of(path: Path) -> str:
    """What a file was named when it was opened: its descriptor is a number."""
    if path.parent == Path("/proc/self/fd") and path.is_symlink():
        return path.readlink().name.removeprefix("memfd:").removesuffix(" (deleted)")
    return path.stem


def write_sealed(plain: Path, sealed: Path, key: bytes, folder: str) -> None:
    """Encrypt the file `plain` for the disk, as `sealed`; `key` is the room's storage key.

    `folder` is the name of the folder in which it will lie. That and the file's own name are bound
    in, so that none can take another's place. A salt, new for each file, makes the key of its
    encryption new as well: the same file may be written again with other rows.
    """
    salt = secrets.token_bytes(_SALT)
    with plain.open("rb") as content, sealed.open("xb") as target:
        target.write(salt)
        sealing.encrypt(content, target, key, _bound(salt, folder, sealed))


def read_sealed(sealed: Path, key: bytes, folder: str | None = None) -> Opened:
    """Open what `write_sealed` wrote under the same key; `folder`: the name that its folder is yet
    to get, if it has another.

    Raises `HandoverError` if it is not there any more, and `SealError` if it is not as it was.
    """
    opened = blank(sealed.stem)
    try:
        with sealed.open("rb") as content, opened.path.open("wb") as target:
            salt = content.read(_SALT)
            sealing.decrypt(
                content, target, key, _bound(salt, folder or sealed.parent.name, sealed)
            )
    except FileNotFoundError:
        raise HandoverError(
            f"'{sealed.stem}' is not in the room any more: a newer handover took its place, or "
            "its retention is over.",
            "ask again; if that fails, have the platform hand over again.",
        ) from None
    except SealError:
        raise SealError(
            f"The room's own '{sealed.stem}' does not open: it was altered, cut or moved, or the "
            "room's keys are others.",
            "restore the room from a backup; what lies in derived/ may be deleted instead.",
        ) from None
    return opened


def _bound(salt: bytes, folder: str, sealed: Path) -> str:
    return f"{salt.hex()}/{folder}/{sealed.name}"
