"""What the observational study checks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "label": (
            "At least %(count)s comparable people, in weight",
            "No effect before the study (placebo)",
            "No effect on buying elsewhere",
            "Groups alike once weighted",
            "The exposed have counterparts",
            "Robust against what was not seen",
        ),
        "apart": (
            "Before anybody was exposed the groups' rates of buying differ by %(points)s "
            "percentage points",
            "At other merchants the groups' rates of buying differ by %(points)s percentage points",
        ),
        "check": (
            "The comparable people are worth %(count)s of equal weight, %(count_after)s once who "
            "has no counterpart was set aside.",
            "The largest difference of a covariate is %(points)s standard deviations, where it was "
            "%(points_before)s; up to %(points_most)s is taken as alike.",
            "About %(share)s of the exposed have no counterpart and were set aside; what is known "
            "of people tells an exposed from another %(share_told)s of the time, a coin half of "
            "the time.",
            "No effect is claimed that could be explained away.",
            "Something unseen would have to make both exposure and buying %(points)s times as "
            "likely to bring the interval down to no effect; %(points_least)s is asked for.",
        ),
        "people": (
            "exposed people",
            "comparable people",
            "buyers among exposed people",
        ),
        "quantity": (
            "effective size of the comparable people, before any were set aside",
            "effective size of the comparable people, compared",
            "share of exposed people set aside",
            "separation of the two groups",
            "largest difference before weighting",
            "largest difference after weighting",
            "%(effect)s",
            "error of the %(effect)s",
        ),
        "effect": (
            "adjusted effect on buying",
            "adjusted effect on buying before the study",
            "adjusted effect on buying elsewhere",
        ),
    }
)
