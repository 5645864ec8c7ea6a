"""The substitution study's table: by arm of a holdout, who bought in the store, who ordered in the
content platform's own shop, and for how much.

On-site orders count for the buyer to whom their user is bridged, so that both shops are told of the
same people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import narwhals as nw

from cleanroom.absences import NoData
from cleanroom.behind import Behind
from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, Table
from cleanroom.layout import Dimension, Layout, Measure, Place, Use
from cleanroom.policy import Policy
from cleanroom.room import outcomes
from cleanroom.room.counting import Cell, no_data, single, table
from cleanroom.room.derived import bridges
from cleanroom.room.engine import Frame, collect
from cleanroom.room.holdouts import alike, require_askable, require_exact
from cleanroom.room.lift_parts import Tallies
from cleanroom.room.numbered import Counted, behind, numbering, on
from cleanroom.room.panel import members, panel, wanted
from cleanroom.room.vault import Vault, rows_of
from cleanroom.study import SubstitutionStudy, bounded
from cleanroom.tables import ARMS, Platform

_STUDY = ("merchant", "study")
_ARM = (*_STUDY, "arm")
_SHOPS = ("store", "onsite")
_BUYERS = ("store_buyers", "onsite_buyers", "both_buyers")
_AMOUNTS = tuple(f"{shop}_amount{end}" for shop in _SHOPS for end in ("", "_squared"))
_STORE, _ONSITE = ("visits.amount",), ("onsite_orders.amount",)
_TABLES = ("assignments", "visits", "onsite_orders")
_BUYER, _USER = "visits.buyer", "onsite_orders.user"


def _in(measure: str) -> Place:
    return Place("shops", measure)


_PARTS = (
    (_in("people"), _in("assigned")),
    *((_in(buyers), _in("people")) for buyers in _BUYERS),
    *((_in("both_buyers"), _in(f"{shop}_buyers")) for shop in _SHOPS),
)
# Nobody of the panel is in both arms, so that arms add up; users assigned may be in both.
SHOPS_LAYOUT = Layout(
    "shops",
    "Buyers in the store and in the content platform's own shop, by arm",
    (
        Dimension("merchant", tuple(f"{name}.merchant" for name in _TABLES)),
        Dimension("arm", ("assignments.arm",)),
    ),
    (
        Measure("assigned", Use.COUNT, ("assignments.user",)),
        Measure("people", Use.COUNT, ("assignments.user", _BUYER), adds_up=True),
        Measure("store_buyers", Use.COUNT, (_BUYER,), adds_up=True),
        Measure("onsite_buyers", Use.COUNT, (_USER, _BUYER), adds_up=True),
        Measure("both_buyers", Use.COUNT, (_USER, _BUYER), adds_up=True),
        *(
            Measure(name, Use.SUM, _STORE if name.startswith("store") else _ONSITE, adds_up=True)
            for name in _AMOUNTS
        ),
    ),
    contrast="arm",
    at_most=_PARTS,
    among=(
        *_PARTS,
        *((_in(name), _in("people")) for name in _AMOUNTS),
        *((_in(name), _in(f"{name.partition('_')[0]}_buyers")) for name in _AMOUNTS),
    ),
)


@dataclass(frozen=True)
class _Counts:
    """By study, and by arm of a study: users assigned, and what the panel's people did."""

    assigned: Tallies
    assigned_by_arm: Tallies
    arms: Tallies


def substitution_tables(
    vault: Vault, studies: Sequence[SubstitutionStudy], policy: Policy | None = None
) -> list[Table]:
    """Table `shops` of all `studies`, in one pass for those of the same period, population and
    `max_amount`; `policy` as in `lift_tables`.

    Raises `StudyError` if the agreement opens no `onsite_orders`, if a merchant has two studies
    here, or if amounts are too large for exact sums; `HandoverError` if the engine fails.
    """
    require_askable(vault, studies)
    policy = policy or vault.agreement.effective_policy
    studies = [bounded(study, policy) for study in studies]
    cells: list[Cell] = []
    counted: dict[str, tuple[SubstitutionStudy, _Counts]] = {}
    for group in alike(studies):
        counts = _count(vault, group)
        for study in group:
            counted[study.merchant] = study, counts
            found = list(_cells(study, counts))
            if (study.merchant, study.study) not in counts.assigned:
                found = [no_data(cell, 2, NoData.NO_ASSIGNMENT) for cell in found]
            cells += found
    return [table(SHOPS_LAYOUT, cells, lambda cell: _people(*counted[str(cell[0])], cell))]


def _count(vault: Vault, studies: Sequence[SubstitutionStudy]) -> _Counts:
    """Counts of studies that differ only in merchant and assignment."""
    pairs = [(study.merchant, study.study) for study in studies]
    assignments = rows_of(vault, "assignments").filter(wanted(pairs))
    bridged = members(assignments, bridges(vault, studies[0].population))
    seen = collect(_seen(vault, studies[0], bridged), "people by arm")
    named = numbering(vault)
    marks = ("people", *_BUYERS, *_AMOUNTS)
    arms = named.tally(seen, _ARM, "buyer", marks, dict.fromkeys(_AMOUNTS))
    most = max((c[f"{shop}_buyers"] for c in arms.values() for shop in _SHOPS), default=0)
    require_exact(most, studies[0].max_amount)
    mark = {"assigned": ~nw.col("arm").is_null()}
    return _Counts(
        named.count(assignments, _STUDY, "user", mark),
        named.count(assignments, _ARM, "user", mark),
        arms,
    )


def _seen(vault: Vault, study: SubstitutionStudy, bridged: Frame) -> Frame:
    """One row per person of either arm, with all that is counted and summed of them."""
    visits, orders = (rows_of(vault, name) for name in ("visits", "onsite_orders"))
    people, zone = panel(bridged), vault.agreement.timezone
    bought = outcomes.outcomes(people, visits, study, zone)
    ordered = outcomes.onsite(bridged, orders, study, zone)
    seen = outcomes.with_all(people, [bought.select(*outcomes.PERSON, "amount"), ordered])
    store, onsite = nw.col("amount"), nw.col("onsite_amount")
    own = seen.select(
        *_ARM,
        "buyer",
        people=nw.lit(1).cast(nw.Int64),
        store_buyers=(~store.is_null()).cast(nw.Int64),
        onsite_buyers=(~onsite.is_null()).cast(nw.Int64),
        both_buyers=(~store.is_null() & ~onsite.is_null()).cast(nw.Int64),
        store_amount=store.fill_null(0).cast(nw.Int64),
        onsite_amount=onsite.fill_null(0).cast(nw.Int64),
    )
    squares = {
        f"{shop}_amount_squared": nw.col(f"{shop}_amount") * nw.col(f"{shop}_amount")
        for shop in _SHOPS
    }
    return own.with_columns(**squares)


def _cells(study: SubstitutionStudy, counts: _Counts) -> Iterator[Cell]:
    for arm in ARMS:
        place, key = (study.merchant, arm), (study.merchant, study.study, arm)
        assigned = counts.assigned_by_arm.get(key, Counted())["assigned_people"]
        seen = counts.arms.get(key, Counted())
        people = seen["people"]
        yield *place, "assigned", assigned, PEOPLE, assigned, None
        yield *place, "people", people, PEOPLE, assigned, people
        for name in _BUYERS:
            yield *place, name, seen[name], PEOPLE, people, seen[name]
        for name in _AMOUNTS:
            unit = MONEY_SQUARED if name.endswith("_squared") else MONEY
            bought = seen[f"{name.partition('_')[0]}_buyers"]
            yield *place, name, seen[name], unit, people, bought, *single(name, seen)


def _people(study: SubstitutionStudy, counts: _Counts, cell: Cell) -> Behind:
    """Who is behind an arm's cell: users are assigned; buyers are seen, and bought."""
    measure = str(cell[2])
    key = (study.merchant, study.study, str(cell[1]))
    assigned, seen = (found.get(key, Counted()) for found in (counts.assigned_by_arm, counts.arms))
    everyone = on(Platform.ADS, assigned, "assigned_people")
    if measure == "assigned":
        return behind(everyone)
    people = on(Platform.STORE, seen, "people_people")
    if measure == "people":
        return behind(people, everyone)
    name = measure if measure in _AMOUNTS else f"{measure}_people"
    return behind(on(Platform.STORE, seen, name), people)
