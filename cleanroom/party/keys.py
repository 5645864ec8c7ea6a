"""A platform's keys for one agreement: signing, agreeing the join key, and making tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cleanroom.agreement import Agreement, TokenHash, agreement_digest
from cleanroom.errors import KeysError
from cleanroom.keyring import Keyring, Secret, create_keyring, open_keyring
from cleanroom.tables import KeyRole, Platform


@dataclass(frozen=True, repr=False, eq=False)
class PartyKeys:
    """A platform's secrets for one agreement: never shown, compared or pickled.

    `agreement` is the digest of the agreement they were loaded for, `token_hash` what it says;
    `transport_keys` are both platforms' public transport keys, hex, the ads platform's first.
    """

    party: Platform
    collaboration: str
    epoch: str
    agreement: str
    token_hash: TokenHash
    identity: Ed25519PrivateKey
    transport: X25519PrivateKey
    pseudonym: bytes
    transport_keys: tuple[str, str]

    def __repr__(self) -> str:
        return f"PartyKeys({self.party}, {self.collaboration}, {self.epoch}: secrets not shown)"

    def __reduce__(self) -> NoReturn:
        raise KeysError("Keys cannot be pickled or copied.", "load them where they are needed.")


def create_keys(
    directory: Path, agreement: Agreement, party: Platform, key_file: Path | None = None
) -> dict[str, str]:
    """Make a party's keys in the new `directory`; returns the public part, for the agreement.

    `agreement` may be a draft. `key_file` locks them, or else a passphrase (see `keyring`). The
    public part has `role`, `collaboration`, `epoch`, `identity_key` and `transport_key`. Raises
    `KeysError` if the directory holds anything.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise KeysError(f"{directory} is not empty; keys are never written over.", "name another.")
    about = {"collaboration": agreement.collaboration, "epoch": agreement.epoch}
    return create_keyring(directory, KeyRole(party), about, key_file).public


def load_keys(directory: Path, agreement: Agreement, party: Platform) -> PartyKeys:
    """Read a party's keys for a completed agreement.

    Raises `KeysError` if a file is missing or others may read it, or if the keys are another
    party's, collaboration's or epoch's, or not those that the agreement names.
    """
    ring = open_keyring(
        directory,
        role=party.value,
        collaboration=agreement.collaboration,
        epoch=agreement.epoch,
    )
    keys = PartyKeys(
        party,
        agreement.collaboration,
        agreement.epoch,
        agreement_digest(agreement),
        agreement.token_hash,
        ring.identity,
        ring.transport,
        ring.secrets[Secret.PSEUDONYM],
        _transport_keys(agreement),
    )
    _check_named(ring, agreement, party)
    return keys


def require_loaded_for(keys: PartyKeys, agreement: Agreement) -> None:
    """Raise `KeysError` unless `keys` were loaded for this agreement, naming what differs."""
    digest = agreement_digest(agreement)
    for name, loaded, wanted in (
        ("collaboration", keys.collaboration, agreement.collaboration),
        ("epoch", keys.epoch, agreement.epoch),
        ("the digest", keys.agreement[:12], digest[:12]),
    ):
        if loaded != wanted:
            raise KeysError(
                f"The keys were loaded for an agreement with {name} '{loaded}', not '{wanted}'.",
                "load them for this one.",
            )


def _transport_keys(agreement: Agreement) -> tuple[str, str]:
    ads, store = (agreement.parties[platform].transport_key for platform in Platform)
    if ads is None or store is None:
        lacking = [p for p in Platform if agreement.parties[p].transport_key is None]
        raise KeysError(
            f"The agreement does not name the public keys of {' and '.join(lacking)} yet.",
            "complete it with each party's public keys.",
        )
    return ads, store


def _check_named(ring: Keyring, agreement: Agreement, party: Platform) -> None:
    """Raise unless the agreement names the public halves of these very keys."""
    terms = agreement.parties[party]
    for name in ("identity_key", "transport_key"):
        if ring.public[name] != getattr(terms, name):
            raise KeysError(
                f"The agreement's {name} of {party} is not that of the keys at hand.",
                "use the keys the agreement names, or complete the agreement with these.",
            )
