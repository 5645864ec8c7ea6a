"""A ledger of a whole review, and eight ways to tamper with it that `cleanroom verify` finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cleanroom import signing
from cleanroom.agreement import write
from cleanroom.gate.release import Ground, make_release, write_release
from cleanroom.ledger import GENESIS
from tests.review.stage import AGREED, SECOND, Desk, candidate

Record = dict[str, Any]


@dataclass(frozen=True)
class Story:
    """A room's ledger, its agreement, and a release that left it."""

    ledger: Path
    agreement: Path
    release: Path


def story(folder: Path) -> Story:
    """Templates approved, a candidate reviewed and released, another under review."""
    desk = Desk(folder / "ledger.jsonl").open()
    made = candidate(60.0)
    case = desk.released(made)
    assert case.receipt is not None
    release = make_release(Ground(made, case, AGREED), case.receipt)
    write_release(release, folder / "release.json")
    later = candidate(60.0, merchant="n")
    desk.submit(later)
    desk.vote(later, SECOND)
    write(AGREED, folder / "agreement.yaml")
    return Story(desk.path, folder / "agreement.yaml", folder / "release.json")


def _chained(records: list[Record]) -> list[Record]:
    """The chain written anew, as somebody would who has the whole file in their hands."""
    previous, anew = GENESIS, []
    for record in records:
        body = {k: v for k, v in record.items() if k != "hash"} | {"previous": previous}
        previous = signing.digest(body)
        anew.append({**body, "hash": previous})
    return anew


def _at(records: list[Record], event: str) -> int:
    return next(n for n, record in enumerate(records) if record["event"] == event)


def _changed(records: list[Record]) -> list[Record]:
    records[_at(records, "candidate_submitted")]["facts"]["author"] = "somebody else"
    return records


def _removed(records: list[Record]) -> list[Record]:
    del records[_at(records, "vote_signed")]
    return records


def _reordered(records: list[Record]) -> list[Record]:
    at = _at(records, "vote_signed")
    records[at], records[at + 1] = records[at + 1], records[at]
    return records


def _repeated(records: list[Record]) -> list[Record]:
    at = _at(records, "vote_signed")
    return [*records[: at + 1], *records[at:]]


def _cut(records: list[Record]) -> list[Record]:
    return records[: _at(records, "release_made")]


def _flipped(records: list[Record]) -> list[Record]:
    """The last vote asks for nothing of what it approved; and the chain is written anew."""
    tables = records[-1]["facts"]["body"]["tables"]
    tables["path"] |= {"decision": "request changes", "comment": "no"}
    return _chained(records)


def _rewritten(records: list[Record]) -> list[Record]:
    """An early record is taken out, and the chain is written anew."""
    del records[_at(records, "template_approved")]
    return _chained(records)


def _unvoted(records: list[Record]) -> list[Record]:
    """A vote is taken out, and the chain written anew: the release has no quorum."""
    votes = [n for n, record in enumerate(records) if record["event"] == "vote_signed"]
    del records[votes[1]]
    return _chained(records)


TAMPERINGS: Mapping[str, Callable[[list[Record]], list[Record]]] = MappingProxyType(
    {
        "a record was changed": _changed,
        "a record was removed": _removed,
        "two records were exchanged": _reordered,
        "a record was repeated": _repeated,
        "the end was cut off": _cut,
        "a vote was changed, and the chain written anew": _flipped,
        "a record was removed, and the chain written anew": _rewritten,
        "a vote was removed, and the chain written anew": _unvoted,
    }
)


def tampered(story: Story, how: str, path: Path) -> Path:
    """A copy of the story's ledger, tampered with in one of the ways."""
    records = [json.loads(line) for line in story.ledger.read_bytes().splitlines()]
    lines = [signing.canonical(record) + b"\n" for record in TAMPERINGS[how](records)]
    path.write_bytes(b"".join(lines))
    return path
