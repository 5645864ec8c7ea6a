"""What the tables of an observational study are made of.

Counts of people leave by the usual rules. Estimates leave beside the counts they rest on, rounded
to a tenth of their standard errors, or to so coarse a multiple that no person shows in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise

from cleanroom.layout import Dimension, Layout, Measure, Pairs, Parts, Place, Use
from cleanroom.room.exposure import COVARIATES


class Arm(StrEnum):
    """The groups of people compared, and what is said of both together."""

    EXPOSED = "exposed"
    COMPARABLE = "comparable"
    BOTH = "both"


class Outcome(StrEnum):
    """What the groups are compared in; the last two are those in which no effect can be."""

    BOUGHT = "bought"
    SPENT = "spent"
    BOUGHT_BEFORE = "bought_before"
    BOUGHT_ELSEWHERE = "bought_elsewhere"


SEGMENTS = ("customers", "new_customers")
FIFTHS = tuple(f"fifth_{number}" for number in range(1, 6))
# Of the propensity, in per cent: closer where exposure is rare, as it mostly is.
EDGES = (0, 2, 5, 10, 20, 35, 50, 65, 80, 90, 100)
BINS = tuple(f"{low}% to {high}%" for low, high in pairwise(EDGES))

_PEOPLE = ("users.user", "buyers.buyer")
_KNOWN = (
    "touches.kind",
    "touches.campaign",
    "visits.kind",
    "users.prior_engagements",
    "buyers.region",
    "buyers.prior_orders",
    "buyers.prior_amount",
)
_MERCHANT = Dimension("merchant", ("touches.merchant", "visits.merchant"))
_ARM = Dimension("arm", categories=tuple(Arm), parts=True)
# Of two periods nothing is known: who is compared with whom depends on all that is known by then.
_COUNT = Measure("people", Use.COUNT, _PEOPLE, parts=Parts.FREE)
_BUYERS = Measure("converters", Use.COUNT, ("visits.buyer",), parts=Parts.FREE)


def _told(name: str, grain: float) -> Measure:
    return Measure(name, Use.ESTIMATE, _KNOWN, rests_on=("people",), grain=grain)


def _effects(*names: str) -> tuple[Measure, ...]:
    """Effects by name, each with its standard error."""
    return tuple(
        Measure(
            measure,
            Use.ESTIMATE,
            (*_KNOWN, "visits.amount"),
            rests_on=("people", "converters"),
            error=f"{name}_error",
        )
        for name in names
        for measure in (name, f"{name}_error")
    )


def _buyers_of(about: str, groups: Iterable[str]) -> Pairs:
    """Of each group's arms, the buyers among the people."""
    places = [f"{group}.{arm}" for group in groups for arm in (Arm.EXPOSED, Arm.COMPARABLE)]
    return tuple((Place(about, "converters", at), Place(about, "people", at)) for at in places)


_BUYERS_IN = {
    "comparison": _buyers_of("comparison", Outcome),
    "segments": _buyers_of("segments", SEGMENTS),
    "fifths": _buyers_of("fifths", FIFTHS),
}
DESIGN = Layout(
    "design",
    "People compared, and how comparable they are",
    (_MERCHANT, _ARM),
    (
        _COUNT,
        _told("set_aside", 0.05),
        _told("effective_before", 10),
        _told("effective", 10),
        _told("separation", 0.01),
    ),
    contrast="arm",
    compared="arm",
)
BALANCE = Layout(
    "balance",
    "Exposed minus comparable, in standard deviations",
    (_MERCHANT, Dimension("covariate", categories=COVARIATES, parts=True)),
    (_COUNT, _told("before", 0.01), _told("after", 0.01)),
)
OVERLAP = Layout(
    "overlap",
    "People by how likely they were to be exposed",
    (_MERCHANT, Dimension("propensity", categories=BINS, parts=True), _ARM),
    (_COUNT,),
    contrast="arm",
)
COMPARISON = Layout(
    "comparison",
    "Exposed and comparable people, and what differs",
    (_MERCHANT, Dimension("outcome", categories=tuple(Outcome), parts=True), _ARM),
    (_COUNT, _BUYERS, *_effects("naive", "matched", "adjusted", "ranking")),
    contrast="arm",
    compared="arm",
    at_most=_BUYERS_IN["comparison"],
    among=_BUYERS_IN["comparison"],
)
# Of a withheld part all parts are withheld: the whole stands in `comparison`.
SEGMENT = Layout(
    "segments",
    "Who responds: customers of before, and new ones",
    (_MERCHANT, Dimension("segment", categories=SEGMENTS, parts=True), _ARM),
    (_COUNT, _BUYERS, *_effects("adjusted")),
    contrast="segment",
    compared="arm",
    at_most=_BUYERS_IN["segments"],
    among=_BUYERS_IN["segments"],
)
FIFTH = Layout(
    "fifths",
    "Who responds: fifths of the people, in the order of the effect foreseen for them",
    (_MERCHANT, Dimension("fifth", categories=FIFTHS, parts=True), _ARM),
    (_COUNT, _BUYERS, *_effects("adjusted")),
    contrast="fifth",
    compared="arm",
    at_most=_BUYERS_IN["fifths"],
    among=_BUYERS_IN["fifths"],
)
LAYOUTS = (DESIGN, BALANCE, OVERLAP, COMPARISON, SEGMENT, FIFTH)
