"""The simulation's truth beside what was released: the only comparison a simulation allows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from cleanroom.agreement import StudyKind, load
from cleanroom.borders import Estimate, Release
from cleanroom.gate.release import read_release


def truth_beside_estimates(releases: Path, agreement: Path, truth: Path) -> pl.DataFrame:
    """A row for each released lift study: the true absolute lift, the estimate, its interval.

    Columns `merchant`, `truth`, `estimate`, `lower`, `upper`, `covered` (null where withheld); all
    lifts are shares of people. Raises `ReleaseError` if a release does not verify.
    """
    true_lift = dict(
        pl.read_parquet(truth / "lift.parquet").select("merchant", "true_absolute_lift").iter_rows()
    )
    read = load(agreement)
    opened = [read_release(file, read) for file in sorted(releases.glob("*.json"))]
    rows = [_row(release, true_lift) for release in opened if _kind(release) == StudyKind.LIFT]
    numbers = ("truth", "estimate", "lower", "upper")
    schema = [
        ("merchant", pl.String),
        *((name, pl.Float64) for name in numbers),
        ("covered", pl.Boolean),
    ]
    return pl.DataFrame(rows, schema=schema, orient="row").sort("merchant")


def compare(releases: Path, agreement: Path, truth: Path) -> Group:
    """The comparison as a terminal shows it, with the share of intervals that cover the truth."""
    frame = truth_beside_estimates(releases, agreement, truth)
    grid = Grid("merchant", "true lift", "estimate", "95 % interval", "covers the truth")
    for merchant, true, estimate, lower, upper, covered in frame.iter_rows():
        if estimate is None:
            grid.add_row(merchant, _points(true), "withheld", "", "")
        else:
            interval = f"{_points(lower)} … {_points(upper)}"
            grid.add_row(
                merchant, _points(true), _points(estimate), interval, "yes" if covered else "no"
            )
    shown = frame["covered"].drop_nulls()
    words = f"{shown.sum()} of {shown.len()} intervals cover the truth; lift in percentage points."
    return Group(grid, Text(words))


def _row(release: Release, true_lift: dict[str, float]) -> tuple[object, ...]:
    merchant = release.candidate.manifest["study"]["merchant"]
    found: Estimate = release.candidate.findings.estimates["absolute_lift"]
    true, covered = true_lift[merchant], None
    if found.lower is not None and found.upper is not None:
        covered = found.lower <= true <= found.upper
    return merchant, true, found.value, found.lower, found.upper, covered


def _kind(release: Release) -> str:
    return str(release.candidate.manifest["study"]["kind"])


def _points(share: float) -> str:
    return f"{100 * share:+.2f}"
