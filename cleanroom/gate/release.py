"""Votes on a candidate, and the release that a quorum of them makes.

A quorum is one reviewer of each platform. A vote is a signature over the digest of the candidate,
so that it holds for exactly what the reviewer saw and for nothing changed since.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from cleanroom import signing
from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.borders import Candidate, Release, candidate_digest
from cleanroom.errors import ReleaseError
from cleanroom.gate.candidate import read_json, sealed, unsealed
from cleanroom.tables import Platform


class Decision(StrEnum):
    """What a reviewer says of a candidate."""

    APPROVE = "approve"
    REJECT = "reject"


def cast_vote(
    candidate: Candidate,
    platform: Platform,
    reviewer: str,
    decision: Decision,
    key: signing.SigningKey,
    comment: str = "",
) -> dict[str, Any]:
    """Sign a decision on exactly this candidate, with its comment; the vote is plain JSON."""
    body = {
        "candidate": candidate_digest(candidate),
        "platform": platform.value,
        "reviewer": reviewer,
        "decision": decision.value,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        **({"comment": comment} if comment else {}),
    }
    return {"body": body, "signature": signing.sign(key, "vote", body)}


def voters(votes: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    """Those who voted, by platform and name."""
    return {(vote["body"]["platform"], vote["body"]["reviewer"]) for vote in votes}


def make_release(
    candidate: Candidate, votes: Iterable[dict[str, Any]], agreement: Agreement
) -> Release:
    """A release, if both platforms' reviewers approved this candidate under this agreement.

    Raises `ReleaseError` naming what is missing: another agreement, a vote that does not verify,
    a reviewer the agreement does not name, a rejection, a platform without an approval.
    """
    if candidate.manifest["agreement"] != agreement_digest(agreement):
        raise ReleaseError(
            "The candidate was made under another agreement.", "use that agreement's file."
        )
    votes = tuple(votes)
    digest = candidate_digest(candidate)
    approved = {_checked(vote, digest, agreement) for vote in votes}
    missing = [platform.value for platform in Platform if platform not in approved]
    if missing:
        raise ReleaseError(
            f"No reviewer of {' and '.join(missing)} has approved.", "ask them to review it."
        )
    return Release(candidate, votes)


def write_release(release: Release, path: Path) -> None:
    """Write a release as one JSON file; appears whole or not at all."""
    signing.write_canonical(path, {**sealed(release.candidate), "votes": list(release.votes)})


def read_release(path: Path, agreement: Agreement) -> Release:
    """Read a release and verify everything again: the room's signature, the votes, the quorum.

    Raises `ReleaseError` for whatever does not verify.
    """
    content = read_json(path, "release")
    candidate = unsealed(content, agreement.room.identity_key or "")
    return make_release(candidate, content.get("votes", ()), agreement)


def _checked(vote: dict[str, Any], digest: str, agreement: Agreement) -> Platform:
    """The platform that this vote approves for; raises `ReleaseError` for any other vote."""
    try:
        body, signature = vote["body"], vote["signature"]
        platform, name = Platform(body["platform"]), body["reviewer"]
    except (KeyError, TypeError, ValueError):
        raise ReleaseError("A vote is not readable.", "discard it and ask again.") from None
    key = agreement.parties[platform].reviewers.get(name)
    if key is None:
        raise ReleaseError(
            f"The agreement names no reviewer '{name}' of {platform}.", "ask one it names."
        )
    if not signing.verifies(key, signature, "vote", body):
        raise ReleaseError(f"The vote of '{name}' is not theirs.", "discard it; ask them again.")
    if body["candidate"] != digest:
        raise ReleaseError(
            f"'{name}' voted on another version of this candidate.", "ask them to look again."
        )
    if body["decision"] != Decision.APPROVE:
        raise ReleaseError(f"'{name}' rejected the candidate.", "change it and submit again.")
    return platform
