"""A mailbox: the one directory that the processes of a match share, at any address fsspec knows.

A file appears whole or not at all: it is written under another name and then moved. Whoever keeps
the mailbox is trusted with nothing but keeping it: what lies in it is sealed and signed (see
`message`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fsspec

from cleanroom.errors import JoinError

_PARTIAL = ".partial"


@dataclass(frozen=True)
class Mailbox:
    """The place of the messages; `files` is fsspec's file system, `root` the path in it."""

    files: Any
    root: str

    def has(self, name: str) -> bool:
        """Whether the file is there by now."""
        with _reachable("looked into"):
            self.files.invalidate_cache()
            return bool(self.files.exists(self._path(name)))

    def names(self, folder: str) -> set[str]:
        """The names of the whole files in a folder; none if there is no such folder."""
        with _reachable("looked into"):
            self.files.invalidate_cache()
            try:
                paths = self.files.ls(self._path(folder), detail=False)
            except FileNotFoundError:
                return set()
        names = {str(path).rstrip("/").rpartition("/")[2] for path in paths}
        return {name for name in names if not name.endswith(_PARTIAL)}

    def read(self, name: str, most: int) -> bytes | None:
        """A file's content, or None if it is not there; `JoinError` above `most` bytes."""
        with _reachable("read"):
            self.files.invalidate_cache()
            try:
                size = self.files.size(self._path(name))  # None where the store cannot say
                end = most + 1 if size is None else min(int(size), most + 1)
                # Up to there and no further, whatever the file grows to, or is: a pipe has no end.
                content = bytes(self.files.cat_file(self._path(name), 0, end)) if end else b""
            except FileNotFoundError:  # not there, or removed in between
                return None
        if len(content) > most:
            raise JoinError(
                f"The mailbox's {name} is larger than any message can be ({size or end:,} bytes).",
                "remove it, and ask its sender to run its match again.",
            )
        return content

    def write(self, name: str, content: bytes) -> None:
        """Let a file appear, whole; one of the name is replaced."""
        path = self._path(name)
        partial = f"{path}.{secrets.token_hex(4)}{_PARTIAL}"
        with _reachable("written to"):
            self.files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self.files.pipe_file(partial, content)
            self.files.mv(partial, path)

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        with _reachable("written to"):
            self.files.invalidate_cache()
            if self.files.exists(self._path(folder)):
                self.files.rm(self._path(folder), recursive=True)

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"


def open_mailbox(url: str) -> Mailbox:
    """The mailbox at `url`: a directory, or an address as `s3://bucket/folder`.

    Raises `JoinError` if nothing installed can reach such an address.
    """
    problem = "cannot be used"
    try:
        files, root = fsspec.url_to_fs(url)
    except ImportError:
        problem = "needs a library that is not installed"
    except ValueError:
        problem = "is of no kind that is known"
    except Exception as error:  # some stores are called at once; what they say may hold secrets
        problem = f"cannot be reached ({type(error).__name__})"
    else:
        return Mailbox(files, str(root).rstrip("/"))
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
    except Exception as error:  # each kind of store has errors of its own, which may hold secrets
        kind = type(error).__name__
    raise JoinError(
        f"The mailbox cannot be {verb} ({kind}).",
        "see that it is there and open to this account, and run the same command again: it goes "
        "on where it stopped.",
    ) from None
