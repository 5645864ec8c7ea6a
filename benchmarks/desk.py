"""How long the review desk takes for its queue: a room of many candidates under review."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from cleanroom.desk import reading
from cleanroom.desk.pages import render
from cleanroom.desk.sitting import sitting_at
from cleanroom.desk.standing import Desk, read_papers
from cleanroom.desk.views import Frame
from cleanroom.tables import Platform
from tests.desk.rooms import Place, make_place
from tests.outside import factories

_PLAIN = 9  # of ten candidates, those in which nothing is unusual


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Seconds for the queue of `rows` candidates, half of them voted on."""
    with TemporaryDirectory() as folder:
        place = make_place(Path(folder))
        _fill(place, rows)
        desk = Desk(place.room, place.keys[Platform.ADS])
        measured = [_seconds(desk) for _ in range(runs)]
    whole, drawn, sizes = zip(*measured, strict=True)
    figures = {
        "candidates": rows,
        "first_seconds": round(whole[0], 3),
        "seconds": round(median(whole), 3),
        "drawing_seconds": round(median(drawn), 3),
        "kilobytes": sizes[0] // 1000,
    }
    print(
        f"The queue of {rows:,} candidates, {sizes[0] / 1e6:.1f} MB: read, verified and drawn in "
        f"{figures['first_seconds']} s the first time, then in {figures['seconds']} s, of which "
        f"drawing {figures['drawing_seconds']} s."
    )
    return figures


def _fill(place: Place, count: int) -> None:
    plain, unusual = factories.rich()[0], factories.mostly_withheld()[1]
    made = []
    for number in range(count):
        one = plain if number % 10 < _PLAIN else unusual
        study = {**one.candidate.manifest["study"], "merchant": f"m-{number:04}"}
        made.append((one, {"study": study, "merchant_name": f"Merchant {number}"}))
    candidates = place.add_all(made)
    place.vote_on_all(candidates[::2], Platform.STORE)


def _seconds(desk: Desk) -> tuple[float, float, int]:
    """Seconds for the whole page, and for drawing it, and its size in bytes."""
    began = time.perf_counter()
    papers = read_papers(desk.room)
    page = reading.queue(papers, sitting_at(desk, papers.agreement))
    ready = time.perf_counter()
    html = render(page, Frame(root="/cleanroom/desk/"))
    done = time.perf_counter()
    return done - began, done - ready, len(html.encode())
