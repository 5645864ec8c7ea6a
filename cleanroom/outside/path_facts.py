"""What a page says of delay, attribution and parts: a chart, or one line where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cleanroom.borders import Candidate
from cleanroom.outside.path_charts import (
    credit_by_rule,
    credit_chart,
    delay_chart,
    parts_chart,
    untold,
)
from cleanroom.outside.pieces import Grid, draw, pair
from cleanroom.outside.words import Figure

if TYPE_CHECKING:
    import altair as alt

_DELAY = ("final_", "roi_by_")
_CREDIT = ("unattributed_share", "assisted_per_last@")


def path_facts(candidate: Candidate) -> dict[str, Any]:
    """Sections by name, none of a table that was not made."""
    findings, tables = candidate.findings, candidate.tables
    sections = {
        "delay": ("delay", delay_chart(findings), _DELAY),
        "credit": ("credit", credit_chart(tables.get("credit"), findings), _CREDIT),
        "parts": ("path_by", parts_chart(findings), ()),
    }
    made = {
        section: _section(candidate, table, chart, beginnings) if table in tables else None
        for section, (table, chart, beginnings) in sections.items()
    }
    rules = _rules(candidate) if made["credit"] and made["credit"]["chart"] else None
    return {"channel": candidate.manifest["study"].get("channel"), "rules": rules, **made}


def _rules(candidate: Candidate) -> Grid:
    """What each rule credits to whom: a row for each part, a column for each rule."""
    credit = candidate.tables["credit"]
    every = credit_by_rule(credit, candidate.findings)
    parts = dict.fromkeys(part for own in every.values() for part in own)
    none = (None, Figure(""))
    rows = tuple((part, tuple(own.get(part, none)[1] for own in every.values())) for part in parts)
    return Grid(
        "Orders that each rule credits, and those that none does",
        (credit.dimensions[-1], *every),
        rows,
    )


def _section(
    candidate: Candidate, table: str, chart: alt.LayerChart | None, beginnings: Sequence[str]
) -> dict[str, Any]:
    estimates = candidate.findings.estimates
    own = [e for n, e in estimates.items() if beginnings and n.startswith(tuple(beginnings))]
    return {
        "chart": chart and draw(chart),
        "line": untold(candidate.tables[table]),
        "estimates": [pair(candidate, e) for e in own if e.value is not None],
    }
