"""The substitution study: does the link to the store take orders from the platform's own shop?

Everyone counts in the arm assigned (intention to treat), in both shops. Computed from the released
counts and moments of the two arms alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, SHARE, Estimate, Findings, Protected
from cleanroom.studies.intervals import Interval, Moments, Proportion, difference_of_means, wilson
from cleanroom.studies.lift_estimates import (
    ARMS,
    FLEISS,
    MEE,
    P_VALUE,
    WELCH,
    alike,
    by_arm,
    detectable,
    incremental_amount,
    incremental_people,
    no_difference,
    told,
)
from cleanroom.studies.released import WILSON, Quantity, Result, Shown, estimate, released
from cleanroom.studies.score import difference_of_proportions
from cleanroom.studies.substitution_summary import check_substitution, summary
from cleanroom.studies.two_shops import (
    Pair,
    joint_difference,
    pair_of_amounts,
    pair_of_buyers,
    share_taken,
)
from cleanroom.study import SubstitutionStudy

SHOPS = {"store": "the store", "onsite": "the platform's own shop"}
_COUNTED = {
    "assigned": "people assigned to the {} arm",
    "people": "people studied in the {} arm",
    "store_buyers": "buyers in the store, {} arm",
    "onsite_buyers": "buyers in the platform's own shop, {} arm",
    "both_buyers": "buyers in both shops, {} arm",
}
_KNOWN = "the overlap as released"
_ANY = "whatever the overlap (Fréchet's bounds)"
_CLOSE = "however closely both go together (Cauchy and Schwarz)"
_NORMAL = "normal interval of the sum, 95 %"
_FIELLER = "Fieller's interval of the ratio, 95 % (Fieller 1954)"


def findings(tables: Mapping[str, Protected], study: SubstitutionStudy, currency: str) -> Findings:
    """What the table `shops` of one merchant says of `study`.

    Money is in minor units of `currency`. Raises `StudyError` if the table is absent.
    """
    given = _given(tables)
    every = [
        *(told(name, one) for name, one in given.items() if one.unit != MONEY_SQUARED),
        *_rates(given),
        *alike(given, study.planned_treated_share),
        *_by_shop(given),
        *_both(given),
    ]
    estimates = {one.name: one for one in every}
    checks = check_substitution(estimates, study)
    return Findings(estimates, checks, summary(estimates, checks, study, currency))


def _given(tables: Mapping[str, Protected]) -> dict[str, Quantity]:
    """The quantities `measure_arm`."""
    cells = released(tables, "shops")
    measures = {name: (noun, PEOPLE) for name, noun in _COUNTED.items()}
    for shop, where in SHOPS.items():
        measures[f"{shop}_amount"] = (f"amount spent in {where}, {{}} arm", MONEY)
        squares = f"sum of squared amounts in {where}, {{}} arm"
        measures[f"{shop}_amount_squared"] = (squares, MONEY_SQUARED)
    return {
        f"{measure}_{arm}": Quantity(noun.format(arm), unit, cells.get((arm, measure)))
        for measure, (noun, unit) in measures.items()
        for arm in ARMS
    }


def _rates(given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    shares = {
        "linked_share": ("people", "assigned", "Studied"),
        "store_rate": ("store_buyers", "people", "Store"),
        "onsite_rate": ("onsite_buyers", "people", "Own shop"),
    }
    for name, (part, base, label) in shares.items():
        for arm in ARMS:
            yield estimate(
                Shown(f"{name}_{arm}", f"{label}, {arm}", SHARE, WILSON),
                lambda count, people: wilson(Proportion(count, people)),
                given[f"{part}_{arm}"],
                given[f"{base}_{arm}"],
            )


def _by_shop(given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    for shop, where in SHOPS.items():
        buying = [given[f"{name}_{arm}"] for arm in ARMS for name in (f"{shop}_buyers", "people")]
        moments = ("people", f"{shop}_amount", f"{shop}_amount_squared")
        spending = [given[f"{name}_{arm}"] for arm in ARMS for name in moments]
        tests: tuple[tuple[Shown, Callable[[Proportion, Proportion], Result]], ...] = (
            (
                Shown(
                    f"{shop}_lift", f"Share of buyers in {where}, treated minus holdout", SHARE, MEE
                ),
                difference_of_proportions,
            ),
            (
                Shown(
                    f"incremental_{shop}_buyers",
                    f"Buyers added in {where}: lift × treated",
                    PEOPLE,
                    MEE,
                ),
                incremental_people,
            ),
            (
                Shown(f"{shop}_p_value", f"p-value of no effect in {where}", P_VALUE, MEE),
                no_difference,
            ),
            (
                Shown(
                    f"minimum_detectable_{shop}_lift",
                    f"Smallest effect in {where} likely found",
                    SHARE,
                    FLEISS,
                ),
                detectable,
            ),
        )
        for shown, compute in tests:
            yield estimate(shown, by_arm(Proportion, compute), *buying)
        label = f"Amount per person in {where}, treated minus holdout"
        yield estimate(
            Shown(f"{shop}_amount_lift", label, MONEY, WELCH),
            by_arm(Moments, difference_of_means),
            *spending,
        )
        label = f"Amount added in {where}: amount lift × treated"
        yield estimate(
            Shown(f"incremental_{shop}_amount", label, MONEY, WELCH),
            by_arm(Moments, incremental_amount),
            *spending,
        )


def _both(given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    """What both shops gain together, and what share of the store's gain the own shop loses."""
    counts = ["people", "store_buyers", "onsite_buyers"]
    known = all(given[f"both_buyers_{arm}"].value is not None for arm in ARMS)
    amounts = ("people", *(f"{shop}_amount{end}" for shop in SHOPS for end in ("", "_squared")))
    for end, unit, names, pair, closeness in (
        (
            "",
            SHARE,
            [*counts, *(["both_buyers"] if known else [])],
            pair_of_buyers,
            _KNOWN if known else _ANY,
        ),
        ("_amount", MONEY, amounts, pair_of_amounts, _CLOSE),
    ):
        inputs = [given[f"{name}_{arm}"] for arm in ARMS for name in names]
        what = "buyers, counted in each shop" if unit == SHARE else "amount per person"
        for name, label, of, method, compute in (
            (f"joint{end}_lift", f"Both shops together: {what}", unit, _NORMAL, joint_difference),
            (
                f"substituted{end}_share",
                "Lost by the platform's own shop / gained by the store: "
                + ("buyers" if unit == SHARE else "amount"),
                SHARE,
                _FIELLER,
                share_taken,
            ),
        ):
            shown = Shown(name, label, of, f"{method}, {closeness}")
            yield estimate(shown, _after(pair, compute), *inputs)


def _after(
    pair: Callable[..., Pair], compute: Callable[[Pair], Interval]
) -> Callable[..., Interval]:
    return lambda *numbers: compute(pair(*numbers))
