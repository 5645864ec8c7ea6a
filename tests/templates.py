"""Study templates that cover whatever an agreement permits, approved by both platforms."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cleanroom.agreement import Agreement, StudyKind
from cleanroom.policy import fingerprint
from cleanroom.review.office import docket, propose, record
from cleanroom.review.records import ActKind, Reviewer, sign_act
from cleanroom.review.templates import Bounds, Template
from cleanroom.study import parameters_of

REVIEWER = "ann"


def wide(kind: StudyKind, agreement: Agreement, sha256: str = "00" * 32) -> Template:
    """A template without bounds."""
    return Template(
        collaboration=agreement.collaboration,
        name=f"any-{kind}",
        kind=kind,
        notebook=f"{kind}.ipynb",
        sha256=sha256,
        parameters={name: Bounds() for name in parameters_of(kind)},
        policy=fingerprint(agreement.effective_policy),
    )


def approve(
    ledger: Path,
    agreement: Agreement,
    templates: Iterable[Template],
    reviewers: Iterable[Reviewer],
) -> None:
    """Propose templates, and have a reviewer of each platform sign those that are new."""
    new = propose(ledger, [*templates], "somebody")
    for by in reviewers:
        head = docket(ledger).head
        acts = [sign_act(by, ActKind.APPROVE_TEMPLATE, each.digest, head) for each in new]
        record(ledger, agreement, acts)
