"""How far one person reaches into a study's tables, known before anything is counted.

What a study costs under noise follows from this alone: never from the rows. One account of a
person changes each count of people by one at most, links being what they are.
"""

from __future__ import annotations

from typing import Any

from cleanroom.noise import Reach
from cleanroom.room.conversion import Step
from cleanroom.room.link import Outcome
from cleanroom.study import LiftStudy, Study

# Parameters that only the reading of the tables depends on.
_NOT_IN_TABLES = {"planned_treated_share"}


def reach_of(study: Study) -> dict[str, Reach]:
    """By table of `study`, how far one person reaches into one merchant's cells."""
    return _lift(study) if isinstance(study, LiftStudy) else _conversion()


def tables_depend_on(study: Study) -> dict[str, Any]:
    """The parameters that shape a study's tables, as plain JSON values."""
    return study.model_dump(mode="json", exclude=_NOT_IN_TABLES)


def _conversion() -> dict[str, Reach]:
    """Each step's people, behind all but the first the people who could have taken it; links alike.

    Nothing bounds yet what one person adds to events and money.
    """
    return {
        "path": Reach(values=len(Step), supports=len(Step) - 1, most={}),
        "money": Reach(values=0, supports=0, most={}),
        "link": Reach(values=1 + len(Outcome), supports=len(Outcome), most={}),
    }


def _lift(study: LiftStudy) -> dict[str, Reach]:
    """A person is studied in one arm, though a user may have been assigned to both.

    Values: assigned in both arms; people, buyers, amount and squares in one. Behind them: the
    assigned of both arms, behind the people; the people behind three measures; the buyers behind
    the amount and its squares.
    """
    amount = float(study.max_amount)
    most = {"amount": amount, "amount_squared": amount**2}
    return {
        "arms": Reach(values=2 + 4, supports=2 + 3 + 2, most=most),
        "panel": Reach(values=1, supports=1, most={}),
    }
