"""A mailbox: the one directory that the processes of a match share, at any address fsspec knows.

A file appears whole or not at all: it is written under another name and then moved; in a folder of
this machine it is on disk by then. Whoever keeps the mailbox is trusted with nothing but keeping
it: what lies in it is sealed and signed (see `message`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import fsspec
from fsspec.implementations.local import LocalFileSystem

from cleanroom.errors import JoinError
from cleanroom.mailbox_folder import Folder

_PARTIAL = ".partial"


class Files(Protocol):
    """Where the files of a mailbox are kept; names have `/` between their parts."""

    def names(self, folder: str) -> set[str]:
        """The names of what is in a folder; none if there is no such folder."""

    def read(self, name: str, most: int) -> bytes | None:
        """A file's first bytes, `most` of them, or None if it is not there."""

    def write(self, name: str, content: bytes, partial: str) -> None:
        """Let a file appear, whole and to stay; it has the name `partial` until it is whole."""

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it, if it is there."""


@dataclass(frozen=True)
class Mailbox:
    """The place of the messages."""

    files: Files

    def has(self, name: str) -> bool:
        """Whether the file is there by now."""
        folder, _, file = name.rpartition("/")
        return file in self.names(folder)

    def names(self, folder: str) -> set[str]:
        """The names of the whole files in a folder; none if there is no such folder."""
        with _reachable("looked into"):
            names = self.files.names(folder)
        return {name for name in names if not name.endswith(_PARTIAL)}

    def read(self, name: str, most: int) -> bytes | None:
        """A file's content, or None if it is not there; `JoinError` above `most` bytes."""
        with _reachable("read"):
            # Up to there and no further, whatever the file grows to.
            content = self.files.read(name, most + 1)
        if content is not None and len(content) > most:
            raise JoinError(
                f"The mailbox's {name} is larger than any message can be ({most:,} bytes).",
                "remove it, and ask its sender to run its match again.",
            )
        return content

    def write(self, name: str, content: bytes) -> None:
        """Let a file appear, whole and to stay; one of the name is replaced."""
        partial = f"{name.rpartition('/')[2]}.{secrets.token_hex(4)}{_PARTIAL}"
        with _reachable("written to"):
            self.files.write(name, content, partial)

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        with _reachable("written to"):
            self.files.remove(folder)


@dataclass(frozen=True)
class Store:
    """Files at an address of fsspec's: its file system, and the path in it."""

    system: Any
    root: str

    def names(self, folder: str) -> set[str]:
        """The names of what is in a folder; none if there is no such folder."""
        self.system.invalidate_cache()
        try:
            paths = self.system.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return set()
        return {str(path).rstrip("/").rpartition("/")[2] for path in paths}

    def read(self, name: str, most: int) -> bytes | None:
        """A file's first bytes, `most` of them, or None if it is not there."""
        self.system.invalidate_cache()
        try:
            size = self.system.size(self._path(name))  # None where the store cannot say
            end = most if size is None else min(int(size), most)
            return bytes(self.system.cat_file(self._path(name), 0, end)) if end else b""
        except FileNotFoundError:  # not there, or removed in between
            return None

    def write(self, name: str, content: bytes, partial: str) -> None:
        """Let a file appear, whole; it has the name `partial` until it is whole."""
        folder = self._path(name).rpartition("/")[0]
        self.system.makedirs(folder, exist_ok=True)
        self.system.pipe_file(f"{folder}/{partial}", content)
        self.system.mv(f"{folder}/{partial}", self._path(name))

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        self.system.invalidate_cache()
        if self.system.exists(self._path(folder)):
            self.system.rm(self._path(folder), recursive=True)

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}".rstrip("/")


def open_mailbox(url: str) -> Mailbox:
    """The mailbox at `url`: a directory, or an address as `s3://bucket/folder`.

    Raises `JoinError` if nothing installed can reach such an address.
    """
    problem = "cannot be used"
    try:
        system, root = fsspec.url_to_fs(url)
    except ImportError:
        problem = "needs a library that is not installed"
    except ValueError:
        problem = "is of no kind that is known"
    except Exception as error:  # some stores are called at once; what they say may hold secrets
        problem = f"cannot be reached ({type(error).__name__})"
    else:
        root = str(root).rstrip("/")
        local = isinstance(system, LocalFileSystem)
        return Mailbox(Folder(root or "/") if local else Store(system, root))
    raise JoinError(
        f"The mailbox's address {problem}.",
        "name a directory that all three can reach, or an address that fsspec knows and install "
        "what it needs for it (as s3fs for s3://).",
    ) from None


@contextmanager
def _reachable(verb: str) -> Iterator[None]:
    try:
        yield
        return
    except JoinError:
        raise
    except Exception as error:  # each kind of store has errors of its own, which may hold secrets
        kind = type(error).__name__
    raise JoinError(
        f"The mailbox cannot be {verb} ({kind}).",
        "see that it is there and open to this account, and run the same command again: it goes "
        "on where it stopped.",
    ) from None
