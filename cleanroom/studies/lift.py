"""The lift study: what the notes changed, from a randomised holdout.

Everyone counts in the arm assigned, whether or not a note was seen (intention to treat), among
the people whose outcome can be seen. Computed from the released moments of the two arms alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, Estimate, Findings, Protected
from cleanroom.studies.lift_checks import check_arms
from cleanroom.studies.lift_doubts import Circumstances, check_doubts
from cleanroom.studies.lift_estimates import ARMS, estimate_lift, estimate_uncut
from cleanroom.studies.lift_exposure import estimate_exposure, exposure_quantities
from cleanroom.studies.lift_prior import estimate_prior, prior_quantities
from cleanroom.studies.lift_segments import estimate_customers, estimate_regions, estimate_weeks
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
    "beyond": ("amount spent beyond the cut in the {} arm", MONEY),
}


def findings(
    tables: Mapping[str, Protected],
    study: LiftStudy,
    currency: str,
    about: Circumstances | None = None,
) -> Findings:
    """What the tables of one merchant say of `study`: `arms`, and of the others those there are.

    Money is in minor units of `currency`; `about`: by default a first look at a study of which it
    is not known whether it is over. Raises `StudyError` if the table `arms` is absent.
    """
    arms = released(tables, "arms")
    given = {
        f"{measure}_{arm}": Quantity(noun.format(arm), unit, arms.get((arm, measure)))
        for measure, (noun, unit) in _MEASURES.items()
        for arm in ARMS
    }
    estimates = estimate_lift(given, study.planned_treated_share)
    estimates |= {one.name: one for one in _more(tables, given)}
    checks = check_arms(estimates, study.planned_treated_share)
    checks |= check_doubts(estimates, about or Circumstances())
    return Findings(estimates, checks, summary(estimates, checks, study, currency))


def _more(tables: Mapping[str, Protected], given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    """What the tables beside `arms` add."""
    yield from estimate_uncut(given)
    if "prior" in tables:
        yield from estimate_prior({**given, **prior_quantities(released(tables, "prior"))})
    if "exposure" in tables:
        shown = exposure_quantities(released(tables, "exposure"))
        yield from estimate_exposure({**given, **shown})
    if "weeks" in tables:
        yield from estimate_weeks(released(tables, "weeks"), given)
    if "customers" in tables:
        yield from estimate_customers(released(tables, "customers"))
    if "regions" in tables:
        yield from estimate_regions(released(tables, "regions"))
