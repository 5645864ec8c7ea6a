"""What is derived from a platform's secrets, when it is needed, and never written anywhere.

HKDF-SHA256 (RFC 5869) whose `info` names the purpose, the collaboration, the epoch, and what else
tells two uses apart (party, kind of identifier, hash), so that no two uses share a key and tokens
of two can never be linked. Keys are 64 hex characters, as `tokens` takes them.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cleanroom import signing
from cleanroom.errors import KeysError
from cleanroom.party.keys import PartyKeys
from cleanroom.tables import IdentifierKind, Platform

_DIGITS = 40  # of a fingerprint
_GROUP = 4


def token_key(keys: PartyKeys, kind: IdentifierKind) -> str:
    """The key of the tokens of this platform's own identifiers of one kind; 64 hex characters.

    The other platform, another collaboration, epoch, kind or hash has another key: no token of one
    joins with a token of the other.
    """
    purpose = ["token", *_place(keys), keys.party.value, kind.value, keys.token_hash.value]
    return _derive(keys.pseudonym, purpose).hex()


def join_key(keys: PartyKeys, kind: IdentifierKind) -> str:
    """The key of join tokens of one kind, the same at both platforms; 64 hex characters.

    From the X25519 secret that the two transport keys agree on; the room cannot compute it.
    Raises `KeysError` if the other platform's transport key is unfit.
    """
    # Both public keys are part of the purpose, as RFC 7748 (section 6.1) advises.
    purpose = ["join", *_place(keys), kind.value, keys.token_hash.value, *keys.transport_keys]
    return _derive(_agreed(keys), purpose).hex()


def fingerprint(keys: PartyKeys) -> str:
    """What people compare to know that both platforms agreed the same secret: 40 digits in fours.

    It depends on that secret, both public transport keys, the collaboration and the epoch, is the
    same at both platforms, and says nothing about any key. It has 40 digits, not the 24 that would
    do against guessing: who exchanges both keys on their way can search for a pair of keys of their
    own whose fingerprints agree, which takes the square root (2⁶⁶ key agreements). Raises
    `KeysError` if the other platform's transport key is unfit.
    """
    derived = _derive(_agreed(keys), ["fingerprint", *_place(keys), *keys.transport_keys])
    digits = f"{int.from_bytes(derived, 'big') % 10**_DIGITS:0{_DIGITS}d}"
    return " ".join(digits[start : start + _GROUP] for start in range(0, _DIGITS, _GROUP))


def _agreed(keys: PartyKeys) -> bytes:
    """The X25519 secret of the two platforms."""
    other = Platform.STORE if keys.party is Platform.ADS else Platform.ADS
    public = bytes.fromhex(dict(zip(Platform, keys.transport_keys, strict=True))[other])
    try:
        return keys.transport.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:  # a point of small order would make the secret known to everybody
        raise KeysError(
            f"The {other} platform's transport key is unfit.", "have it create its keys again."
        ) from None


def handle_key(keys: PartyKeys, kind: IdentifierKind, nonce: str) -> str:
    """The key of the handles that stand for join keys of one kind in one handover, where the join
    is blinded; 64 hex characters.

    `nonce` is the handover's: each has handles of its own, which nobody else can compute.
    """
    purpose = ["handle", *_place(keys), keys.party.value, kind.value, keys.token_hash.value, nonce]
    return _derive(keys.pseudonym, purpose).hex()


def state_key(keys: PartyKeys, salt: bytes) -> bytes:
    """The key under which a match's secrets rest while it runs; 32 bytes.

    One `salt` serves one encryption.
    """
    return _derive(keys.pseudonym, ["state", *_place(keys), keys.party.value, salt.hex()])


def dummy_key(keys: PartyKeys, kind: IdentifierKind, nonce: str) -> bytes:
    """The key from which the dummies of one kind come in all matches of one handover; 32 bytes.

    `nonce` is the handover's. Real handles are the same in all its matches: were dummies not, who
    sees two of them could tell which are.
    """
    purpose = ["dummies", *_place(keys), keys.party.value, kind.value, nonce]
    return _derive(keys.pseudonym, purpose)


def _place(keys: PartyKeys) -> tuple[str, str]:
    return keys.collaboration, keys.epoch


def _derive(secret: bytes, purpose: list[str]) -> bytes:
    """HKDF-SHA256 with the purpose in canonical JSON, so that no two purposes read the same."""
    info = signing.canonical(["cleanroom-1", *purpose])
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
