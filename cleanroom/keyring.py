"""A role's keys at rest: made once, encrypted, in a directory that only their owner can enter.

    keys.json     whose they are, the public halves, and the secrets, encrypted
    public.json   whose they are and the public halves: what the agreement is completed with

The secrets are encrypted with AES-256-GCM under a key from a passphrase (scrypt, RFC 7914) or from
a key file (HKDF, RFC 5869). Whose they are is bound into the encryption, so that keys cannot be
passed off as another party's, collaboration's or epoch's.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cleanroom import signing
from cleanroom.errors import KeysError
from cleanroom.tables import KeyRole

KEYS, PUBLIC = "keys.json", "public.json"
PASSPHRASE, KEY_FILE = "CLEANROOM_PASSPHRASE", "CLEANROOM_KEY_FILE"  # names of variables
_FORMAT = "cleanroom-keys-1"
_COST = 2**17  # of scrypt: 128 MiB and about a quarter of a second for each guess
_LEAST_CHARACTERS = 12


class Secret(StrEnum):
    """What a keyring can hold; each is 32 bytes."""

    IDENTITY = "identity"  # Ed25519: signs
    TRANSPORT = "transport"  # X25519: what is sealed to its public half can be opened
    PSEUDONYM = "pseudonym"  # from which the keys of a platform's tokens are derived
    STORAGE = "storage"  # under which the room's rows rest


_PLATFORM = (Secret.IDENTITY, Secret.TRANSPORT, Secret.PSEUDONYM)
HOLDS: dict[KeyRole, tuple[Secret, ...]] = {
    KeyRole.ADS: _PLATFORM,
    KeyRole.STORE: _PLATFORM,
    KeyRole.ROOM: (Secret.IDENTITY, Secret.TRANSPORT, Secret.STORAGE),
    KeyRole.REVIEWER: (Secret.IDENTITY,),
}


@dataclass(frozen=True, repr=False, eq=False)
class Keyring:
    """A role's keys, opened: never shown, compared or pickled.

    `public` is what `public.json` says: whose they are, and public keys in hex.
    """

    public: dict[str, str]
    secrets: dict[Secret, bytes]

    @property
    def identity(self) -> signing.SigningKey:
        """The key that signs."""
        return Ed25519PrivateKey.from_private_bytes(self.secrets[Secret.IDENTITY])

    @property
    def transport(self) -> X25519PrivateKey:
        """The key that opens what was sealed to its owner."""
        return X25519PrivateKey.from_private_bytes(self.secrets[Secret.TRANSPORT])

    def __repr__(self) -> str:
        return f"Keyring({self.public['role']}, {self.public['collaboration']}: secrets not shown)"

    def __reduce__(self) -> NoReturn:
        raise KeysError("Keys cannot be pickled or copied.", "load them where they are needed.")


def create_keyring(
    directory: Path, role: KeyRole, about: dict[str, str], key_file: Path | None = None
) -> Keyring:
    """Make the keys of a `role` in `directory`; `about` says whose (collaboration, epoch, …).

    They are encrypted under `key_file`, which is made if it is not there, or else under a
    passphrase (from the variable CLEANROOM_PASSPHRASE, or asked for). Raises `KeysError` if there
    are keys in the directory already.
    """
    held = {secret: secrets.token_bytes(32) for secret in HOLDS[role]}
    ring = Keyring({}, held)
    public = {"role": role.value, **about, "identity_key": signing.public_of(ring.identity)}
    if Secret.TRANSPORT in held:
        public["transport_key"] = ring.transport.public_key().public_bytes_raw().hex()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    lock, key = _new_lock(directory, key_file)
    record = {"format": _FORMAT, "public": public, "lock": lock}
    plain = signing.canonical({secret.value: value.hex() for secret, value in held.items()})
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(key).encrypt(nonce, plain, signing.canonical(record))
    record |= {"nonce": nonce.hex(), "sealed": sealed.hex()}
    signing.write_secret(directory / KEYS, signing.canonical(record))
    write_public(directory, public)
    return Keyring(public, held)


def write_public(directory: Path, public: dict[str, str]) -> None:
    """Write `public.json`, which is to be sent to whoever keeps the agreement."""
    (directory / PUBLIC).write_text(json.dumps(public, indent=2), encoding="utf-8")


def whose(directory: Path) -> tuple[dict[str, str], bool]:
    """What `public.json` says of the keys in `directory`, and whether a passphrase opens them.

    Nothing is opened. Raises `KeysError` if there are none, or they are open to others.
    """
    record = _record(directory / KEYS)
    return dict(record["public"]), "scrypt" in record["lock"]


def open_keyring(directory: Path, *, passphrase: str | None = None, **wanted: str) -> Keyring:
    """Open the keys in `directory`; `wanted` says whose they have to be, as `epoch="2026-h1"`.

    `passphrase`: the one that opens them, instead of the variable's or an answer at the terminal.

    Raises `KeysError` if they are missing, open to others, another's (saying which), or if the
    passphrase or key file at hand does not open them.
    """
    if not directory.is_dir():
        raise KeysError(f"There are no keys at {directory}.", "create them, or name their place.")
    signing.require_owner_only(directory, directory.stat().st_mode)
    record = _record(directory / KEYS)
    public: dict[str, str] = record["public"]
    for name, value in wanted.items():
        if public.get(name) != value:
            raise KeysError(
                f"The keys at {directory} are for {name} '{public.get(name)}', not '{value}'.",
                "name the right directory, or create keys for this agreement.",
            )
    bound = {name: record[name] for name in ("format", "public", "lock")}
    key, how = _unlock(directory, record["lock"], passphrase)
    try:
        nonce, sealed = bytes.fromhex(record["nonce"]), bytes.fromhex(record["sealed"])
        plain = AESGCM(key).decrypt(nonce, sealed, signing.canonical(bound))
    except (InvalidTag, ValueError):
        raise KeysError(
            f"{how} does not open {directory / KEYS}, or the file was altered.",
            "use the one they were created with, or restore the file from a backup.",
        ) from None
    if not (directory / PUBLIC).exists():  # creation was cut off before it
        write_public(directory, public)
    return Keyring(public, {Secret(n): bytes.fromhex(v) for n, v in json.loads(plain).items()})


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(signing.read_secret(path))
        fits = record["format"] == _FORMAT and {"public", "lock", "nonce", "sealed"} <= set(record)
        fits = fits and all(isinstance(record[name], dict) for name in ("public", "lock"))
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise KeysError(f"{path} is not readable.", "restore it from a backup.")
    return dict(record)


def _new_lock(directory: Path, key_file: Path | None) -> tuple[dict[str, Any], bytes]:
    """How the secrets will be locked, and the key that does it."""
    salt = secrets.token_bytes(16)
    if key_file is not None:
        if not key_file.exists():
            key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            signing.write_secret(key_file, secrets.token_bytes(32))
        # Relative, so that keys and key file can move together; where it lies is no secret.
        place = os.path.relpath(key_file.absolute(), directory.absolute())
        return {"key_file": place, "salt": salt.hex()}, _from_key_file(key_file, salt)
    words = os.environ.get(PASSPHRASE) or _asked(directory, "A new passphrase for")
    if len(words) < _LEAST_CHARACTERS:
        raise KeysError(
            f"A passphrase has at least {_LEAST_CHARACTERS} characters.", "take a longer one."
        )
    lock = {"scrypt": {"n": _COST, "r": 8, "p": 1}, "salt": salt.hex()}
    return lock, _from_passphrase(words, lock, salt)


def _unlock(directory: Path, lock: dict[str, Any], given: str | None) -> tuple[bytes, str]:
    """The key of a lock, and in words what gave it."""
    try:
        salt = bytes.fromhex(lock["salt"])
        if "key_file" in lock:
            named = os.environ.get(KEY_FILE)
            file = Path(named) if named else directory / lock["key_file"]
            return _from_key_file(file, salt), f"The key file {file.name}"
        words = given or os.environ.get(PASSPHRASE) or _asked(directory, "The passphrase of")
        return _from_passphrase(words, lock, salt), "The passphrase"
    except (ValueError, KeyError, TypeError):
        raise KeysError(
            f"{directory / KEYS} is not readable.", "restore it from a backup."
        ) from None


def _from_key_file(file: Path, salt: bytes) -> bytes:
    content = signing.read_secret(file)
    if len(content) < 32:
        raise KeysError(f"{file} is no key file: it is too short.", "restore it from a backup.")
    return HKDF(SHA256(), length=32, salt=salt, info=b"cleanroom-key-file").derive(content)


def _from_passphrase(words: str, lock: dict[str, Any], salt: bytes) -> bytes:
    cost = {name: int(lock["scrypt"][name]) for name in ("n", "r", "p")}
    return Scrypt(salt=salt, length=32, **cost).derive(words.encode())


def _asked(directory: Path, prompt: str) -> str:
    if not sys.stdin.isatty():
        raise KeysError(
            f"The keys at {directory} are locked with a passphrase, and there is nobody to ask.",
            f"set {PASSPHRASE}, run this at a terminal, or use a key file.",
        )
    return getpass.getpass(f"{prompt} {directory}: ")
