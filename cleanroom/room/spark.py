"""Apache Spark under the room's frames: one session, readable for this process only.

A session that is there already (that of `spark-submit`, or of Spark Connect) is used as it is set
up; otherwise one is started on this machine. What Spark lays down on disk while it sorts and joins
is encrypted under a key that lives as long as the session.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from cleanroom.errors import StudyError

# Times are UTC throughout. No page that shows queries is served, and nothing is logged: a message
# may quote a row.
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.io.encryption.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.sql.ansi.enabled": "true",
}
# For a session of this machine's own: small data wants few partitions, and nobody else a port.
_LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
}
_JAVA = "install Java 17 or newer (Debian: apt-get install default-jre-headless), or set JAVA_HOME."


@cache
def session() -> Any:
    """The Spark session; raises `StudyError` if Spark or Java is not installed."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise StudyError(
            "The engine is Spark, which is not installed.", "install cleanroom[spark]."
        ) from None
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise StudyError("The engine is Spark, and there is no Java.", _JAVA)
    builder = SparkSession.builder.master("local[*]").appName("cleanroom")
    for name, value in {**_SETTINGS, **_LOCAL}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def scan(paths: Sequence[Path]) -> Any:
    """Parquet files, or folders of them, as one of Spark's frames."""
    # Spark's own process reads them: what is open here lies elsewhere there.
    seen = [str(path).replace("/proc/self/", f"/proc/{os.getpid()}/") for path in paths]
    return session().read.parquet(*seen)


def collect(frame: Any) -> pl.DataFrame:
    """A small result, by rows."""
    rows = [tuple(row) for row in frame.collect()]
    return pl.DataFrame(rows, frame.columns, orient="row", infer_schema_length=None)


def sink(frame: Any, path: Path) -> None:
    """A result as one Parquet file that this process writes: it has to fit into its memory."""
    made = pl.DataFrame(frame.toArrow())
    made.with_columns(pl.col(pl.Datetime).dt.cast_time_unit("us")).write_parquet(path)
