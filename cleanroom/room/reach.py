"""How far one person reaches into a study's tables, known before anything is counted.

What a study costs under noise follows from this alone: never from the rows. One account of a
person changes each count of people by one at most, links being what they are.
"""

from __future__ import annotations

from typing import Any

from cleanroom.errors import StudyError
from cleanroom.noise import Reach
from cleanroom.policy import Policy
from cleanroom.room.conversion import bounded_parts
from cleanroom.room.conversion_layout import Step
from cleanroom.room.link import Outcome
from cleanroom.study import GeoStudy, LiftStudy, ObservationalStudy, Study, bounded

# Parameters that only the reading of the tables depends on, or tables that noise does without.
_NOT_IN_TABLES = {"planned_treated_share", "segments"}


def reach_of(study: Study, policy: Policy) -> dict[str, Reach]:
    """By table of `study`, how far one person reaches into one merchant's cells.

    Raises `StudyError` for an observational study, where nothing bounds that, and for a regional
    one, where nothing does over all periods.
    """
    if isinstance(study, ObservationalStudy):
        raise StudyError(
            "Nothing bounds what one person changes in an adjusted effect.",
            "ask for a lift study, whose numbers can carry noise.",
        )
    if isinstance(study, GeoStudy):
        raise StudyError(
            "The agreement asks for noise, and no regional study is made under noise: a person may "
            "be behind a number in every period.",
            "ask for a lift or conversion study.",
        )
    if isinstance(study, LiftStudy):
        return _lift(bounded(study, policy))
    return _conversion(policy)


def tables_depend_on(study: Study, policy: Policy) -> dict[str, Any]:
    """What shapes a study's tables, its parameters and bounds, as plain JSON values."""
    if isinstance(study, LiftStudy):
        return bounded(study, policy).model_dump(mode="json", exclude=_NOT_IN_TABLES)
    bounds = {"max_events_per_person", "max_amount_per_person"}
    return {**study.model_dump(mode="json"), **policy.model_dump(mode="json", include=bounds)}


def _conversion(policy: Policy) -> dict[str, Reach]:
    """Each step's people, behind all but the first the people who could have taken it; links alike.

    Events and money have a reach only where the policy bounds them; behind each of them are two
    counts of people. Orders being what they are: one buyer's.
    """
    parts, events = bounded_parts(policy), policy.max_events_per_person
    amount = policy.max_amount_per_person
    steps = len(Step)
    more = steps if events else 0
    sums = {name: bound for name, bound in _sums(events, amount).items() if bound}
    reaches = {
        "path": Reach(
            values=steps + more,
            supports=steps - 1 + 2 * more,
            most={"events": float(events)} if events else {},
        ),
        "money": Reach(values=len(sums), supports=2 * len(sums), most=sums),
        "link": Reach(values=1 + len(Outcome), supports=len(Outcome), most={}),
    }
    bounds = {"bounds": Reach(values=len(parts), supports=len(parts), most={})}
    return reaches | (bounds if parts else {})


def _sums(events: int | None, amount: int | None) -> dict[str, float]:
    return {"orders": events or 0.0, "cost": amount or 0.0, "revenue": amount or 0.0}


def _lift(study: LiftStudy) -> dict[str, Reach]:
    """A person is studied in one arm, though a user may have been assigned to both.

    Values: assigned in both arms; people, buyers, amount, squares and whose amount was cut in one.
    Behind them: the assigned of both arms, behind the people; the people behind four measures; the
    buyers behind the amount and its squares.
    """
    amount = float(study.max_amount)
    most = {"amount": amount, "amount_squared": amount**2}
    return {
        "arms": Reach(values=2 + 5, supports=2 + 4 + 2, most=most),
        "panel": Reach(values=1, supports=1, most={}),
    }
