"""What the index says of many merchants: a line each, and the lift of all in one chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cleanroom.agreement import StudyKind
from cleanroom.borders import Candidate, Findings, Release
from cleanroom.outside import charts
from cleanroom.outside.facts import incremental_buyers
from cleanroom.outside.names import period_words
from cleanroom.outside.pieces import draw
from cleanroom.outside.words import estimate_figure

_COLUMNS = {"people_reach": "People reached", "revenue": "Revenue", "roas": "ROAS"}


def index_facts(reports: Sequence[tuple[str, Mapping[str, Release]]]) -> dict[str, Any]:
    """All that the template `index.html` shows of `reports`: addresses and releases by kind."""
    studies = [
        (href, {kind: release.candidate for kind, release in releases.items()})
        for href, releases in reports
    ]
    lifts = _lifts([by_kind for _, by_kind in studies])
    return {
        "columns": [*_COLUMNS.values(), "Incremental buyers"],
        "merchants": [_line(href, by_kind) for href, by_kind in studies],
        "periods": list(dict.fromkeys(_period(by_kind) for _, by_kind in studies)),
        "manifests": [_any(by_kind).manifest for _, by_kind in studies],
        "portfolio": draw(charts.portfolio_chart(lifts)) if lifts else None,
    }


def _line(href: str, by_kind: Mapping[str, Candidate]) -> dict[str, Any]:
    manifest, conversion = _any(by_kind).manifest, by_kind.get(StudyKind.CONVERSION)
    found = conversion.findings.estimates if conversion else {}
    figures = [estimate_figure(found.get(name), manifest["currency"]) for name in _COLUMNS]
    return {
        "href": href,
        "name": manifest["merchant_name"],
        "category": manifest["category"],
        "figures": [*figures, incremental_buyers(by_kind.get(StudyKind.LIFT))],
    }


def _lifts(studies: Sequence[Mapping[str, Candidate]]) -> dict[str, Findings]:
    """The findings of the lift studies by merchant; of two of one name, with the merchant's id."""
    lifts = [by_kind[StudyKind.LIFT] for by_kind in studies if StudyKind.LIFT in by_kind]
    names = Counter(candidate.manifest["merchant_name"] for candidate in lifts)
    return {_name(candidate.manifest, names): candidate.findings for candidate in lifts}


def _name(manifest: Mapping[str, Any], names: Counter[str]) -> str:
    name: str = manifest["merchant_name"]
    return name if names[name] == 1 else f"{name} ({manifest['study']['merchant']})"


def _period(by_kind: Mapping[str, Candidate]) -> str:
    return period_words(_any(by_kind).manifest["study"])


def _any(by_kind: Mapping[str, Candidate]) -> Candidate:
    return next(iter(by_kind.values()))
