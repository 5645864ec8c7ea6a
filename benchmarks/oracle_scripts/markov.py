"""ChannelAttribution's part of the benchmark `attribution`: a Markov model of order one."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
from ChannelAttribution import markov_model


def main() -> None:
    """Estimate, and print what each channel is credited with and the seconds it took."""
    journeys = pd.read_csv(Path(sys.argv[1]) / "journeys.csv")
    wall, cpu = time.perf_counter(), time.process_time()
    credits = markov_model(journeys, "path", "conversions", var_null="none", verbose=False)
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    found = dict(zip(credits["channel_name"], credits["total_conversions"], strict=True))
    print(json.dumps({"found": found, **took}))


if __name__ == "__main__":
    main()
