"""Who is behind the cells of a lift study's tables: users are assigned; buyers are seen and bought.

The people of an arm that are studied are the base of what they did.
"""

from __future__ import annotations

from cleanroom.behind import Behind, Group
from cleanroom.room.counting import Cell
from cleanroom.room.lift_cells import Counts
from cleanroom.room.lift_parts import Tallies
from cleanroom.room.numbered import Counted, behind, on
from cleanroom.study import LiftStudy
from cleanroom.tables import Platform

# Whose base is narrower than the arm.
_AMONG = {
    "beyond": "converters_people",
    "exposed_converters": "exposed_people",
    "exposed_amount": "exposed_people",
}
# People of one arm go by another name in the other.
_COUNTED_AS = {"contaminated": "exposed"}


def of_arms(study: LiftStudy, counts: Counts, cell: Cell) -> Behind:
    """Behind a number of an arm: of the tables `arms`, `prior` and `exposure`."""
    arm, measure = str(cell[1]), _COUNTED_AS.get(str(cell[2]), str(cell[2]))
    key = (study.merchant, study.study, arm)
    assigned = counts.assigned_by_arm.get(key, Counted())
    seen = counts.arms.get(key, Counted())
    everyone = on(Platform.ADS, assigned, "assigned_people")
    if measure == "assigned":
        return behind(everyone)
    if measure == "people":
        return behind(on(Platform.STORE, seen, "people_people"), everyone)
    base = on(Platform.STORE, seen, _AMONG.get(measure, "people_people"))
    return behind(_value(seen, measure), base)


def of_panel(study: LiftStudy, counts: Counts, cell: Cell) -> Behind:
    """Behind the users whose buyer is in both arms, those buyers."""
    key = (study.merchant, study.study)
    both, assigned = (found.get(key, Counted()) for found in (counts.both_arms, counts.assigned))
    everyone = on(Platform.ADS, assigned, "assigned_people")
    return behind(on(Platform.STORE, both, "users"), everyone)


def of_weeks(study: LiftStudy, counts: Counts, cell: Cell) -> Behind:
    """Behind a week its buyers, of all people of the arm."""
    return behind(
        _value(_part(study, counts.weeks, cell), str(cell[3])), _everybody(study, counts, cell)
    )


def of_customers(study: LiftStudy, counts: Counts, cell: Cell) -> Behind:
    """Behind a number of new or existing customers."""
    return _of_part(study, counts, counts.customers, cell)


def of_regions(study: LiftStudy, counts: Counts, cell: Cell) -> Behind:
    """Behind a number of a region."""
    return _of_part(study, counts, counts.regions, cell)


def _of_part(study: LiftStudy, counts: Counts, parts: Tallies, cell: Cell) -> Behind:
    own, measure = _part(study, parts, cell), str(cell[3])
    if measure == "people":
        return behind(_value(own, measure), _everybody(study, counts, cell))
    return behind(_value(own, measure), on(Platform.STORE, own, "people_people"))


def _part(study: LiftStudy, parts: Tallies, cell: Cell) -> Counted:
    return parts.get((study.merchant, study.study, str(cell[1]), str(cell[2])), Counted())


def _everybody(study: LiftStudy, counts: Counts, cell: Cell) -> dict[Platform, Group | None]:
    """The people of the cell's arm that are studied."""
    seen = counts.arms.get((study.merchant, study.study, str(cell[1])), Counted())
    return on(Platform.STORE, seen, "people_people")


def _value(counted: Counted, measure: str) -> dict[Platform, Group | None]:
    """Of a sum its people with what each adds; of a count those counted."""
    is_sum = measure in counted.groups
    return on(Platform.STORE, counted, measure if is_sum else f"{measure}_people")
