"""The lift study: what the notes changed, from a randomised holdout.

Everyone counts in the arm assigned, whether or not a note was seen (intention to treat), among
the people whose outcome can be seen. Computed from the released moments of the two arms.
"""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, Findings, Protected
from cleanroom.studies.lift_checks import check_arms
from cleanroom.studies.lift_estimates import ARMS, estimate_lift
from cleanroom.studies.lift_summary import summary
from cleanroom.studies.released import Quantity, released
from cleanroom.study import LiftStudy

_MEASURES = {
    "assigned": ("people assigned to the {} arm", PEOPLE),
    "people": ("people studied in the {} arm", PEOPLE),
    "converters": ("buyers in the {} arm", PEOPLE),
    "amount": ("amount spent in the {} arm", MONEY),
    "amount_squared": ("sum of squared amounts in the {} arm", MONEY_SQUARED),
    "capped": ("buyers in the {} arm whose amount was cut", PEOPLE),
}


def findings(tables: Mapping[str, Protected], study: LiftStudy, currency: str) -> Findings:
    """What the table `arms` of one merchant says of `study`.

    Money is in minor units of `currency`. Raises `StudyError` if the table is absent.
    """
    arms = released(tables, "arms")
    given = {
        f"{measure}_{arm}": Quantity(noun.format(arm), unit, arms.get((arm, measure)))
        for measure, (noun, unit) in _MEASURES.items()
        for arm in ARMS
    }
    estimates = estimate_lift(given, study.planned_treated_share)
    checks = check_arms(estimates, study.planned_treated_share)
    return Findings(estimates, checks, summary(estimates, checks, study, currency))
