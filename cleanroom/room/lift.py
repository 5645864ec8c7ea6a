"""The lift study's tables: each merchant's randomised holdout by arm, by intention to treat."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import narwhals as nw

from cleanroom.absences import NoData
from cleanroom.behind import Behind
from cleanroom.borders import (
    MONEY,
    MONEY_SQUARED,
    PEOPLE,
    Table,
)
from cleanroom.errors import StudyError
from cleanroom.layout import Dimension, Layout, Measure, Place, Use
from cleanroom.policy import Policy
from cleanroom.room.counting import (
    Cell,
    Key,
    no_data,
    on_local_days,
    single,
    table,
)
from cleanroom.room.derived import links, shared_sides
from cleanroom.room.engine import Frame, collect
from cleanroom.room.journeys import net_orders
from cleanroom.room.numbered import Counted, Numbering, behind, numbering, on
from cleanroom.room.panel import linked_bridges, panel, shared_bridges, wanted
from cleanroom.room.vault import Vault, rows_of
from cleanroom.study import LiftStudy, bounded
from cleanroom.tables import ARMS, Platform

_STUDY = ("merchant", "study")
_ARM = (*_STUDY, "arm")
_PERSON = (*_STUDY, "buyer")
_LARGEST_SUM = 2**63 - 1
_MERCHANT = Dimension("merchant", ("assignments.merchant", "visits.merchant"))
_IN = {measure: Place("arms", measure) for measure in ("assigned", "people", "converters")}
_BY_ARM = (
    (_IN["people"], _IN["assigned"]),
    (_IN["converters"], _IN["people"]),
    (Place("arms", "capped"), _IN["converters"]),
    *(
        (Place("arms", amount), of)
        for amount in ("amount", "amount_squared")
        for of in (_IN["converters"], _IN["people"])
    ),
)
# Nobody of the panel is in both arms, so that arms add up; users assigned may be in both.
ARMS_LAYOUT = Layout(
    "arms",
    "Assigned, seen in the panel, and bought, by arm",
    (_MERCHANT, Dimension("arm", ("assignments.arm",))),
    (
        Measure("assigned", Use.COUNT, ("assignments.user",)),
        Measure("people", Use.COUNT, ("assignments.user", "visits.buyer"), adds_up=True),
        Measure("converters", Use.COUNT, ("visits.buyer",), adds_up=True),
        Measure("amount", Use.SUM, ("visits.amount",), adds_up=True),
        Measure("amount_squared", Use.SUM, ("visits.amount",), adds_up=True),
        Measure("capped", Use.COUNT, ("visits.buyer",), adds_up=True),
    ),
    contrast="arm",
    at_most=_BY_ARM[:3],
    among=_BY_ARM,
)
PANEL_LAYOUT = Layout(
    "panel",
    "Users whose buyer has users in both arms: counted in neither",
    (_MERCHANT, Dimension("outcome", categories=("both_arms",))),
    (Measure("people", Use.COUNT, ("assignments.user", "visits.buyer")),),
)


@dataclass(frozen=True)
class _Counts:
    """By study or by arm of a study: users assigned, and what the panel's people did."""

    assigned: dict[Key, Counted]
    assigned_by_arm: dict[Key, Counted]
    arms: dict[Key, Counted]
    both_arms: dict[Key, Counted]


def lift_tables(
    vault: Vault, studies: Sequence[LiftStudy], policy: Policy | None = None
) -> list[Table]:
    """Tables `arms` and `panel` of all `studies`: one pass for those with the same period,
    population and `max_amount`.

    `policy`: the agreement's, or a stricter one; what one person counts is the less of its bound
    and `max_amount`. A study to which the ads platform assigned nobody has no data. Raises
    `StudyError` if a merchant has two studies here (ask for them one after the other), if the
    agreement opens no shared identifier and the population needs one, or if `max_amount` is too
    large for exact sums; `HandoverError` if the engine fails.
    """
    _check(vault, studies)
    policy = policy or vault.agreement.effective_policy
    studies = [bounded(study, policy) for study in studies]
    arms: list[Cell] = []
    panels: list[Cell] = []
    counted: dict[str, tuple[LiftStudy, _Counts]] = {}
    for alike in _alike(studies):
        counts = _count(vault, alike)
        for study in alike:
            counted[study.merchant] = study, counts
            # Under noise that too would be told of true rows.
            noisy = policy.noise is not None
            assigned = noisy or (study.merchant, study.study) in counts.assigned
            arms += _if_assigned(assigned, _arm_cells(study, counts))
            panels += _if_assigned(assigned, _panel_cells(study, counts))
    return [
        table(ARMS_LAYOUT, arms, lambda cell: _arm_people(*counted[str(cell[0])], cell)),
        table(PANEL_LAYOUT, panels, lambda cell: _panel_people(*counted[str(cell[0])])),
    ]


def _if_assigned(assigned: bool, cells: Iterable[Cell]) -> list[Cell]:
    return [cell if assigned else no_data(cell, 2, NoData.NO_ASSIGNMENT) for cell in cells]


def _check(vault: Vault, studies: Sequence[LiftStudy]) -> None:
    twice = [m for m, times in Counter(study.merchant for study in studies).items() if times > 1]
    if twice:
        raise StudyError(
            f"Two lift studies of one merchant were asked for at once: {', '.join(sorted(twice))}.",
            "ask for them one after the other.",
        )
    shared = any(study.population == "shared_identifier" for study in studies)
    if shared and vault.agreement.join.shared_identifier is None:
        raise StudyError(
            "population: the agreement opens no shared identifier.", "study the 'linked_panel'."
        )


def _alike(studies: Sequence[LiftStudy]) -> list[list[LiftStudy]]:
    groups = defaultdict(list)
    for study in studies:
        groups[(study.start, study.end, study.population, study.max_amount)].append(study)
    return list(groups.values())


def _count(vault: Vault, studies: Sequence[LiftStudy]) -> _Counts:
    """Counts of studies that differ only in merchant and assignment."""
    pairs = [(study.merchant, study.study) for study in studies]
    assignments = rows_of(vault, "assignments").filter(wanted(pairs))
    people = panel(assignments, _bridges(vault, studies[0].population))
    visits = rows_of(vault, "visits")
    outcomes = _outcomes(people, visits, studies[0], vault.agreement.timezone)
    named = numbering(vault)
    arms = _by_arm(people, outcomes, named)
    _check_sums(arms, studies[0].max_amount)
    both = people.filter(nw.col("arm").is_null()).select(*_PERSON, "users")
    in_both = collect(both, "people in both arms")
    mark = {"assigned": ~nw.col("arm").is_null()}
    return _Counts(
        named.count(assignments, _STUDY, "user", mark),
        named.count(assignments, _ARM, "user", mark),
        arms,
        named.tally(in_both, _STUDY, "buyer", ["users"], {"users": None}),
    )


def _bridges(vault: Vault, population: str) -> Frame:
    identifier = vault.agreement.join.shared_identifier
    if population == "shared_identifier" and identifier is not None:
        return shared_bridges(*shared_sides(vault, identifier), identifier)
    return linked_bridges(links(vault))


def _outcomes(people: Frame, visits: Frame, study: LiftStudy, timezone: str) -> Frame:
    """One row per person of the panel who bought after the assignment, on the study's days:
    `amount`, net of refunds, in minor units within 0 … `max_amount`."""
    bought = visits.filter(
        nw.col("kind") == "purchase", on_local_days("time", study.start, study.end, timezone)
    ).select("merchant", "buyer", "order", "amount", "time")
    assigned = people.select(*_PERSON, assigned="time")
    purchases = bought.join(assigned, on=["merchant", "buyer"], how="inner").filter(
        nw.col("time") > nw.col("assigned")
    )
    orders = net_orders(purchases, visits, by=(*_PERSON, "order"))
    spent = orders.group_by(*_PERSON).agg(amount=nw.col("net").sum().cast(nw.Int64))
    capped = (nw.col("amount") > study.max_amount).cast(nw.Int64)
    return spent.with_columns(nw.col("amount").clip(0, study.max_amount), capped=capped)


def _by_arm(people: Frame, outcomes: Frame, named: Numbering) -> dict[Key, Counted]:
    """By arm: `people`, `converters`, and the sums of what each spent and of its square."""
    seen = people.filter(~nw.col("arm").is_null()).join(outcomes, on=list(_PERSON), how="left")
    amount = nw.col("amount").fill_null(0).cast(nw.Int64)
    own = seen.select(
        *_ARM,
        "buyer",
        people=nw.lit(1).cast(nw.Int64),
        converters=(~nw.col("amount").is_null()).cast(nw.Int64),
        amount=amount,
        amount_squared=amount * amount,
        capped=nw.col("capped").fill_null(0),
    )
    marks = ("people", "converters", "amount", "amount_squared", "capped")
    sums = {"amount": None, "amount_squared": None}
    return named.tally(collect(own, "people by arm"), _ARM, "buyer", marks, sums)


def _check_sums(arms: dict[Key, Counted], max_amount: int) -> None:
    most = max((counts["converters"] for counts in arms.values()), default=0)
    if most * max_amount**2 > _LARGEST_SUM:
        raise StudyError(
            "max_amount: squares of such amounts cannot be summed exactly.", "lower max_amount."
        )


def _arm_cells(study: LiftStudy, counts: _Counts) -> Iterator[Cell]:
    for arm in ARMS:
        key, place = (study.merchant, study.study, arm), (study.merchant, arm)
        assigned = counts.assigned_by_arm.get(key, Counted())["assigned_people"]
        seen = counts.arms.get(key, Counted())
        people, converters = seen["people"], seen["converters"]
        yield *place, "assigned", assigned, PEOPLE, assigned, None
        yield *place, "people", people, PEOPLE, assigned, people
        yield *place, "converters", converters, PEOPLE, people, converters
        bought = (people, converters)
        for mark, unit in (("amount", MONEY), ("amount_squared", MONEY_SQUARED)):
            yield *place, mark, seen[mark], unit, *bought, *single(mark, seen)
        # Who was cut is a part of the buyers: so are those who were not.
        capped, rest = seen["capped"], converters - seen["capped"]
        yield *place, "capped", capped, PEOPLE, people, min(capped, rest)


def _panel_cells(study: LiftStudy, counts: _Counts) -> Iterator[Cell]:
    key = (study.merchant, study.study)
    assigned = counts.assigned.get(key, Counted())["assigned_people"]
    users = counts.both_arms.get(key, Counted())["users"]
    yield study.merchant, "both_arms", "people", users, PEOPLE, assigned, users


def _arm_people(study: LiftStudy, counts: _Counts, cell: Cell) -> Behind:
    """Who is behind an arm's cell: users are assigned; buyers are seen, and bought."""
    arm, measure = str(cell[1]), str(cell[2])
    key = (study.merchant, study.study, arm)
    assigned = counts.assigned_by_arm.get(key, Counted())
    seen = counts.arms.get(key, Counted())
    everyone = on(Platform.ADS, assigned, "assigned_people")
    if measure == "assigned":
        return behind(everyone)
    people = on(Platform.STORE, seen, "people_people")
    if measure == "people":
        return behind(people, everyone)
    of_amounts = measure in ("amount", "amount_squared")
    value = on(Platform.STORE, seen, measure if of_amounts else f"{measure}_people")
    return behind(value, people)


def _panel_people(study: LiftStudy, counts: _Counts) -> Behind:
    key = (study.merchant, study.study)
    both, assigned = (found.get(key, Counted()) for found in (counts.both_arms, counts.assigned))
    everyone = on(Platform.ADS, assigned, "assigned_people")
    return behind(on(Platform.STORE, both, "users"), everyone)
