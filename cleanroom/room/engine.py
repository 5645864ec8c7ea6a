"""The engine under the room's lazy frames, and the only place that knows which one it is.

Relational code is written against narwhals' lazy frames, without `join_asof` and `map_batches`,
which not every engine has. An engine's error may quote a row, so none leaves with its text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import narwhals as nw
import polars as pl

from cleanroom.errors import HandoverError

Frame = nw.LazyFrame[Any]
Result = TypeVar("Result")

# The one switch: which engine scans, and so runs, everything in the room.
BACKEND: Literal["polars", "duckdb"] = "polars"


def scan(path: Path) -> Frame:
    """A Parquet file as a lazy frame; nothing is read yet."""
    return _quietly("scan", path.stem, lambda: nw.scan_parquet(path, backend=BACKEND))


def collect(frame: Frame, what: str) -> pl.DataFrame:
    """Compute a small result; `what` names it in errors. Raises `HandoverError`."""
    return _quietly("compute", what, lambda: _collect(frame))


def sink(frame: Frame, path: Path) -> None:
    """Compute a large result straight into a Parquet file. Raises `HandoverError`."""
    _quietly("compute", path.stem, lambda: frame.sink_parquet(path))


def _collect(frame: Frame) -> pl.DataFrame:
    native = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        return native.collect(engine="streaming")
    # As rows: over Arrow, DuckDB needs pyarrow, or leaks its types until the process ends.
    return pl.DataFrame(native.fetchall(), frame.columns, orient="row", infer_schema_length=None)


def _quietly(verb: str, what: str, work: Callable[[], Result]) -> Result:
    try:
        return work()
    except (Exception, pl.exceptions.PanicException) as error:
        kind = type(error).__name__
    # Raised outside the handler, so that the engine's error is not chained to this one.
    raise HandoverError(
        f"The room's engine failed to {verb} '{what}' ({kind}).",
        "check the room's disk and memory; if both suffice, accept the handovers again.",
    )
