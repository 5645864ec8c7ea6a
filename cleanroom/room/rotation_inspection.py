"""Inspection of a rotation: the room changes no token that the platform has not signed for.

A rotation starts where the register stands (epoch, agreement and key of the last handover), ends at
the agreement that the room works under, and pairs tokens one to one.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import ValidationError

from cleanroom import sealing, signing
from cleanroom.agreement import Agreement, Digest, Model, Signature, agreement_digest
from cleanroom.errors import HandoverError, SealError
from cleanroom.keyring import Keyring
from cleanroom.places import places_of
from cleanroom.room.register import Register
from cleanroom.tables import Platform

_ASK = "ask the platform to make its rotation again (cleanroom keys rotate)."
_TOKENS = "tokens.sealed"
_TOKEN_BYTES = 32


class RotationBody(Model):
    """What the party signs, with the keys of both epochs."""

    format: Literal["cleanroom-rotation-1"]
    collaboration: str
    party: Platform
    from_epoch: str
    to_epoch: str
    from_agreement: Digest
    to_agreement: Digest
    nonce: str
    rows: int
    sha256: Digest
    data_key: str


class RotationManifest(Model):
    """A rotation's manifest."""

    body: RotationBody
    signed_with_old_key: Signature
    signed_with_new_key: Signature


def read_rotation(directory: Path) -> RotationManifest:
    """The manifest of a rotation; raises `HandoverError` naming what is wrong with it."""
    try:
        return RotationManifest.model_validate_json((directory / "manifest.json").read_bytes())
    except OSError:
        problem = f"There is no readable manifest.json in {directory}."
    except ValidationError as error:
        places = places_of(error, RotationManifest, RotationBody)
        problem = f"The rotation's manifest.json is wrong at {places}."
    raise HandoverError(problem, _ASK)


def check_rotation(manifest: RotationManifest, known: Register, agreement: Agreement) -> None:
    """Raise `HandoverError` unless the party signed it, from the register's state to `agreement`'s.

    Mix-ups come first: a signature would fail with them, and say less.
    """
    body = manifest.body
    steps = {
        "collaboration": (body.collaboration, agreement.collaboration, "this room is of"),
        "epoch it goes to": (body.to_epoch, agreement.epoch, "the room's agreement is of"),
        "epoch it comes from": (body.from_epoch, known.epoch, "the room's register is of"),
    }
    for what, (found, wanted, where) in steps.items():
        if found != wanted:
            raise HandoverError(
                f"The rotation's {what} is '{found}', and {where} '{wanted}'.",
                "see that the platform's rotation and the room's agreement.yaml belong together.",
            )
    if body.to_epoch in known.epochs:
        raise HandoverError(
            f"The epoch '{body.to_epoch}' has been before, and its tokens could come back.",
            "agree on an epoch of a new name, and make new keys.",
        )
    if body.to_agreement != agreement_digest(agreement):
        raise HandoverError("The rotation goes to another agreement than the room's.", _ASK)
    if body.from_agreement != known.agreement:
        raise HandoverError(
            f"The rotation comes from another agreement of the epoch '{known.epoch}' than the "
            "platform's last handover.",
            "have the platform name that one with --from-agreement.",
        )
    _check_signatures(manifest, known.identity_key, agreement)


def _check_signatures(manifest: RotationManifest, old: str, agreement: Agreement) -> None:
    signed = manifest.body.model_dump(mode="json")
    party = manifest.body.party
    new = agreement.parties[party].identity_key or ""
    signatures = {
        "old": (old, manifest.signed_with_old_key, "rotation from"),
        "new": (new, manifest.signed_with_new_key, "rotation to"),
    }
    for which, (key, signature, purpose) in signatures.items():
        if not signing.verifies(key, signature, purpose, signed):
            raise HandoverError(
                f"The rotation is not signed with the {party} platform's {which} identity key.",
                _ASK,
            )


def opened_pairs(
    directory: Path, body: RotationBody, ring: Keyring, agreement: Agreement
) -> pl.DataFrame:
    """The pairs of `old` and `new` tokens (bytes) of a checked rotation.

    Raises `HandoverError` if they do not open with the room's keys, are not those in the manifest,
    or not one to one.
    """
    if ring.public["transport_key"] != agreement.room.transport_key:
        raise HandoverError(
            "The agreement's transport key of the room is not that of this room's keys.",
            "complete the agreement with this room's public.json.",
        )
    path = directory / _TOKENS
    plain = _opened(path, body, ring)
    try:
        pairs = pl.read_parquet(plain)
        fits = dict(pairs.schema) == {"old": pl.Binary, "new": pl.Binary}
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        fits = False
    if not fits:
        raise HandoverError(f"{path.name} holds no table of old and new tokens.", _ASK)
    _check_pairs(pairs, body.rows)
    return pairs


def _opened(path: Path, body: RotationBody, ring: Keyring) -> io.BytesIO:
    try:
        if signing.file_digest(path) != body.sha256:
            raise SealError(f"{path.name} was altered or cut after it was signed.", _ASK)
        context = body.model_dump(mode="json", exclude={"data_key"})
        data_key = sealing.open_key(body.data_key, ring.transport, context)
        plain = io.BytesIO()
        with path.open("rb") as sealed:
            sealing.decrypt(sealed, plain, data_key, _TOKENS)
    except FileNotFoundError:
        raise HandoverError(f"{path.name} is missing from the rotation.", _ASK) from None
    plain.seek(0)
    return plain


def _check_pairs(pairs: pl.DataFrame, rows: int) -> None:
    if pairs.height != rows:
        raise HandoverError(
            f"The rotation has {pairs.height} pairs of tokens, its manifest says {rows}.", _ASK
        )
    for side in ("old", "new"):
        column = pairs[side]
        if column.null_count() or (column.bin.size() != _TOKEN_BYTES).any():
            raise HandoverError(f"The rotation's {side} tokens are not all tokens.", _ASK)
        if column.is_duplicated().any():
            raise HandoverError(f"The rotation has a token twice among the {side} ones.", _ASK)
    if pairs["old"].is_in(pairs["new"].implode()).any():
        raise HandoverError("The rotation has a token among both the old and the new.", _ASK)
