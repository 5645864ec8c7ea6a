"""The register: a number for each person of a party, by which the room remembers them.

The sets of people behind earlier releases are kept as numbers, never as tokens. So the memory
survives a change of keys: a rotation puts new tokens in the place of the old ones, and the numbers
stay. A number is given once and never again, whoever it belonged to.

    register/<party>.persons    each token and its number, encrypted

One party's register is held in memory while it is used: 36 bytes a person, and about 200 while it
changes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.errors import HandoverError
from cleanroom.keyring import Keyring
from cleanroom.room.state import read_state, write_state
from cleanroom.tables import Platform

UNKNOWN = 2**32 - 1  # the number of all persons without a token together; no token ever has it
_SCHEMA = {"token": pl.Binary, "number": pl.UInt32}


@dataclass(frozen=True, repr=False, eq=False)
class Register:
    """A party's persons: `persons` has `token` (the hash's bytes) and `number`, by token.

    `following` is the next number to give. `epochs` are those it has been through, the present one
    last; `agreement` and `identity_key` (hex) are of the party's last handover, and `rotation` is
    the digest of the rotation that brought it into its epoch, or empty.
    """

    party: Platform
    epochs: tuple[str, ...]
    agreement: str
    identity_key: str
    rotation: str
    following: int
    persons: pl.DataFrame

    @property
    def epoch(self) -> str:
        """The epoch whose tokens it holds."""
        return self.epochs[-1]

    def __repr__(self) -> str:
        return f"Register({self.party}, {self.epoch}: persons not shown)"


def numbers(register: Register, tokens: pl.Series) -> pl.DataFrame:
    """`token` (hex text) and `number` of those of the distinct `tokens` (bytes) that have one."""
    known = register.persons.join(tokens.to_frame("token"), on="token", how="semi")
    return known.with_columns(pl.col("token").bin.encode("hex"))


def named(register: Register, agreement: Agreement, tokens: pl.Series) -> Register:
    """The register after a handover under `agreement` that names the distinct `tokens` (bytes).

    Raises `HandoverError` if the register is of another epoch than `agreement`, or of other keys.
    """
    require_epoch(register, agreement)
    return replace(extended(register, tokens), agreement=agreement_digest(agreement))


def of(room: Path, ring: Keyring, agreement: Agreement, party: Platform) -> Register:
    """The party's register; if it has none yet, one without persons in `agreement`'s epoch."""
    found = read(room, ring, party)
    if found is not None:
        return found
    key = agreement.parties[party].identity_key or ""
    persons = pl.DataFrame(schema=_SCHEMA)
    return Register(party, (agreement.epoch,), agreement_digest(agreement), key, "", 0, persons)


def require_epoch(register: Register, agreement: Agreement) -> None:
    """Raise `HandoverError` unless tokens made under `agreement` belong into this register."""
    if register.epoch != agreement.epoch:
        raise HandoverError(
            f"The room knows the {register.party} platform's persons by tokens of the epoch "
            f"'{register.epoch}', and this handover is of '{agreement.epoch}'.",
            "apply the platform's rotation first: cleanroom room rotate.",
        )
    if register.identity_key != agreement.parties[register.party].identity_key:
        raise HandoverError(
            f"The {register.party} platform's keys were changed within the epoch "
            f"'{register.epoch}', so that its tokens name nobody whom the room knows.",
            "go back to the keys of this epoch, or agree on a new epoch and rotate into it.",
        )


def extended(register: Register, tokens: pl.Series) -> Register:
    """The register with a number for each of the distinct `tokens` (bytes) that has none.

    New numbers follow the order of the tokens, which is that of chance, not of the rows.
    """
    new = tokens.to_frame("token").join(register.persons, on="token", how="anti")["token"].sort()
    if new.is_empty():
        return register
    following = register.following + len(new)
    if following > UNKNOWN:
        raise HandoverError(
            f"The {register.party} platform's persons are more than can be numbered.",
            "split the collaboration.",
        )
    given = pl.int_range(register.following, following, dtype=pl.UInt32, eager=True)
    added = pl.DataFrame({"token": new, "number": given}, schema=_SCHEMA)
    persons = pl.concat([register.persons, added]).sort("token")
    return replace(register, persons=persons, following=following)


def rotated(
    register: Register, pairs: pl.DataFrame, agreement: Agreement, rotation: str
) -> Register:
    """The register in the agreement's epoch: each token in `pairs.old` replaced by that in `new`.

    Numbers stay. A token without a pair is dropped, and its number belongs to nobody from then on.
    """
    carried = register.persons.join(pairs, left_on="token", right_on="old", how="inner")
    return replace(
        register,
        epochs=(*register.epochs, agreement.epoch),
        agreement=agreement_digest(agreement),
        identity_key=agreement.parties[register.party].identity_key or "",
        rotation=rotation,
        persons=carried.select(token="new", number="number").sort("token"),
    )


def read(room: Path, ring: Keyring, party: Platform) -> Register | None:
    """The party's register, or None if the room has none yet; raises `SealError` if it is not whole
    or not this room's."""
    path = _path(room, party)
    if not path.exists():
        return None
    about, content = read_state(path, ring)
    return Register(
        party,
        epochs=tuple(about["epochs"]),
        agreement=about["agreement"],
        identity_key=about["identity_key"],
        rotation=about["rotation"],
        following=about["following"],
        persons=pl.read_parquet(io.BytesIO(content)),
    )


def write(room: Path, ring: Keyring, register: Register) -> None:
    """Put `register` in the place of the party's present one, whole or not at all; within
    `folders.locked`."""
    about: dict[str, Any] = {
        "epochs": list(register.epochs),
        "agreement": register.agreement,
        "identity_key": register.identity_key,
        "rotation": register.rotation,
        "following": register.following,
    }
    content = io.BytesIO()
    register.persons.write_parquet(content, compression="uncompressed")  # tokens do not compress
    write_state(_path(room, register.party), ring, about, content.getvalue())


def distinct(frames: Iterable[pl.LazyFrame]) -> pl.Series:
    """The distinct tokens, as bytes, in `frames` of one column of text each; null is nobody.

    Raises `HandoverError` if one is no token.
    """
    named = [frame.select(pl.first().cast(pl.String).alias("token")) for frame in frames]
    if not named:
        return pl.Series("token", dtype=pl.Binary)
    texts = pl.concat(named).drop_nulls().unique().collect(engine="streaming")["token"]
    found = texts.str.decode("hex", strict=False)
    if found.null_count():
        raise HandoverError(
            f"{found.null_count()} values are no tokens.",
            "ask the party to prepare and hand over its tables again.",
        )
    return found


def _path(room: Path, party: Platform) -> Path:
    return room / "register" / f"{party}.persons"
