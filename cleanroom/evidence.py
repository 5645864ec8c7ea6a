"""How good the evidence behind a number is, by the comparison that stands behind it."""

from __future__ import annotations

from enum import StrEnum


class Grade(StrEnum):
    """From a holdout drawn by chance to no comparison at all."""

    RANDOMISED = "A"
    REGIONS = "B"
    OBSERVATIONAL = "C"
    ATTRIBUTION = "D"
