"""How uncertain a withheld number has to stay: as its rule leaves it, as far as the policy asks.

A count of people that its rule places among few numbers stays any of them. No more is asked of any
than that it may lie in a range of `protection_width` people; of a sum, than what so many people
contribute on average, and its largest contribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from cleanroom.borders import PEOPLE
from cleanroom.gate.entries import Entry
from cleanroom.gate.rules import DIFFERENCING
from cleanroom.policy import Policy

# Such a cell could leave by itself: nobody needs to be uncertain of it.
UNASKED = frozenset({"both_arms", "complementary"})


@dataclass(frozen=True)
class Demand:
    """How far below and above a value its interval has to reach, and how wide it has to be."""

    down: float = 0.0
    up: float = 0.0
    width: float = 0.0

    @property
    def asks(self) -> bool:
        """Whether it asks anything."""
        return max(self.down, self.up, self.width) > 0

    def missing(self, value: float, lower: float, upper: float) -> float:
        """How much an interval lacks; 0 where it is enough."""
        lacks = max(
            self.down - (value - lower), self.up - (upper - value), self.width - (upper - lower)
        )
        return lacks if lacks > 1e-6 * max(1.0, abs(value)) else 0.0


def demand_of(entry: Entry, policy: Policy, ceiling: float = inf) -> Demand:
    """What is asked for a cell; nothing if it is withheld for others alone, or not at all.

    `ceiling`: the fewest released people that a count is a part of; more it could not be.
    """
    if entry.rule is None or entry.rule in UNASKED:
        return Demand()
    if entry.unit != PEOPLE:
        return Demand(width=_of_sum(entry, policy))
    few, most = policy.min_converters, min(ceiling, _most(entry, policy))
    if most <= policy.protection_width:
        return Demand(down=entry.value, up=max(most - entry.value, 0.0))
    # Where nearly all are counted, few has to stay possible.
    nearly_all = entry.rule == "min_converters" and entry.value >= few
    return Demand(entry.value if nearly_all else 0.0, width=float(policy.protection_width))


def _most(entry: Entry, policy: Policy) -> float:
    """The most that a withheld count of people has to be able to be."""
    match entry.rule:
        case "min_people":
            return policy.min_people - 1.0
        case "column_minimums":
            return entry.minimum - 1.0
        case "min_converters" if entry.value < policy.min_converters:
            # That not nearly all are counted is no secret of anybody.
            return policy.min_converters - 1.0
        case _:
            return inf if entry.contributors is None else float(entry.people)


def said(entry: Entry, policy: Policy) -> tuple[float, float]:
    """Between which numbers a cell lies by the rule that is told of it alone.

    One that is told to be too near to an earlier number has passed the rules before that.
    """
    if entry.unit == PEOPLE and entry.told == "min_people":
        return 0.0, policy.min_people - 1.0
    if entry.unit == PEOPLE and entry.told == "column_minimums":
        return 0.0, entry.minimum - 1.0
    if entry.unit == PEOPLE and entry.told == DIFFERENCING.id:
        few = policy.min_people if entry.contributors is None else policy.min_converters
        return float(few), inf
    return (0.0 if entry.unit == PEOPLE else -inf), inf


def _of_sum(entry: Entry, policy: Policy) -> float:
    average = (entry.magnitude or abs(entry.value)) / max(entry.behind, 1)
    return max(policy.protection_width * average, entry.largest or 0.0, policy.protection_width)
