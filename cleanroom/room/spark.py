"""Apache Spark under the room's frames: one session, readable for this process only.

The session is set up as `spark-submit` and `spark-defaults.conf` say, on this machine where they
say nothing, and never without encryption: of what Spark lays down on disk while it sorts and joins,
under a key that lives as long as the session, and of what its processes send each other.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from cleanroom.errors import StudyError

# Times are UTC throughout. No page that shows queries is served, and nothing is logged: a message
# may quote a row.
_ALWAYS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.io.encryption.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "false",
    "spark.log.level": "OFF",
    "spark.sql.ansi.enabled": "true",
}
_UNLESS_SET = {"spark.master": "local[*]", "spark.app.name": "cleanroom"}
# For a session of this machine's own: small data wants few partitions, and nobody else a port.
_LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
}
_JAVA = "install Java 17 or newer (Debian: apt-get install default-jre-headless), or set JAVA_HOME."


@cache
def session() -> Any:
    """The Spark session; raises `StudyError` if Spark or Java is not installed, or if the session
    would send rows unencrypted."""
    try:
        from pyspark import SparkConf, SparkContext
        from pyspark.sql import SparkSession
    except ImportError:
        raise StudyError(
            "The engine is Spark, which is not installed.", "install cleanroom[spark]."
        ) from None
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise StudyError("The engine is Spark, and there is no Java.", _JAVA)
    if "SPARK_REMOTE" in os.environ:
        raise StudyError(
            "Spark Connect does not tell how its server encrypts.",
            "unset SPARK_REMOTE, and start the room's program with spark-submit.",
        )
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    SparkContext._ensure_initialized()  # or SparkConf would not know what spark-submit says
    conf = _settings(SparkConf())
    _require_encrypted(conf)
    made = SparkSession.builder.config(conf=conf).getOrCreate()
    _require_encrypted(made.sparkContext.getConf())  # one may have been there already
    return made


def _settings(conf: Any) -> Any:
    for name, value in _ALWAYS.items():
        conf.set(name, value)
    for name, value in _UNLESS_SET.items():
        conf.setIfMissing(name, value)
    for name, value in _LOCAL.items() if _is_local(conf) else ():
        conf.setIfMissing(name, value)
    return conf


def _is_local(conf: Any) -> bool:
    return bool(conf.get("spark.master").startswith("local"))


def _require_encrypted(conf: Any) -> None:
    """Raise unless nothing readable lies on a disk or goes over a network."""

    def is_on(name: str) -> bool:
        return bool(conf.get(name, "false") == "true")

    sent = is_on("spark.ssl.rpc.enabled") or (
        is_on("spark.authenticate") and is_on("spark.network.crypto.enabled")
    )
    if not (is_on("spark.io.encryption.enabled") and (sent or _is_local(conf))):
        raise StudyError(
            "This Spark session would lay rows down or send them unencrypted.",
            "set spark.authenticate and spark.network.crypto.enabled to true for the cluster, and "
            "start no session before the room does.",
        )


def scan(paths: Sequence[Path]) -> Any:
    """Parquet files, or folders of them, as one of Spark's frames."""
    # Spark's own process reads them: what is open here lies elsewhere there.
    seen = [str(path).replace("/proc/self/", f"/proc/{os.getpid()}/") for path in paths]
    return session().read.parquet(*seen)


def collect(frame: Any) -> pl.DataFrame:
    """A result that fits into memory."""
    return _in_microseconds(frame)


def sink(frame: Any, path: Path) -> None:
    """A result as one Parquet file that this process writes: it has to fit into its memory."""
    _in_microseconds(frame).write_parquet(path)


def _in_microseconds(frame: Any) -> pl.DataFrame:
    made = pl.DataFrame(frame.toArrow())
    return made.with_columns(pl.col(pl.Datetime).dt.cast_time_unit("us"))
