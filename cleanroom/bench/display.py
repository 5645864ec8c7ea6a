"""What a notebook shows of a candidate: sentences, tables and checks as Markdown, charts as SVG.

Everything comes from the candidate, so from protected values; a `Candidate`'s tables and findings
are there for further work with Polars and Altair (`candidate.tables["path"].cells`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cleanroom.absences import NO_DATA_WORDS, NoData
from cleanroom.borders import Candidate, Verdict, candidate_digest
from cleanroom.outside.charts import to_svg
from cleanroom.outside.path_charts import untold
from cleanroom.outside.words import (
    bound_words,
    cell_figure,
    estimate_figure,
    reason_words,
    rounding_words,
)
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
    """One protected table, a row for each value of its dimensions, a column for each measure."""
    shown = candidate.tables[name]
    currency = candidate.manifest["currency"]
    measures = shown.cells["measure"].unique(maintain_order=True).to_list()
    keys = shown.cells.select(shown.dimensions).unique(maintain_order=True).rows() or [()]
    figures = [[cell_figure(shown, *key, m, currency=currency) for m in measures] for key in keys]
    rows = [[*key, *(f.told for f in row)] for key, row in zip(keys, figures, strict=True)]
    how = rounding_words(shown)
    note = ["", f"*{how[0].upper()}{how[1:]}.*"] if how else []
    return _markdown(
        [f"**{shown.title}**", "", *_grid([*shown.dimensions, *measures], rows), *note]
    )


def estimates(candidate: Candidate, names: Iterable[str] | None = None) -> Markdown:
    """Estimates with their 95 % intervals, all or those named."""
    found = candidate.findings.estimates
    chosen = [found[name] for name in names] if names is not None else list(found.values())
    figures = [(e, estimate_figure(e, candidate.manifest["currency"])) for e in chosen]
    rows = [[e.label, f.told, f.spread or "", e.method] for e, f in figures]
    return _markdown(_grid(["estimate", "value", "95 % interval", "method"], rows))


def estimates_like(candidate: Candidate, *beginnings: str) -> Markdown:
    """The estimates whose names begin so; where no number is known, the reasons, each once."""
    found = {n: e for n, e in candidate.findings.estimates.items() if n.startswith(beginnings)}
    if any(one.value is not None for one in found.values()):
        return estimates(candidate, found)
    reasons = dict.fromkeys(estimate_figure(one).told for one in found.values())
    return _markdown([*map(plain, reasons)] or ["Nothing of this was asked for or can be told."])


def chart_or_line(drawn: alt.LayerChart | None, candidate: Candidate, name: str) -> SVG | Markdown:
    """A chart, or one line on how much of the table `name` is withheld where there is none."""
    if drawn is not None:
        return chart(drawn)
    told = candidate.tables.get(name)
    return _markdown([plain(untold(told)) if told else f"No table '{name}' was made."])


def chart(drawn: alt.LayerChart | alt.VConcatChart) -> SVG:
    """A chart as a static picture: no script, no network, the same in every notebook."""
    from IPython.display import SVG

    return SVG(to_svg(drawn))


def checks(candidate: Candidate) -> Markdown:
    """The diagnostics to read before any estimate is believed."""
    rows = [[c.label, _SIGNS[c.verdict], c.words] for c in candidate.findings.checks.values()]
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
