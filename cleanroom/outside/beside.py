"""An observational estimate beside the randomised answer, where one merchant has both.

In 663 experiments with a known answer, what was adjusted missed it by a median of 62 points and
more (Gordon, Moakler and Zettelmeyer 2023): how near it came here is worth more than any check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from cleanroom.agreement import StudyKind
from cleanroom.borders import Candidate, Estimate
from cleanroom.errors import StudyError
from cleanroom.numbers import points
from cleanroom.outside.verdicts import is_comparable

METHODS = {
    "naive_lift": ("Unadjusted", "exposed minus all others"),
    "matched_lift": ("Matched", "beside the most similar"),
    "absolute_lift": ("Adjusted", "the study's estimate"),
}
# Of those shown it, as the others are; of everybody, where that was withheld.
TRUTHS = {
    "effect_on_exposed": ("Holdout, those shown it", "randomised"),
    "absolute_lift": ("Holdout, everybody", "randomised, as assigned"),
}
NOTE = (
    "The holdout answers for those whom the campaign reached, the others for all who saw a note in "
    "the observational study's days: where many saw notes otherwise, they may differ by right."
)


@dataclass(frozen=True)
class Line:
    """One way to the effect on buying: its `label`, what it is (`below`), its estimate, and how far
    it is from the holdout's (`apart`, a difference of shares; None where it is the holdout's, or
    one of them has no value)."""

    label: str
    below: str
    estimate: Estimate
    apart: float | None


def side_by_side(study: Candidate, holdout: Candidate) -> list[Line]:
    """The lift by each method of an observational `study`, then as the `holdout` has it.

    Raises `StudyError` where they are no such pair, not about the same merchant, population and
    days, or where a check of the holdout failed, so that it is no answer.
    """
    _check(study, holdout)
    found, truths = study.findings.estimates, holdout.findings.estimates
    truth = _truth(holdout).value
    methods = [(words, found[name]) for name, words in METHODS.items()]
    randomised = [(words, truths[name]) for name, words in TRUTHS.items() if name in truths]
    return [
        *(Line(*words, one, _apart(one.value, truth)) for words, one in methods),
        *(Line(*words, one, None) for words, one in randomised),
    ]


def _apart(value: float | None, truth: float | None) -> float | None:
    return None if value is None or truth is None else value - truth


def sentences(study: Candidate, holdout: Candidate) -> Iterator[str]:
    """What the comparison comes to, and what it cannot say. Raises as `side_by_side`."""
    lines = side_by_side(study, holdout)
    truth = _truth(holdout)
    if truth.value is None or truth.lower is None or truth.upper is None:
        yield f"The holdout's effect has no value: {truth.withheld or 'no interval'}."
        return
    told = points(truth.value), points(truth.lower), points(truth.upper)
    yield "The holdout found {} points (95% interval {} to {}).".format(*told)
    for line in lines[: len(METHODS)]:
        if line.apart is None or line.estimate.value is None:
            yield f"{line.label}: no estimate, {line.estimate.withheld}."
            continue
        inside = truth.lower <= line.estimate.value <= truth.upper
        where = "within" if inside else "outside"
        yield f"{line.label}: {points(abs(line.apart))} points {_side(line.apart)}, {where} it."
    yield NOTE


def _side(apart: float) -> str:
    return "above" if apart > 0 else "below"


def _truth(holdout: Candidate) -> Estimate:
    """The effect on those shown the campaign; where it has no value, on everybody."""
    estimates = holdout.findings.estimates
    found = [estimates[name] for name in TRUTHS if name in estimates]
    return next((one for one in found if one.value is not None), found[-1])


def _check(study: Candidate, holdout: Candidate) -> None:
    one, other = study.manifest["study"], holdout.manifest["study"]
    if (one["kind"], other["kind"]) != (StudyKind.OBSERVATIONAL, StudyKind.LIFT):
        raise StudyError(
            "These are not an observational study and a randomised one.",
            "give them in this order.",
        )
    start, end = _days(one)
    end += timedelta(days=one["follow_up_days"])
    first, last = _days(other)
    alike = all(one[name] == other[name] for name in ("merchant", "population"))
    if not (alike and start <= first and last <= end):
        raise StudyError(
            "The two studies are of another merchant, population or other days.",
            "set beside an observational study a randomised one of the same merchant and "
            "population, whose outcomes lie in the days in which its purchases count.",
        )
    if not is_comparable(holdout.findings):
        raise StudyError(
            "A check of the randomised study failed: it is no answer to hold anything to.",
            "see its checks.",
        )


def _days(study: dict[str, str]) -> tuple[date, date]:
    start, end = (date.fromisoformat(study[name]) for name in ("start", "end"))
    return start, end
