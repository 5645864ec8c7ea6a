"""The estimates of a lift study, one line each, named as ad platforms' lift reports name them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import hypot
from typing import TypeVar

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, SHARE, Estimate
from cleanroom.studies.intervals import (
    Chance,
    Difference,
    Interval,
    Moments,
    Proportion,
    Z,
    as_released,
    detectable_difference,
    difference_of_means,
    noise_of,
    planned_split_p_value,
    wilson,
)
from cleanroom.studies.ratios import relative_difference_of_means
from cleanroom.studies.released import (
    AS_RELEASED,
    WILSON,
    Compute,
    Quantity,
    Result,
    Shown,
    estimate,
)
from cleanroom.studies.score import difference_of_proportions, relative_difference
from cleanroom.studies.sequential import always_valid_difference

P_VALUE = "p-value"
RATIO = "ratio"
ARMS = ("treated", "holdout")
_MEE = "score interval of the pooled two-proportion test, 95 % (Mee 1984)"
_KOOPMAN = "score interval of the ratio, 95 % (Koopman 1984)"
_CHI_SQUARE = "Pearson's chi-square goodness of fit"
_FLEISS = "80 % power, two-sided 5 % (Fleiss, Levin and Paik 2003)"
_FIELLER = "Fieller's interval of the ratio, 95 % (Fieller 1954)"
ALWAYS_VALID = "holds at every look at once, 95 % (Waudby-Smith 2024)"
_WELCH = "Welch's t interval, 95 % (Welch 1947), amounts winsorised per person"

Arm = TypeVar("Arm")


def _incremental(difference: Difference, people: float) -> Interval:
    """What a difference per person comes to over the people treated."""
    value, noise = people * difference.value, Z * noise_of(people) * difference.value
    below = people * (difference.value - difference.lower)
    above = people * (difference.upper - difference.value)
    return Interval(value, value - hypot(below, noise), value + hypot(above, noise))


def incremental_people(treated: Proportion, holdout: Proportion) -> Interval:
    """The buyers added among the people treated."""
    return _incremental(difference_of_proportions(treated, holdout), treated.people)


def incremental_amount(treated: Moments, holdout: Moments) -> Interval:
    """The amount added among the people treated."""
    return _incremental(difference_of_means(treated, holdout), treated.people)


def _detectable(treated: Proportion, holdout: Proportion) -> float:
    noise = treated.noise_variance(holdout.share) + holdout.noise_variance(holdout.share)
    return detectable_difference(holdout, treated.people, noise)


def no_difference(treated: Proportion, holdout: Proportion) -> Chance:
    """How often chance alone makes two shares as unlike."""
    return _chance(difference_of_proportions(treated, holdout))


def no_difference_of_means(treated: Moments, holdout: Moments) -> Chance:
    """How often chance alone makes two means as unlike."""
    return _chance(difference_of_means(treated, holdout))


def _chance(difference: Difference) -> Chance:
    return Chance(difference.p_value, difference.value)


_BUYING: tuple[tuple[Shown, Callable[[Proportion, Proportion], Result]], ...] = (
    (
        Shown("absolute_lift", "Conversion rate, treated minus holdout", SHARE, _MEE),
        difference_of_proportions,
    ),
    (
        Shown("relative_conversion_lift", "Absolute lift / holdout's rate", SHARE, _KOOPMAN),
        relative_difference,
    ),
    (
        Shown("incremental_conversions", "Buyers added: absolute lift × treated", PEOPLE, _MEE),
        incremental_people,
    ),
    (
        Shown("incremental_conversions_p_value", "p-value of no effect on buying", P_VALUE, _MEE),
        no_difference,
    ),
    (
        Shown(
            "absolute_lift_always_valid",
            "Absolute lift, however often looked at",
            SHARE,
            ALWAYS_VALID,
        ),
        always_valid_difference,
    ),
    (
        Shown("always_valid_p_value", "p-value, however often looked at", P_VALUE, ALWAYS_VALID),
        lambda t, h: _chance(always_valid_difference(t, h)),
    ),
    (
        Shown("minimum_detectable_lift", "Smallest absolute lift likely found", SHARE, _FLEISS),
        _detectable,
    ),
)
_SPENDING: tuple[tuple[Shown, Callable[[Moments, Moments], Result]], ...] = (
    (
        Shown("amount_lift", "Amount per person, treated minus holdout", MONEY, _WELCH),
        difference_of_means,
    ),
    (
        Shown("incremental_conversion_value", "Amount added: amount lift × treated", MONEY, _WELCH),
        incremental_amount,
    ),
    (
        Shown(
            "relative_conversion_value_lift",
            "Amount lift / holdout's amount per person",
            SHARE,
            _FIELLER,
        ),
        relative_difference_of_means,
    ),
    (
        Shown(
            "incremental_conversion_value_p_value",
            "p-value of no effect on the amount",
            P_VALUE,
            _WELCH,
        ),
        no_difference_of_means,
    ),
)


def estimate_lift(
    given: Mapping[str, Quantity], planned_treated_share: float
) -> dict[str, Estimate]:
    """All estimates by name, from the quantities `measure_arm`."""
    buying = [given[f"{name}_{arm}"] for arm in ARMS for name in ("converters", "people")]
    spending = [
        given[f"{name}_{arm}"] for arm in ARMS for name in ("people", "amount", "amount_squared")
    ]
    estimates = [
        *_counts(given),
        *_rates(given),
        *_alike(given, planned_treated_share),
        *(estimate(shown, by_arm(Proportion, compute), *buying) for shown, compute in _BUYING),
        *(estimate(shown, by_arm(Moments, compute), *spending) for shown, compute in _SPENDING),
    ]
    return {one.name: one for one in estimates}


def estimate_uncut(given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    """The amount with nothing cut off, beside the winsorised one. It has no interval: how much
    the largest buyers differ is what was cut off.
    """
    if given["beyond_treated"].number is None:
        return
    inputs = [given[f"{name}_{arm}"] for arm in ARMS for name in ("people", "amount", "beyond")]
    yield estimate(
        Shown("amount_lift_uncut", "Amount per person, nothing cut off", MONEY, "without interval"),
        lambda *n: (n[1] + n[2]) / n[0] - (n[4] + n[5]) / n[3],
        *inputs,
    )


def _counts(given: Mapping[str, Quantity]) -> list[Estimate]:
    """The quantities themselves; squares are of use to formulas only."""
    return [
        told(name, one)
        for name, one in given.items()
        if one.unit != MONEY_SQUARED and not (name.startswith("beyond") and one.number is None)
    ]


def told(name: str, one: Quantity) -> Estimate:
    """A quantity as released."""
    shown = Shown(name, one.noun[0].upper() + one.noun[1:], one.unit, AS_RELEASED)
    return estimate(shown, as_released, one)


def _rates(given: Mapping[str, Quantity]) -> list[Estimate]:
    pairs = {f"conversion_rate_{arm}": (f"converters_{arm}", f"people_{arm}") for arm in ARMS}
    pairs |= {f"linked_share_{arm}": (f"people_{arm}", f"assigned_{arm}") for arm in ARMS}
    return [
        estimate(
            Shown(name, f"{given[part].noun.capitalize()} / {given[base].noun}", SHARE, WILSON),
            lambda count, people: wilson(Proportion(count, people)),
            given[part],
            given[base],
        )
        for name, (part, base) in pairs.items()
    ]


def _alike(given: Mapping[str, Quantity], planned: float) -> list[Estimate]:
    """How often chance alone makes the arms as unlike as they are, before any outcome."""
    assigned = [given[f"assigned_{arm}"] for arm in ARMS]
    studied = [given[f"{name}_{arm}"] for arm in ARMS for name in ("people", "assigned")]
    return [
        estimate(
            Shown("sample_ratio_p_value", "p-value of the planned split", P_VALUE, _CHI_SQUARE),
            lambda t, h: Chance(
                planned_split_p_value([t, h], [planned, 1 - planned]), t - planned * (t + h)
            ),
            *assigned,
        ),
        estimate(
            Shown("linked_share_p_value", "p-value of equal linked shares", P_VALUE, _MEE),
            by_arm(Proportion, no_difference),
            *studied,
        ),
    ]


def by_arm(kind: Callable[..., Arm], compute: Callable[[Arm, Arm], Result]) -> Compute:
    """`compute` on the numbers of the treated arm followed by those of the holdout."""

    def of_numbers(*numbers: float) -> Result:
        half = len(numbers) // 2
        return compute(kind(*numbers[:half]), kind(*numbers[half:]))

    return of_numbers
