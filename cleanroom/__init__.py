"""Privacy-safe measurement across two platforms: the story in the order of the pipeline.

Each platform tokenises and hands over; the room accepts, joins and computes; the gate protects;
studies read what is protected; reviewers of both platforms sign; a report is drawn from the
release. In a notebook: `cleanroom.conversion(...)`, `cleanroom.lift(...)`,
`cleanroom.observational(...)` and `cleanroom.geo(...)`; `cleanroom.portfolio(...)` reads the lifts
that were released of many merchants.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Name → module, in the order of the pipeline. Imported on first use, so that the command line
# answers at once and a party's machine never loads the room.
_STORY = {
    "load_agreement": ("cleanroom.agreement", "load"),
    "load_keys": ("cleanroom.party.keys", "load_keys"),
    "write_handover": ("cleanroom.party.handover", "write_handover"),
    "accept": ("cleanroom.room.vault", "accept"),
    "conversion_tables": ("cleanroom.room.conversion", "conversion_tables"),
    "lift_tables": ("cleanroom.room.lift", "lift_tables"),
    "geo_tables": ("cleanroom.room.geo", "geo_tables"),
    "protect": ("cleanroom.gate.protect", "protect"),
    "conversion": ("cleanroom.bench.ask", "conversion"),
    "lift": ("cleanroom.bench.ask", "lift"),
    "observational": ("cleanroom.bench.ask", "observational"),
    "geo": ("cleanroom.bench.ask", "geo"),
    "portfolio": ("cleanroom.bench.portfolio", "portfolio"),
    "display": ("cleanroom.bench.display", None),
    "charts": ("cleanroom.outside.charts", None),
    "comparability": ("cleanroom.outside.comparability", None),
    "lines": ("cleanroom.outside.lines", None),
    "run": ("cleanroom.bench.run", "run"),
    "release": ("cleanroom.bench.release", None),
    "decide": ("cleanroom.desk.decide", "decide"),
    "read_release": ("cleanroom.gate.release", "read_release"),
    "render_report": ("cleanroom.outside.report", "render_report"),
}

__all__ = list(_STORY)


def __getattr__(name: str) -> Any:
    if name not in _STORY:
        raise AttributeError(f"module 'cleanroom' has no attribute '{name}'")
    module, attribute = _STORY[name]
    found = import_module(module)
    return getattr(found, attribute) if attribute else found
