"""How far a lift may be relied on, from the checks that its study made."""

from __future__ import annotations

from cleanroom.borders import Check, Findings, Verdict
from cleanroom.evidence import DECISIVE, NEEDED

_VERDICTS = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.UNKNOWN: "could not be made",
}


def verdict_words(check: Check) -> str:
    """The verdict of a check in a reader's words."""
    return _VERDICTS[check.verdict]


def is_comparable(lift: Findings) -> bool:
    """Whether no check failed without which the arms cannot be compared."""
    made = [lift.checks[name] for name in DECISIVE if name in lift.checks]
    return all(check.verdict is not Verdict.FAILED for check in made)


def is_graded(lift: Findings) -> bool:
    """Whether a lift has evidence grade A: all that makes the arms comparable was checked."""
    return is_comparable(lift) and all(
        lift.checks[name].verdict is Verdict.PASSED for name in NEEDED
    )
