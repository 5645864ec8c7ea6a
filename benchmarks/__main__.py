"""Run one benchmark; its last line is one JSON object with the figures."""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import version

from benchmarks import coverage, demo, link

BENCHMARKS = {"coverage": coverage.measure, "demo": demo.measure, "link": link.measure}


def main() -> None:
    """Parse the command line, run the benchmark, print its table and its JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--rows", type=int, default=200_000, help="people simulated")
    parser.add_argument("--runs", type=int, default=3, help="runs; the median is quoted")
    arguments = parser.parse_args()
    figures = BENCHMARKS[arguments.name](arguments.rows, arguments.runs)
    about = {
        "benchmark": arguments.name,
        "rows": arguments.rows,
        "python": platform.python_version(),
        "polars": version("polars"),
    }
    print(json.dumps({**about, **figures}))


if __name__ == "__main__":
    main()
