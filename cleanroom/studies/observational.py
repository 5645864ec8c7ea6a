"""The observational study: exposed people beside comparable ones, where nobody was held out.

People chose for themselves what to look at, so whatever is not adjusted for may be what differs
(evidence grade C). Counts are as released; effects were computed in the room and released beside
them, and all else follows from these numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.borders import AREA, DEVIATIONS, EFFECTIVE, MONEY, PEOPLE, SHARE, Findings, Protected
from cleanroom.studies.observational_checks import check_comparison
from cleanroom.studies.observational_estimates import estimate_effects
from cleanroom.studies.observational_summary import summary
from cleanroom.studies.released import Number, Quantity, released
from cleanroom.study import ObservationalStudy

OUTCOMES = {
    "bought": "buying",
    "spent": "the amount spent",
    "bought_before": "buying before the study",
    "bought_elsewhere": "buying elsewhere",
}
_GROUPS = {
    "customers": ("segments", "customers of before"),
    "new_customers": ("segments", "new customers"),
    **{f"fifth_{n}": ("fifths", f"fifth {n} of the ranking") for n in range(1, 6)},
}
_METHODS = {"naive": "unadjusted", "matched": "matched", "adjusted": "adjusted"}


def findings(tables: Mapping[str, Protected], study: ObservationalStudy, currency: str) -> Findings:
    """What the tables of one merchant's `study` say.

    Money is in minor units of `currency`. Raises `StudyError` if a table is absent.
    """
    given = {**_design(tables), **_comparison(tables), **_groups(tables)}
    estimates = estimate_effects(given)
    checks = check_comparison(estimates)
    return Findings(estimates, checks, summary(estimates, checks, study, currency))


def _design(tables: Mapping[str, Protected]) -> dict[str, Quantity]:
    design, balance = released(tables, "design"), released(tables, "balance")
    given = {}
    for arm in ("exposed", "comparable"):
        given[f"people_{arm}"] = _of(f"{arm} people", PEOPLE, design.get((arm, "people")))
        noun = f"share of {arm} people set aside"
        given[f"set_aside_{arm}"] = _of(noun, SHARE, design.get((arm, "set_aside")))
    for name, when in (
        ("effective_before", "before any were set aside"),
        ("effective", "compared"),
    ):
        noun = f"effective size of the comparable people, {when}"
        given[f"{name}_size"] = _of(noun, EFFECTIVE, design.get(("comparable", name)))
    noun = "separation of the two groups"
    given["separation"] = _of(noun, AREA, design.get(("both", "separation")))
    for stage in ("before", "after"):
        noun = f"largest difference {stage} weighting"
        shown = [number for key, number in balance.items() if key[-1] == stage]
        given[f"imbalance_{stage}"] = _of(noun, DEVIATIONS, _most(shown))
    return given


def _most(numbers: list[Number]) -> Number | None:
    """The number furthest from zero, without its sign; None if one of them is withheld."""
    if not numbers or any(number.value is None for number in numbers):
        return None
    most = max(numbers, key=lambda number: abs(number.value or 0.0))
    least, greatest = most.least or 0.0, most.most or 0.0
    low, high = sorted((abs(least), abs(greatest)))
    return Number(abs(most.value or 0.0), 0.0 if least < 0 < greatest else low, high)


def _comparison(tables: Mapping[str, Protected]) -> dict[str, Quantity]:
    cells, given = released(tables, "comparison"), {}
    for arm in ("exposed", "comparable"):
        number = cells.get(("bought", arm, "converters"))
        given[f"converters_{arm}"] = _of(f"buyers among {arm} people", PEOPLE, number)
    for outcome, noun in OUTCOMES.items():
        unit = MONEY if outcome == "spent" else SHARE
        for method, how in _METHODS.items():
            number, error = (
                cells.get((outcome, "both", f"{method}{end}")) for end in ("", "_error")
            )
            words = f"{how} effect on {noun}"
            given[f"{method}_{outcome}"] = _of(words, unit, number)
            given[f"{method}_{outcome}_error"] = _of(f"error of the {words}", unit, error)
    for name, end in (("ranking", ""), ("ranking_error", "_error")):
        number = cells.get(("bought", "both", f"ranking{end}"))
        given[name] = _of("worth of the ranking", SHARE, number)
    return given


def _groups(tables: Mapping[str, Protected]) -> dict[str, Quantity]:
    given = {}
    for group, (table, noun) in _GROUPS.items():
        cells = released(tables, table)
        for name, measure in ((group, "adjusted"), (f"{group}_error", "adjusted_error")):
            number = cells.get((group, "both", measure))
            given[name] = _of(f"effect among {noun}", SHARE, number)
    return given


def _of(noun: str, unit: str, number: Number | None) -> Quantity:
    return Quantity(noun, unit, number)
