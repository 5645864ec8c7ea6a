"""Directories that appear whole or not at all: an interrupted run leaves nothing half-done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cleanroom.errors import HandoverError


@contextmanager
def staged(directory: Path) -> Iterator[Path]:
    """Give an empty directory beside `directory`, which takes its place if the block succeeds.

    Only its owner can enter it. What an earlier, interrupted run left beside it is removed; what
    stood at `directory` is removed at the end, so the caller checks that it may be. Raises
    `HandoverError` if the place cannot be written to.
    """
    partial = directory.with_name(f".{directory.name}.partial")
    previous = directory.with_name(f".{directory.name}.previous")
    try:
        _remove(partial, previous)
        directory.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)
    except OSError:
        raise HandoverError(
            f"Nothing can be written beside {directory}.", "name a place you may write to."
        ) from None
    try:
        yield partial
        if directory.exists():
            directory.rename(previous)
        partial.rename(directory)
    finally:
        _remove(partial, previous)


def _remove(*directories: Path) -> None:
    for directory in directories:
        if directory.exists():
            shutil.rmtree(directory)
