"""The lift study's tables: each merchant's randomised holdout by arm, by intention to treat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from cleanroom.absences import NoData
from cleanroom.behind import Behind
from cleanroom.borders import Table
from cleanroom.layout import Layout
from cleanroom.policy import Policy
from cleanroom.room import lift_cells, lift_people, outcomes
from cleanroom.room.counting import Cell, no_data, table
from cleanroom.room.derived import bridges, links
from cleanroom.room.engine import Frame, collect
from cleanroom.room.holdouts import alike, require_askable, require_exact
from cleanroom.room.join_keys import with_join_key
from cleanroom.room.lift_cells import Counts
from cleanroom.room.lift_layout import (
    ARMS_LAYOUT,
    CUSTOMERS_LAYOUT,
    EXPOSURE_LAYOUT,
    PANEL_LAYOUT,
    PRIOR_LAYOUT,
    REGIONS_LAYOUT,
    WEEKS_LAYOUT,
    week_starts,
)
from cleanroom.room.lift_parts import ELSEWHERE, Tallies, by_customer, by_region, by_week
from cleanroom.room.numbered import Numbering, numbering
from cleanroom.room.panel import members, panel, wanted
from cleanroom.room.recorded import days_reached, unrecorded
from cleanroom.room.vault import Vault, rows_of
from cleanroom.study import LiftStudy, bounded

_STUDY = ("merchant", "study")
_ARM = (*_STUDY, "arm")
_COUNTED = ("people", "converters", "capped", "prior_buyers", "exposed", "exposed_converters")
_SUMMED = (
    "amount",
    "amount_squared",
    "beyond",
    "prior_amount",
    "prior_amount_squared",
    "prior_of_converters",
    "prior_times_amount",
    "exposed_amount",
    "unexposed_amount",
    "cost",
)


@dataclass(frozen=True)
class _Made:
    """How a table is made: its cells of a study, and who is behind one of them."""

    layout: Layout
    cells: Callable[[LiftStudy, Counts, Policy], Iterator[Cell]]
    people: Callable[[LiftStudy, Counts, Cell], Behind]


# The study itself, which is all there is under noise: there, each number more costs budget.
_BASE = (
    _Made(ARMS_LAYOUT, lift_cells.arms, lift_people.of_arms),
    _Made(PANEL_LAYOUT, lift_cells.panel, lift_people.of_panel),
)
_MORE = (
    _Made(PRIOR_LAYOUT, lift_cells.prior, lift_people.of_arms),
    _Made(EXPOSURE_LAYOUT, lift_cells.exposure, lift_people.of_arms),
    _Made(WEEKS_LAYOUT, lift_cells.weeks, lift_people.of_weeks),
    _Made(CUSTOMERS_LAYOUT, lift_cells.customers, lift_people.of_customers),
    _Made(REGIONS_LAYOUT, lift_cells.regions, lift_people.of_regions),
)


def lift_tables(
    vault: Vault, studies: Sequence[LiftStudy], policy: Policy | None = None
) -> list[Table]:
    """The tables of `lift_layout` of all `studies`: one pass for those with the same period,
    population, `max_amount` and segments. Under noise `arms` and `panel` alone.

    `policy`: the agreement's, or a stricter one; what one person counts is the less of its bound
    and `max_amount`. A study to which the ads platform assigned nobody has no data. Raises
    `StudyError` if a merchant has two studies here (ask for them one after the other), if the
    agreement opens no shared identifier and the population needs one, or if `max_amount` is too
    large for exact sums; `HandoverError` if the engine fails.
    """
    require_askable(vault, studies)
    policy = policy or vault.agreement.effective_policy
    studies = [bounded(study, policy) for study in studies]
    made = _BASE if policy.noise else (*_BASE, *_MORE)
    cells: dict[str, list[Cell]] = {one.layout.name: [] for one in made}
    counted: dict[str, tuple[LiftStudy, Counts]] = {}
    for group in alike(studies, "segments"):
        counts = _count(vault, group, policy)
        for study in group:
            counted[study.merchant] = study, counts
            # Under noise that too would be told of true rows.
            noisy = policy.noise is not None
            assigned = noisy or (study.merchant, study.study) in counts.assigned
            for one in made:
                own = one.cells(study, counts, policy)
                cells[one.layout.name] += _if_assigned(assigned, own, len(one.layout.names))
    return [table(one.layout, cells[one.layout.name], _behind(one, counted)) for one in made]


def _behind(made: _Made, counted: dict[str, tuple[LiftStudy, Counts]]) -> Callable[[Cell], Behind]:
    return lambda cell: made.people(*counted[str(cell[0])], cell)


def _if_assigned(assigned: bool, cells: Iterable[Cell], dimensions: int) -> list[Cell]:
    absent = NoData.NO_ASSIGNMENT
    return [cell if assigned else no_data(cell, dimensions, absent) for cell in cells]


def _count(vault: Vault, studies: Sequence[LiftStudy], policy: Policy) -> Counts:
    """Counts of studies that differ only in merchant and assignment."""
    pairs = [(study.merchant, study.study) for study in studies]
    assignments = rows_of(vault, "assignments").filter(wanted(pairs))
    bridged = members(assignments, bridges(vault, studies[0].population))
    people = panel(bridged)
    more = _more(vault, studies[0], people, bridged, policy)
    seen = collect(_seen(vault, studies[0], people, more), "people by arm")
    named = numbering(vault)
    counted = (*_COUNTED, "by_shared_link", *_SUMMED)
    marked = seen.drop("week", "existing", "region")
    arms = named.tally(marked, _ARM, "buyer", counted, dict.fromkeys(_SUMMED))
    marks = ("converters", "prior_buyers")
    most = max((counts[mark] for counts in arms.values() for mark in marks), default=0)
    require_exact(most, studies[0].max_amount)
    both = people.filter(nw.col("arm").is_null()).select(*_STUDY, "buyer", "users")
    in_both = collect(both, "people in both arms")
    mark = {"assigned": ~nw.col("arm").is_null()}
    parts = {} if policy.noise else _parts(vault, seen, studies, policy, named)
    return Counts(
        named.count(assignments, _STUDY, "user", mark),
        named.count(assignments, _ARM, "user", mark),
        arms,
        named.tally(in_both, _STUDY, "buyer", ["users"], {"users": None}),
        parts.get("week", {}),
        parts.get("customer", {}),
        parts.get("region", {}),
        frozenset() if policy.noise else unrecorded(vault, policy.min_people),
    )


def _parts(
    vault: Vault,
    seen: pl.DataFrame,
    studies: Sequence[LiftStudy],
    policy: Policy,
    named: Numbering,
) -> dict[str, Tallies]:
    """The same by week of the first purchase, by customer, and by region, as they are told."""
    segments, seed = studies[0].segments, named.seed

    def tallied(rows: pl.DataFrame, part: str, *sums: str) -> Tallies:
        marks = ["people", "converters", *sums]
        own = rows.select(*_ARM, part, "buyer", *marks)
        return named.tally(own, (*_ARM, part), "buyer", marks, dict.fromkeys(sums))

    weeks = tallied(seen.filter(pl.col("converters") == 1), "week")
    found = {"week": by_week(weeks, studies, _weeks_begun(vault, studies[0]), policy, seed)}
    if "customer" in segments:
        customers = tallied(seen, "existing", "amount", "amount_squared")
        found["customer"] = by_customer(customers, studies)
    if "region" in segments:
        found["region"] = by_region(tallied(seen, "region"), studies, policy, seed)
    return found


def _weeks_begun(vault: Vault, study: LiftStudy) -> int:
    return sum(days_reached(vault, week_starts(study.start, study.end)))


def _more(
    vault: Vault, study: LiftStudy, people: Frame, bridged: Frame, policy: Policy
) -> list[Frame]:
    """What else is known of the people, where it may be asked for."""
    if policy.noise:
        return []
    touches, users, buyers, visits, assignments = (
        rows_of(vault, name) for name in ("touches", "users", "buyers", "visits", "assignments")
    )
    found = [
        outcomes.before(people, visits, buyers, study.max_amount),
        outcomes.shown(bridged, touches, study, vault.agreement.timezone),
    ]
    if "region" in study.segments:
        found.append(outcomes.regions(bridged, users))
    if study.population == "linked_panel":
        came = with_join_key(vault, "visits", "cid")
        found.append(outcomes.by_shared_link(people, links(vault), came, assignments))
    return found


def _seen(vault: Vault, study: LiftStudy, people: Frame, more: Sequence[Frame]) -> Frame:
    """One row per person of either arm, with all that is counted and summed of them."""
    visits = rows_of(vault, "visits")
    bought = outcomes.outcomes(people, visits, study, vault.agreement.timezone)
    seen = outcomes.with_all(people, [bought, *more])
    there = set(seen.collect_schema().names())
    known = {
        name: nw.col(name).fill_null(0).cast(nw.Int64) if name in there else nw.lit(0)
        for name in (
            *("amount", "beyond", "capped", "week", "prior_amount", "existing"),
            *("exposed", "cost", "by_shared_link"),
        )
    }
    region = nw.col("region").fill_null(ELSEWHERE) if "region" in there else nw.lit(ELSEWHERE)
    own = seen.select(
        *_ARM,
        "buyer",
        converters=(~nw.col("amount").is_null()).cast(nw.Int64),
        **known,
        region=region,
    )
    amount, prior, bought_it, exposed = (
        nw.col(name) for name in ("amount", "prior_amount", "converters", "exposed")
    )
    own = own.with_columns(
        people=nw.lit(1).cast(nw.Int64),
        amount_squared=amount * amount,
        prior_buyers=(prior > 0).cast(nw.Int64),
        prior_amount_squared=prior * prior,
        prior_of_converters=prior * bought_it,
        prior_times_amount=prior * amount,
        exposed_converters=exposed * bought_it,
        exposed_amount=exposed * amount,
        unexposed_amount=(1 - exposed) * amount,
    )
    # Keys of groups are text.
    return own.with_columns(nw.col("week", "existing").cast(nw.String))
