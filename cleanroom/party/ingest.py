"""An export's files against the contract: whole files refused, single rows marked for quarantine.

Only the columns that the agreement opens are read. Nothing is loaded here: rows stream when the
handover is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from cleanroom.agreement import Agreement
from cleanroom.errors import ExportError, did_you_mean
from cleanroom.party.checks import Field, checked
from cleanroom.party.export_files import ROW, find, readable, scan, shown
from cleanroom.tables import TABLES, Column, Platform, Role, ValueType


@dataclass(frozen=True)
class ExportTable:
    """A file of an opened table: its rows as read, typed and marked, and how many columns stay at
    home. `part`: the table's name, with the file's number where the table is a folder of files."""

    name: str
    part: str
    file: Path
    fields: tuple[Field, ...]
    left_at_home: int
    rows: pl.LazyFrame

    @property
    def is_whole(self) -> bool:
        """Whether this file is all of the table."""
        return self.part == self.name

    @property
    def shown(self) -> str:
        """The file as messages name it."""
        return shown(self.file, self.name)


def read_export(
    directory: Path, platform: Platform, agreement: Agreement, now: datetime
) -> list[ExportTable]:
    """The files of the tables that `platform` opens, from its export in `directory`, table by
    table; rows are not read yet.

    `now` has a zone; a later time is a fault. Raises `ExportError` naming the file and the column
    if a file is missing, empty, cut short or not of the contract's columns and types.
    """
    opened = agreement.opened(platform)
    return [
        table
        for name, columns in opened.items()
        for table in _read_table(directory, name, tuple(columns), now)
    ]


def _read_table(
    directory: Path, name: str, columns: tuple[str, ...], now: datetime
) -> Iterator[ExportTable]:
    files = find(directory, name)
    for number, file in enumerate(files):
        part = name if file.parent == directory else f"{name}-{number:05}"
        yield _read_file(file, name, part, columns, now)


def _read_file(
    file: Path, name: str, part: str, columns: tuple[str, ...], now: datetime
) -> ExportTable:
    with readable(file):
        rows, schema = scan(file, columns)
    contract = TABLES[name].columns
    _require_columns(file, columns, list(schema))
    for column in columns:
        _require_type(file, column, contract[column], schema[column])
    fields = tuple(Field(c, contract[c], schema[c] == pl.String) for c in columns)
    cleaned = rows.select(ROW, *(_cleaned(field) for field in fields))
    return ExportTable(
        name, part, file, fields, len(schema) - len(columns), checked(cleaned, fields, now)
    )


def _require_columns(file: Path, wanted: tuple[str, ...], found: list[str]) -> None:
    missing = [name for name in wanted if name not in found]
    if not missing:
        return
    if len(missing) == len(wanted):
        # What stands in the first line may be a row, so nothing of it is repeated.
        raise ExportError(
            f"{file.name} has none of the table's columns: no header line, or other separators?",
            f"begin the file with the header {','.join(wanted)}",
        )
    others = [name for name in found if name not in wanted]
    hints = (f"'{m}' ({did_you_mean(m, others)})" if others else f"'{m}'" for m in missing)
    raise ExportError(
        f"{file.name} lacks {', '.join(hints)}",
        "export the columns under the contract's names.",
    )


def _require_type(file: Path, name: str, column: Column, found: pl.DataType) -> None:
    """A CSV's text is judged row by row; a Parquet column has one type, right or wrong."""
    if file.suffix == ".csv" or found == pl.Null:
        return
    if column.type is ValueType.TIME and found == pl.Datetime and not _zone(found):
        raise ExportError(
            f"{file.name}, column '{name}': times have no zone.",
            "write them as timestamps with a zone, so that each names one instant.",
        )
    if not _fits(column, found):
        wanted = _WANTED[column.type]
        kind = type(found).__name__  # not `found` itself: an Enum spells out its values
        raise ExportError(
            f"{file.name}, column '{name}': its type is {kind}, not {wanted}.",
            f"export the column as {wanted}.",
        )


_WANTED = {
    ValueType.TEXT: "text",
    ValueType.INTEGER: "an integer",
    ValueType.MONEY: "an integer (minor units: fen, cent)",
    ValueType.NUMBER: "a number",
    ValueType.TIME: "a timestamp with zone",
}


def _fits(column: Column, found: pl.DataType) -> bool:
    match column.type:
        case ValueType.TEXT:
            # Own ids may be integers. A join key may not: text keeps leading zeros, an integer
            # does not, and both platforms must hash the same text.
            own_id = column.role in (Role.IDENTIFIER, Role.EVENT)
            return found in (pl.String, pl.Categorical, pl.Enum) or (own_id and found.is_integer())
        case ValueType.INTEGER | ValueType.MONEY:
            return found.is_integer()
        case ValueType.NUMBER:
            return found.is_numeric()
        case ValueType.TIME:
            return _zone(found) is not None


def _zone(found: pl.DataType) -> str | None:
    return found.time_zone if isinstance(found, pl.Datetime) else None


def _cleaned(field: Field) -> pl.Expr:
    """Text trimmed, and null where it is blank; other values as they are."""
    if not (field.is_text or field.column.type is ValueType.TEXT):
        return field.read
    text = field.read.cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text).alias(field.name)
