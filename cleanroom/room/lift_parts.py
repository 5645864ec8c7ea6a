"""The parts of a lift study's arms as they are told: weeks, kinds of customers, and regions.

What would fall to the agreement's minimums is told together with others, so that more is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom.policy import Policy
from cleanroom.room.counting import Key
from cleanroom.room.lift_layout import CUSTOMERS, WEEKS
from cleanroom.room.numbered import Counted, joined
from cleanroom.study import LiftStudy
from cleanroom.tables import ARMS

Tallies = dict[Key, Counted]
ELSEWHERE = "elsewhere"


def by_week(
    counted: Tallies, studies: Sequence[LiftStudy], begun: int, policy: Policy, seed: int
) -> Tallies:
    """Buyers of weeks that have begun, by (merchant, study, arm, last week); few of them, in fewer
    periods. `counted` is by the number of the week."""
    found: Tallies = {}
    weeks = range(min(begun, len(WEEKS)))
    for study in studies:
        own = (study.merchant, study.study)
        arms = [[counted.get((*own, arm, str(n)), Counted()) for n in weeks] for arm in ARMS]
        ends = _ends([[one["converters"] for one in arm] for arm in arms], policy.min_converters)
        for arm, bought in zip(ARMS, arms, strict=True):
            for begin, end in zip([0, *ends], ends, strict=False):
                found[*own, arm, WEEKS[end - 1]] = joined(bought[begin:end], seed)
    return found


def _ends(arms: list[list[int]], least: int) -> list[int]:
    """After which weeks a count ends: after each, or each second or fourth, so that `least` buyers
    of each arm are in all, if that can be; what is left over belongs to the last."""
    weeks = len(arms[0])
    for step in (1, 2, 4):
        ends = [*range(step, weeks - step + 1, step), weeks] if weeks >= step else [weeks]
        begins = [0, *ends[:-1]]
        if all(sum(a[i:j]) >= least for a in arms for i, j in zip(begins, ends, strict=True)):
            return ends
    return [*range(1, weeks + 1)]


def by_customer(counted: Tallies, studies: Sequence[LiftStudy]) -> Tallies:
    """By (merchant, study, arm, customer); `counted` is by 0 (new) and 1 (existing)."""
    return {
        (study.merchant, study.study, arm, customer): counted.get(
            (study.merchant, study.study, arm, str(number)), Counted()
        )
        for study in studies
        for arm in ARMS
        for number, customer in enumerate(CUSTOMERS)
    }


def by_region(counted: Tallies, studies: Sequence[LiftStudy], policy: Policy, seed: int) -> Tallies:
    """By (merchant, study, arm, region), those together in which an arm is below the policy's
    minimums, and people without a region."""
    found: Tallies = {}
    for study in studies:
        own = (study.merchant, study.study)
        names = {key[3] for key in counted if key[:2] == own}
        pairs = {
            name: [counted.get((*own, arm, name), Counted()) for arm in ARMS]
            for name in sorted(names)
        }
        small = [n for n, pair in pairs.items() if n == ELSEWHERE or _too_small(pair, policy)]
        for place, arm in enumerate(ARMS):
            found |= {(*own, arm, name): pairs[name][place] for name in pairs if name not in small}
            if small:
                parts = [pairs[name][place] for name in small]
                found[*own, arm, ELSEWHERE] = joined(parts, seed)
    return found


def _too_small(pair: list[Counted], policy: Policy) -> bool:
    return any(
        own["people"] < policy.min_people
        or min(own["converters"], own["people"] - own["converters"]) < policy.min_converters
        for own in pair
    )
