"""Admission: the persons a handover names are numbered, and its join compared with those before.

Both are settled before anything is written, so that a handover that is refused leaves no trace.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cleanroom.agreement import Agreement
from cleanroom.keyring import Keyring
from cleanroom.matching import join_columns
from cleanroom.room import register
from cleanroom.room.join_input import JoinInput, compare, join_input, remember, remembered
from cleanroom.tables import IdentifierKind, Platform, Role


def admit(
    room: Path, ring: Keyring, agreement: Agreement, party: Platform, tables: dict[str, Path]
) -> None:
    """Number the persons in a handover's opened `tables` and remember whom it brings into a join.

    Within `folders.locked`, and before the handover comes into force: a crash in between leaves a
    number or a memory too many, never one too few. Raises `HandoverError`, and changes nothing, if
    the tokens are of another epoch or of other keys than the register's, or the handover differs
    from an earlier one by too few people (`join_input.compare`).
    """
    before = register.of(room, ring, agreement, party)
    found = register.distinct(_persons(agreement, party, tables))
    after = register.named(before, agreement, found)
    joined = _join_inputs(agreement, party, tables, register.numbers(after, found))
    for kind, current in joined.items():
        earlier = remembered(room, ring, party, kind)
        compare(current, earlier, agreement.effective_policy.min_people)
    if after.following != before.following or after.agreement != before.agreement:
        register.write(room, ring, after)
    for kind, current in joined.items():
        remember(room, ring, party, kind, current)


def _persons(agreement: Agreement, party: Platform, tables: dict[str, Path]) -> list[pl.LazyFrame]:
    """The columns that hold persons, a frame each."""
    return [
        _scan(tables[table]).select(column)
        for table, columns in agreement.opened(party).items()
        for column in _of_persons(columns)
    ]


def _join_inputs(
    agreement: Agreement, party: Platform, tables: dict[str, Path], numbers: pl.DataFrame
) -> dict[IdentifierKind, JoinInput]:
    found = {}
    for kind, places in join_columns(agreement).items():
        table, column = places[party]
        (person,) = _of_persons(agreement.opens[table])
        rows = _scan(tables[table]).select(person=person, key=column)
        found[kind] = join_input(rows, numbers, agreement.join.mode)
    return found


def _of_persons(columns: dict[str, Role]) -> list[str]:
    return [column for column, role in columns.items() if role is Role.IDENTIFIER]


def _scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False)
