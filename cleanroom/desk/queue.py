"""The review queue: what waits, with what is exceptional on top, and what each would release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cleanroom.agreement import Agreement
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.errors import CleanroomError, ReviewError
from cleanroom.gate.candidate import read_candidate
from cleanroom.review.case import Case, has_decided
from cleanroom.review.checks import released_cells, withheld_cells
from cleanroom.review.guards import Actor, Attempt, may_step
from cleanroom.review.office import docket
from cleanroom.review.states import Action, State
from cleanroom.room.place import candidate_files, ledger_of
from cleanroom.tables import Platform


@dataclass(frozen=True)
class Waiting:
    """A candidate on the desk, opened: `withheld` counts cells by rule id."""

    file: Path
    case: Case
    candidate: Candidate
    released_cells: int
    withheld: Counter[str]

    @property
    def digest(self) -> str:
        """The candidate's digest."""
        return self.case.candidate


def queue(room: Path) -> list[Case]:
    """Every candidate, by the ledger alone: no file is opened.

    First what is under review and exceptional (something was found), then what else is under
    review by how much is withheld, then the rest.
    """
    return sorted(docket(ledger_of(room)).cases.values(), key=_urgency)


def undecided(cases: Sequence[Case], platform: Platform, reviewer: str) -> list[Case]:
    """The cases on which a platform's reviewer may vote, and has not decided on yet."""
    attempt = Attempt(Action.VOTE, Actor(reviewer, platform))
    return [c for c in cases if may_step(c, attempt) and not has_decided(c, platform, reviewer)]


def exceptions(cases: Sequence[Case]) -> list[Case]:
    """The cases to look at one by one: something was found in them."""
    return [case for case in cases if case.findings]


def named(cases: Sequence[Case], digests: Sequence[str]) -> list[Case]:
    """The cases whose digests begin so; raises `ReviewError` for one that none or two do."""
    found = []
    for digest in digests:
        matches = [case for case in cases if case.candidate.startswith(digest)]
        if len(matches) != 1:
            raise ReviewError(
                f"{len(matches)} candidates have a digest that begins with '{digest}'.",
                "take it from `cleanroom review list`, with more characters if need be.",
            )
        found += matches
    return found


def opened(room: Path, case: Case, agreement: Agreement) -> Waiting:
    """A case with its candidate; raises `ReleaseError` if that is not what the room signed."""
    file = room / "candidates" / case.file
    candidate = _read(file, case.candidate, agreement.room.identity_key or "")
    return Waiting(file, case, candidate, released_cells(candidate), withheld_cells(candidate))


def why_broken(room: Path, case: Case, agreement: Agreement) -> str:
    """Why a candidate's file is not what the ledger names, in words; empty if it is."""
    file = room / "candidates" / case.file
    try:
        told = file.stat()
    except OSError:
        return f"{case.file} is not there."
    version = told.st_mtime_ns, told.st_ctime_ns, told.st_size
    return _why_broken(file, version, case.candidate, agreement.room.identity_key or "")


def sound(
    room: Path, cases: Iterable[Case], agreement: Agreement
) -> tuple[list[Case], dict[str, str]]:
    """The cases whose files are what the ledger names, and of the others why not, by digest."""
    reasons = {case.candidate: (case, why_broken(room, case, agreement)) for case in cases}
    broken = {digest: why for digest, (_, why) in reasons.items() if why}
    return [case for case, why in reasons.values() if not why], broken


@lru_cache(maxsize=4096)
def _why_broken(file: Path, version: tuple[int, ...], digest: str, room_key: str) -> str:
    """As `why_broken`, once for each version of a file."""
    try:
        _read(file, digest, room_key)
    except CleanroomError as error:
        return error.problem
    return ""


def _read(file: Path, digest: str, room_key: str) -> Candidate:
    candidate = read_candidate(file, room_key)
    if candidate_digest(candidate) != digest:
        raise ReviewError(
            f"{file.name} is not the candidate that the ledger names.", "restore it from a backup."
        )
    return candidate


def last_release(left: Iterable[Case], case: Case) -> Case | None:
    """Of what left, the last before this candidate did, if it has: to compare it with."""
    before = case.receipt.body.time if case.receipt else "~"  # after every time
    times = {
        other.candidate: (other.receipt.body.time, other)
        for other in left
        if other.receipt is not None and other.candidate != case.candidate
    }
    earlier = [(time, other) for time, other in times.values() if time <= before]
    return max(earlier, key=lambda pair: pair[0])[1] if earlier else None


def drafts(room: Path) -> list[Case]:
    """The candidates that nobody has submitted."""
    there = {file.name for file in candidate_files(room)}
    return [c for c in queue(room) if c.state is State.DRAFT and c.file in there]


def _urgency(case: Case) -> tuple[bool, bool, int, str]:
    return (
        not case.is_under_review,
        not case.findings,
        -sum(case.withheld.values()),
        case.file,
    )
