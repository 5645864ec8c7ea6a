"""The lift study's tables: each merchant's randomised holdout by arm, by intention to treat."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import narwhals as nw

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, Table
from cleanroom.errors import StudyError
from cleanroom.room.counting import Cell, Key, by_key, count_people, on_local_days, table
from cleanroom.room.derived import links, shared_sides
from cleanroom.room.engine import Frame, collect, scan
from cleanroom.room.journeys import net_orders
from cleanroom.room.panel import linked_bridges, panel, shared_bridges, wanted
from cleanroom.room.vault import Vault, table_path
from cleanroom.study import LiftStudy
from cleanroom.tables import ARMS

_STUDY = ("merchant", "study")
_ARM = (*_STUDY, "arm")
_PERSON = (*_STUDY, "buyer")
_LARGEST_SUM = 2**63 - 1


@dataclass(frozen=True)
class _Counts:
    """By study or by arm of a study: users assigned, and what the panel's people did."""

    assigned: dict[Key, Counter[str]]
    assigned_by_arm: dict[Key, Counter[str]]
    arms: dict[Key, Counter[str]]
    both_arms: dict[Key, Counter[str]]


def lift_tables(vault: Vault, studies: Sequence[LiftStudy]) -> list[Table]:
    """Tables `arms` and `panel` of all `studies`: one pass for those with the same period,
    population and `max_amount`.

    Raises `StudyError` if a merchant has two studies here (ask for them one after the other), if
    the agreement opens no shared identifier and the population needs one, or if `max_amount` is
    too large for exact sums; `HandoverError` if the engine fails.
    """
    _check(vault, studies)
    arms: list[Cell] = []
    panels: list[Cell] = []
    for alike in _alike(studies):
        counts = _count(vault, alike)
        for study in alike:
            arms += _arm_cells(study, counts)
            panels += _panel_cells(study, counts)
    title = "Assigned, seen in the panel, and bought, by arm"
    left_out = "Users whose buyer has users in both arms: counted in neither"
    return [
        table("arms", title, ("merchant", "arm"), arms, contrast="arm"),
        table("panel", left_out, ("merchant", "outcome"), panels),
    ]


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
    assignments = scan(table_path(vault, "assignments")).filter(wanted(pairs))
    people = panel(assignments, _bridges(vault, studies[0].population))
    visits = scan(table_path(vault, "visits"))
    outcomes = _outcomes(people, visits, studies[0], vault.agreement.timezone)
    arms = by_key(collect(_by_arm(people, outcomes), "people by arm"), _ARM)
    _check_sums(arms, studies[0].max_amount)
    both = people.filter(nw.col("arm").is_null()).group_by(*_STUDY).agg(nw.col("users").sum())
    mark = {"assigned": ~nw.col("arm").is_null()}
    return _Counts(
        count_people(assignments, _STUDY, "user", mark),
        count_people(assignments, _ARM, "user", mark),
        arms,
        by_key(collect(both, "people in both arms"), _STUDY),
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
    return spent.with_columns(nw.col("amount").clip(0, study.max_amount))


def _by_arm(people: Frame, outcomes: Frame) -> Frame:
    seen = people.filter(~nw.col("arm").is_null()).join(outcomes, on=list(_PERSON), how="left")
    amount = nw.col("amount").fill_null(0).cast(nw.Int64)
    converted = (~nw.col("amount").is_null()).cast(nw.Int64)
    rows = seen.select(*_ARM, converters=converted, amount=amount, amount_squared=amount * amount)
    sums = nw.col("converters", "amount", "amount_squared").sum()
    return rows.group_by(*_ARM).agg(sums, people=nw.len())


def _check_sums(arms: dict[Key, Counter[str]], max_amount: int) -> None:
    most = max((counts["converters"] for counts in arms.values()), default=0)
    if most * max_amount**2 > _LARGEST_SUM:
        raise StudyError(
            "max_amount: squares of such amounts cannot be summed exactly.", "lower max_amount."
        )


def _arm_cells(study: LiftStudy, counts: _Counts) -> Iterator[Cell]:
    for arm in ARMS:
        key, place = (study.merchant, study.study, arm), (study.merchant, arm)
        assigned = counts.assigned_by_arm.get(key, Counter())["assigned_people"]
        seen = counts.arms.get(key, Counter())
        people, converters = seen["people"], seen["converters"]
        yield *place, "assigned", assigned, PEOPLE, assigned, None
        yield *place, "people", people, PEOPLE, assigned, people
        yield *place, "converters", converters, PEOPLE, people, converters
        bought = (people, converters)
        yield *place, "amount", seen["amount"], MONEY, *bought
        yield *place, "amount_squared", seen["amount_squared"], MONEY_SQUARED, *bought


def _panel_cells(study: LiftStudy, counts: _Counts) -> Iterator[Cell]:
    key = (study.merchant, study.study)
    assigned = counts.assigned.get(key, Counter())["assigned_people"]
    users = counts.both_arms.get(key, Counter())["users"]
    yield study.merchant, "both_arms", "people", users, PEOPLE, assigned, users
