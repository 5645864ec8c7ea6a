"""Who responds, and when (tables `customers`, `regions` and `weeks`).

Segments are named before anybody looks. One effect is asked for, and whether it differs; that a
single segment's interval excludes zero is no finding by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cleanroom.borders import MONEY, PEOPLE, SHARE, Estimate
from cleanroom.studies.intervals import Chance, Interval, Moments, Proportion
from cleanroom.studies.lift_estimates import ARMS, P_VALUE, by_arm
from cleanroom.studies.released import Number, Quantity, Shown, estimate
from cleanroom.studies.score import difference_of_proportions
from cleanroom.studies.strata import Stratum, change, interaction, post_stratified

Numbers = Mapping[tuple[str, ...], Number]
_MEE = "score interval of the pooled two-proportion test, 95 % (Mee 1984)"
_COCHRAN = "Cochran's Q, chi-square (Cochran 1954)"
_MIRATRIX = "post-stratification, 95 % (Miratrix 2013)"
_CHANGE = "difference of the lifts of the first and the last week, normal"


def estimate_customers(table: Numbers) -> Iterator[Estimate]:
    """Lift of new and of existing customers, whether they differ, and the lift free of a chance
    imbalance between them."""
    yield from _lifts("customer", table)
    parts = _parts(table)
    yield _interaction("customers_interaction_p_value", parts, table)
    yield estimate(
        Shown("absolute_lift_post_stratified", "Absolute lift, by customers", SHARE, _MIRATRIX),
        lambda *n: post_stratified(_shares(n)),
        *_inputs(table, parts, ("people", "converters", "converters")),
    )
    yield estimate(
        Shown("amount_lift_post_stratified", "Amount per person, by customers", MONEY, _MIRATRIX),
        lambda *n: post_stratified(_shares(n)),
        *_inputs(table, parts, ("people", "amount", "amount_squared")),
    )


def estimate_regions(table: Numbers) -> Iterator[Estimate]:
    """Lift by region, and whether the regions differ."""
    yield from _lifts("region", table)
    yield _interaction("regions_interaction_p_value", _parts(table), table)


def estimate_weeks(table: Numbers, given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    """The lift so far at the end of each week, and whether the last week's differs from the first.

    Every buyer is counted in one week, that of the first purchase, so that weeks add up.
    """
    weeks = _parts(table)
    people = {arm: given[f"people_{arm}"] for arm in ARMS}
    bought = {arm: [_quantity(table, arm, week, "converters") for week in weeks] for arm in ARMS}
    for number, week in enumerate(weeks, start=1):
        label = f"Absolute lift so far, {week.replace('_', ' ')}"
        so_far = [*bought["treated"][:number], *bought["holdout"][:number]]

        def compute(*n: float, number: int = number) -> Interval:
            treated = Proportion(sum(n[2 : 2 + number]), n[0])
            return difference_of_proportions(treated, Proportion(sum(n[2 + number :]), n[1]))

        shown = Shown(f"absolute_lift_until_{week}", label, SHARE, _MEE)
        yield estimate(shown, compute, *people.values(), *so_far)
    if len(weeks) > 1:
        ends = [bought[arm][place] for place in (0, -1) for arm in ARMS]
        yield estimate(
            Shown("novelty_p_value", "p-value of an equal lift in both", P_VALUE, _CHANGE),
            _novelty,
            *people.values(),
            *ends,
        )


def _novelty(treated: float, holdout: float, *bought: float) -> Chance:
    pairs = [
        (_moments(treated, bought[place]), _moments(holdout, bought[place + 1])) for place in (0, 2)
    ]
    found = change(*pairs)
    return Chance(found.p_value, found.value)


def _moments(people: float, bought: float) -> Moments:
    """Who buys is 1 or 0, and so its own square."""
    return Moments(people, bought, bought)


def _lifts(kind: str, table: Numbers) -> Iterator[Estimate]:
    for part in _parts(table):
        inputs = [_quantity(table, arm, part, m) for arm in ARMS for m in ("converters", "people")]
        label = f"Absolute lift, {kind} {part}"
        shown = Shown(f"absolute_lift_{kind}_{part}", label, SHARE, _MEE)
        yield estimate(shown, by_arm(Proportion, difference_of_proportions), *inputs)


def _interaction(name: str, parts: list[str], table: Numbers) -> Estimate:
    shown = Shown(name, "p-value of one effect for all", P_VALUE, _COCHRAN)
    inputs = _inputs(table, parts, ("people", "converters", "converters"))
    return estimate(shown, lambda *n: interaction(_shares(n)), *inputs)


def _inputs(table: Numbers, parts: list[str], measures: tuple[str, ...]) -> list[Quantity]:
    return [_quantity(table, arm, part, m) for part in parts for arm in ARMS for m in measures]


def _shares(numbers: tuple[float, ...]) -> list[Stratum]:
    arms = [Moments(*numbers[i : i + 3]) for i in range(0, len(numbers), 3)]
    return list(zip(arms[::2], arms[1::2], strict=True))


def _parts(table: Numbers) -> list[str]:
    return list(dict.fromkeys(key[1] for key in table))


def _quantity(table: Numbers, arm: str, part: str, measure: str) -> Quantity:
    noun = {"people": "people", "converters": "buyers"}.get(measure, measure.replace("_", " "))
    unit = PEOPLE if measure in ("people", "converters") else MONEY
    words = f"{noun} in the {arm} arm, {part.replace('_', ' ')}"
    return Quantity(words, unit, table.get((arm, part, measure)))
