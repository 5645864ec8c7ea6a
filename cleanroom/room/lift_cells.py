"""The cells of a lift study's tables, from what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from cleanroom.absences import NoData
from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE
from cleanroom.policy import Policy
from cleanroom.room.counting import Cell, Key, no_data, single
from cleanroom.room.lift_layout import CUSTOMERS, WEEKS
from cleanroom.study import LiftStudy
from cleanroom.tables import ARMS

Tallies = dict[Key, Counter[str]]
_ELSEWHERE = "elsewhere"
_AMOUNTS = (("amount", MONEY), ("amount_squared", MONEY_SQUARED))
_PRIOR = (
    ("prior_amount", MONEY),
    ("prior_amount_squared", MONEY_SQUARED),
    ("prior_of_converters", MONEY),
    ("prior_times_amount", MONEY_SQUARED),
)


@dataclass(frozen=True)
class Counts:
    """By study or by arm of a study: users assigned, and what the panel's people did; and that
    again by week of the first purchase, by customer (0 new, 1 existing), and by region.
    `weeks_begun`: of how many weeks, or of later, the store handed anything over. `unrecorded`:
    kinds of events that are nowhere."""

    assigned: Tallies
    assigned_by_arm: Tallies
    arms: Tallies
    both_arms: Tallies
    weeks: Tallies
    customers: Tallies
    regions: Tallies
    weeks_begun: int
    unrecorded: frozenset[str]


def arms(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """Assigned, studied, and what was bought, by arm."""
    for arm in ARMS:
        place, seen = (study.merchant, arm), _arm(study, counts, arm)
        key = (study.merchant, study.study, arm)
        assigned = counts.assigned_by_arm.get(key, Counter())["assigned_people"]
        people, converters = seen["people"], seen["converters"]
        yield *place, "assigned", assigned, PEOPLE, assigned, None
        yield *place, "people", people, PEOPLE, assigned, people
        yield *place, "converters", converters, PEOPLE, people, converters
        for mark, unit in _AMOUNTS:
            yield *place, mark, seen[mark], unit, people, converters, *single(mark, seen)
        # Who was cut is a part of the buyers: so are those who were not.
        capped, rest = seen["capped"], converters - seen["capped"]
        yield *place, "capped", capped, PEOPLE, people, min(capped, rest)
        # What they spent beyond it is theirs alone.
        beyond = (converters, capped, *single("beyond", seen))
        yield *place, "beyond", seen["beyond"], MONEY, *beyond


def panel(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """Users whose buyer has users in both arms."""
    key = (study.merchant, study.study)
    assigned = counts.assigned.get(key, Counter())["assigned_people"]
    users = counts.both_arms.get(key, Counter())["users"]
    yield study.merchant, "both_arms", "people", users, PEOPLE, assigned, users


def prior(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """What the people studied had spent before."""
    for arm in ARMS:
        place, seen = (study.merchant, arm), _arm(study, counts, arm)
        people, buyers = seen["people"], seen["prior_buyers"]
        yield *place, "prior_buyers", buyers, PEOPLE, people, buyers
        for mark, unit in _PRIOR:
            yield (
                *(*place, mark, seen[mark], unit, people),
                *(seen[f"{mark}_people"], *single(mark, seen)),
            )


def exposure(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """Who was shown the campaign and what it cost; who was reached though held out."""
    shown = _arm(study, counts, ARMS[0])["exposed"]
    absent = set[str]()
    if "impression" in counts.unrecorded:
        absent |= {"exposed", "exposed_converters", "exposed_amount", "contaminated"}
    if shown >= policy.min_people and not _arm(study, counts, ARMS[0])["cost_people"]:
        absent.add("cost")
    for cell in _exposure(study, counts):
        yield no_data(cell, 2, NoData.NOT_RECORDED) if cell[2] in absent else cell


def _exposure(study: LiftStudy, counts: Counts) -> Iterator[Cell]:
    treated, holdout = (_arm(study, counts, arm) for arm in ARMS)
    place, exposed = (study.merchant, ARMS[0]), treated["exposed"]
    # Of what the arm bought, the table `arms` tells the rest: it has to stand by itself as well.
    both = treated["exposed_converters"]
    behind = min(both, treated["converters"] - both)
    yield *place, "exposed", exposed, PEOPLE, treated["people"], exposed
    yield *place, "exposed_converters", both, PEOPLE, exposed, behind
    most = max(
        (single(mark, treated) for mark in ("exposed_amount", "unexposed_amount")),
        key=lambda parts: (parts[0] + parts[1]) / parts[2] if parts[2] else inf,
    )
    yield *place, "exposed_amount", treated["exposed_amount"], MONEY, exposed, behind, *most
    cost = (treated["people"], treated["cost_people"], *single("cost", treated))
    yield *place, "cost", treated["cost"], MONEY, *cost
    place = (study.merchant, ARMS[1])
    reached = [("contaminated", holdout["exposed"])]
    if study.population == "linked_panel":
        reached.append(("by_shared_link", holdout["by_shared_link"]))
    for mark, people in reached:
        yield *place, mark, people, PEOPLE, holdout["people"], people


def weeks(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """When buyers first bought, of weeks that have begun; few of them, in fewer periods."""
    weeks = range(min(counts.weeks_begun, len(WEEKS)))
    by_arm = {arm: [_in_week(study, counts, arm, week) for week in weeks] for arm in ARMS}
    ends = _ends(list(by_arm.values()), policy.min_converters)
    for arm, bought in by_arm.items():
        people, begin = _arm(study, counts, arm)["people"], 0
        for end in ends:
            own, begin = sum(bought[begin:end]), end
            yield study.merchant, arm, WEEKS[end - 1], "converters", own, PEOPLE, people, own


def _in_week(study: LiftStudy, counts: Counts, arm: str, week: int) -> int:
    own = counts.weeks.get((study.merchant, study.study, arm, str(week)), Counter())
    return own["converters"]


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


def customers(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """New and existing customers of the merchant."""
    if "customer" not in study.segments:
        return
    for arm in ARMS:
        everybody = _arm(study, counts, arm)["people"]
        for number, customer in enumerate(CUSTOMERS):
            key = (study.merchant, study.study, arm, str(number))
            own = counts.customers.get(key, Counter())
            place, people, bought = (
                (study.merchant, arm, customer),
                own["people"],
                own["converters"],
            )
            yield *place, "people", people, PEOPLE, everybody, people
            yield *place, "converters", bought, PEOPLE, people, bought
            for mark, unit in _AMOUNTS:
                yield *place, mark, own[mark], unit, people, bought, *single(mark, own)


def regions(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """Regions, those together in which an arm is below the policy's minimums, or has no name."""
    if "region" not in study.segments:
        return
    by_region = _by_region(study, counts)
    small = {name for name, pair in by_region.items() if name is None or _too_small(pair, policy)}
    together = [sum((by_region[name][i] for name in small), Counter[str]()) for i in (0, 1)]
    large = {name: pair for name, pair in by_region.items() if name not in small}
    shown = large | ({_ELSEWHERE: together} if small else {})
    for number, arm in enumerate(ARMS):
        everybody = _arm(study, counts, arm)["people"]
        for name, pair in shown.items():
            people, bought = pair[number]["people"], pair[number]["converters"]
            place = (study.merchant, arm, name)
            yield *place, "people", people, PEOPLE, everybody, people
            yield *place, "converters", bought, PEOPLE, people, bought


def _by_region(study: LiftStudy, counts: Counts) -> dict[str | None, list[Counter[str]]]:
    """The counts of both arms by region, in the order of their names."""
    own = (study.merchant, study.study)
    names = {key[3] for key in counts.regions if key[:2] == own}
    return {
        name: [counts.regions.get((*own, arm, name), Counter()) for arm in ARMS]
        for name in sorted(names, key=lambda name: (name is None, name))
    }


def _too_small(pair: list[Counter[str]], policy: Policy) -> bool:
    return any(
        own["people"] < policy.min_people
        or min(own["converters"], own["people"] - own["converters"]) < policy.min_converters
        for own in pair
    )


def _arm(study: LiftStudy, counts: Counts, arm: str) -> Counter[str]:
    return counts.arms.get((study.merchant, study.study, arm), Counter())
