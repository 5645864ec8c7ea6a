"""What a study gives a chart to draw: border values like findings, but of many numbers."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cleanroom.builders import Border


@dataclass(frozen=True, repr=False)
class Curves(Border):
    """Lines that a study drew from protected cells alone: `frame` has a row for each `period` (its
    first day) and a column for each line; `start` is the day on which a campaign began, and
    `outcome` what the lines count."""

    frame: pl.DataFrame
    start: str
    outcome: str

    _built_in = ("cleanroom.studies",)


@dataclass(frozen=True, repr=False)
class Ranking(Border):
    """Many merchants' effects beside each other, from released estimates alone: `frame` has a row
    for each, best first, with its `label`, the effect (`value`, `lower`, `upper`), its best guess
    among the others (`best`, `best_lower`, `best_upper`) and whether it `is_found`; shares."""

    frame: pl.DataFrame

    _built_in = ("cleanroom.studies",)
