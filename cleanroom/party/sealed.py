"""A table's file, held against the agreement a last time and sealed: then it may leave."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from cleanroom import sealing
from cleanroom.borders import handover_schema
from cleanroom.errors import HandoverError


def seal_table(
    plain: Path, sealed: Path, table: str, columns: Iterable[str], data_key: bytes
) -> int:
    """Seal the Parquet file `plain` of a table as `sealed`, and return its number of rows.

    Raises `HandoverError` if it does not hold exactly the opened `columns` in their types.
    """
    written = pl.scan_parquet(plain, glob=False)
    _require_opened(written, table, list(columns))
    rows: int = written.select(pl.len()).collect().item()
    with plain.open("rb") as content, sealed.open("xb") as target:
        sealing.encrypt(content, target, data_key, sealed.stem)
    return rows


def _require_opened(written: pl.LazyFrame, table: str, columns: list[str]) -> None:
    found, opened = dict(written.collect_schema()), handover_schema(table, columns)
    wrong = sorted({name for name, _ in found.items() ^ opened.items()})
    if wrong:
        raise HandoverError(
            f"Table '{table}' would leave with other columns than the agreement opens: "
            f"{', '.join(wrong)}.",
            "report this fault of the program; nothing was handed over.",
        )
