"""A mailbox's files in a folder of this machine: on disk once written, and no way out of it.

Whoever can write into the folder could lay a symbolic link there, and have a party read, write or
delete elsewhere under its own account. So each part of a way is opened below the one before and
never followed if it is a link (`O_NOFOLLOW`), which leaves no moment to exchange it in between.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cleanroom.errors import JoinError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@dataclass(frozen=True)
class Folder:
    """The folder at `root`, which may itself be a link: that is its owner's choice."""

    root: str

    def names(self, folder: str) -> set[str]:
        """The names of what is in a folder; none if there is no such folder."""
        try:
            with self._entered(folder) as inside, os.scandir(inside) as entries:
                return {entry.name for entry in entries}
        except FileNotFoundError:
            return set()

    def read(self, name: str, most: int) -> bytes | None:
        """A file's first bytes, `most` of them, or None if it is not there."""
        folder, _, file = name.rpartition("/")
        # Not to wait for whoever writes into a pipe; of a file it changes nothing.
        how = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            with self._entered(folder) as inside:
                descriptor = _below(inside, file, how)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as opened:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise _refused(file, "is no file")
            return opened.read(min(found.st_size, most))

    def write(self, name: str, content: bytes, partial: str) -> None:
        """Let a file appear, whole and to stay; it has the name `partial` until it is whole."""
        folder, _, file = name.rpartition("/")
        with self._entered(folder, make=True) as inside:
            how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(partial, how, 0o666, dir_fd=inside), "wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            os.rename(partial, file, src_dir_fd=inside, dst_dir_fd=inside)
            os.fsync(inside)

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        above, _, name = folder.rpartition("/")
        with suppress(FileNotFoundError), self._entered(above) as inside:
            os.close(_below(inside, name, _FOLDER))  # what is no folder is refused
            shutil.rmtree(name, dir_fd=inside)
            os.fsync(inside)

    @contextmanager
    def _entered(self, folder: str, make: bool = False) -> Iterator[int]:
        """A descriptor of a folder; `make` makes it and all above it that is not there."""
        if make:
            Path(self.root).mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in filter(None, folder.split("/")):
                if make:
                    _make(part, descriptor)
                inner = _below(descriptor, part, _FOLDER)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


def _make(name: str, above: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=above)
        os.fsync(above)


def _below(above: int, name: str, how: int) -> int:
    """Open what has a name in the folder `above`; raises `JoinError` if it is a link."""
    try:
        return os.open(name, how, dir_fd=above)
    except FileNotFoundError:
        raise
    except OSError:
        if stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
            raise _refused(name, "is a link, which may lead out of it") from None
        raise


def _refused(name: str, what: str) -> JoinError:
    return JoinError(
        f"In the mailbox, {name} {what}.",
        "find out who laid it there; remove it, and run the same command again.",
    )
