"""A candidate's tables and estimates as a reviewer sees them: each number beside what guards it.

The exact support behind a cell stays in the room: to a reviewer, who is of one platform, it would
be a release of its own. What is shown instead follows from what would leave and from the policy:
how many people the rules guarantee behind a number, or how far a withheld one is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from cleanroom.absences import Absence
from cleanroom.borders import CIDS, EVENTS, PEOPLE, Candidate, Estimate, Protected
from cleanroom.desk import phrases, terms
from cleanroom.desk.contents import Cell, ColumnSummary, EstimateLine, EstimatesPage, Row, TablePage
from cleanroom.desk.language import Said, said
from cleanroom.desk.views import Heading, TableLine
from cleanroom.numbers import count
from cleanroom.outside.words import cell_figure, estimate_figure

_COUNTED = (PEOPLE, EVENTS, CIDS)


def table_lines(candidate: Candidate) -> tuple[TableLine, ...]:
    """Each table of a candidate with its numbers of cells."""
    return tuple(
        TableLine(
            name,
            terms.title(table),
            table.cells["value"].count(),
            table.cells["withheld"].count(),
            table.cells["no_data"].count(),
        )
        for name, table in candidate.tables.items()
    )


def table_page(heading: Heading, candidate: Candidate, name: str) -> TablePage:
    """One table; raises `KeyError` if the candidate has none of this name."""
    table = candidate.tables[name]
    currency, policy = candidate.manifest["currency"], candidate.manifest["policy"]
    heads = tuple(terms.key(head) for head in table.dimensions)
    rows = tuple(_rows(table, currency, policy))
    columns = tuple(_summary(table, part) for part in table.cells.partition_by("measure"))
    others = table_lines(candidate)
    return TablePage(heading, name, terms.title(table), heads, rows, columns, others)


def estimates_page(heading: Heading, candidate: Candidate) -> EstimatesPage:
    """All estimates of a candidate."""
    currency = candidate.manifest["currency"]
    lines = (_estimate(one, currency) for one in candidate.findings.estimates.values())
    return EstimatesPage(heading, tuple(lines))


def _rows(table: Protected, currency: str, policy: dict[str, Any]) -> Iterator[Row]:
    for cell in table.cells.iter_rows(named=True):
        key = [cell[name] for name in table.dimensions]
        figure = cell_figure(table, *key, cell["measure"], currency=currency)
        drawn = Cell(figure.text, _behind(table, cell, policy))
        if figure.text is None:
            state, because = terms.absence(figure.state), phrases.understood(cell["because"] or "")
            drawn = Cell(None, drawn.behind, state, _why(cell), because)
        yield Row(tuple(terms.key(value) for value in key), terms.key(cell["measure"]), drawn)


def _why(cell: dict[str, Any]) -> Said:
    absent = cell["no_data"]
    return terms.reason(cell["withheld"]) if absent is None else terms.no_data(absent)


def _behind(table: Protected, cell: dict[str, Any], policy: dict[str, Any]) -> Said | None:
    """What the rules guarantee of a number that leaves, or let be known of one that does not."""
    if cell["no_data"] is not None:
        return None
    if cell["value"] is None:
        return terms.bound(table, cell["withheld"])
    people, contributors = policy["min_people"], policy["min_converters"]
    if table.noise:
        return said("at least %(people)s people by noisy counts, 99 times in 100", people=people)
    if cell["unit"] == PEOPLE:
        return said("counted among at least %(people)s people", people=people)
    return said(
        "at least %(contributors)s people contribute, of at least %(people)s",
        contributors=contributors,
        people=people,
    )


def _summary(table: Protected, part: pl.DataFrame) -> ColumnSummary:
    told = part.filter(pl.col("no_data").is_null())
    counts = told.filter(pl.col("unit").is_in(_COUNTED) & (pl.col("value") > 0))
    smallest = counts["value"].sort().to_list()
    measure = str(part["measure"].item(0))
    return ColumnSummary(
        terms.key(measure),
        told.height,
        told["withheld"].count(),
        count(smallest[0]) if smallest else None,
        _change(table, measure) if told["value"].count() else None,
    )


def _change(table: Protected, measure: str) -> Said:
    if measure in table.noise:
        deviation = f"{table.noise[measure]:,.3g}"
        return said("noise with a standard deviation of %(deviation)s", deviation=deviation)
    return terms.rounding(table) or said("exact")


def _estimate(estimate: Estimate, currency: str) -> EstimateLine:
    figure = estimate_figure(estimate, currency)
    if figure.text is not None:
        return EstimateLine(estimate.label, figure.text, figure.spread or "", estimate.method)
    state = terms.absence(figure.state or Absence.WITHHELD)
    reason = figure.withheld or ""
    return EstimateLine(estimate.label, None, "", estimate.method, state, reason)
