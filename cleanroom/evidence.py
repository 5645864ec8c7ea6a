"""How far a number may be believed to be an effect: its evidence grade, from the study's design."""

from __future__ import annotations

from enum import StrEnum


class Grade(StrEnum):
    """What a study's design can show, best first."""

    RANDOMISED = "A"
    REGIONS = "B"
    OBSERVATIONAL = "C"
    ATTRIBUTION = "D"

    @property
    def design(self) -> str:
        """The design in two or three words: 'randomised holdout'."""
        return _DESIGNS[self]

    @property
    def meaning(self) -> str:
        """What may be concluded from such a design, in one clause."""
        return _MEANINGS[self]


_DESIGNS = {
    Grade.RANDOMISED: "randomised holdout",
    Grade.REGIONS: "regions and days",
    Grade.OBSERVATIONAL: "comparison without a holdout",
    Grade.ATTRIBUTION: "attribution",
}
_MEANINGS = {
    Grade.RANDOMISED: "chance alone decided who was shown the campaign, so the difference is its "
    "effect",
    Grade.REGIONS: "regions were compared, not people: an effect, if nothing else happened in the "
    "regions treated",
    Grade.OBSERVATIONAL: "people who saw the campaign were compared with people alike in what was "
    "recorded: an effect only if nothing unrecorded sets them apart",
    Grade.ATTRIBUTION: "an order is credited to the click before it; part of such orders would "
    "have come anyway",
}


def graded(grade: Grade) -> str:
    """The grade as a sentence names it: 'evidence grade A, randomised holdout'."""
    return f"evidence grade {grade}, {grade.design}"


# Of a randomised study: the checks without which its arms are not shown to be comparable, and those
# of which none may have failed, or the estimate must not be used.
NEEDED = ("sample_ratio", "linked_share_equal")
DECISIVE = (*NEEDED, "prior_equal")
