"""The engine under the room's lazy frames, and the only place that knows which one it is.

Relational code is written against narwhals' lazy frames, without `join_asof` and `map_batches`,
which not every engine has. An engine's error may quote a row, so none leaves with its text. Short
of memory, an engine would lay rows down on disk, in the clear: none may.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, TypeVar

import narwhals as nw
import polars as pl

from cleanroom.errors import CleanroomError, HandoverError
from cleanroom.room import spark, spark_files
from cleanroom.room.opened import Opened, Place, blank, name_of, write_sealed

Frame = nw.LazyFrame[Any]
Result = TypeVar("Result")


class Engine(StrEnum):
    """What runs the room's queries; DuckDB is there to check the others."""

    POLARS = "polars"
    SPARK = "spark"
    DUCKDB = "duckdb"


# The one switch: which engine scans, and so runs, everything in the room.
BACKEND = Engine.POLARS
# With nothing to spend on disk, Polars ends a query that would spill.
pl.Config.load(json.dumps({"environment": {"POLARS_OOC_DISK_BUDGET_MB": "0"}}))


def use(engine: Engine) -> None:
    """Have all that this process asks of the room run on `engine`."""
    global BACKEND  # noqa: PLW0603  one switch for the process, turned before anything is opened
    BACKEND = engine


def scan(*paths: Path) -> Frame:
    """Parquet files of the same columns as one lazy frame; nothing is read yet."""
    return _quietly("scan", name_of(paths[0]), lambda: _scan(paths))


def collect(frame: Frame, what: str) -> pl.DataFrame:
    """Compute a small result; `what` names it in errors. Raises `HandoverError`."""
    return _quietly("compute", what, lambda: _collect(frame))


def sink(frame: Frame, path: Path) -> None:
    """Compute a large result straight into a Parquet file. Raises `HandoverError`."""
    _quietly("compute", name_of(path), lambda: _sink(frame, path))


def scan_sealed(files: Sequence[Path], place: Place) -> Frame:
    """Encrypted files as one lazy frame of Spark's, whose processes open them."""
    found = _quietly("open", name_of(files[0]), lambda: spark_files.scan_sealed(files, place))
    frame: Frame = nw.from_native(found)
    return frame


@dataclass(frozen=True, eq=False, repr=False)
class Kept:
    """What was computed and kept encrypted: its files, and its rows, for as long as it is held."""

    files: list[Path]
    rows: Frame
    _opened: Opened | None = None


def keep(frame: Frame, partial: Path, name: str, place: Place) -> Kept:
    """Compute a frame into encrypted files in the folder `partial`, which is to become `place`."""
    if BACKEND == Engine.SPARK:
        native = frame.to_native()
        files = _quietly(
            "compute", name, lambda: spark_files.sink_sealed(native, partial, name, place)
        )
        return Kept(files, scan_sealed(files, place))
    plain = blank(name)
    sink(frame, plain.path)
    file = partial / f"{name}.sealed"
    write_sealed(plain.path, file, place.key, place.folder)
    return Kept([file], scan(plain.path), plain)


def _scan(paths: Sequence[Path]) -> Frame:
    frame: Frame
    if BACKEND == Engine.SPARK:
        frame = nw.from_native(spark.scan(paths))
        return frame
    if BACKEND == Engine.DUCKDB:
        duckdb = nw.Implementation.DUCKDB.to_native_namespace()
        duckdb.execute("SET temp_directory = ''")
        # It goes by paths, and a descriptor's number comes again for another file.
        duckdb.execute("SET enable_external_file_cache = false")
        frame = nw.from_native(duckdb.read_parquet([*map(str, paths)]))
        return frame
    # As files, which the frame then keeps open, whatever becomes of the paths.
    with ExitStack() as stack:
        files: list[IO[bytes]] = [stack.enter_context(path.open("rb")) for path in paths]
        return nw.from_native(pl.scan_parquet(files))


def _collect(frame: Frame) -> pl.DataFrame:
    native = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        return native.collect(engine="streaming")
    if frame.implementation.is_pyspark():
        return spark.collect(native)
    # As rows: over Arrow, DuckDB needs pyarrow, or leaks its types until the process ends.
    return pl.DataFrame(native.fetchall(), frame.columns, orient="row", infer_schema_length=None)


def _sink(frame: Frame, path: Path) -> None:
    native = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        native.sink_parquet(path)
    elif frame.implementation.is_pyspark():
        spark.sink(native, path)
    else:
        # DuckDB would write beside the path first, where a file in memory has no place.
        native.query("rows", f"COPY rows TO '{path}' (FORMAT parquet, USE_TMP_FILE false)")


def _quietly(verb: str, what: str, work: Callable[[], Result]) -> Result:
    try:
        return work()
    except CleanroomError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        kind = type(error).__name__
    # Raised outside the handler, so that the engine's error is not chained to this one.
    raise HandoverError(
        f"The room's engine failed to {verb} '{what}' ({kind}).",
        "check the room's memory, which has to hold what is opened; if it suffices, restore the "
        "room from a backup.",
    )
