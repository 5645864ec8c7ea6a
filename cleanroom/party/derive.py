"""The keys of tokens: derived when they are needed, one for each purpose, never written anywhere.

HKDF-SHA256 (RFC 5869) whose `info` names collaboration, epoch and kind of identifier, so that
tokens of two purposes can never be linked. Keys are 64 hex characters, as `tokens` takes them.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cleanroom import signing
from cleanroom.errors import KeysError
from cleanroom.party.keys import PartyKeys
from cleanroom.tables import IdentifierKind, Platform


def token_key(keys: PartyKeys, kind: IdentifierKind) -> str:
    """The key of the tokens of this platform's own identifiers of one kind; 64 hex characters.

    The other platform, another collaboration, epoch or kind has another key: no token of one
    joins with a token of the other.
    """
    purpose = ["token", keys.collaboration, keys.epoch, keys.party.value, kind.value]
    return _derive(keys.pseudonym, purpose)


def join_key(keys: PartyKeys, kind: IdentifierKind) -> str:
    """The key of join tokens of one kind, the same at both platforms; 64 hex characters.

    From the X25519 secret that the two transport keys agree on; the room cannot compute it.
    Raises `KeysError` if the other platform's transport key is unfit.
    """
    other = keys.transport_keys[1 if keys.party is Platform.ADS else 0]
    try:
        shared = keys.transport.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(other)))
    except ValueError:  # a point of small order would make the secret known to everybody
        raise KeysError(
            "The other platform's transport key is unfit.", "have it create its keys again."
        ) from None
    # Both public keys are part of the purpose, as RFC 7748 (section 6.1) advises.
    purpose = ["join", keys.collaboration, keys.epoch, kind.value, *keys.transport_keys]
    return _derive(shared, purpose)


def handle_key(keys: PartyKeys, kind: IdentifierKind, nonce: str) -> str:
    """The key of the handles that stand for join keys of one kind in one handover, where the join
    is blinded; 64 hex characters.

    `nonce` is the handover's: each has handles of its own, which nobody else can compute.
    """
    purpose = ["handle", keys.collaboration, keys.epoch, keys.party.value, kind.value, nonce]
    return _derive(keys.pseudonym, purpose)


def state_key(keys: PartyKeys, salt: bytes) -> bytes:
    """The key under which a match's secrets rest while it runs; 32 bytes.

    One `salt` serves one encryption.
    """
    purpose = ["state", keys.collaboration, keys.epoch, keys.party.value, salt.hex()]
    return bytes.fromhex(_derive(keys.pseudonym, purpose))


def dummy_key(secret: bytes) -> bytes:
    """The key from which the dummies of a match come, from the secret it is blinded with."""
    return bytes.fromhex(_derive(secret, ["dummies"]))


def _derive(secret: bytes, purpose: list[str]) -> str:
    """HKDF-SHA256 with the purpose in canonical JSON, so that no two purposes read the same."""
    info = signing.canonical(["cleanroom-1", *purpose])
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret).hex()
