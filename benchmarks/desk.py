"""How long the review desk takes for its queue: a room of many candidates, each verified."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from cleanroom.desk import reading, standing
from cleanroom.desk.pages import render
from cleanroom.desk.sitting import sitting_at
from cleanroom.desk.standing import Desk, read_cases
from cleanroom.desk.views import Frame
from cleanroom.tables import Platform
from tests.desk.rooms import Place, make_place
from tests.outside import factories

_PLAIN = 9  # of ten candidates, those in which nothing is unusual


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Seconds for the queue of `rows` candidates: the first time, and when it is opened again."""
    with TemporaryDirectory() as folder:
        place = make_place(Path(folder))
        _fill(place, rows)
        desk = Desk(place.room, place.keys[Platform.ADS])
        first, again, drawn, size = [], [], [], 0
        for _ in range(runs):
            standing._read.cache_clear()  # as in a desk that was just started
            first.append(_seconds(desk)[0])
            whole, drawing, size = _seconds(desk)
            again.append(whole)
            drawn.append(drawing)
    figures = {
        "candidates": rows,
        "first_seconds": round(median(first), 3),
        "again_seconds": round(median(again), 3),
        "drawing_seconds": round(median(drawn), 3),
        "kilobytes": size // 1000,
    }
    print(
        f"The queue of {rows:,} candidates, {size / 1e6:.1f} MB: read, verified and drawn in "
        f"{figures['first_seconds']} s the first time, {figures['again_seconds']} s when opened "
        f"again; drawing alone {figures['drawing_seconds']} s."
    )
    return figures


def _fill(place: Place, count: int) -> None:
    plain, unusual = factories.rich()[0], factories.mostly_withheld()[1]
    for number in range(count):
        made = plain if number % 10 < _PLAIN else unusual
        study = {**made.candidate.manifest["study"], "merchant": f"m-{number:04}"}
        place.add(made, study=study, merchant_name=f"Merchant {number}")


def _seconds(desk: Desk) -> tuple[float, float, int]:
    """Seconds for the whole page, and for drawing it, and its size in bytes."""
    began = time.perf_counter()
    cases = read_cases(desk.room)
    by = sitting_at(desk, cases.agreement)
    page = reading.queue(cases, by, desk)
    ready = time.perf_counter()
    html = render(page, Frame(root="/cleanroom/desk/"))
    done = time.perf_counter()
    return done - began, done - ready, len(html.encode())
