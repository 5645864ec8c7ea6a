"""The pieces that pages are made of: drawings, tables, checks, and pairs of a name and a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanroom.borders import MONEY_SQUARED, Candidate, Check, Estimate, Findings, Protected
from cleanroom.evidence import DECISIVE
from cleanroom.outside.charts import to_svg
from cleanroom.outside.names import key_words, name_words
from cleanroom.outside.verdicts import verdict_words
from cleanroom.outside.words import Figure, cell_figure, estimate_figure

if TYPE_CHECKING:
    import altair as alt
    from markupsafe import Markup


@dataclass(frozen=True)
class Drawing:
    """A chart on a page: its title as a caption, its alternative text, and the drawing itself."""

    title: str
    alternative: str
    svg: Markup


@dataclass(frozen=True)
class Grid:
    """A table on a page: its title, the heads of its columns, and rows of a name and figures."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Figure, ...]], ...]


def draw(chart: alt.LayerChart | alt.VConcatChart) -> Drawing:
    """A chart as a page shows it: its title as text that wraps, outside of the drawing."""
    import altair as alt
    from markupsafe import Markup

    title, alternative = str(chart.title), str(chart.description)
    chart.title = chart.description = alt.Undefined
    # The drawing is Vega's own SVG, in which Vega has escaped all text.
    return Drawing(title, alternative, Markup(to_svg(chart)))


def checks(findings: Findings) -> list[tuple[str, Check]]:
    """All checks, each with its verdict in words; first those that decide."""
    found = findings.checks
    names = dict.fromkeys([*(name for name in DECISIVE if name in found), *found])
    return [(verdict_words(found[name]), found[name]) for name in names]


def grid(table: Protected, currency: str = "", **heads: str) -> Grid:
    """A table of one dimension: a row for each of its values, a column for each measure; empty
    where a measure is not of the row.

    `heads`: words for columns that mean something particular in this table.
    """
    told = table.cells.filter(table.cells["unit"] != MONEY_SQUARED)
    keys, measures = (told[c].unique(maintain_order=True) for c in (*table.dimensions, "measure"))
    there = set(told.select(*table.dimensions, "measure").iter_rows())
    rows = tuple(
        (
            key_words(key),
            tuple(
                cell_figure(table, key, m, currency=currency) if (key, m) in there else Figure("")
                for m in measures
            ),
        )
        for key in keys
    )
    names = (heads.get(name) or key_words(name) for name in (*table.dimensions, *measures))
    return Grid(table.title, tuple(names), rows)


def pair(candidate: Candidate, estimate: Estimate) -> tuple[str, str, Figure]:
    """An estimate's name, what it is exactly, and its figure."""
    return *name_words(estimate), figure(candidate, estimate.name)


def figure(candidate: Candidate, name: str) -> Figure:
    """An estimate of the candidate by name, in the candidate's currency."""
    return estimate_figure(candidate.findings.estimates.get(name), candidate.manifest["currency"])
