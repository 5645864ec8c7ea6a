"""Folders that appear whole or not at all, and that only their owner can enter."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def appearing_whole(folder: Path) -> Iterator[Path]:
    """Give a folder to fill that becomes `folder` once it is filled without an error.

    If another process has made `folder` meanwhile, that one stays: both hold the same.
    """
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    partial = Path(mkdtemp(dir=folder.parent, prefix="partial-"))
    try:
        yield partial
        for file in partial.iterdir():
            file.chmod(0o600)
        _rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


@contextmanager
def locked(room: Path) -> Iterator[None]:
    """Be the only process that changes what the room remembers, until the block ends."""
    with (room / "room.json").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
