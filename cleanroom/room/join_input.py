"""The join input: which persons a party brought into a join, so that two joins are not subtracted.

If one handover's rows with a join key are those of an earlier handover and of one person more, the
difference of the two joins says whether that person matched. So a handover is refused whose join
input differs from an earlier one by fewer than `min_people` persons, but differs: in who they are,
or in their keys, as a person who brings another CID has changed. In a blinded join keys cannot be
compared: a key's handle is another in each handover.

    register/<party>.<kind>.joins   the persons of each join input so far, and a check of their
                                    keys, encrypted

There is one for each kind of join key: click ids, and a shared identifier where one is opened.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from pyroaring import BitMap

from cleanroom.agreement import JoinMode
from cleanroom.errors import HandoverError
from cleanroom.keyring import Keyring
from cleanroom.room.register import UNKNOWN
from cleanroom.room.state import read_state, write_state
from cleanroom.tables import IdentifierKind, Platform

BUCKETS = 8_192
# Odd numbers of 64 bits: 2^64 over the golden ratio, and one of Steele, Lea and Flood (2014).
_ODD, _OTHER_ODD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, repr=False, eq=False)
class JoinInput:
    """The persons of a join input: `rows` has their `number` and `keys`, a check of their keys.

    `keys` is the exclusive or of the first 64 bits of their distinct tokens, which are uniform; the
    column is missing where the tokens are forgotten, or stand for nothing outside their handover.
    """

    rows: pl.DataFrame

    @property
    def persons(self) -> BitMap:
        """The numbers of the persons."""
        return BitMap(self.rows["number"].to_numpy())

    def __repr__(self) -> str:
        return "JoinInput(persons not shown)"


def join_input(rows: pl.LazyFrame, numbers: pl.DataFrame, mode: JoinMode) -> JoinInput:
    """The join input of `rows` with the tokens `person` and `key`, either may be null.

    `numbers` has `token` and `number` of every person (`register.numbers`). Rows without a key
    join nothing. All rows with a key and no person are one person's (`register.UNKNOWN`). Raises
    `HandoverError` if a person has no number.
    """
    bits = pl.col("key").str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)
    by_person = (
        rows.filter(pl.col("key").is_not_null())
        .select("person", "key")
        .unique()
        .group_by("person")
        .agg(keys=bits.bitwise_xor())
        .collect(engine="streaming")
    )
    known = by_person.join(numbers, left_on="person", right_on="token", how="left")
    missing = known.filter(pl.col("person").is_not_null(), pl.col("number").is_null()).height
    if missing:
        raise HandoverError(
            f"{missing} persons of the join input have no number.",
            "number the persons of the whole handover first.",
        )
    number = pl.col("number").fill_null(pl.lit(UNKNOWN, pl.UInt32))
    lasting = ["keys"] if mode is JoinMode.KEYED else []
    return JoinInput(known.select(number, *lasting).sort("number"))


@dataclass(frozen=True, repr=False)
class Joined:
    """What is remembered of a join input: its `persons`, and `checks` of their keys by bucket.

    A person's check lies in one of `BUCKETS` buckets, each the exclusive or of its checks. So
    buckets differ between two inputs by no more than persons do, and by nearly as many as long as
    those are few. None where keys are not compared.
    """

    persons: BitMap
    checks: bytes | None

    def __repr__(self) -> str:
        return "Joined(persons not shown)"


def joined(current: JoinInput) -> Joined:
    """What to remember of `current`."""
    if "keys" not in current.rows.columns:
        return Joined(current.persons, None)
    number = current.rows["number"].to_numpy().astype(np.uint64)
    # Both are mixed, so that two persons of one bucket who change keys with each other show.
    check = (current.rows["keys"].to_numpy() ^ (number + np.uint64(1)) * _ODD) * _OTHER_ODD
    buckets = np.zeros(BUCKETS, dtype=np.uint64)
    np.bitwise_xor.at(buckets, number % np.uint64(BUCKETS), check)
    return Joined(current.persons, buckets.tobytes())


def compare(current: JoinInput, earlier: Iterable[Joined], min_people: int) -> None:
    """Raise `HandoverError` if `current` differs from one of `earlier` by too few persons.

    Too few are 1 … `min_people` - 1 persons whom only one of the two has, or who have other keys.
    Of more than a quarter of `BUCKETS` nothing is said by keys.
    """
    now, fewest = joined(current), min(min_people, BUCKETS // 4)
    for other in earlier:
        if 0 < len(now.persons ^ other.persons) < min_people or 0 < _changed(now, other) < fewest:
            raise HandoverError(
                "The rows with a join key are those of an earlier handover but for too few people, "
                f"fewer than min_people ({min_people}): the two joins could be subtracted.",
                "hand over again when more has changed, or hand over the earlier one unchanged.",
            )


def remembered(
    room: Path, ring: Keyring, party: Platform, kind: IdentifierKind
) -> tuple[Joined, ...]:
    """The party's join inputs so far; raises `SealError`."""
    path = _joins(room, party, kind)
    if not path.exists():
        return ()
    _, content = read_state(path, ring)
    rows = pl.read_parquet(io.BytesIO(content)).iter_rows()
    return tuple(Joined(BitMap.deserialize(persons), checks) for persons, checks in rows)


def remember(
    room: Path, ring: Keyring, party: Platform, kind: IdentifierKind, current: JoinInput
) -> None:
    """Keep `current` among the party's join inputs; within `folders.locked`."""
    so_far, new = remembered(room, ring, party, kind), joined(current)
    if new not in so_far:
        _write(_joins(room, party, kind), ring, (*so_far, new))


def forget_keys(room: Path, ring: Keyring, party: Platform) -> None:
    """Keep of the join inputs their persons only: a rotation leaves nothing of old tokens."""
    for kind in IdentifierKind:
        so_far = remembered(room, ring, party, kind)
        if so_far:
            persons = [Joined(one.persons, None) for one in so_far]
            _write(_joins(room, party, kind), ring, persons)


def _changed(one: Joined, other: Joined) -> int:
    """In how many buckets the checks of two differ; 0 if those of one are unknown."""
    if one.checks is None or other.checks is None:
        return 0
    mine, theirs = (np.frombuffer(each, dtype=np.uint64) for each in (one.checks, other.checks))
    return int(np.count_nonzero(mine != theirs))


def _write(path: Path, ring: Keyring, inputs: Iterable[Joined]) -> None:
    plain = io.BytesIO()
    rows = [(one.persons.serialize(), one.checks) for one in inputs]
    schema = {"persons": pl.Binary, "checks": pl.Binary}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(plain)
    write_state(path, ring, {}, plain.getvalue())


def _joins(room: Path, party: Platform, kind: IdentifierKind) -> Path:
    return room / "register" / f"{party}.{kind}.joins"
