"""A platform's keys: made once per collaboration and epoch, kept in files only their owner reads.

    identity.pem    Ed25519 private key: signs handovers
    transport.key   X25519 private key: agrees the join keys with the other platform (RFC 7748)
    pseudonym.key   32 random bytes: the tokens of this platform's own identifiers
    public.json     which party, collaboration and epoch, and the two public keys

The keys of tokens are derived from these (`derive`) and stand in no file.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cleanroom import signing
from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.errors import KeysError
from cleanroom.party.staging import staged
from cleanroom.tables import Platform

_IDENTITY, _TRANSPORT, _PSEUDONYM, _PUBLIC = (
    "identity.pem",
    "transport.key",
    "pseudonym.key",
    "public.json",
)


@dataclass(frozen=True, repr=False, eq=False)
class PartyKeys:
    """A platform's secrets for one agreement: never shown, compared or pickled.

    `agreement` is the digest of the agreement they were loaded for; `transport_keys` are both
    platforms' public transport keys, hex, the ads platform's first.
    """

    party: Platform
    collaboration: str
    epoch: str
    agreement: str
    identity: Ed25519PrivateKey
    transport: X25519PrivateKey
    pseudonym: bytes
    transport_keys: tuple[str, str]

    def __repr__(self) -> str:
        return f"PartyKeys({self.party}, {self.collaboration}, {self.epoch}: secrets not shown)"

    def __reduce__(self) -> NoReturn:
        raise KeysError("Keys cannot be pickled or copied.", "load them where they are needed.")


def create_keys(directory: Path, agreement: Agreement, party: Platform) -> dict[str, str]:
    """Make a party's keys in the new `directory`; returns the public part, for the agreement.

    `agreement` may be a draft. The public part has `role`, `collaboration`, `epoch`,
    `identity_key` and `transport_key`. Raises `KeysError` if the directory holds anything.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise KeysError(f"{directory} is not empty; keys are never written over.", "name another.")
    identity, transport = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
    public = {
        "role": party.value,
        "collaboration": agreement.collaboration,
        "epoch": agreement.epoch,
        "identity_key": signing.public_of(identity),
        "transport_key": _transport_key(transport),
    }
    with staged(directory) as draft:
        signing.write_private_key(draft / _IDENTITY, identity)
        signing.write_secret(draft / _TRANSPORT, transport.private_bytes_raw())
        signing.write_secret(draft / _PSEUDONYM, secrets.token_bytes(32))
        signing.write_secret(draft / _PUBLIC, json.dumps(public, indent=2).encode())
    return public


def load_keys(directory: Path, agreement: Agreement, party: Platform) -> PartyKeys:
    """Read a party's keys for a completed agreement.

    Raises `KeysError` if a file is missing or others may read it, or if the keys are another
    party's, collaboration's or epoch's, or not those that the agreement names.
    """
    if not directory.is_dir():
        raise KeysError(f"There are no keys at {directory}.", "create them, or name their place.")
    signing.require_owner_only(directory, directory.stat().st_mode)
    _check_public(directory / _PUBLIC, agreement, party)
    keys = PartyKeys(
        party,
        agreement.collaboration,
        agreement.epoch,
        agreement_digest(agreement),
        signing.read_private_key(directory / _IDENTITY),
        X25519PrivateKey.from_private_bytes(_read_32_bytes(directory / _TRANSPORT)),
        _read_32_bytes(directory / _PSEUDONYM),
        _transport_keys(agreement),
    )
    _check_named(keys, agreement)
    return keys


def _transport_key(key: X25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _transport_keys(agreement: Agreement) -> tuple[str, str]:
    ads, store = (agreement.parties[platform].transport_key for platform in Platform)
    if ads is None or store is None:
        raise KeysError(
            "The agreement does not name both platforms' public keys yet.",
            "complete it with each party's public keys.",
        )
    return ads, store


def _read_32_bytes(path: Path) -> bytes:
    secret = signing.read_secret(path)
    if len(secret) != 32:
        raise KeysError(f"{path} does not hold 32 bytes.", "restore the key file from a backup.")
    return secret


def _check_public(path: Path, agreement: Agreement, party: Platform) -> None:
    """Raise unless the keys were made for this party, collaboration and epoch."""
    try:
        public = json.loads(signing.read_secret(path))
        found = {name: str(public[name]) for name in ("role", "collaboration", "epoch")}
    except (ValueError, KeyError, TypeError):
        raise KeysError(f"{path} is not readable.", "restore it from a backup.") from None
    wanted = {
        "role": party.value,
        "collaboration": agreement.collaboration,
        "epoch": agreement.epoch,
    }
    for name, value in wanted.items():
        if found[name] != value:
            raise KeysError(
                f"The keys at {path.parent} are for {name} '{found[name]}', not '{value}'.",
                "name the right directory, or create keys for this agreement.",
            )


def _check_named(keys: PartyKeys, agreement: Agreement) -> None:
    """Raise unless the agreement names the public halves of these very keys."""
    terms = agreement.parties[keys.party]
    own = {
        "identity_key": (signing.public_of(keys.identity), terms.identity_key),
        "transport_key": (_transport_key(keys.transport), terms.transport_key),
    }
    for name, (held, named) in own.items():
        if held != named:
            raise KeysError(
                f"The agreement's {name} of {keys.party} is not that of the keys at hand.",
                "use the keys the agreement names, or complete the agreement with these.",
            )
