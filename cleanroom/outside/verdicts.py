"""How far a lift may be relied on, from the checks that its study made."""

from __future__ import annotations

from cleanroom.borders import Check, Findings, Verdict

# Where one of these fails, the arms cannot be compared and the lift must not be used.
_VALIDITY = ("sample_ratio", "linked_share_equal")
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
    return all(check.verdict is not Verdict.FAILED for check in _validity(lift))


def is_graded(lift: Findings) -> bool:
    """Whether a lift has evidence grade A: all that makes the arms comparable was checked."""
    return all(check.verdict is Verdict.PASSED for check in _validity(lift))


def _validity(lift: Findings) -> list[Check]:
    return [lift.checks[name] for name in _VALIDITY]
