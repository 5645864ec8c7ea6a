"""What a notebook shows of a candidate: sentences, tables and checks as Markdown, charts as SVG.

Everything comes from the candidate, so from protected values; a `Candidate`'s tables and findings
are there for further work with Polars and Altair (`candidate.tables["path"].cells`).
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cleanroom.absences import NO_DATA_WORDS, NoData
from cleanroom.agreement import StudyKind
from cleanroom.borders import Candidate, Verdict, candidate_digest
from cleanroom.drawable import Curves
from cleanroom.errors import StudyError
from cleanroom.numbers import points, probability
from cleanroom.outside import pieces
from cleanroom.outside.charts import to_svg
from cleanroom.outside.design import lift_design
from cleanroom.outside.words import (
    bound_words,
    cell_figure,
    estimate_figure,
    reason_words,
    rounding_words,
)
from cleanroom.studies import geo
from cleanroom.studies.intervals import Interval, UndefinedError
from cleanroom.studies.markets import Plan
from cleanroom.studies.portfolio import Portfolio
from cleanroom.study import GeoStudy, parse_study
from cleanroom.withholding import refusal_words, withholding

if TYPE_CHECKING:
    import altair as alt
    from IPython.display import SVG, Markdown

_NOTHING = "Nothing was withheld."
_SIGNS = {Verdict.PASSED: "✓ passed", Verdict.FAILED: "✗ failed", Verdict.UNKNOWN: "? unknown"}


def summary(candidate: Candidate) -> Markdown:
    """Whose study this is, and the sentences that matter, the most important first."""
    study = candidate.manifest["study"]
    title = f"## {plain(candidate.manifest['merchant_name'])}: {study['start']} to {study['end']}"
    return _markdown([title, *(f"- {plain(s)}" for s in candidate.findings.summary)])


def table(candidate: Candidate, name: str) -> Markdown:
    """One protected table, a row for each value of its dimensions, a column for each measure.

    A measure that is not of a row, as exposure is not of the holdout, stays empty there.
    """
    shown = candidate.tables[name]
    currency = candidate.manifest["currency"]
    measures = shown.cells["measure"].unique(maintain_order=True).to_list()
    keys = shown.cells.select(shown.dimensions).unique(maintain_order=True).rows() or [()]
    there = set(shown.cells.select(*shown.dimensions, "measure").iter_rows())
    told = [
        [
            cell_figure(shown, *key, m, currency=currency).told if (*key, m) in there else ""
            for m in measures
        ]
        for key in keys
    ]
    rows = [[*key, *row] for key, row in zip(keys, told, strict=True)]
    how = rounding_words(shown)
    note = ["", f"*{how[0].upper()}{how[1:]}.*"] if how else []
    return _markdown(
        [f"**{shown.title}**", "", *_grid([*shown.dimensions, *measures], rows), *note]
    )


def estimates(candidate: Candidate, names: Iterable[str] | None = None) -> Markdown:
    """Estimates with their 95 % intervals, all or those named.

    In a name `*` stands for anything. A name without it that the study does not have is an error.
    """
    found = candidate.findings.estimates
    wanted = list(found) if names is None else _matching(found, names)
    chosen = [found[name] for name in wanted]
    figures = [(e, estimate_figure(e, candidate.manifest["currency"])) for e in chosen]
    rows = [[e.label, f.told, f.spread or "", e.method] for e, f in figures]
    return _markdown(_grid(["estimate", "value", "95 % interval", "method"], rows))


def _matching(found: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    return list(
        dict.fromkeys(
            each
            for name in names
            for each in (fnmatch.filter(found, name) if "*" in name else [name])
        )
    )


def design(candidate: Candidate) -> Markdown:
    """How a lift was found out, about whom, and what may be concluded from it."""
    return _markdown(
        _grid(["", ""], [[f"**{name}**", words] for name, words in lift_design(candidate)])
    )


def curves(candidate: Candidate) -> Curves:
    """A regional study's lines, for charts and for further work (`.frame`).

    Raises `StudyError` for another study, or where it has none.
    """
    try:
        return geo.curves(candidate.tables, _regional(candidate))
    except UndefinedError as error:
        raise StudyError(f"There are no lines: {error}.", "see what was withheld.") from None


def plan(candidate: Candidate, size: int, length: int) -> Plan:
    """Plan the next test in `size` regions for `length` periods, from what a regional study's
    released table says of the periods before its start.

    Raises `StudyError` if they are too few.
    """
    try:
        return geo.plan(candidate.tables, _regional(candidate), size, length)
    except UndefinedError as error:
        raise StudyError(f"There is no plan: {error}.", "ask for a longer history.") from None


def _regional(candidate: Candidate) -> GeoStudy:
    parameters = {name: v for name, v in candidate.manifest["study"].items() if name != "kind"}
    study = parse_study(StudyKind(candidate.manifest["study"]["kind"]), parameters)
    if not isinstance(study, GeoStudy):
        raise StudyError("This is no regional study.", "ask for one: `cleanroom.geo(...)`.")
    return study


def chart(drawn: alt.LayerChart | alt.VConcatChart) -> SVG:
    """A chart as a static picture: no script, no network, the same in every notebook."""
    from IPython.display import SVG

    return SVG(to_svg(drawn))


def show(piece: SVG | Markdown) -> None:
    """Show one piece of several in a cell."""
    from IPython.display import display

    display(piece)


def portfolio(found: Portfolio, currency: str, most: int = 20) -> Markdown:
    """A portfolio: its sentences, its estimates and checks, the merchants with the largest best
    guesses (`most` of them), and who is left out for which reason."""
    estimates = found.findings.estimates.values()
    figures = [(e, estimate_figure(e, currency)) for e in estimates]
    rows = [[e.label, f.told, f.spread or "", e.method] for e, f in figures]
    checks = [[c.label, _SIGNS[c.verdict], c.words] for c in found.findings.checks.values()]
    first = [
        [one.merchant, _range(one.best or one.lift), _range(one.lift), probability(one.adjusted)]
        for one in found.members[:most]
    ]
    reasons = Counter(found.left_out.values()).most_common()
    return _markdown(
        [
            *(f"- {plain(sentence)}" for sentence in found.findings.summary),
            "",
            *_grid(["estimate", "value", "95 % interval", "method"], rows),
            "",
            *_grid(["check", "verdict", "in words"], checks),
            "",
            *_grid(["merchant", "best guess, points", "own estimate, points", "adjusted p"], first),
            "",
            *_grid(["merchants left out", "why"], [[times, why] for why, times in reasons]),
        ]
    )


def _range(one: Interval) -> str:
    low, value, high = (points(end, one.value) for end in (one.lower, one.value, one.upper))
    return f"{value} ({low} to {high})"


def checks(candidate: Candidate) -> Markdown:
    """The diagnostics to read before any estimate is believed, first those that decide."""
    rows = [[c.label, _SIGNS[c.verdict], c.words] for _, c in pieces.checks(candidate.findings)]
    return _markdown(_grid(["check", "verdict", "in words"], rows))


def withheld(candidate: Candidate) -> Markdown:
    """What was withheld of each table's measures, why, and how far it is known; then what there
    are no data on, which is neither zero nor withheld."""
    rows = [
        [
            name,
            account.measure,
            f"{account.withheld} of {account.cells} ({account.share:.0%})",
            "; ".join(f"{reason_words(r)} (known: {bound_words(shown, r)})" for r in account.rules),
        ]
        for name, shown in candidate.tables.items()
        for account in withholding(shown)
    ]
    lines = _grid(["table", "measure", "withheld", "why"], rows) if rows else [_NOTHING]
    refused = [
        f"\n{name}: {plain(words)}"
        for name, shown in candidate.tables.items()
        for words in refusal_words(shown)
    ]
    return _markdown([*lines, *refused, *_no_data(candidate)])


def _no_data(candidate: Candidate) -> Iterable[str]:
    for name, shown in candidate.tables.items():
        reasons = shown.cells["no_data"].drop_nulls().value_counts(sort=True)
        for reason, cells in reasons.iter_rows():
            words = NO_DATA_WORDS[NoData(reason)]
            yield f"\nNo data: {cells} of {shown.cells.height} cells of {name}: {words}."


def provenance(candidate: Candidate) -> Markdown:
    """What the numbers rest on: agreement, handovers, policy, notebook, code, by digest."""
    manifest = candidate.manifest
    handovers = manifest["handovers"].items()
    rows = [
        ["candidate", f"`{candidate_digest(candidate)}`"],
        ["agreement", f"{manifest['collaboration']} `{manifest['agreement']}`"],
        *([f"handover of {party}", f"`{digest}`"] for party, digest in handovers),
        ["policy", _terms(manifest["policy"])],
        ["notebook", f"{manifest['notebook']['name']} `{manifest['notebook']['sha256']}`"],
        ["code", f"cleanroom {manifest['code_version']}"],
        ["made", manifest["created"]],
    ]
    return _markdown(_grid(["what", "which"], rows))


def _terms(policy: Mapping[str, Any]) -> str:
    """Each rule with its number, those of noise among them."""
    noise = policy.get("noise") or {}
    rules = {name: value for name, value in policy.items() if name != "noise"}
    return ", ".join(f"{name} {value}" for name, value in (*rules.items(), *noise.items()))


def _grid(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(plain(str(cell)) for cell in line) + " |" for line in lines]


def plain(text: str) -> str:
    """Text that Markdown shows as it is: a merchant's name may hold anything."""
    for mark, instead in (("&", "&amp;"), ("<", "&lt;"), ("|", "&#124;"), ("\n", " ")):
        text = text.replace(mark, instead)
    return text


def _markdown(lines: Sequence[str]) -> Markdown:
    from IPython.display import Markdown

    return Markdown("\n".join(lines))
