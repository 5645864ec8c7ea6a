"""How much a number proves: the grade of evidence by the kind of comparison behind it."""

from __future__ import annotations

from enum import StrEnum


class Grade(StrEnum):
    """What stands behind an effect, from the strongest comparison to none."""

    RANDOMISED = "A"
    REGIONS = "B"
    OBSERVATIONAL = "C"
    ATTRIBUTION = "D"

    @property
    def words(self) -> str:
        """As a sentence says it: 'evidence grade B, a comparison of regions'."""
        return f"evidence grade {self}, {_COMPARISONS[self]}"


_COMPARISONS = {
    Grade.RANDOMISED: "randomised holdout",
    Grade.REGIONS: "a comparison of regions",
    Grade.OBSERVATIONAL: "an adjusted comparison of groups that chose for themselves",
    Grade.ATTRIBUTION: "attribution without a comparison",
}
