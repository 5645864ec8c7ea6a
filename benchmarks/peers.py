"""The peers of the blinded join: other libraries' private joins, on the identifiers of `ids`.

They run in an interpreter of their own, `.venv-peers`, which `make peers` builds: they want older
packages than our lock has. Interpreter start, imports and, for openmined-psi, reading the
identifiers are not counted; every phase of the protocol is.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.contenders import Run, figures, left_out, print_table
from benchmarks.ids import common, ids
from benchmarks.watch import watch
from cleanroom.tables import Platform

ROOT = Path(__file__).resolve().parents[1]
INTERPRETER = ROOT / ".venv-peers" / "bin" / "python"
SCRIPTS = Path(__file__).parent / "peer_scripts"
TRIAL_ROWS = 5_000  # what `--quick` judges by
_TRACE = re.compile(r"Trace has been written to (\S+\.trace)\b")  # spu leaves them behind
_MATCHED_ROWS = "one side: which of its rows matched"


@dataclass(frozen=True)
class Peer:
    """A library and a way to use it: its script, and what that is told before the two files."""

    name: str
    script: str
    told: tuple[str, ...] = ()
    learns: str = _MATCHED_ROWS


class PeerError(Exception):
    """Why a peer gave no figure, in a plain sentence."""


PEERS = (
    Peer("openmined-psi", "openmined.py"),
    Peer("spu, hash as x", "spu_ecdh.py", ("CURVE_25519",)),
    Peer("spu, Elligator 2", "spu_ecdh.py", ("CURVE_25519_ELLIGATOR2",)),
)


def measure(rows: int, runs: int, quick: float | None = None) -> dict[str, Any]:
    """Measure the peers alone and print their table; they are yardsticks, so there is no ratio."""
    peers = measure_peers(rows, runs, minutes=quick)
    print_table(peers)
    return {"peers": peers, "runs": runs, "ratio": None}


def measure_peers(
    rows: int,
    runs: int,
    minutes: float | None = None,
    most_rows: Mapping[str, int] | None = None,
    names: Iterable[str] | None = None,
) -> list[dict[str, Any]]:
    """Each peer's figures for a join of `rows` with `rows`, as `contenders.figures` has them.

    `minutes`: a peer whose runs would together take longer, to judge by 5,000 rows, is left out.
    `most_rows`: by a peer's name, the most rows it is given; its figures name the rows it had.
    `names`: these peers alone. A peer that cannot run is a `contenders.left_out`.
    """
    asked = [peer for peer in PEERS if names is None or peer.name in set(names)]
    found = []
    for peer in asked:
        given = min(rows, (most_rows or {}).get(peer.name, rows))
        try:
            found.append(_measure(peer, given, runs, minutes))
        except PeerError as failed:
            found.append(left_out(peer.name, str(failed)))
    return found


def _measure(peer: Peer, rows: int, runs: int, minutes: float | None) -> dict[str, Any]:
    if not INTERPRETER.exists():
        raise PeerError("there is no .venv-peers; `make peers` builds it.")
    if minutes is not None and rows > TRIAL_ROWS:
        _refuse_slow(peer, rows, runs, minutes)
    with tempfile.TemporaryDirectory() as folder:
        files = _write_ids(Path(folder), rows)
        told = [_run(peer, files, rows) for _ in range(runs)]
    return figures(peer.name, told[0][0], rows, [run for _, run in told], peer.learns)


def _refuse_slow(peer: Peer, rows: int, runs: int, minutes: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _, trial = _run(peer, _write_ids(Path(folder), TRIAL_ROWS), TRIAL_ROWS)
    expected = trial.wall * rows / TRIAL_ROWS * runs / 60
    if expected > minutes:
        raise PeerError(
            f"judging by {TRIAL_ROWS:,} rows, {runs} x {rows:,} rows would take about "
            f"{expected:.1f} minutes, more than the {minutes:g} allowed."
        )


def _run(peer: Peer, files: list[Path], rows: int) -> tuple[str, Run]:
    """One run in the peers' interpreter: the library's version and what it took."""
    for leftover in files[0].parent.glob("*.csv.*"):
        leftover.unlink()
    command = [str(INTERPRETER), str(SCRIPTS / peer.script), *peer.told, *map(str, files)]
    watched = watch(command, {**os.environ, "TMPDIR": str(files[0].parent)})
    for trace in _TRACE.findall(watched.printed + watched.complained):
        Path(trace).unlink(missing_ok=True)
    if watched.exit_code:
        last = (watched.complained.strip().splitlines() or ["no message"])[-1]
        raise PeerError(f"it ended with exit code {watched.exit_code} ({last}).")
    told = json.loads(watched.printed.strip().splitlines()[-1])
    if told["matched"] != common(rows):
        raise PeerError(f"it found {told['matched']:,} pairs where there are {common(rows):,}.")
    return told["version"], Run(told["wall"], told["cpu"], watched.peak_gigabytes)


def _write_ids(folder: Path, rows: int) -> list[Path]:
    """A CSV file with the column `id` for each side."""
    files = []
    for side in Platform:
        files.append(folder / f"{side}.csv")
        pl.DataFrame({"id": ids(rows, side)}).write_csv(files[-1])
    return files
