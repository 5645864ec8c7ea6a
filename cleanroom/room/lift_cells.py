"""The cells of a lift study's tables, from what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from cleanroom.absences import NoData
from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE
from cleanroom.policy import Policy
from cleanroom.room.counting import Cell, no_data, single
from cleanroom.room.lift_parts import Tallies
from cleanroom.room.numbered import Counted
from cleanroom.study import LiftStudy
from cleanroom.tables import ARMS

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
    again by week of the first purchase, by customer, and by region, as `lift_parts` tells them.
    `unrecorded`: kinds of events that are nowhere."""

    assigned: Tallies
    assigned_by_arm: Tallies
    arms: Tallies
    both_arms: Tallies
    weeks: Tallies
    customers: Tallies
    regions: Tallies
    unrecorded: frozenset[str]


def arms(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """Assigned, studied, and what was bought, by arm."""
    for arm in ARMS:
        place, seen = (study.merchant, arm), _arm(study, counts, arm)
        key = (study.merchant, study.study, arm)
        assigned = counts.assigned_by_arm.get(key, Counted())["assigned_people"]
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
    assigned = counts.assigned.get(key, Counted())["assigned_people"]
    users = counts.both_arms.get(key, Counted())["users"]
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
    """When buyers first bought."""
    for (arm, week), own in _parts(study, counts.weeks):
        people, bought = _arm(study, counts, arm)["people"], own["converters"]
        yield study.merchant, arm, week, "converters", bought, PEOPLE, people, bought


def customers(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """New and existing customers of the merchant."""
    for place, own in _parts(study, counts.customers):
        yield from _studied(study, counts, place, own)
        people, bought = own["people"], own["converters"]
        for mark, unit in _AMOUNTS:
            yield (
                *(study.merchant, *place, mark, own[mark], unit),
                *(people, bought, *single(mark, own)),
            )


def regions(study: LiftStudy, counts: Counts, policy: Policy) -> Iterator[Cell]:
    """Regions, the small ones together."""
    for place, own in _parts(study, counts.regions):
        yield from _studied(study, counts, place, own)


def _studied(
    study: LiftStudy, counts: Counts, place: tuple[str, str], own: Counted
) -> Iterator[Cell]:
    """The people of a part of an arm, and those of them who bought."""
    everybody = _arm(study, counts, place[0])["people"]
    people, bought = own["people"], own["converters"]
    yield study.merchant, *place, "people", people, PEOPLE, everybody, people
    yield study.merchant, *place, "converters", bought, PEOPLE, people, bought


def _parts(study: LiftStudy, parts: Tallies) -> Iterator[tuple[tuple[str, str], Counted]]:
    """The parts of a study's arms, by arm and part."""
    for (merchant, name, arm, part), own in parts.items():
        if (merchant, name) == (study.merchant, study.study):
            yield (arm, part), own


def _arm(study: LiftStudy, counts: Counts, arm: str) -> Counted:
    return counts.arms.get((study.merchant, study.study, arm), Counted())
