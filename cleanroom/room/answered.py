"""What the room has answered: the numbers of every answer, those that were withheld among them.

A later answer is protected together with them (`gate.complementary`), so they outlive the rows they
were counted from. They rest encrypted, and hold numbers of cells, nothing of single persons.

    answered/<study>-<question>   the cells of one answer, encrypted
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cleanroom import signing
from cleanroom.room.folders import locked
from cleanroom.room.state import read_state, write_state
from cleanroom.room.vault import Vault, ring_of

Records = list[list[Any]]


@contextmanager
def one_at_a_time(vault: Vault) -> Iterator[None]:
    """Hold all answers: none of two that are made at once would know of the other."""
    folder = _folder(vault)
    folder.mkdir(mode=0o700, exist_ok=True)
    with locked(folder):
        yield


def answered(vault: Vault, study: str) -> Records:
    """The cells of all earlier answers to studies of this name (`place.study_name`), in the order
    in which they were given. Raises `SealError` if a file is not as it was."""
    files = sorted(_folder(vault).glob(f"{study}-*"), key=lambda file: file.stat().st_mtime_ns)
    contents = (read_state(file, ring_of(vault))[1] for file in files if _is_of(file, study))
    return [record for content in contents for record in json.loads(content)]


def keep_answer(vault: Vault, study: str, question: str, records: Records) -> None:
    """Remember an answer before it is given; within `one_at_a_time`."""
    file = _folder(vault) / f"{study}-{question[:12]}"
    write_state(file, ring_of(vault), {"question": question}, signing.canonical(records))


def _folder(vault: Vault) -> Path:
    return vault.room / "answered"


def _is_of(file: Path, study: str) -> bool:
    """Whether the file is of this study, and not of one whose name begins alike."""
    return file.name.rpartition("-")[0] == study
