"""What the checks of all studies say alike: chance, and that a number is not there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cleanroom.absences import NO_DATA_WORDS

PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "check": (
            "%(apart)s: more than chance explains (%(chance)s, below %(points)s).",
            "%(apart)s, within chance (%(chance)s).",
            "Not checked: %(absent)s.",
        ),
        "absent": (
            "%(numbers)s was withheld by the disclosure rules",
            "%(numbers)s were withheld by the disclosure rules",
            "%(count)s of the numbers it needs were withheld by the disclosure rules",
            "there is no data on %(numbers)s: %(nodata)s",
            "not defined for %(numbers)s: %(undefined)s",
            "not defined: %(undefined)s",
            "%(undefined)s",
            "%(absent)s; %(absent_rest)s",
        ),
        "numbers": (
            "%(number)s",
            "%(number)s and %(number_last)s",
            "%(number)s, %(numbers_rest)s",
        ),
        "number": (
            "the number of %(people)s",
            "the %(quantity)s",
        ),
        "nodata": tuple(NO_DATA_WORDS.values()),
        "undefined": (
            "there is nobody to divide by",
            "the part is larger than the whole",
            "there are fewer than two people",
            "everyone has the same amount",
            "everyone was alike before",
            "nothing varies",
            "the holdout does not vary",
            "the effect is not clearly smaller than the rate",
            "the sum of squares is too small for the sum",
            "the noise is too large for how much the amounts differ",
            "the noise is too large for so few people",
        ),
    }
)
