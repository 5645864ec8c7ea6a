"""The join input: which persons a party brought into a join, so that two joins are not subtracted.

If one handover's rows with a join key are those of the handover before and of one person more, the
difference of the two joins says whether that person matched. So a handover is refused whose join
input differs from an earlier one by fewer than `min_people` persons, but differs. Two inputs of the
same persons are compared by their CIDs as well: a person who brings another CID has changed.

    register/<party>.joins      the persons of each join input so far, encrypted
    register/<party>.last       each person of the last one with a check of their CIDs, encrypted
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pyroaring import BitMap

from cleanroom.errors import HandoverError
from cleanroom.keyring import Keyring
from cleanroom.room.register import UNKNOWN
from cleanroom.room.sealed_file import read_sealed, write_sealed
from cleanroom.tables import Platform


@dataclass(frozen=True, repr=False, eq=False)
class JoinInput:
    """The persons of a join input: `rows` has their `number` and `cids`, a check of their CIDs.

    `cids` is the exclusive or of the first 64 bits of their distinct tokens, which are uniform; the
    column is missing where the tokens are forgotten.
    """

    rows: pl.DataFrame

    @property
    def persons(self) -> BitMap:
        """The numbers of the persons."""
        return BitMap(self.rows["number"].to_numpy())

    def __repr__(self) -> str:
        return "JoinInput(persons not shown)"


def join_input(events: pl.LazyFrame, numbers: pl.DataFrame) -> JoinInput:
    """The join input of `events`: rows with the tokens `person` and `cid`, either may be null.

    `numbers` has `token` and `number` of every person (`register.numbers`). Rows without a CID
    join nothing. All rows with a CID and no person are one person's (`register.UNKNOWN`). Of a CID
    that is not in hex nothing is kept but that it is there. Raises `HandoverError` if a person has
    no number.
    """
    bits = pl.col("cid").str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64, strict=False)
    by_person = (
        events.filter(pl.col("cid").is_not_null())
        .select("person", "cid")
        .unique()
        .group_by("person")
        .agg(cids=bits.fill_null(0).bitwise_xor())
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
    return JoinInput(known.select(number, "cids").sort("number"))


def compare(
    current: JoinInput,
    last: JoinInput | None,
    earlier: Iterable[BitMap],
    min_people: int,
) -> None:
    """Raise `HandoverError` if `current` differs from an earlier join input by too few persons.

    Too few are 1 … `min_people` - 1. From each of `earlier` it differs by the persons that only one
    of the two has; from `last` (None if there is none) also by those whose CIDs are others.
    """
    persons = current.persons
    differences = [len(persons ^ other) for other in earlier]
    if last is not None:
        differences += [len(persons ^ last.persons), _changed(current, last)]
    if any(0 < difference < min_people for difference in differences):
        raise HandoverError(
            "The rows with a CID are those of an earlier handover but for too few people, fewer "
            f"than min_people ({min_people}): the two joins could be subtracted.",
            "hand over again when more has changed, or hand over the earlier one unchanged.",
        )


def remembered(
    room: Path, ring: Keyring, party: Platform
) -> tuple[JoinInput | None, tuple[BitMap, ...]]:
    """The party's last join input, and the persons of each so far; raises `SealError`."""
    last = _read(_last(room, party), ring, "last", party)
    joins = _read(_joins(room, party), ring, "joins", party)
    sets = [] if joins is None else joins["persons"].to_list()
    return None if last is None else JoinInput(last), tuple(map(BitMap.deserialize, sets))


def remember(room: Path, ring: Keyring, party: Platform, current: JoinInput) -> None:
    """Keep `current` as the party's last join input; within `folders.locked`."""
    _, sets = remembered(room, ring, party)
    # The sets first: if the second writing is cut off, nothing that has been joined is missing.
    if current.persons not in sets:
        content = pl.DataFrame(
            {"persons": [one.serialize() for one in (*sets, current.persons)]},
            schema={"persons": pl.Binary},
        )
        _write(_joins(room, party), ring, "joins", party, content)
    _write(_last(room, party), ring, "last", party, current.rows)


def forget_cids(room: Path, ring: Keyring, party: Platform) -> None:
    """Keep of the last join input its persons only: a rotation leaves nothing of old tokens."""
    last, _ = remembered(room, ring, party)
    if last is not None:
        _write(_last(room, party), ring, "last", party, last.rows.select("number"))


def _changed(current: JoinInput, last: JoinInput) -> int:
    """How many persons are in one of the two only, or in both with other CIDs; 0 if those of the
    last are forgotten."""
    if "cids" not in last.rows.columns:
        return 0
    both = current.rows.join(last.rows, on="number", how="full", coalesce=True, suffix="_last")
    return both.filter(pl.col("cids").ne_missing(pl.col("cids_last"))).height


def _read(path: Path, ring: Keyring, what: str, party: Platform) -> pl.DataFrame | None:
    if not path.exists():
        return None
    _, content = read_sealed(path, ring, what=what, party=party.value)
    return pl.read_parquet(io.BytesIO(content))


def _write(path: Path, ring: Keyring, what: str, party: Platform, content: pl.DataFrame) -> None:
    plain = io.BytesIO()
    content.write_parquet(plain)
    write_sealed(path, ring, {"what": what, "party": party.value}, plain.getvalue())


def _joins(room: Path, party: Platform) -> Path:
    return room / "register" / f"{party}.joins"


def _last(room: Path, party: Platform) -> Path:
    return room / "register" / f"{party}.last"
