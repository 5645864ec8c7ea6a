"""Where each candidate of a room stands: its genuine votes, its state, and what is unusual of it.

The only part of the pages that knows how votes and releases are kept: it reads what
`cleanroom review` reads, and says it as the values that pages draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cleanroom import ledger, signing
from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.desk.views import Standing, State
from cleanroom.errors import ReleaseError
from cleanroom.gate.candidate import read_candidate, read_json
from cleanroom.gate.release import Decision
from cleanroom.room.place import agreement_of, candidate_files, ledger_of, votes_folder
from cleanroom.tables import Platform

_STANDING = {
    Decision.APPROVE.value: Standing.APPROVED,
    Decision.REJECT.value: Standing.REJECTED,
}


@dataclass(frozen=True)
class Desk:
    """Where the desk stands: a room's directory, and if somebody is to decide, their own keys and
    the folder into which releases go."""

    room: Path
    keys: Path | None = None
    releases: Path | None = None


@dataclass(frozen=True)
class Vote:
    """A vote that is its reviewer's, on exactly this candidate."""

    platform: Platform
    reviewer: str
    standing: Standing
    comment: str
    time: str


@dataclass(frozen=True)
class Case:
    """A candidate with its votes; `doubtful` counts those that are not their reviewer's.

    `in_force`: it was made under the agreement in force. `released`: when it left ('' if it did
    not). `earlier`: the last release of the same study
    of the same merchant before it, and when that left.
    """

    candidate: Candidate
    digest: str
    state: State
    in_force: bool = True
    votes: tuple[Vote, ...] = ()
    doubtful: int = 0
    released: str = ""
    earlier: Candidate | None = None
    earlier_released: str = ""


@dataclass(frozen=True)
class Cases:
    """All candidates of a room by digest, under the agreement that is in force there."""

    agreement: Agreement
    by_digest: Mapping[str, Case]


def read_cases(room: Path) -> Cases:
    """Read and verify every candidate, vote and ledger record of a room.

    Raises the error of what does not verify: agreement, candidate, or ledger.
    """
    agreement = agreement_of(room)
    key, terms = agreement.room.identity_key or "", agreement_digest(agreement)
    files = [(file, file.stat()) for file in candidate_files(room)]
    candidates = dict(_read(file, at.st_mtime_ns, at.st_size, key) for file, at in files)
    released = released_at(ledger.records(ledger_of(room)))
    last = _by_study(candidates, released)
    cases = {}
    for digest, candidate in candidates.items():
        votes, doubtful = votes_on(digest, _vote_files(room, digest), agreement)
        earlier = _before(digest, last[_study(candidate)])
        left = released.get(digest, "")
        state = State.RELEASED if left else state_of(votes)
        cases[digest] = Case(
            candidate,
            digest,
            state,
            candidate.manifest["agreement"] == terms,
            votes,
            doubtful,
            left,
            candidates.get(earlier or ""),
            released.get(earlier or "", ""),
        )
    return Cases(agreement, cases)


def votes_on(
    digest: str, votes: Iterable[Any], agreement: Agreement
) -> tuple[tuple[Vote, ...], int]:
    """The genuine votes on the candidate of this digest, and how many others there are."""
    read = [_genuine(vote, digest, agreement) for vote in votes]
    genuine = tuple(vote for vote in read if vote is not None)
    return genuine, len(read) - len(genuine)


def state_of(votes: Sequence[Vote]) -> State:
    """The state of a candidate that was not released.

    As long as a platform has not voted, no vote moves it: what one side said would show.
    """
    if {vote.platform for vote in votes} != set(Platform):
        return State.IN_REVIEW
    if any(vote.standing is Standing.REJECTED for vote in votes):
        return State.REJECTED
    approved = {vote.platform for vote in votes if vote.standing is Standing.APPROVED}
    return State.APPROVED if approved == set(Platform) else State.IN_REVIEW


def released_at(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """When each candidate was released, by digest, in the order of the ledger."""
    return {
        record["facts"]["candidate"]: record["time"]
        for record in records
        if record["event"] == ledger.Event.RELEASED
    }


@lru_cache(maxsize=4096)  # a verified candidate is a value: the same file need not be read again
def _read(file: Path, modified: int, size: int, room_key: str) -> tuple[str, Candidate]:
    candidate = read_candidate(file, room_key)
    return candidate_digest(candidate), candidate


def _vote_files(room: Path, digest: str) -> Iterable[Any]:
    for file in sorted(votes_folder(room, digest).glob("*.json")):
        try:
            yield read_json(file, "vote")
        except ReleaseError:
            yield None


def _genuine(vote: Any, digest: str, agreement: Agreement) -> Vote | None:
    try:
        body, signature = vote["body"], vote["signature"]
        platform, name = Platform(body["platform"]), body["reviewer"]
        standing, time = _STANDING[body["decision"]], str(body["time"])
        key = agreement.parties[platform].reviewers[name]
    except (KeyError, TypeError, ValueError):
        return None
    if body.get("candidate") != digest or not signing.verifies(key, signature, "vote", body):
        return None
    return Vote(platform, name, standing, str(body.get("comment", "")), time)


def _study(candidate: Candidate) -> tuple[str, str]:
    study = candidate.manifest["study"]
    return study["kind"], study["merchant"]


def _by_study(
    candidates: Mapping[str, Candidate], released: Mapping[str, str]
) -> dict[tuple[str, str], list[str]]:
    """The digests that were released of each study, in the order in which they were."""
    found: dict[tuple[str, str], list[str]] = {_study(one): [] for one in candidates.values()}
    for digest in released:
        if digest in candidates:
            found[_study(candidates[digest])].append(digest)
    return found


def _before(digest: str, released: Sequence[str]) -> str | None:
    """The release before that of `digest`, or the last if it was not released."""
    end = released.index(digest) if digest in released else len(released)
    return released[end - 1] if end else None
