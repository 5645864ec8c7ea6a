"""Folders that appear whole or not at all, that only their owner can enter, and one at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

_PARTIAL = "partial-"


@contextmanager
def appearing_whole(folder: Path) -> Iterator[Path]:
    """Give a folder to fill that becomes `folder` once it is filled without an error.

    If another process has made `folder` meanwhile, that one stays: both hold the same.
    """
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    partial = Path(mkdtemp(dir=folder.parent, prefix=_PARTIAL))
    try:
        yield partial
        for file in partial.iterdir():
            file.chmod(0o600)
        _rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_whole(folder: Path) -> None:
    """Remove a folder that, wherever that is cut off, is there whole or not at all.

    What a cut leaves beside it goes when the room next deletes what may not be kept (`retention`).
    """
    partial = Path(mkdtemp(dir=folder.parent, prefix=_PARTIAL))
    folder.rename(partial)
    shutil.rmtree(partial)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process holds `folder`, and hold it; not to be nested."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _rename(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
