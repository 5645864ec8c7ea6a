"""Decisions at the desk: a reviewer signs, and what both platforms signed is released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanroom import ledger, signing
from cleanroom.agreement import Agreement
from cleanroom.desk.queue import Waiting, queue
from cleanroom.errors import KeysError, ReleaseError
from cleanroom.gate.release import Decision, cast_vote, make_release, write_release
from cleanroom.keyring import open_keyring
from cleanroom.room.place import ledger_of, votes_folder
from cleanroom.tables import KeyRole, Platform


@dataclass(frozen=True)
class Reviewer:
    """Who decides: a name that the agreement gives a platform, and their own signing key."""

    platform: Platform
    name: str
    key: signing.SigningKey


def reviewer(
    agreement: Agreement, platform: Platform, name: str, keys: Path, passphrase: str | None = None
) -> Reviewer:
    """A reviewer with the key in `keys`; raises `KeysError` if the agreement names another.

    `passphrase`: what opens the key, where neither a variable holds it nor a terminal asks for it.
    """
    wanted = {"role": KeyRole.REVIEWER.value, "platform": platform.value, "name": name}
    ring = open_keyring(keys, passphrase=passphrase, **wanted)
    if agreement.parties[platform].reviewers.get(name) != ring.public["identity_key"]:
        raise KeysError(
            f"{keys} does not hold the key that the agreement names for '{name}' of {platform}.",
            "use that reviewer's own key, or have the agreement amended.",
        )
    return Reviewer(platform, name, ring.identity)


def decide(
    room: Path, waiting: Sequence[Waiting], by: Reviewer, decision: Decision, comment: str = ""
) -> None:
    """Sign one decision on each candidate and record it in the ledger."""
    for item in waiting:
        vote = cast_vote(item.candidate, by.platform, by.name, decision, by.key, comment)
        # A reviewer's later vote takes the place of their earlier one.
        name = f"{by.platform}-{by.name}.json"
        signing.write_canonical(votes_folder(room, item.digest) / name, vote)
        ledger.append(ledger_of(room), ledger.Event.VOTE_CAST, {**vote["body"]})


def release_approved(
    room: Path, agreement: Agreement, folder: Path
) -> tuple[list[Path], dict[str, str]]:
    """Release every candidate that has its quorum into `folder`.

    Returns the releases written (one already there is kept) and, by candidate file name, why the
    others are not released.
    """
    return release_each(room, agreement, queue(room, agreement), folder)


def release_each(
    room: Path, agreement: Agreement, chosen: Sequence[Waiting], folder: Path
) -> tuple[list[Path], dict[str, str]]:
    """Release those of the chosen candidates that have their quorum, as `release_approved` does."""
    released, waiting = [], {}
    for item in chosen:
        path = folder / item.file.name
        try:
            release = make_release(item.candidate, item.votes, agreement)
        except ReleaseError as error:
            waiting[item.file.name] = error.problem
            continue
        if not path.exists():
            write_release(release, path)
            ledger.append(ledger_of(room), ledger.Event.RELEASED, {"candidate": item.digest})
        released.append(path)
    return released, waiting
