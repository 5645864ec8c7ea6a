"""The room's encrypted files on Spark: each is opened, or written, by the process that works on it.

Its rows are in the clear in that process's memory alone. The key travels inside the job, which
Spark sends encrypted (`spark` sees to that); it is in no file, plan, page or log. Every machine has
to see the room's directory under the same path, and have this package installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cleanroom.room.opened import Place, blank, read_sealed, write_sealed
from cleanroom.room.spark import session

_ROWS_AT_ONCE = 100_000


def scan_sealed(files: Sequence[Path], place: Place) -> Any:
    """The rows of encrypted files as one of Spark's frames, a partition for each file."""
    from pyspark.sql.pandas.types import from_arrow_schema

    schema = _schema(files[0], place)
    kept = tuple(files)

    def opened(numbers: Iterator[Any]) -> Iterator[Any]:
        for batch in numbers:
            for number in batch.column(0).to_pylist():
                yield from _rows(kept[number], place, schema)

    numbers = session().range(0, len(kept), 1, len(kept))
    return numbers.mapInArrow(opened, from_arrow_schema(schema))


def sink_sealed(frame: Any, partial: Path, name: str, place: Place) -> list[Path]:
    """Write a frame as encrypted files in the folder `partial`, one for each of its partitions that
    has rows, and one where none has; returns them."""
    from pyspark.sql.pandas.types import to_arrow_schema

    schema = _plain(to_arrow_schema(frame.schema, timezone="UTC"))

    def written(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        from pyspark import TaskContext

        task = TaskContext.get()
        number, attempt = (task.partitionId(), task.taskAttemptId()) if task else (0, 0)
        file = partial / f"{name}-{number:05}.sealed"
        if _write(batches, schema, file, f"attempt-{name}-{attempt}", place):
            yield pa.RecordBatch.from_arrays([pa.array([file.name])], names=["file"])

    done = frame.mapInArrow(written, "file string").toArrow().column(0).to_pylist()
    if not done:
        _write(iter([schema.empty_table()]), schema, partial / f"{name}.sealed", "none", place)
    return [partial / file for file in sorted(done) or [f"{name}.sealed"]]


def _write(rows: Iterator[Any], schema: Any, file: Path, attempt: str, place: Place) -> bool:
    """Write rows as one file, whole or not at all; says whether there were any."""
    import pyarrow.parquet as pq

    first = next(rows, None)
    if first is None:
        return False
    plain = blank(file.stem)
    with pq.ParquetWriter(str(plain.path), schema, compression="zstd") as writer:
        writer.write(_as(first, schema))
        for batch in rows:
            writer.write(_as(batch, schema))
    folder = file.parent / attempt
    folder.mkdir(mode=0o700)
    write_sealed(plain.path, folder / file.name, place.key, place.folder)
    (folder / file.name).replace(file)
    folder.rmdir()
    return True


def _rows(file: Path, place: Place, schema: Any) -> Iterator[Any]:
    import pyarrow.parquet as pq

    opened = read_sealed(file, place.key, place.folder)
    with pq.ParquetFile(str(opened.path)) as content:
        for batch in content.iter_batches(batch_size=_ROWS_AT_ONCE):
            yield batch.cast(schema)


def _schema(file: Path, place: Place) -> Any:
    import pyarrow.parquet as pq

    opened = read_sealed(file, place.key, place.folder)
    return _plain(pq.read_schema(str(opened.path)))


def _plain(schema: Any) -> Any:
    """The types that Spark has: one kind of text, and times in microseconds of UTC."""
    import pyarrow as pa

    def plain(kind: Any) -> Any:
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            return pa.string()
        return pa.timestamp("us", "UTC") if pa.types.is_timestamp(kind) else kind

    return pa.schema([(field.name, plain(field.type)) for field in schema])


def _as(rows: Any, schema: Any) -> Any:
    import pyarrow as pa

    table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
    return table.cast(schema)
