"""Reports from a folder of releases: one page a merchant, and an index of all."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from cleanroom.agreement import load
from cleanroom.bench.run import Outcome
from cleanroom.borders import Release
from cleanroom.errors import ReleaseError
from cleanroom.gate.release import read_release
from cleanroom.outside.report import LeftOut, Published, render_index, render_report
from cleanroom.room.place import file_name


def publish(releases: Path, agreement: Path, out: Path, summary: Path | None) -> list[Path]:
    """Write the report of every merchant in `releases`, and `index.html`; returns the pages.

    Of several releases of one study of a merchant the latest is reported. `summary` is a run's
    `summary.json`, whose merchants without a report the index names with the reason. Raises
    `ReleaseError` if there is no release, or one does not verify.
    """
    agreed = load(agreement)
    latest: dict[str, dict[str, Release]] = defaultdict(dict)
    files = sorted(releases.glob("*.json"))
    if not files:
        raise ReleaseError(f"There are no releases in {releases}.", "name the folder of releases.")
    opened = [read_release(file, agreed) for file in files]
    for release in sorted(opened, key=lambda r: str(r.candidate.manifest["created"])):
        study = release.candidate.manifest["study"]
        latest[study["merchant"]][study["kind"]] = release
    entries: list[Published | LeftOut] = []
    pages = []
    for merchant, studies in sorted(latest.items()):
        page = out / f"{file_name(merchant)}.html"
        pages.append(_write(page, render_report(list(studies.values()))))
        entries.append(Published(page.name, list(studies.values())))
    entries += _left_out(summary) if summary is not None else []
    return [*pages, _write(out / "index.html", render_index(entries))]


def _left_out(summary: Path) -> list[LeftOut]:
    return [
        LeftOut(line["merchant"], line["name"], line["reason"])
        for line in json.loads(summary.read_bytes())
        if line["outcome"] == Outcome.LEFT_OUT
    ]


def _write(page: Path, html: str) -> Path:
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")
    return page
