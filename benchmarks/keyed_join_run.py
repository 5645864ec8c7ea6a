"""One run of one contender of `keyed_join`, in a process of its own: CONTENDER FOLDER.

FOLDER has `ads.parquet` and `store.parquet` with the columns `cid` and `row`. Prints one JSON
object: wall and processor seconds of each phase, what the join found, and the peak memory in GB.
"""

from __future__ import annotations

import json
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import narwhals as nw
import polars as pl
from polars_hash import CryptographicHashingNameSpace

from benchmarks.ids import ids
from cleanroom.agreement import TokenHash
from cleanroom.party.tokens import hmac_sha256, token
from cleanroom.room import engine
from cleanroom.tables import IdentifierKind, Platform

_KEY = secrets.token_hex(32)  # of the form that `derive.join_key` gives
_CID = pl.col("cid")
_TOKEN = token(_CID, IdentifierKind.CLICK_ID, _KEY, TokenHash.HMAC_SHA256)
_SHA256 = CryptographicHashingNameSpace(_CID).sha2_256()
_HMAC = hmac_sha256(_CID, _KEY)

Found = tuple[int, ...]  # pairs, and the sums of their row numbers on either side
Phases = dict[str, Callable[[], Found | None]]


def write_inputs(folder: Path, rows: int) -> None:
    """Both sides' files: `rows` identifiers each, half of them common, with their row numbers."""
    folder.mkdir()
    for side in Platform:
        cids = pl.DataFrame({"cid": ids(rows, side)})
        cids.with_columns(row=pl.int_range(pl.len())).write_parquet(folder / f"{side}.parquet")


def _handed_over(folder: Path) -> Phases:
    """As the roles are played: each platform writes its tokens, the room joins the two files."""
    return _each_side(lambda side: _write(folder, side, _TOKEN)) | {
        "join": lambda: _join_as_the_room(folder)
    }


def _one_query(folder: Path) -> Phases:
    """The same tokens and join with no handover in between, which no role could run."""
    sides = [_scan(folder, side).with_columns(_TOKEN.alias("cid")) for side in Platform]
    return {"all": lambda: _join(*sides)}


def _hashed(folder: Path, digest: pl.Expr) -> Phases:
    """Plain Polars: both columns hashed, the hashes dropped, then the texts themselves joined."""
    return _each_side(lambda side: _drop(folder, side, digest)) | _plain_join(folder)


def _hashes_written(folder: Path) -> Phases:
    """The same, with the hashes written as a handover is."""
    return _each_side(lambda side: _write(folder, side, _SHA256)) | _plain_join(folder)


CONTENDERS: dict[str, Callable[[Path], Phases]] = {
    "cleanroom": _handed_over,
    "cleanroom, one query": _one_query,
    "SHA-256 + join": lambda folder: _hashed(folder, _SHA256),
    "HMAC-SHA256 + join": lambda folder: _hashed(folder, _HMAC),
    "SHA-256, written + join": _hashes_written,
}


def _each_side(work: Callable[[Platform], None]) -> Phases:
    return {side.value: lambda side=side: work(side) for side in Platform}  # type: ignore[misc]


def _plain_join(folder: Path) -> Phases:
    return {"join": lambda: _join(*(_scan(folder, side) for side in Platform))}


def _scan(folder: Path, side: Platform) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{side}.parquet")


def _write(folder: Path, side: Platform, pseudonym: pl.Expr) -> None:
    # Compressed as `handover` does it.
    _scan(folder, side).with_columns(pseudonym.alias("cid")).sink_parquet(
        folder / f"{side}-written.parquet",
        compression="zstd",
        compression_level=1,
        engine="streaming",
    )


def _drop(folder: Path, side: Platform, digest: pl.Expr) -> None:
    _scan(folder, side).select(digest.str.len_bytes().sum()).collect(engine="streaming")


def _join(left: pl.LazyFrame, right: pl.LazyFrame) -> Found:
    pairs = left.join(right, on="cid").select(
        pl.len(), pl.col("row").sum(), pl.col("row_right").sum()
    )
    return pairs.collect(engine="streaming").row(0)


def _join_as_the_room(folder: Path) -> Found:
    left, right = (engine.scan(folder / f"{side}-written.parquet") for side in Platform)
    pairs = left.join(right, on="cid", how="inner").select(
        nw.len(), nw.col("row").sum(), nw.col("row_right").sum()
    )
    return engine.collect(pairs, "pairs").row(0)


def _run(phases: Phases) -> tuple[dict[str, tuple[float, float]], Found]:
    """Each phase's wall and processor seconds, and what the last of them found."""
    seconds: dict[str, tuple[float, float]] = {}
    found: Found = ()
    for name, work in phases.items():
        wall, cpu = time.perf_counter(), time.process_time()
        found = work() or ()
        seconds[name] = time.perf_counter() - wall, time.process_time() - cpu
    return seconds, found


def _peak_gigabytes() -> float:
    """Of this process: where Linux tells, without what its parent held when it was started."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return round(int(line.split()[1]) * 1024 / 1e9, 2)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9, 2)


def main() -> None:
    """Run the contender on a few rows, so that all is loaded, then on the folder's."""
    contender, folder = CONTENDERS[sys.argv[1]], Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as place:
        few = Path(place) / "few"
        write_inputs(few, 1_000)
        _run(contender(few))
    seconds, found = _run(contender(folder))
    print(json.dumps({"seconds": seconds, "found": found, "peak_gigabytes": _peak_gigabytes()}))


if __name__ == "__main__":
    main()
