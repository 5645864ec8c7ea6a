"""What the lift study checks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "label": (
            "Arms have the planned sizes (sample ratio)",
            "Outcomes can be seen alike in both arms",
            "Enough data to decide",
            "Arms alike before the assignment (A/A)",
            "Arms balanced in what was spent before",
            "The holdout was not shown the campaign",
            "No links were passed on to the holdout",
            "The effect lasts (no novelty)",
            "The study's days are over",
            "The verdict holds however often it was looked at",
        ),
        "apart": (
            "Of the people assigned, %(share)s are in the treated arm, where %(share_planned)s "
            "were planned",
            "Outcomes can be seen of %(share)s of the people assigned to the treated arm and of "
            "%(share_holdout)s of the holdout",
            "Who had bought before sets the arms apart the most",
            "What was spent before sets the arms apart the most",
            "The lift of the last week is held against that of the first",
        ),
        "check": (
            "The interval includes zero, and does not rule out a lift beyond 10%% of the holdout's "
            "rate; %(found)s.",
            "The interval includes zero, and rules out a lift beyond 10%% of the holdout's rate; "
            "%(found)s.",
            "The interval excludes zero; %(found)s.",
            "The interval excludes zero, but the size is likely overstated; %(found)s.",
            "The arms' means lie %(points)s standard deviations apart, where less than "
            "%(points_most)s is asked.",
            "So few of the holdout %(reached)s (or nearly all) that the number was withheld.",
            "%(leak)s.",
            "%(leak)s: the effect is understated by about %(share)s.",
            "The store handed over events up to the last day of the study.",
            "The store's events end before the study does: this is the effect so far.",
            "This is the first look at this test.",
            "This is look %(count)s at this test: the interval that holds at every look includes "
            "zero (%(chance)s).",
            "This is look %(count)s at this test: the interval that holds at every look excludes "
            "zero (%(chance)s).",
        ),
        "found": (
            "a study of this size finds a lift of %(points)s percentage points, %(share)s of the "
            "holdout's rate, four times in five",
        ),
        "leak": (
            "%(count)s of the holdout (%(share)s) %(reached)s, where %(share_treated)s of the "
            "treated were shown it",
        ),
        "reached": ("were shown the campaign", "came by another's link"),
        "arm": ("treated", "holdout"),
        "people": (
            "people assigned to the %(arm)s arm",
            "people studied in the %(arm)s arm",
            "people in the %(arm)s arm who had spent something before",
            "people of the treated arm who were shown the campaign",
            "buyers in the %(arm)s arm, week %(week)s",
            "buyers in the %(arm)s arm",
        ),
        "quantity": (
            "amount spent before in the %(arm)s arm",
            "sum of squared amounts spent before in the %(arm)s arm",
        ),
    }
)
