"""An export's files, opened: a table is one of `<table>.parquet`, `<table>.csv` and the folder
`<table>/`, whose Parquet or CSV files are its parts.

CSV is comma-separated, UTF-8, with a header line. Whatever an engine says of a file it cannot read
may quote a value, so it is replaced by words that name the line and no more.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from cleanroom.errors import ExportError

ROW = "#row"  # counted from 1, without the header; no column of a contract has a #


_SUFFIXES = (".parquet", ".csv")


def find(directory: Path, name: str) -> list[Path]:
    """The files of the table `name`, of a folder by name; raises `ExportError` if there is none,
    two, or one is empty."""
    found = [directory / f"{name}{s}" for s in _SUFFIXES if (directory / f"{name}{s}").is_file()]
    folder = directory / name
    if len(found) + folder.is_dir() > 1:
        raise ExportError(f"The export has the table '{name}' twice.", "keep one of the two.")
    files = found or _parts(folder)
    if not files:
        raise ExportError(
            f"The export has no {name}.parquet and no {name}.csv.",
            f"export the table '{name}', which the agreement opens, into the directory named.",
        )
    for file in files:
        if file.stat().st_size == 0:
            raise ExportError(f"{shown(file, name)} is empty (0 bytes).", "export it again.")
    return files


def shown(file: Path, table: str) -> str:
    """A file of the export as messages name it: a part with its folder."""
    return f"{table}/{file.name}" if file.parent.name == table else file.name


def _parts(folder: Path) -> list[Path]:
    """The files in a table's folder, but for the marks that engines leave beside them."""
    listed = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [file for file in listed if not file.name.startswith(("_", "."))]
    others = [file for file in files if file.suffix not in _SUFFIXES or not file.is_file()]
    if others:
        raise ExportError(
            f"{folder.name}/ holds {len(others)} entries that are no Parquet and no CSV files.",
            "keep in the folder the table's parts alone.",
        )
    return files


def scan(file: Path, wanted: tuple[str, ...]) -> tuple[pl.LazyFrame, dict[str, pl.DataType]]:
    """The file's rows, numbered in `ROW`, and its columns with their types (text, in a CSV).

    Raises `ExportError` if a CSV names one of the `wanted` columns twice; see `readable`.
    """
    if file.suffix == ".parquet":
        rows = pl.scan_parquet(file, glob=False)
        schema = dict(rows.collect_schema())
        return rows.with_row_index(ROW, offset=1), schema
    header = _header(file, wanted)
    rows = pl.scan_csv(file, glob=False, infer_schema=False, row_index_name=ROW, row_index_offset=1)
    return rows, dict.fromkeys(header, pl.String())


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Turn an engine's error, which may quote a value, into an `ExportError` that does not."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        what = _csv_fault(file) if file.suffix == ".csv" else "is not a whole Parquet file"
        raise ExportError(
            f"{file.name} {what}.",
            "export it again; look for a transfer cut short, or a full disk.",
        ) from None


def _header(file: Path, wanted: tuple[str, ...]) -> list[str]:
    """The column names of a CSV file; raises `ExportError` if a wanted one is there twice."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines), [])
    except (UnicodeDecodeError, csv.Error):
        raise ExportError(
            f"{file.name} {_csv_fault(file)}.", "export it as UTF-8, comma-separated."
        ) from None
    for name in wanted:
        if header.count(name) > 1:
            raise ExportError(f"{file.name} names '{name}' twice.", "export each column once.")
    return header


def _csv_fault(file: Path) -> str:
    """What is wrong with a CSV file that the engine gave up on: the first line at fault."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return f"is not UTF-8: see line {number}"
    return _shape_fault(file)


def _shape_fault(file: Path) -> str:
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text)
        try:
            width = len(next(rows))
            for row in rows:
                if len(row) > width:
                    return f"has more fields than its header on line {rows.line_num}"
        except (csv.Error, StopIteration):
            return f"cannot be parsed: see line {rows.line_num} (a quote not closed?)"
    return "cannot be read to its end (a quote not closed?)"
