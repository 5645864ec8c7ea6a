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
from cleanroom.outside.facts import report_facts
from cleanroom.outside.overview import index_facts

if TYPE_CHECKING:
    import jinja2


# A regional study is read in its notebook.
_ON_A_PAGE = (StudyKind.CONVERSION, StudyKind.LIFT)


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

    `releases`: one for each study of the merchant. Raises `BorderError` for anything but releases,
    and `ReleaseError` if they are none, of several merchants, or two of one kind of study.
    """
    by_kind = _by_kind(releases)
    return _page("report.html", report_facts(by_kind))


def render_index(entries: Sequence[Published | LeftOut]) -> str:
    """The page that leads to all reports, with the lift of all merchants in one chart.

    Raises as `render_report` does.
    """
    published = [(e.href, _by_kind(e.releases)) for e in entries if isinstance(e, Published)]
    left_out = [e for e in entries if isinstance(e, LeftOut)]
    if len(published) + len(left_out) != len(entries):
        raise BorderError(
            "The index was given something else than merchants.", "pass `Published` or `LeftOut`."
        )
    return _page("index.html", {**index_facts(published), "left_out": left_out})


def _by_kind(releases: Sequence[Release]) -> dict[str, Release]:
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
    twice = [k for k, count in Counter(study["kind"] for study in studies).items() if count > 1]
    if twice:
        raise ReleaseError(
            f"There are two releases of the {twice[0]} study.", "pass the one that holds."
        )
    by_kind = {study["kind"]: r for study, r in zip(studies, releases, strict=True)}
    shown: dict[str, Release] = {kind: by_kind[kind] for kind in _ON_A_PAGE if kind in by_kind}
    if not shown:
        raise ReleaseError(
            "A page shows conversion and lift studies, and there is none.",
            "read a regional study in its notebook.",
        )
    return shown


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
