"""The join input: which persons a party brought into a join, so that two joins are not subtracted.

If one handover's rows with a join key are those of the handover before and of one person more, the
difference of the two joins says whether that person matched. So a handover is refused whose join
input differs from an earlier one by fewer than `min_people` persons, but differs. Two inputs of the
same persons are compared by their keys as well: a person who brings another CID has changed. In a
blinded join they cannot be: a key's handle is another in each handover.

    register/<party>.<kind>.joins   the persons of each join input so far, encrypted
    register/<party>.<kind>.last    those of the last one with a check of their keys, encrypted

There is one for each kind of join key: click ids, and a shared identifier where one is opened.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pyroaring import BitMap

from cleanroom.agreement import JoinMode
from cleanroom.errors import HandoverError
from cleanroom.keyring import Keyring
from cleanroom.room.register import UNKNOWN
from cleanroom.room.state import read_state, write_state
from cleanroom.tables import IdentifierKind, Platform


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


def compare(
    current: JoinInput,
    last: JoinInput | None,
    earlier: Iterable[BitMap],
    min_people: int,
) -> None:
    """Raise `HandoverError` if `current` differs from an earlier join input by too few persons.

    Too few are 1 … `min_people` - 1. From each of `earlier` it differs by the persons that only one
    of the two has; from `last` (None if there is none) also by those whose keys are others.
    """
    persons = current.persons
    differences = [len(persons ^ other) for other in earlier]
    if last is not None:
        differences += [len(persons ^ last.persons), _changed(current, last)]
    if any(0 < difference < min_people for difference in differences):
        raise HandoverError(
            "The rows with a join key are those of an earlier handover but for too few people, "
            f"fewer than min_people ({min_people}): the two joins could be subtracted.",
            "hand over again when more has changed, or hand over the earlier one unchanged.",
        )


def remembered(
    room: Path, ring: Keyring, party: Platform, kind: IdentifierKind
) -> tuple[JoinInput | None, tuple[BitMap, ...]]:
    """The party's last join input, and the persons of each so far; raises `SealError`."""
    last = _read(_last(room, party, kind), ring)
    joins = _read(_joins(room, party, kind), ring)
    sets = [] if joins is None else joins["persons"].to_list()
    return None if last is None else JoinInput(last), tuple(map(BitMap.deserialize, sets))


def remember(
    room: Path, ring: Keyring, party: Platform, kind: IdentifierKind, current: JoinInput
) -> None:
    """Keep `current` as the party's last join input; within `folders.locked`."""
    _, sets = remembered(room, ring, party, kind)
    # The sets first: if the second writing is cut off, nothing that has been joined is missing.
    if current.persons not in sets:
        content = pl.DataFrame(
            {"persons": [one.serialize() for one in (*sets, current.persons)]},
            schema={"persons": pl.Binary},
        )
        _write(_joins(room, party, kind), ring, content)
    _write(_last(room, party, kind), ring, current.rows)


def forget_keys(room: Path, ring: Keyring, party: Platform) -> None:
    """Keep of the last join inputs their persons only: a rotation leaves nothing of old tokens."""
    for kind in IdentifierKind:
        last, _ = remembered(room, ring, party, kind)
        if last is not None:
            _write(_last(room, party, kind), ring, last.rows.select("number"))


def _changed(current: JoinInput, last: JoinInput) -> int:
    """How many persons are in one of the two only, or in both with other keys; 0 if those of one
    are unknown."""
    if not all("keys" in one.rows.columns for one in (current, last)):
        return 0
    both = current.rows.join(last.rows, on="number", how="full", coalesce=True, suffix="_last")
    return both.filter(pl.col("keys").ne_missing(pl.col("keys_last"))).height


def _read(path: Path, ring: Keyring) -> pl.DataFrame | None:
    if not path.exists():
        return None
    _, content = read_state(path, ring)
    return pl.read_parquet(io.BytesIO(content))


def _write(path: Path, ring: Keyring, content: pl.DataFrame) -> None:
    plain = io.BytesIO()
    content.write_parquet(plain)
    write_state(path, ring, {}, plain.getvalue())


def _joins(room: Path, party: Platform, kind: IdentifierKind) -> Path:
    return room / "register" / f"{party}.{kind}.joins"


def _last(room: Path, party: Platform, kind: IdentifierKind) -> Path:
    return room / "register" / f"{party}.{kind}.last"
