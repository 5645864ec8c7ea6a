"""Canonical JSON, digests, Ed25519 signatures (RFC 8032), files that are secret or have to last."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cleanroom.errors import KeysError

SigningKey = Ed25519PrivateKey  # so that those who sign need not import `cryptography`


def canonical(value: Any) -> bytes:
    """The one byte form of a JSON value: sorted keys, no spaces, UTF-8, no NaN.

    What is read back from it has the same canonical form. Raises `ValueError` for a number or
    text JSON cannot carry and `TypeError` for other types, keys that are not text among them.
    """
    _require_text_keys(value)
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_canonical(path: Path, value: Any) -> None:
    """Write a JSON value in its canonical form, as `write_whole` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, canonical(value))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, in place of an earlier one, and is on disk
    when this returns."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        sync(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file's content, or the names in a folder, outlive a power cut from here on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sign(key: SigningKey, purpose: str, value: Any) -> str:
    """Sign `value` for one `purpose` (no signature serves two purposes); hex of 64 bytes."""
    return key.sign(_message(purpose, value)).hex()


def verifies(public_key: str, signature: str, purpose: str, value: Any) -> bool:
    """Whether `signature` (hex) is that of `public_key` (hex, 32 bytes) on `value`.

    Anything that is no signature, or a `value` that is no JSON, does not verify.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), _message(purpose, value))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def public_of(key: SigningKey) -> str:
    """The public key as hex, the form in which agreements name it."""
    return key.public_key().public_bytes_raw().hex()


def write_secret(path: Path, secret: bytes) -> None:
    """Write a new file that only its owner can read; it appears whole or not at all, and is on disk
    when this returns.

    Raises `KeysError` if there is one already.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)  # unlike a rename, it never takes the place of another file
    except FileExistsError:
        raise KeysError(
            f"{path} exists; a key is never written over.", "name another place."
        ) from None
    finally:
        partial.unlink()
    sync(path.parent)


def read_secret(path: Path) -> bytes:
    """Read a file that only its owner can read; raises `KeysError` if it is missing or open."""
    try:
        with path.open("rb") as file:
            require_owner_only(path, os.fstat(file.fileno()).st_mode)
            return file.read()
    except OSError:
        raise KeysError(
            f"{path} cannot be read.",
            "name the directory of the keys, or restore it from a backup.",
        ) from None


def require_owner_only(path: Path, mode: int) -> None:
    """Raise `KeysError` if `mode`, of the file or directory `path`, lets others in."""
    if mode & 0o077:
        raise KeysError(
            f"{path} is open to others on this machine.",
            f"run: chmod u=rwX,go= '{path}'; if others had access, make new keys.",
        )


def _require_text_keys(value: Any) -> None:
    # json.dumps would turn 10 into "10" but sort it as a number, so that two digests would differ.
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("A JSON object's keys are text.")
            _require_text_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _require_text_keys(item)


def _message(purpose: str, value: Any) -> bytes:
    return b"cleanroom/" + purpose.encode() + b"\0" + canonical(value)
