"""What the regional study checks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "label": (
            "No effect before the start (placebo in time)",
            "Equal trends before the start (for differences)",
            "Stands out among placebo regions (placebo in space)",
            "Other designs agree",
            "Most regions are in it",
        ),
        "apart": (
            "A start before the true one would have had a lift of %(share)s",
            "The trends of treated and other regions before the start were compared",
        ),
        "check": (
            "Regions drawn at random have as large a gap %(share)s of the time.",
            "Regions drawn at random have as large a gap %(share)s of the time, and no effect is "
            "claimed.",
            "Regions drawn at random have as large a gap %(share)s of the time, though the "
            "interval excludes zero.",
            "Outside the interval lies: %(designs)s.",
            "The estimates of %(count)s other designs lie within the interval.",
            "%(count)s regions have a number in each of %(count_periods)s periods.",
            "%(count)s regions have a number in each of %(count_periods)s periods; left out of "
            "all, because one was withheld: %(regions)s.",
        ),
        "regions": (
            "%(name)s, %(regions_rest)s",
            "%(name)s and %(name_last)s",
            "%(name)s",
        ),
        "designs": (
            "%(design)s",
            "%(design)s and %(design_last)s",
            "%(design)s, %(designs_rest)s",
        ),
        "design": (
            "%(outcome)s added, without augmentation",
            "%(outcome)s added, by the time series",
            "%(outcome)s added / what would have been, by differences",
        ),
        "outcome": ("Orders", "Buyers", "Revenue", "orders", "buyers", "revenue"),
        "absent": (
            "not every period's %(outcome)s in %(regions)s could leave the room",
            "the %(outcome)s of fewer than two other regions could leave the room",
        ),
        "undefined": (
            "there is no region %(regions)s",
            "so few periods exclude no effect at all",
            "a region had nothing in some period",
            "only one region is treated, which has no spread",
            "the regions do not differ",
            "there are no treated region and two others to compare it with",
            "there are not two periods before the start and one after it",
            "there are fewer than %(count)s periods to compare",
            "there are fewer than %(count)s periods before the start",
            "the gaps do not vary",
        ),
    }
)
