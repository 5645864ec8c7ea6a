"""Counting with the people kept: beside each count the set of people behind it, by number.

The numbers are the register's, so a set means the same after a rotation of keys.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cleanroom.behind import Behind, Group, Share, group_of, together
from cleanroom.errors import HandoverError
from cleanroom.room.counting import Key, by_person, tally
from cleanroom.room.engine import Frame, collect
from cleanroom.room.register import UNKNOWN, Register
from cleanroom.room.vault import Vault, register_in, storage_key
from cleanroom.tables import Platform

_PARTY = {"user": Platform.ADS, "buyer": Platform.STORE}
Sides = Mapping[Platform, Group | None]


class Counted(Counter[str]):
    """Counts as `counting.tally` has them, and `groups`, the people behind: under `<mark>_people`
    and `<mark>_capped` those who are counted, under a mark that is summed what each adds."""

    def __init__(
        self, counts: Mapping[str, int] | None = None, groups: Mapping[str, Group] | None = None
    ) -> None:
        super().__init__(counts or {})
        self.groups = groups or {}


@dataclass(frozen=True, repr=False, eq=False)
class Numbering:
    """The numbers of both platforms' persons, and the secret of the fingerprints."""

    registers: Mapping[Platform, Register]
    seed: int

    def count(
        self,
        rows: Frame,
        by: Sequence[str],
        person: str,
        marks: Mapping[str, nw.Expr],
        sums: Mapping[str, int | None] | None = None,
    ) -> dict[Key, Counted]:
        """As `counting.count_people`, with the groups; `person` is `user` or `buyer`."""
        own = collect(by_person(rows, by, person, marks), f"people by {', '.join(by)}")
        return self.tally(own, by, person, list(marks), sums or {})

    def tally(
        self,
        own: pl.DataFrame,
        by: Sequence[str],
        person: str,
        marks: Sequence[str],
        sums: Mapping[str, int | None],
    ) -> dict[Key, Counted]:
        """As `counting.tally`, with the groups, from one row for each `person`.

        Raises `HandoverError` if a person has no number.
        """
        own = own.with_columns(pl.col(*marks).cast(pl.Int64))
        counts = tally(nw.from_native(own.drop(person).lazy()), by, marks, sums)
        parts = self._numbered(own, person).partition_by(by, as_dict=True)
        return {
            key: Counted(counts[key], self._groups(part, marks, sums))
            for key, part in parts.items()
        }

    def numbers(self, tokens: pl.Series, person: str) -> NDArray[np.uint32]:
        """The number of each of a platform's persons, in order. Raises as `tally`."""
        return self._numbered(pl.DataFrame({person: tokens}), person)["number"].to_numpy()

    def _numbered(self, own: pl.DataFrame, person: str) -> pl.DataFrame:
        persons = self.registers[_PARTY[person]].persons
        own = own.with_columns(token=pl.col(person).cast(pl.String).str.decode("hex"))
        own = own.join(persons, on="token", how="left", maintain_order="left")
        missing = own.filter(pl.col("token").is_not_null(), pl.col("number").is_null()).height
        if missing:
            raise HandoverError(
                f"{missing} people of the {_PARTY[person]} platform have no number any more.",
                "ask again: its keys were rotated meanwhile.",
            )
        return own.with_columns(pl.col("number").fill_null(pl.lit(UNKNOWN, pl.UInt32)))

    def _groups(
        self, part: pl.DataFrame, marks: Sequence[str], sums: Mapping[str, int | None]
    ) -> dict[str, Group]:
        numbers, found = part["number"].to_numpy(), {}
        for mark in marks:
            adds = part[mark].to_numpy()
            found[f"{mark}_people"] = group_of(numbers[adds > 0], None, self.seed)
            if mark not in sums:
                continue
            most = sums[mark]
            if most is not None:
                cut = np.abs(adds) > most
                found[f"{mark}_capped"] = group_of(numbers[cut], None, self.seed)
                adds = np.clip(adds, -most, most)
            found[mark] = group_of(numbers, adds, self.seed)
        return found


def numbering(vault: Vault) -> Numbering:
    """The numbering of the room's persons, as it is now."""
    registers = {party: register_in(vault, party) for party in Platform}
    return Numbering(registers, seed_of(storage_key(vault)))


def seed_of(storage: bytes) -> int:
    """The secret of the fingerprints, which follows from the room's storage key alone."""
    keyed = hashlib.blake2b(b"the people behind cells", key=storage, digest_size=8)
    return int.from_bytes(keyed.digest(), "big")


def joined(parts: Iterable[Counted], seed: int) -> Counted:
    """Counts of people together, each of whom is in one of the `parts` alone."""
    counts, groups = Counter[str](), defaultdict[str, list[Group]](list)
    for part in parts:
        counts.update(part)
        for mark, group in part.groups.items():
            groups[mark].append(group)
    return Counted(counts, {mark: together(found, seed) for mark, found in groups.items()})


def behind(value: Sides, base: Sides | None = None) -> Behind:
    """The people behind a cell: of its value, and of the base it is a part of."""
    sides = {Share.VALUE: value, Share.BASE: base or {}}
    return Behind(
        {
            (share, party): group
            for share, groups in sides.items()
            for party, group in groups.items()
            if group is not None
        }
    )


def on(party: Platform, counted: Counted, name: str) -> dict[Platform, Group | None]:
    """The people of one platform under a name."""
    return {party: counted.groups.get(name)}
