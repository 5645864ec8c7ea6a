"""The estimates of an observational study, named as those of a lift study where they mean it."""

from __future__ import annotations

from collections.abc import Mapping
from math import erfc, sqrt

import numpy as np

from cleanroom.borders import AREA, DEVIATIONS, EFFECTIVE, MONEY, PEOPLE, SHARE, Estimate
from cleanroom.studies.intervals import (
    Chance,
    Interval,
    Proportion,
    UndefinedError,
    Z,
    as_released,
    wilson,
)
from cleanroom.studies.released import AS_RELEASED, WILSON, Quantity, Shown, estimate
from cleanroom.studies.sensitivity import e_value, e_value_of_interval, robustness_value
from cleanroom.studies.uplift import heterogeneity

RATIO = "ratio"
P_VALUE = "p-value"
ARMS = ("exposed", "comparable")
_DOUBLY = "doubly robust with cross-fitting, normal 95 % interval (Chernozhukov 2018)"
_MATCHED = "nearest neighbour, bias-corrected, normal 95 % interval (Abadie and Imbens 2011)"
_NAIVE = "difference of means, normal 95 % interval"
_COUNTERFACTUAL = f"{_DOUBLY}, over what the exposed would have done without"
_E_VALUE = "E-value (VanderWeele and Ding 2017)"
_ROBUSTNESS = "robustness value (Cinelli and Hazlett 2020)"
_QINI = "area beside that of no order, cross-fitted (Radcliffe 2007)"
_COCHRAN = "Cochran's Q (Cochran 1954)"
_METHODS = {"naive": _NAIVE, "matched": _MATCHED, "adjusted": _DOUBLY}
_EFFECTS = {
    "naive_lift": ("naive_bought", "Conversion rate, exposed minus others, unadjusted"),
    "matched_lift": ("matched_bought", "Conversion rate, exposed minus matched"),
    "absolute_lift": ("adjusted_bought", "Conversion rate, exposed minus comparable"),
    "naive_amount_lift": ("naive_spent", "Amount per person, exposed minus others, unadjusted"),
    "matched_amount_lift": ("matched_spent", "Amount per person, exposed minus matched"),
    "amount_lift": ("adjusted_spent", "Amount per person, exposed minus comparable"),
    "placebo_lift": ("adjusted_bought_before", "Conversion rate before the study, adjusted"),
    "elsewhere_lift": ("adjusted_bought_elsewhere", "Conversion rate elsewhere, adjusted"),
}
_GROUPS = {
    "lift_customers": ("customers", "Lift among customers of before"),
    "lift_new_customers": ("new_customers", "Lift among new customers"),
    **{f"lift_fifth_{n}": (f"fifth_{n}", f"Lift in fifth {n} of the ranking") for n in range(1, 6)},
}
_CHANCES = {
    "incremental_conversions_p_value": ("adjusted_bought", "p-value of no effect on buying"),
    "placebo_p_value": ("adjusted_bought_before", "p-value of no effect before the study"),
    "elsewhere_p_value": ("adjusted_bought_elsewhere", "p-value of no effect elsewhere"),
    "ranking_p_value": ("ranking", "p-value of a ranking that tells nothing"),
}


def estimate_effects(given: Mapping[str, Quantity]) -> dict[str, Estimate]:
    """All estimates by name, from the quantities of `observational.findings`."""
    estimates = [
        *_as_given(given),
        *_rates(given),
        *_effects(given),
        *_totals(given),
        *_chances(given),
        *_interactions(given),
        *_sensitivity(given),
    ]
    return {one.name: one for one in estimates}


def normal(value: float, error: float) -> Interval:
    """The normal 95 % interval."""
    return Interval(float(value), value - Z * error, value + Z * error)


def _as_given(given: Mapping[str, Quantity]) -> list[Estimate]:
    units = (PEOPLE, AREA, DEVIATIONS, EFFECTIVE)
    names = [name for name, one in given.items() if one.unit in units]
    names += [f"set_aside_{arm}" for arm in ARMS]
    return [
        estimate(
            Shown(name, given[name].noun.capitalize(), given[name].unit, AS_RELEASED),
            as_released,
            given[name],
        )
        for name in names
    ]


def _rates(given: Mapping[str, Quantity]) -> list[Estimate]:
    return [
        estimate(
            Shown(f"conversion_rate_{arm}", f"Buyers / {arm} people", SHARE, WILSON),
            lambda count, people: wilson(Proportion(count, people)),
            given[f"converters_{arm}"],
            given[f"people_{arm}"],
        )
        for arm in ARMS
    ]


def _effects(given: Mapping[str, Quantity]) -> list[Estimate]:
    found = []
    for name, (source, label) in {**_EFFECTS, **_GROUPS}.items():
        method = _METHODS.get(source.partition("_")[0], _DOUBLY)
        shown = Shown(name, label, given[source].unit, method)
        found.append(estimate(shown, normal, given[source], given[f"{source}_error"]))
    ranking = Shown("ranking_area", "What the ranking is worth (Qini)", SHARE, _QINI)
    return [*found, estimate(ranking, normal, given["ranking"], given["ranking_error"])]


def _totals(given: Mapping[str, Quantity]) -> list[Estimate]:
    """What the effects per person come to, and beside what the exposed would have done without."""
    people, converters = given["people_exposed"], given["converters_exposed"]
    bought = (given["adjusted_bought"], given["adjusted_bought_error"])
    spent = (given["adjusted_spent"], given["adjusted_spent_error"])
    return [
        estimate(
            Shown("relative_conversion_lift", "Lift / rate without", SHARE, _COUNTERFACTUAL),
            lambda *numbers: _moved(_ratio(*numbers), -1.0),
            *bought,
            converters,
            people,
        ),
        estimate(
            Shown("incremental_conversions", "Buyers added: lift × exposed", PEOPLE, _DOUBLY),
            _times,
            *bought,
            people,
        ),
        estimate(
            Shown(
                "incremental_conversion_value",
                "Amount added: amount lift × exposed",
                MONEY,
                _DOUBLY,
            ),
            _times,
            *spent,
            people,
        ),
    ]


def _times(value: float, error: float, people: float) -> Interval:
    one = normal(value, error)
    return Interval(one.value * people, one.lower * people, one.upper * people)


def _ratio(value: float, error: float, converters: float, people: float) -> Interval:
    """The rate of the exposed over what it would have been without; it rises with the effect, so
    its interval is that of the effect's ends."""
    rate, effect = Proportion(converters, people).share, normal(value, error)
    if effect.upper >= rate:
        raise UndefinedError("the effect is not clearly smaller than the rate")
    return Interval(*(rate / (rate - end) for end in (effect.value, effect.lower, effect.upper)))


def _moved(interval: Interval, by: float) -> Interval:
    return Interval(interval.value + by, interval.lower + by, interval.upper + by)


def _chances(given: Mapping[str, Quantity]) -> list[Estimate]:
    return [
        estimate(
            Shown(name, label, P_VALUE, _QINI if source == "ranking" else _DOUBLY),
            _no_effect,
            given[source],
            given[f"{source}_error"],
        )
        for name, (source, label) in _CHANCES.items()
    ]


def _no_effect(value: float, error: float) -> Chance:
    if error <= 0:
        raise UndefinedError("nothing varies")
    return Chance(erfc(abs(value) / error / sqrt(2)), value)


def _interactions(given: Mapping[str, Quantity]) -> list[Estimate]:
    """How often chance alone makes the groups' effects as unlike as they are."""
    found = []
    fifths = tuple(f"fifth_{n}" for n in range(1, 6))
    groups = (("segments", ("customers", "new_customers")), ("fifths", fifths))
    for name, members in groups:
        shown = Shown(f"{name}_p_value", f"p-value of equal effects, {name}", P_VALUE, _COCHRAN)
        numbers = [given[f"{one}{end}"] for one in members for end in ("", "_error")]
        found.append(estimate(shown, _unlike, *numbers))
    return found


def _unlike(*numbers: float) -> Chance:
    departure, p_value = heterogeneity(np.array(numbers[::2]), np.array(numbers[1::2]))
    return Chance(p_value, departure)


def _sensitivity(given: Mapping[str, Quantity]) -> list[Estimate]:
    bought = (given["adjusted_bought"], given["adjusted_bought_error"])
    people = [given[f"people_{arm}"] for arm in ARMS]
    ratio = (*bought, given["converters_exposed"], given["people_exposed"])
    return [
        estimate(
            Shown("e_value", "E-value of the lift", RATIO, _E_VALUE),
            lambda *numbers: e_value(_ratio(*numbers).value),
            *ratio,
        ),
        estimate(
            Shown("e_value_of_interval", "E-value of the interval's nearer end", RATIO, _E_VALUE),
            lambda *numbers: e_value_of_interval(_ratio(*numbers)),
            *ratio,
        ),
        estimate(
            Shown("robustness_value", "Robustness value", SHARE, _ROBUSTNESS),
            lambda value, error, *groups: robustness_value(_t(value, error), sum(groups)),
            *bought,
            *people,
        ),
        estimate(
            Shown("robustness_value_of_interval", "Robustness of the interval", SHARE, _ROBUSTNESS),
            lambda value, error, *groups: robustness_value(
                _t(value, error), sum(groups), to_insignificance=True
            ),
            *bought,
            *people,
        ),
    ]


def _t(value: float, error: float) -> float:
    if error <= 0:
        raise UndefinedError("nothing varies")
    return value / error
