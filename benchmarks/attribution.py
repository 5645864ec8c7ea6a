"""Attribution beside hand-written queries, and the Markov chain beside ChannelAttribution.

Every contender runs by turns in a process of its own; imports are not counted, nor is reading the
journeys. All must find the same orders and revenue; ChannelAttribution's credits are simulated, and
may be off by a hundredth of all orders. `ratio` is the Polars query's processor time over ours,
`markov_ratio` that of ChannelAttribution, which lives in `.venv-oracles`: `make oracles` builds it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.attribution_data import write_events, write_journeys
from benchmarks.watch import watch

ROOT = Path(__file__).resolve().parents[1]
_RUN = [sys.executable, "-m", "benchmarks.attribution_run"]
LAST_CLICK = {
    "cleanroom": [*_RUN, "cleanroom"],
    "polars": [*_RUN, "polars"],
    "duckdb": [*_RUN, "duckdb"],
}
MARKOV = {
    "cleanroom": [*_RUN, "markov"],
    "ChannelAttribution": [
        str(ROOT / ".venv-oracles" / "bin" / "python"),
        str(ROOT / "benchmarks" / "oracle_scripts" / "markov.py"),
    ],
}
_SIMULATED = 0.01  # of all orders: what a simulated credit may be off by


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Time the last click of `rows` touches and `rows` store events, then `rows` journeys."""
    with tempfile.TemporaryDirectory() as folder:
        write_events(Path(folder), rows)
        last = _compared(LAST_CLICK, folder, runs, "last click")
        if len({json.dumps(one["found"]) for one in last.values()}) > 1:
            raise SystemExit("The queries find other orders.")
        write_journeys(Path(folder), rows)
        chain = _compared(MARKOV, folder, runs, "Markov")
    _hold_together(chain)
    seconds = {name: one["cpu"] for name, one in last.items()}
    solved = {name: one["cpu"] for name, one in chain.items()}
    theirs = solved.get("ChannelAttribution")
    return {
        "runs": runs,
        "last_click": {name: _plain(one) for name, one in last.items()},
        "markov": {name: _plain(one) for name, one in chain.items()},
        "markov_ratio": theirs and round(theirs / solved["cleanroom"], 2),
        "ratio": round(seconds["polars"] / seconds["cleanroom"], 2),
    }


def _compared(
    contenders: dict[str, list[str]], folder: str, runs: int, job: str
) -> dict[str, dict[str, Any]]:
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, command in contenders.items():
            if Path(command[0]).exists():
                told[name].append(_run([*command, folder]))
    found = {name: _medians(own) for name, own in told.items() if own}
    for name, one in found.items():
        print(
            f"{job}: {name:<18} wall {one['wall']:>7.2f} s  CPU {one['cpu']:>7.2f} s  "
            f"{one['peak_gigabytes']:.2f} GB"
        )
    for name in contenders.keys() - found.keys():
        print(f"{job}: {name} is left out: there is no .venv-oracles; `make oracles` builds it.")
    return found


def _run(command: list[str]) -> dict[str, Any]:
    watched = watch(command, os.environ)
    if watched.exit_code:
        raise SystemExit(watched.complained)
    printed: dict[str, Any] = json.loads(watched.printed.splitlines()[-1])
    return {**printed, "peak_gigabytes": watched.peak_gigabytes}


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    numbers = ("wall", "cpu", "peak_gigabytes")
    return {**runs[0], **{key: median(one[key] for one in runs) for key in numbers}}


def _plain(one: dict[str, Any]) -> dict[str, float]:
    return {key: round(one[key], 3) for key in ("wall", "cpu", "peak_gigabytes")}


def _hold_together(chain: dict[str, dict[str, Any]]) -> None:
    ours, *others = (one["found"] for one in chain.values())
    for theirs in others:
        whole = sum(theirs.values())
        for channel, credit in theirs.items():
            if abs(ours[channel] - credit) > _SIMULATED * whole:
                raise SystemExit(f"The two credit {channel} with other orders.")
