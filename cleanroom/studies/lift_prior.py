"""What the arms had done before, and the effects sharpened by it (table `prior`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, SHARE, Estimate
from cleanroom.studies.covariate import (
    Joint,
    cuped,
    regression_adjusted,
    standardised_difference,
    variance_reduction,
)
from cleanroom.studies.intervals import Moments, Proportion
from cleanroom.studies.lift_estimates import (
    ARMS,
    P_VALUE,
    by_arm,
    no_difference,
    no_difference_of_means,
    told,
)
from cleanroom.studies.released import Number, Quantity, Result, Shown, estimate

PRIOR = {
    "prior_buyers": ("people in the {} arm who had spent something before", PEOPLE),
    "prior_amount": ("amount spent before in the {} arm", MONEY),
    "prior_amount_squared": ("sum of squared amounts spent before in the {} arm", MONEY_SQUARED),
    "prior_of_converters": ("amount that buyers in the {} arm had spent before", MONEY),
    "prior_times_amount": ("sum of products, before and after, in the {} arm", MONEY_SQUARED),
}
_SHOWN = ("prior_buyers", "prior_amount")
_LIN = "regression adjustment by arm on the amount spent before, 95 % (Lin 2013)"
_CUPED = "CUPED on the amount spent before, 95 % (Deng 2013)"
_MEE = "score test of two shares (Mee 1984)"
_WELCH = "Welch's t test, amounts winsorised per person (Welch 1947)"
_AUSTIN = "standardised mean difference (Austin 2009)"

_PARTS = ("people", "{y}", "{yy}", "prior_amount", "prior_amount_squared", "{xy}")
# Who buys is 1 or 0, and so its own square.
_BUYING = {"y": "converters", "yy": "converters", "xy": "prior_of_converters"}
_SPENDING = {"y": "amount", "yy": "amount_squared", "xy": "prior_times_amount"}
_Adjust = Callable[[Joint, Joint], Result]
_ADJUSTED: tuple[tuple[Shown, dict[str, str], _Adjust], ...] = (
    (
        Shown("absolute_lift_adjusted", "Absolute lift, adjusted for the past", SHARE, _LIN),
        _BUYING,
        regression_adjusted,
    ),
    (
        Shown("variance_reduction_conversions", "Variance the past explains", SHARE, _LIN),
        _BUYING,
        variance_reduction,
    ),
    (
        Shown("amount_lift_adjusted", "Amount per person, adjusted for the past", MONEY, _LIN),
        _SPENDING,
        regression_adjusted,
    ),
    (
        Shown("amount_lift_cuped", "Amount per person, CUPED", MONEY, _CUPED),
        _SPENDING,
        cuped,
    ),
    (
        Shown("variance_reduction_amount", "Variance the past explains", SHARE, _LIN),
        _SPENDING,
        variance_reduction,
    ),
)


def prior_quantities(prior: Mapping[tuple[str, ...], Number]) -> dict[str, Quantity]:
    """The released numbers of the table, as `measure_arm`."""
    return {
        f"{measure}_{arm}": Quantity(noun.format(arm), unit, prior.get((arm, measure)))
        for measure, (noun, unit) in PRIOR.items()
        for arm in ARMS
    }


def estimate_prior(given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    """All estimates that need what was before, from the quantities `measure_arm`."""
    for arm in ARMS:
        yield from (told(f"{name}_{arm}", given[f"{name}_{arm}"]) for name in _SHOWN)
    buyers = [given[f"{name}_{arm}"] for arm in ARMS for name in ("prior_buyers", "people")]
    parts = ("people", "prior_amount", "prior_amount_squared")
    amounts = [given[f"{name}_{arm}"] for arm in ARMS for name in parts]
    yield estimate(
        Shown("prior_buyers_p_value", "p-value of equal shares who bought before", P_VALUE, _MEE),
        by_arm(Proportion, no_difference),
        *buyers,
    )
    yield estimate(
        Shown("prior_amount_p_value", "p-value of equal amounts before", P_VALUE, _WELCH),
        by_arm(Moments, no_difference_of_means),
        *amounts,
    )
    yield estimate(
        Shown("prior_amount_difference", "Amount before, in deviations", "deviations", _AUSTIN),
        by_arm(Moments, standardised_difference),
        *amounts,
    )
    for shown, names, adjust in _ADJUSTED:
        own = [part.format(**names) for part in _PARTS]
        inputs = [given[f"{name}_{arm}"] for arm in ARMS for name in own]
        yield estimate(shown, by_arm(Joint, adjust), *inputs)
