"""Reports from a folder of releases: one page a merchant, and an index of all."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from cleanroom import signing
from cleanroom.agreement import load
from cleanroom.bench.run import Outcome
from cleanroom.borders import Release
from cleanroom.errors import ReleaseError
from cleanroom.gate.release import read_release
from cleanroom.outside.report import LeftOut, Published, render_index, render_report
from cleanroom.room.place import file_name


def publish(releases: Path, agreement: Path, out: Path, summary: Path | None) -> list[Path]:
    """Write the report of every merchant in `releases`, and `index.html`; returns the pages.

    Of several releases of one study of a merchant the latest is reported; where that was recalled,
    the page and the index say so, and why. `summary` is a run's `summary.json`, whose merchants
    without a report the index names with the reason. Raises `ReleaseError` if there is no release,
    or one does not verify.
    """
    agreed = load(agreement)
    files = sorted(releases.glob("*.json"))
    if not files:
        raise ReleaseError(f"There are no releases in {releases}.", "name the folder of releases.")
    opened = [read_release(file, agreed) for file in files]
    latest = _latest(opened)
    entries: list[Published | LeftOut] = []
    pages = []
    for merchant, studies in sorted(latest.items()):
        page = out / f"{file_name(merchant)}.html"
        pages.append(_write(page, render_report(studies)))
        entries.append(Published(page.name, studies))
    entries += _left_out(summary) if summary is not None else []
    return [*pages, _write(out / "index.html", render_index(entries))]


def _latest(releases: Sequence[Release]) -> dict[str, list[Release]]:
    """By merchant: of each kind of study the latest that holds, then whatever was recalled.

    A release that another of the very same study has superseded does not come back when that one is
    recalled.
    """
    last: dict[str, Release] = {}
    for release in sorted(releases, key=lambda r: str(r.candidate.manifest["created"])):
        last[signing.digest(release.candidate.manifest["study"])] = release
    holding: dict[str, dict[str, Release]] = defaultdict(dict)
    recalled: dict[str, list[Release]] = defaultdict(list)
    for release in last.values():
        study = release.candidate.manifest["study"]
        if release.recall:
            recalled[study["merchant"]].append(release)
        else:
            holding[study["merchant"]][study["kind"]] = release
    return {m: [*holding[m].values(), *recalled[m]] for m in {*holding, *recalled}}


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
