"""Pages: one report a merchant, and the index of all, drawn from releases and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from cleanroom.agreement import StudyKind
from cleanroom.borders import Release
from cleanroom.errors import BorderError, ReleaseError
from cleanroom.outside import theme
from cleanroom.outside.facts import recalled_facts, report_facts
from cleanroom.outside.overview import index_facts

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True)
class Published:
    """A merchant in the index: its releases, and the address of its report from there."""

    href: str
    releases: Sequence[Release]


@dataclass(frozen=True)
class LeftOut:
    """A merchant in the index that has no report, and why, in words."""

    merchant: str
    name: str
    reason: str


def render_report(releases: Sequence[Release]) -> str:
    """One merchant's page as self-contained HTML: no script, no network, made to be printed too.

    `releases`: one for each study of the merchant; of those recalled it is said that they were, and
    nothing else is drawn. Raises `BorderError` for anything but releases, and `ReleaseError` if
    they are none, of several merchants, or two of one kind of study.
    """
    by_kind = _by_kind(releases)
    recalled = [recalled_facts(release) for release in releases if release.recall]
    if not by_kind:
        manifest = releases[0].candidate.manifest
        return _page("recalled.html", {"manifest": manifest, "recalled": recalled})
    return _page("report.html", {**report_facts(by_kind), "recalled": recalled})


def render_index(entries: Sequence[Published | LeftOut]) -> str:
    """The page that leads to all reports, with the lift of all merchants in one chart.

    Raises as `render_report` does.
    """
    pages = [e for e in entries if isinstance(e, Published)]
    by_kind = [(e.href, _by_kind(e.releases)) for e in pages]
    recalled = [
        {"href": e.href, "name": r.candidate.manifest["merchant_name"], **recalled_facts(r)}
        for e in pages
        for r in e.releases
        if r.recall
    ]
    left_out = [e for e in entries if isinstance(e, LeftOut)]
    if len(pages) + len(left_out) != len(entries):
        raise BorderError(
            "The index was given something else than merchants.", "pass `Published` or `LeftOut`."
        )
    facts = index_facts([one for one in by_kind if one[1]])
    return _page("index.html", {**facts, "left_out": left_out, "recalled": recalled})


def _by_kind(releases: Sequence[Release]) -> dict[str, Release]:
    """The releases that hold, by kind of study."""
    if isinstance(releases, Release) or not all(isinstance(r, Release) for r in releases):
        raise BorderError(
            f"A report was asked for from {_kinds(releases)}.",
            "only releases can be reported on: have the candidate reviewed and released.",
        )
    studies = [release.candidate.manifest["study"] for release in releases]
    if len({study["merchant"] for study in studies}) != 1:
        raise ReleaseError(
            "A report needs the releases of exactly one merchant.", "pass those of one merchant."
        )
    releases = [release for release in releases if not release.recall]
    studies = [release.candidate.manifest["study"] for release in releases]
    twice = [k for k, count in Counter(study["kind"] for study in studies).items() if count > 1]
    if twice:
        raise ReleaseError(
            f"There are two releases of the {twice[0]} study.", "pass the one that holds."
        )
    by_kind = {study["kind"]: r for study, r in zip(studies, releases, strict=True)}
    return {kind: by_kind[kind] for kind in StudyKind if kind in by_kind}


def _kinds(given: object) -> str:
    values = given if isinstance(given, (list, tuple)) else [given]
    return f"a {' and a '.join(sorted({type(value).__name__ for value in values}))}"


def _page(template: str, facts: dict[str, Any]) -> str:
    return _templates().get_template(template).render(theme=theme, **facts)


@cache
def _templates() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("cleanroom.outside"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
