"""What the machine looks at before a reviewer does, and the standing rule that goes by it.

A check looks at what would leave and at earlier cases, never at the support behind a cell. What it
finds stops nothing: it goes to the top of the queue, and to approve against it takes a comment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from cleanroom.agreement import Agreement, StandingRule, StudyKind
from cleanroom.borders import PEOPLE, Candidate, Protected, Verdict
from cleanroom.review.case import ESTIMATES, Case, Finding
from cleanroom.review.states import LEFT
from cleanroom.withholding import refusal_words

_MOSTLY = 0.5  # of a table's cells withheld


@dataclass(frozen=True)
class MachineCheck:
    """A check with its id, and what it looks for, in words."""

    id: str
    asks: str
    find: Callable[[Candidate, Iterable[Case]], Iterator[Finding]]


def findings(candidate: Candidate, earlier: Iterable[Case]) -> tuple[Finding, ...]:
    """What the machine finds in a candidate, beside all `earlier` cases."""
    earlier = list(earlier)
    return tuple(found for check in CHECKS for found in check.find(candidate, earlier))


def rule_refusal(candidate: Candidate, found: Iterable[Finding], agreement: Agreement) -> str:
    """Why the agreement's standing rule does not approve a candidate; empty if it does."""
    rule = agreement.standing_rule
    if rule is None:
        return "The agreement has no standing rule."
    study = StudyKind(candidate.manifest["study"]["kind"])
    if study not in rule.studies:
        return f"The standing rule is not for {study} studies."
    if any(found):
        return "The machine has found something."
    return next(_without_margin(candidate, rule), "")


def withheld_cells(candidate: Candidate) -> Counter[str]:
    """How many cells of a candidate each rule withheld."""
    return sum((_withheld(table) for table in candidate.tables.values()), Counter[str]())


def released_cells(candidate: Candidate) -> int:
    """How many cells of a candidate have a value."""
    return sum(table.cells["value"].count() for table in candidate.tables.values())


def _without_margin(candidate: Candidate, rule: StandingRule) -> Iterator[str]:
    least = rule.margin * candidate.manifest["policy"]["min_people"]
    for table in candidate.tables.values():
        people = table.cells.filter(pl.col("unit") == PEOPLE, pl.col("value") > 0)["value"]
        if any(people < least):
            yield f"A count of people in '{table.name}' lacks the margin of the standing rule."
    withheld = withheld_cells(candidate).total()
    if withheld > rule.max_withheld * (withheld + released_cells(candidate)):
        yield "More is withheld than the standing rule lets pass."


def _failed(candidate: Candidate, earlier: Iterable[Case]) -> Iterator[Finding]:
    for check in candidate.findings.checks.values():
        if check.verdict is Verdict.FAILED:
            yield Finding("failed_diagnostic", ESTIMATES, f"{check.label}: {check.words}")


def _mostly_withheld(candidate: Candidate, earlier: Iterable[Case]) -> Iterator[Finding]:
    for table in candidate.tables.values():
        withheld, with_data = _withheld(table).total(), table.cells["no_data"].null_count()
        if with_data and withheld > _MOSTLY * with_data:
            words = f"{withheld} of its {with_data} cells are withheld."
            yield Finding("mostly_withheld", table.name, words)


def _near_an_answer(candidate: Candidate, earlier: Iterable[Case]) -> Iterator[Finding]:
    """In the words that analysts have read of it: what was withheld, and beside which answer."""
    for table in candidate.tables.values():
        said = refusal_words(table)
        if said:
            more = f" (and {len(said) - 1} more such)" if len(said) > 1 else ""
            yield Finding("near_an_answer", table.name, f"Withheld: {said[0]}{more}.")


def _overlapping(candidate: Candidate, earlier: Iterable[Case]) -> Iterator[Finding]:
    """By days and merchant alone: that few people are between the two is asked at release."""
    study = candidate.manifest["study"]
    for case in earlier:
        if case.state not in LEFT or not _alike(case.study, study):
            continue
        words = f"{case.study['start']} to {case.study['end']} of it was released before"
        if case.study == study:
            words = "The same study was released before"
        yield Finding("overlaps_release", "", f"{words} ({case.candidate[:12]}): compare the two.")


def _alike(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two studies are of one kind and merchant, with days in common."""
    if any(one[name] != other[name] for name in ("kind", "merchant")):
        return False
    (start, end), (other_start, other_end) = (
        (date.fromisoformat(each["start"]), date.fromisoformat(each["end"]))
        for each in (one, other)
    )
    return start <= other_end and other_start <= end


def _withheld(table: Protected) -> Counter[str]:
    return Counter(table.cells["withheld"].drop_nulls().to_list())


CHECKS = (
    MachineCheck(
        "failed_diagnostic",
        "A diagnostic of the study failed: its effect is not to be believed as it stands.",
        _failed,
    ),
    MachineCheck(
        "mostly_withheld",
        "More than half of a table's cells is withheld: little is told, and much may be inferred.",
        _mostly_withheld,
    ),
    MachineCheck(
        "near_an_answer",
        "A number was withheld because, beside what was shown before, it would be about too few.",
        _near_an_answer,
    ),
    MachineCheck(
        "overlaps_release",
        "A study of this kind and merchant with days in common was released before.",
        _overlapping,
    ),
)
