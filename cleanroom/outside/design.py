"""The first screen of a lift: how it was found out, about whom, and what may be concluded."""

from __future__ import annotations

from cleanroom.borders import Candidate
from cleanroom.evidence import Grade
from cleanroom.numbers import money, share
from cleanroom.outside.names import period_words
from cleanroom.outside.verdicts import is_comparable, is_graded

_OUTCOME = "an order at the merchant's store, on the days of the study and after the assignment"


def lift_design(candidate: Candidate) -> list[tuple[str, str]]:
    """What a reader of a lift has to know before the number: each a name and a clause or two."""
    study, findings = candidate.manifest["study"], candidate.findings
    most = money(study["max_amount"], candidate.manifest["currency"])
    planned = study["planned_treated_share"]
    looks = candidate.manifest.get("looks", 1)
    return [
        ("Evidence", _grade(candidate)),
        (
            "Design",
            f"{Grade.RANDOMISED.design}, {share(planned)} of the people planned to be treated; "
            "each counts in the arm assigned (intention to treat)",
        ),
        ("Population", findings.summary[1]),
        ("Days", f"{period_words(study)}{_so_far(candidate)}"),
        ("Outcome", f"{_OUTCOME}; amounts net of refunds, at most {most} a person"),
        ("Looks", "this is the first" if looks == 1 else f"this is look {looks} at this test"),
    ]


def _grade(candidate: Candidate) -> str:
    findings = candidate.findings
    if not is_comparable(findings):
        return "not to be used: a check of the experiment failed"
    if not is_graded(findings):
        return "no grade: not all that makes the arms comparable could be checked"
    return f"grade {Grade.RANDOMISED}: {Grade.RANDOMISED.meaning}"


def _so_far(candidate: Candidate) -> str:
    over = candidate.manifest.get("complete")
    return "" if over or over is None else ", which are not over yet"
