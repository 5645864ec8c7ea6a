"""What a platform has to keep while a match runs: its secrets, encrypted, and for this match only.

What is sent rests on them, so they are on disk before. They are forgotten when the room has the
links: nobody can double a point of that match any more, not even with the platform's keys and all
that went through the mailbox.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

from cleanroom import sealing, signing
from cleanroom.errors import JoinError, KeysError, SealError
from cleanroom.party import curve
from cleanroom.party.derive import state_key
from cleanroom.party.keys import PartyKeys
from cleanroom.tables import IdentifierKind

_FORMAT = "cleanroom-match-state-1"
_NAME = "match-state"
_MATCHES = "matches"
_BEGUN, _FINISHED = "begun", "finished"


@dataclass(frozen=True, repr=False, eq=False)
class MatchState:
    """The secret of each kind of identifier in one match, and how many records its messages have.

    A secret is 32 bytes, and is used for nothing but that kind in that match.
    """

    match: str
    secrets: dict[IdentifierKind, bytes]
    chunk: int

    def __repr__(self) -> str:
        return f"MatchState({self.match[:16]}: secrets not shown)"

    def __reduce__(self) -> NoReturn:
        raise KeysError("A match's secrets cannot be pickled or copied.", "read them again.")


def read_state(directory: Path, keys: PartyKeys, match: str) -> MatchState | None:
    """The state of a match that was begun before; None if there is none.

    Raises `KeysError` if others could read it, `JoinError` if it does not open.
    """
    file = _file(directory, keys, match)
    if not file.exists():
        return None
    plain = BytesIO()
    try:
        record = json.loads(signing.read_secret(file))
        key = state_key(keys, bytes.fromhex(record["salt"]))
        sealing.decrypt(BytesIO(bytes.fromhex(record["sealed"])), plain, key, _NAME)
        return _state(json.loads(plain.getvalue()), match)
    except (SealError, ValueError, KeyError, TypeError):
        raise JoinError(
            f"The state of the match at {file} does not open.",
            "restore the file, or have the room open a new match: cleanroom room match … --new",
        ) from None


def new_state(
    directory: Path, keys: PartyKeys, match: str, kinds: Iterable[IdentifierKind], chunk: int
) -> MatchState:
    """Make a match's secrets, and have them on disk; those of the platform's earlier matches go."""
    state = MatchState(match, {kind: curve.new_secret() for kind in kinds}, chunk)
    plain: dict[str, Any] = {
        "format": _FORMAT,
        "match": match,
        "chunk": chunk,
        "secrets": {kind.value: secret.hex() for kind, secret in state.secrets.items()},
    }
    salt, sealed = secrets.token_bytes(16), BytesIO()
    sealing.encrypt(BytesIO(signing.canonical(plain)), sealed, state_key(keys, salt), _NAME)
    _clear(directory, keys)
    file = _file(directory, keys, match)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    record = {"salt": salt.hex(), "sealed": sealed.getvalue().hex()}
    signing.write_secret(partial, signing.canonical(record))
    partial.replace(file)
    for folder in file.parents[:3]:  # the folders, too, may be new to those they are in
        signing.sync(folder)
    return state


def is_first_or_same(
    directory: Path,
    keys: PartyKeys,
    state: MatchState,
    place: tuple[IdentifierKind, int],
    digest: bytes,
) -> bool:
    """Whether `digest` (32 bytes) is that of the message to be doubled at this place before, if any
    was; from now on it is.

    `place` is the kind and the message's number. A restarted process doubles the same points again
    and no others: how many a secret ever meets is what the ticket said.
    """
    kind, number = place
    file = _file(directory, keys, state.match).with_suffix(f".{kind}.doubled")
    file.touch(mode=0o600)
    with file.open("r+b") as known:
        known.seek(number * len(digest))
        before = known.read(len(digest))
        if len(before) == len(digest) and any(before):
            return before == digest
        known.seek(number * len(digest))  # a crash may have cut it, or left zeros in its place
        known.write(digest)
    signing.sync(file)
    signing.sync(file.parent)
    return True


def finish(directory: Path, keys: PartyKeys, match: str) -> None:
    """Delete the secrets of the platform's matches, and keep in mind that this one is finished."""
    _clear(directory, keys)
    _note(directory, keys, match, _FINISHED)


def is_finished(directory: Path, keys: PartyKeys, match: str) -> bool:
    """Whether the platform has finished this match."""
    return _noted(directory, keys).get(match) == _FINISHED


def note_begun(directory: Path, keys: PartyKeys, match: str) -> None:
    """Keep in mind for good that this match has its secrets: it never gets others."""
    if not was_begun(directory, keys, match):
        _note(directory, keys, match, _BEGUN)


def was_begun(directory: Path, keys: PartyKeys, match: str) -> bool:
    """Whether the platform ever had secrets for this match."""
    return match in _noted(directory, keys)


def _note(directory: Path, keys: PartyKeys, match: str, how: str) -> None:
    noted = {**_noted(directory, keys), match: how}
    signing.write_canonical(folder_of(directory, keys) / _MATCHES, noted)


def _noted(directory: Path, keys: PartyKeys) -> dict[str, str]:
    """What became of each match that the platform took part in."""
    file = folder_of(directory, keys) / _MATCHES
    try:
        return dict(json.loads(file.read_bytes())) if file.exists() else {}
    except (ValueError, TypeError):
        raise JoinError(f"{file} is not readable.", "restore the file from a backup.") from None


def _clear(directory: Path, keys: PartyKeys) -> None:
    for file in folder_of(directory, keys).glob("*"):
        if file.name != _MATCHES:
            file.unlink()


def _state(plain: dict[str, Any], match: str) -> MatchState:
    if plain["format"] != _FORMAT or plain["match"] != match:
        raise ValueError
    held = {IdentifierKind(kind): bytes.fromhex(s) for kind, s in plain["secrets"].items()}
    return MatchState(match, held, int(plain["chunk"]))


def folder_of(directory: Path, keys: PartyKeys) -> Path:
    """Where the platform's state lies in its `directory`; whoever changes it holds that alone."""
    return directory / f"{keys.collaboration}.{keys.party}"


def _file(directory: Path, keys: PartyKeys, match: str) -> Path:
    return folder_of(directory, keys) / f"{match[:16]}.json"
