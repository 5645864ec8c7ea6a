"""Rounding: counts by the policy's rule, amounts as coarsely as their counts are rounded.

Each number is rounded by itself, so parts need not add up to their whole any more. Both rules keep
order: a part never exceeds its whole. Source of midpoint rounding: the OpenSAFELY project's
documentation on statistical disclosure control.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from cleanroom.borders import AMOUNTS
from cleanroom.policy import Rounding

_BASES = {Rounding.BASE_5: 5, Rounding.MIDPOINT_6: 6}


def rounded(cells: pl.DataFrame, rounding: Rounding) -> pl.DataFrame:
    """`cells` with `value` rounded, and `least` and `most`, between which the exact value lies.

    An amount is rounded to a multiple of what so many people contribute on average as a count is
    rounded to, that taken up to the next 1, 2 or 5 with zeros: else equal prices would give the
    exact count away.
    """
    value = pl.col("value")
    if rounding is Rounding.NONE:
        return cells.with_columns(least=value, most=value)
    amount = pl.col("unit").is_in(AMOUNTS)
    grain = _grain(_BASES[rounding])
    parts = zip(_ROUNDED[rounding](value), _to_multiple(value, grain), strict=True)
    told = [
        # Of an amount whose contributions are unknown there is no multiple to take.
        pl.when(amount).then(pl.coalesce(of_amount, value)).otherwise(of_count)
        for of_count, of_amount in parts
    ]
    return cells.with_columns(value=told[0], least=told[1], most=told[2])


def _base_5(value: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    near = (value / 5).round() * 5
    return near, (near - 2).clip(0), near + 2


def _midpoint_6(value: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    none = value == 0
    near = pl.when(none).then(0.0).otherwise((value / 6).ceil() * 6 - 3)
    return (
        near,
        pl.when(none).then(0.0).otherwise(near - 2),
        pl.when(none).then(0.0).otherwise(near + 3),
    )


_ROUNDED: dict[Rounding, Callable[[pl.Expr], tuple[pl.Expr, pl.Expr, pl.Expr]]] = {
    Rounding.BASE_5: _base_5,
    Rounding.MIDPOINT_6: _midpoint_6,
}


def _to_multiple(value: pl.Expr, grain: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    near = (value / grain).round() * grain
    return near, near - grain / 2, near + grain / 2


def _grain(people: int) -> pl.Expr:
    """What `people` of a cell's contributors contribute on average, up to 1, 2 or 5 with zeros."""
    behind = pl.coalesce("contributors", "people").clip(1)
    exact = (pl.col("magnitude") * people / behind).clip(1)
    power = 10 ** exact.log10().floor()
    steps = [pl.when(exact <= step * power).then(step * power) for step in (1, 2, 5)]
    return pl.coalesce(*steps, 10 * power)
