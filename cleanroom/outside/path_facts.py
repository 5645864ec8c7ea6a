"""What a page says of delay, attribution and parts: a chart, or one line where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cleanroom.borders import Candidate
from cleanroom.outside.path_charts import credit_chart, delay_chart, parts_chart, untold
from cleanroom.outside.pieces import draw, pair

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
    return {"channel": candidate.manifest["study"].get("channel"), **made}


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
