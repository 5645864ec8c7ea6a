"""Run one benchmark; its last line is one JSON object with the figures."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import psutil

from benchmarks import (
    aipw,
    blinded_join,
    coverage,
    demo,
    desk,
    differencing,
    geo_coverage,
    keyed_join,
    lift_coverage,
    lift_itt,
    link,
    observational,
    peers,
    portfolio,
    protect,
    redteam,
    scale,
    suppression,
)
from tests.redteam.attack import PEOPLE

BENCHMARKS: dict[str, Callable[..., dict[str, Any]]] = {
    "aipw": aipw.measure,
    "blinded_join": blinded_join.measure,
    "coverage": coverage.measure,
    "demo": demo.measure,
    "desk": desk.measure,
    "differencing": differencing.measure,
    "geo_coverage": geo_coverage.measure,
    "keyed_join": keyed_join.measure,
    "lift_coverage": lift_coverage.measure,
    "lift_itt": lift_itt.measure,
    "link": link.measure,
    "observational": observational.measure,
    "peers": peers.measure,
    "portfolio": portfolio.measure,
    "protect": protect.measure,
    "handover": scale.measure_handover,
    "redteam": redteam.measure,
    "scale": scale.measure,
    "suppression": suppression.measure,
    "suppression_audit": suppression.measure_audit,
}
# Where it is not 200,000, and the options that not every benchmark has.
ROWS = {
    "aipw": 1_000_000,
    "blinded_join": 100_000,
    "desk": 500,
    "handover": 1_000_000,
    "scale": 1_000_000,
    "differencing": 1_000,
    "geo_coverage": 1_000,
    "keyed_join": 1_000_000,
    "lift_coverage": 1_000,
    "lift_itt": 10_000_000,
    "observational": 4_000,
    "peers": 100_000,
    "portfolio": 20_000,
    "protect": 20,
    "redteam": PEOPLE,
    "suppression": 400,
    "suppression_audit": 2_000,
}
OPTIONS = {
    "blinded_join": ("growth", "quick"),
    "keyed_join": ("growth",),
    "peers": ("quick",),
    "redteam": ("examples",),
    "scale": ("growth", "engine"),
}


def main() -> None:
    """Parse the command line, run the benchmark, print its table and its JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--rows", type=int, help="people, rows of each side, cells, or merchants")
    parser.add_argument("--runs", type=int, default=3, help="runs; the median is quoted")
    parser.add_argument("--growth", action="store_true", help="joins, scale: also at fewer rows")
    parser.add_argument(
        "--quick", type=float, metavar="MINUTES", help="peers: leave out what takes longer"
    )
    parser.add_argument(
        "--examples", type=int, help="redteam: try the gate's properties on so many"
    )
    parser.add_argument(
        "--engine",
        choices=["polars", "spark"],
        default="polars",
        help="scale: what the room runs on",
    )
    arguments = parser.parse_args()
    name, rows = arguments.name, arguments.rows or ROWS.get(arguments.name, 200_000)
    options = {option: getattr(arguments, option) for option in OPTIONS.get(name, ())}
    figures = BENCHMARKS[name](rows, arguments.runs, **options)
    about = {
        "benchmark": name,
        "rows": rows,
        "cores": psutil.cpu_count(),
        "python": platform.python_version(),
        "polars": version("polars"),
    }
    print(json.dumps({**about, **figures}))


if __name__ == "__main__":
    main()
