"""Observational studies of given numbers, as if the gate had let them pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from cleanroom.borders import AREA, DEVIATIONS, EFFECTIVE, MONEY, PEOPLE, SHARE, Findings, Protected
from cleanroom.studies import observational
from cleanroom.study import ObservationalStudy
from tests.factories import protected

STUDY = ObservationalStudy(merchant="m", start=date(2026, 5, 1), end=date(2026, 5, 15))
Key = tuple[str, ...]
# The value by place and measure; each effect with its standard error.
DESIGN: dict[Key, float | None] = {
    ("exposed", "people"): 5_000,
    ("comparable", "people"): 45_000,
    ("exposed", "set_aside"): 0.0,
    ("comparable", "set_aside"): 0.05,
    ("comparable", "effective_before"): 40_000,
    ("comparable", "effective"): 41_000,
    ("both", "separation"): 0.62,
}
BALANCE: dict[Key, float | None] = {
    ("prior_orders", "before"): 0.31,
    ("prior_orders", "after"): -0.01,
    ("region", "before"): -0.4,
    ("region", "after"): 0.02,
}
COMPARISON: dict[Key, float | None] = {
    ("bought", "exposed", "converters"): 160,
    ("bought", "comparable", "converters"): 700,
    ("bought", "both", "naive"): 0.017,
    ("bought", "both", "matched"): 0.013,
    ("bought", "both", "adjusted"): 0.0125,
    ("spent", "both", "naive"): 400.0,
    ("spent", "both", "matched"): 300.0,
    ("spent", "both", "adjusted"): 280.0,
    ("bought_before", "both", "adjusted"): 0.001,
    ("bought_elsewhere", "both", "adjusted"): 0.001,
    ("bought", "both", "ranking"): 0.001,
}
_ERRORS = {"spent": 60.0}
_UNITS = {
    "people": PEOPLE,
    "converters": PEOPLE,
    "set_aside": SHARE,
    "effective_before": EFFECTIVE,
    "effective": EFFECTIVE,
    "separation": AREA,
}


def tables(**changes: dict[Key, float | None]) -> dict[str, Protected]:
    """The tables of a sound study; `changes` by table replace values, None for withheld."""
    comparison = {**COMPARISON, **changes.get("comparison", {})}
    groups = {
        "segments": {
            ("customers", "both", "adjusted"): 0.02,
            ("new_customers", "both", "adjusted"): 0.01,
        },
        "fifths": {(f"fifth_{n}", "both", "adjusted"): 0.02 - 0.003 * n for n in range(1, 6)},
    }
    made = [
        protected("design", ("arm",), [*_cells({**DESIGN, **changes.get("design", {})})]),
        protected("balance", ("covariate",), [*_cells({**BALANCE, **changes.get("balance", {})})]),
        protected("comparison", ("outcome", "arm"), [*_with_errors(comparison)]),
        protected("segments", ("segment", "arm"), [*_with_errors(groups["segments"])]),
        protected("fifths", ("fifth", "arm"), [*_with_errors(groups["fifths"])]),
    ]
    return {one.name: one for one in made}


def observational_of(**changes: dict[Key, float | None]) -> Findings:
    """What the study makes of them."""
    return observational.findings(tables(**changes), STUDY, "CNY")


def _cells(values: dict[Key, float | None]) -> Iterator[tuple[Any, ...]]:
    for key, value in values.items():
        yield *key, value, _UNITS.get(key[-1], DEVIATIONS)


def _with_errors(values: Any) -> Iterator[tuple[Any, ...]]:
    """Effects get an error a fifth of the study's own effect, unless told."""
    for key, value in values.items():
        unit = PEOPLE if key[-1] == "converters" else MONEY if key[0] == "spent" else SHARE
        yield *key, value, unit
        if key[1] == "both" and (*key[:-1], f"{key[-1]}_error") not in values:
            error = _ERRORS.get(key[0], 0.0025)
            yield *key[:-1], f"{key[-1]}_error", None if value is None else error, unit
