"""What a platform has to keep while a match runs: its secrets, encrypted, and for this match only.

They are forgotten when the room has the links: nobody can double a point of that match any more,
not even with the platform's keys and all that went through the mailbox.
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
_FINISHED = "finished"


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
    """Make a match's secrets and write them down; those of the platform's earlier matches go."""
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
    return state


def finish(directory: Path, keys: PartyKeys, match: str) -> None:
    """Delete the secrets of the platform's matches, and keep in mind that this one is finished."""
    _clear(directory, keys)
    signing.write_canonical(_folder(directory, keys) / _FINISHED, match)


def is_finished(directory: Path, keys: PartyKeys, match: str) -> bool:
    """Whether the platform has finished this match, and begun none since."""
    file = _folder(directory, keys) / _FINISHED
    return file.is_file() and file.read_bytes() == signing.canonical(match)


def _clear(directory: Path, keys: PartyKeys) -> None:
    for file in _folder(directory, keys).glob("*"):
        file.unlink()


def _state(plain: dict[str, Any], match: str) -> MatchState:
    if plain["format"] != _FORMAT or plain["match"] != match:
        raise ValueError
    held = {IdentifierKind(kind): bytes.fromhex(s) for kind, s in plain["secrets"].items()}
    return MatchState(match, held, int(plain["chunk"]))


def _folder(directory: Path, keys: PartyKeys) -> Path:
    return directory / f"{keys.collaboration}.{keys.party}"


def _file(directory: Path, keys: PartyKeys, match: str) -> Path:
    return _folder(directory, keys) / f"{match[:16]}.json"
