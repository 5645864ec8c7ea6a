"""The review queue: each candidate with what it would release and what was withheld, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleanroom.agreement import Agreement
from cleanroom.borders import Candidate, Protected, candidate_digest
from cleanroom.errors import ReleaseError
from cleanroom.gate.candidate import read_candidate, read_json
from cleanroom.gate.release import voters
from cleanroom.room.place import candidate_files, votes_folder
from cleanroom.tables import Platform


@dataclass(frozen=True)
class Waiting:
    """A candidate on the desk; `withheld` counts cells by rule id, `votes` are those so far."""

    file: Path
    digest: str
    candidate: Candidate
    released_cells: int
    withheld: Counter[str]
    votes: tuple[dict[str, Any], ...]


def queue(room: Path, agreement: Agreement) -> list[Waiting]:
    """Every candidate of the room, those with most withheld cells first.

    Raises `ReleaseError` if a candidate is not what the room signed.
    """
    waiting = [_waiting(room, file, agreement) for file in candidate_files(room)]
    return sorted(waiting, key=lambda w: (-w.withheld.total(), w.file.name))


def undecided(room: Path, agreement: Agreement, platform: Platform, reviewer: str) -> list[Waiting]:
    """The candidates on which a platform's reviewer has not voted yet."""
    waiting = queue(room, agreement)
    return [item for item in waiting if (platform, reviewer) not in voters(item.votes)]


def named(room: Path, agreement: Agreement, digests: Sequence[str]) -> list[Waiting]:
    """The candidates whose digests begin so; raises `ReleaseError` for one that none or two do."""
    waiting = queue(room, agreement)
    found = []
    for digest in digests:
        matches = [item for item in waiting if item.digest.startswith(digest)]
        if len(matches) != 1:
            raise ReleaseError(
                f"{len(matches)} candidates have a digest that begins with '{digest}'.",
                "take it from `cleanroom review list`, with more characters if need be.",
            )
        found += matches
    return found


def _waiting(room: Path, file: Path, agreement: Agreement) -> Waiting:
    candidate = read_candidate(file, agreement.room.identity_key or "")
    digest = candidate_digest(candidate)
    withheld = sum((_withheld(table) for table in candidate.tables.values()), Counter[str]())
    released = sum(table.cells["value"].count() for table in candidate.tables.values())
    return Waiting(file, digest, candidate, released, withheld, _votes(room, digest))


def _withheld(table: Protected) -> Counter[str]:
    return Counter(table.cells["withheld"].drop_nulls().to_list())


def _votes(room: Path, digest: str) -> tuple[dict[str, Any], ...]:
    return tuple(
        read_json(file, "vote") for file in sorted(votes_folder(room, digest).glob("*.json"))
    )
