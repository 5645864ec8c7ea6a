"""Sealing: files that only their recipient can open, and that show every change.

A data key, fresh for each handover or message, is wrapped for the recipient with HPKE (RFC 9180:
DHKEM X25519, HKDF-SHA256, AES-256-GCM), bound to a context that says what it is for. The content
is encrypted under it in chunks with AES-256-GCM, in the STREAM construction (Hoang, Reyhanitabar,
Rogaway and Vizár, CRYPTO 2015): a chunk's nonce holds its number and whether it is the last, so
that a flipped bit, a missing, moved or surplus chunk, and a cut end are all noticed; memory is that
of one chunk. Who sent it is not said here: the sender signs what it sends (`signing`).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cleanroom import signing
from cleanroom.errors import SealError

TransportKey = X25519PrivateKey  # so that those who open need not import `cryptography`
CHUNK = 1 << 20  # bytes of content in a chunk
_TAG = 16
_HANDOVER = ("format", "collaboration", "epoch", "agreement", "party", "nonce")
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_BROKEN = "it was altered or cut, or belongs to another sender, recipient or purpose"


def new_data_key() -> bytes:
    """A fresh key for one handover or message; 32 bytes."""
    return secrets.token_bytes(32)


def handover_context(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a handover's data key is bound to: which handover it is, whose, for which agreement.

    `body` is that of its manifest.
    """
    return {name: body[name] for name in _HANDOVER}


def seal_key(data_key: bytes, recipient: str, context: Any) -> str:
    """`data_key` so that only `recipient` (X25519 public key, hex) can have it; hex.

    `context`, a JSON value, is bound in: it opens for the same context only. Raises `SealError` if
    the public key is unfit.
    """
    try:
        public = X25519PublicKey.from_public_bytes(bytes.fromhex(recipient))
        return _SUITE.encrypt(data_key, public, info=signing.canonical(context)).hex()
    except ValueError:
        raise SealError(
            "The recipient's transport key is unfit.", "have it create its keys again."
        ) from None


def open_key(sealed: str, transport: X25519PrivateKey, context: Any) -> bytes:
    """The data key in `sealed` (hex); raises `SealError` if it was sealed to another key or for
    another context."""
    try:
        return _SUITE.decrypt(bytes.fromhex(sealed), transport, info=signing.canonical(context))
    except (InvalidTag, ValueError):
        pass
    raise SealError(
        f"A sealed key does not open: {_BROKEN}.", "ask the sender to seal it again for this key."
    )


def encrypt(content: BinaryIO, target: BinaryIO, data_key: bytes, name: str) -> None:
    """Encrypt `content` to its end into `target`; `name` is bound in.

    One data key may serve several names, each once.
    """
    cipher = _cipher(data_key, name)
    number, chunk = 0, content.read(CHUNK)
    while True:
        following = content.read(CHUNK)
        target.write(cipher.encrypt(_nonce(number, last=not following), chunk, None))
        if not following:
            return
        number, chunk = number + 1, following


def decrypt(content: BinaryIO, target: BinaryIO, data_key: bytes, name: str) -> None:
    """Decrypt what `encrypt` wrote under the same key and name.

    Raises `SealError` at the first chunk that is not as it was; discard what was written by then.
    """
    cipher = _cipher(data_key, name)
    number, chunk = 0, content.read(CHUNK + _TAG)
    while True:
        following = content.read(CHUNK + _TAG)
        try:
            plain = cipher.decrypt(_nonce(number, last=not following), chunk, None)
        except (InvalidTag, ValueError):
            plain = None
        if plain is None:
            raise SealError(f"'{name}' does not open: {_BROKEN}.", "ask for it again.")
        target.write(plain)
        if not following:
            return
        number, chunk = number + 1, following


def _cipher(data_key: bytes, name: str) -> AESGCM:
    info = signing.canonical(["cleanroom-seal-1", name])
    return AESGCM(HKDF(SHA256(), length=32, salt=None, info=info).derive(data_key))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
