"""One candidate as a reviewer reads it at a terminal: all that would leave, and nothing else."""

from __future__ import annotations

from cleanroom.borders import Protected
from cleanroom.desk.queue import Waiting
from cleanroom.desk.words import found
from cleanroom.gate.rules import RULES
from cleanroom.outside.words import (
    bound_words,
    cell_figure,
    estimate_figure,
    rounding_words,
)
from cleanroom.withholding import refusal_words, withholding


def sheet(waiting: Waiting) -> str:
    """Sentences, checks, every cell and every estimate of a candidate, and what it rests on."""
    manifest, findings = waiting.candidate.manifest, waiting.candidate.findings
    study, currency = manifest["study"], manifest["currency"]
    lines = [
        f"{study['kind']} of {manifest['merchant_name']} ({study['merchant']}), "
        f"{study['start']} to {study['end']}",
        f"digest {waiting.digest}",
        "",
        *(f"! {words}" for words in found(waiting.case)),
        *findings.summary,
    ]
    lines += ["", *(f"{c.label}: {c.verdict}. {c.words}" for c in findings.checks.values())]
    for table in waiting.candidate.tables.values():
        lines += ["", table.title, *_cells(table, currency), *_rounding(table)]
    lines += ["", "Estimates, computed from the cells above"]
    for estimate in findings.estimates.values():
        figure = estimate_figure(estimate, currency)
        spread = f" ({figure.spread})" if figure.spread else ""
        lines.append(f"  {estimate.label}: {figure.told}{spread}")
    used = [rule for rule in RULES if rule.id in waiting.withheld]
    lines += [
        "",
        "Withheld",
        *(f"  {waiting.withheld[r.id]} by {r.id}: {r.protects}" for r in used),
        *(line for table in waiting.candidate.tables.values() for line in _withheld(table)),
        *(
            f"  {table.name}, {words}"
            for table in waiting.candidate.tables.values()
            for words in refusal_words(table)
        ),
    ]
    rests = ("agreement", "template", "handovers", "policy", "notebook", "code_version", "created")
    lines += ["", "Rests on", *(f"  {name}: {manifest[name]}" for name in rests)]
    return "\n".join(lines)


def _cells(table: Protected, currency: str) -> list[str]:
    keys = table.cells.select(*table.dimensions, "measure").rows()
    figures = ((key, cell_figure(table, *key, currency=currency)) for key in keys)
    return [f"  {' '.join(key)}: {f.told}" for key, f in figures]


def _rounding(table: Protected) -> list[str]:
    words = rounding_words(table)
    return [f"  ({words})"] if words else []


def _withheld(table: Protected) -> list[str]:
    """The share withheld of each measure, and how far the numbers are known."""
    return [
        f"  {table.name}, {account.measure}: {account.withheld} of {account.cells} "
        f"({account.share:.0%}); {'; '.join(bound_words(table, rule) for rule in account.rules)}"
        for account in withholding(table)
    ]
