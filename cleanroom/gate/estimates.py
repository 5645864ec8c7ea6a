"""Estimates, which the room computes of its rows: they leave with their support, and coarsely.

Counts are computed outside from what was released; an effect adjusted for what single people are
like cannot be. So it leaves only beside the counts of people on which it rests, whatever rule holds
one of them back, and only as a multiple of a tenth of its standard error: what is rounded away
is far less than chance, and more than one person's part.
"""

from __future__ import annotations

import polars as pl

from cleanroom.gate.rules import SUPPORT
from cleanroom.layout import Layout, Measure


def resting(cells: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """`cells` with each estimate withheld that rests on a count which is withheld, or not there;
    `told` is the rule that readers are told.

    What it would have said in place of a value (`no_data`) goes with it.
    """
    if not layout.estimates:
        return cells
    fallen = pl.lit(value=False)
    for measure in layout.estimates.values():
        fallen |= (pl.col("measure") == measure.name) & _unsupported(layout, measure)
    falls = [
        pl.when(fallen).then(pl.coalesce(name, pl.lit(SUPPORT.id))).otherwise(name).alias(name)
        for name in ("withheld", "told")
    ]
    return cells.with_columns(*falls, no_data=pl.when(~fallen).then("no_data"))


def coarsened(cells: pl.DataFrame, exact: pl.Series, layout: Layout) -> pl.DataFrame:
    """`cells` with the estimates at their multiples, and `least` and `most` as far off as that.

    `exact`: the values before any rounding. A standard error is taken up, never down. The multiple
    is the smallest of 1, 2 and 5 with zeros that is no less than a tenth of the standard error, so
    that it can be worked out from the released error and says no more.
    """
    if not layout.estimates:
        return cells
    cells = cells.with_columns(exact=exact)
    for measure in layout.estimates.values():
        here = pl.col("measure") == measure.name
        grain = _grain(layout, measure)
        is_error = measure.error == measure.name
        near = pl.col("exact") / grain
        # A hair above a multiple is that multiple: a reader finds the grain from it.
        near = ((near * (1 - 1e-9)).ceil() if is_error else near.round()) * grain
        near = pl.when(near == 0).then(0.0).otherwise(near)  # no negative zero
        parts = {
            "value": near,
            "least": near - (grain if is_error else grain / 2),
            "most": near if is_error else near + grain / 2,
        }
        cells = cells.with_columns(
            pl.when(here).then(part).otherwise(name).alias(name) for name, part in parts.items()
        )
    return cells.drop("exact")


def _unsupported(layout: Layout, measure: Measure) -> pl.Expr:
    """Whether at an estimate's place a count that it rests on is withheld, or there is none, or
    whether its standard error is withheld."""
    place = [name for name in layout.names if name != layout.compared]
    is_withheld = pl.col("withheld").is_not_null()
    support = pl.col("measure").is_in(measure.rests_on)
    kinds = pl.col("measure").filter(support).n_unique()
    lacks = ((support & is_withheld).any() | (kinds < len(measure.rests_on))).over(place or [1])
    error = pl.col("measure") == measure.error
    return lacks | (error & is_withheld).any().over(layout.names or [1])


def _grain(layout: Layout, measure: Measure) -> pl.Expr:
    if measure.grain:
        return pl.lit(measure.grain)
    error = pl.col("exact").filter(pl.col("measure") == measure.error).first()
    tenth = error.over(layout.names or [1]) / 10
    # A logarithm errs by a hair, and a multiple that is exact is to stay what it is.
    power = 10 ** (tenth.log10() + 1e-9).floor()
    steps = [pl.when(tenth <= step * power * (1 + 1e-9)).then(step * power) for step in (1, 2, 5)]
    return pl.coalesce(*steps, 10 * power)
