"""A table under differential privacy: noise first, then the thresholds, on noisy counts alone.

Everything after the noise is post-processing, the choice of what is withheld included, so the
whole protected table is as private as the noise (Dwork and Roth 2014, proposition 2.1). A rule on
true counts would not be: one person can be what lifts a cell over its threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import polars as pl

from cleanroom.borders import PEOPLE, PROTECTED_COLUMNS, Protected, Table
from cleanroom.gate.mechanism import add_noise
from cleanroom.gate.rounding import rounded
from cleanroom.gate.rules import BOTH_ARMS, NO_BOUND, least_of
from cleanroom.noise import COARSER, Noise, Reach
from cleanroom.policy import Policy, fingerprint

_COUNTS = ("people", "contributors")
_DRAWN = {
    "measure": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    **dict.fromkeys(_COUNTS, pl.Float64),
}
_NOTHING_SURE = "nothing for sure: noisy counts decided"


def draw(table: Table, merchant: str, noise: Noise, reach: Reach) -> dict[str, Any]:
    """One merchant's cells with noise on each value and on the counts behind it, as plain JSON.

    A value has noise of `noise.scale` times the most that one person adds to it, the counts behind
    it `COARSER` times that of a count of people; where such a count is the value itself, it is not
    drawn again. Values without a bound are null. Nothing of the true cells is kept, neither their
    largest contributions nor what was not recorded; the columns they come from are.
    """
    cells = table.cells.filter(pl.col("merchant") == merchant).drop("merchant")
    most = [_most(cell, reach) for cell in cells.iter_rows(named=True)]
    drawn = {
        name: _noisy(cells[name], [one[name] for one in most], noise)
        for name in ("value", *_COUNTS)
    }
    counted = cells.with_columns(**drawn)
    deviations = {
        measure: noise.standard_deviation * one["value"]
        for measure, one in zip(cells["measure"], most, strict=True)
        if one["value"] is not None
    }
    dimensions = [name for name in table.dimensions if name != "merchant"]
    return {
        "name": table.name,
        "title": table.title,
        "dimensions": dimensions,
        "contrast": table.contrast,
        "cells": [list(row) for row in counted.select(*dimensions, *_DRAWN).rows()],
        "columns": [sorted(table.layout.sources(cell)) for cell in cells.iter_rows(named=True)],
        "noise": deviations,
    }


def protect_drawn(drawn: dict[str, Any], policy: Policy, noise: Noise) -> Protected:
    """The drawn cells after the thresholds, which noisy counts have to clear by a margin.

    A cell below `min_people` or `min_converters` leaves at most one time in a hundred.
    """
    dimensions = tuple(drawn["dimensions"])
    schema = {**dict.fromkeys(dimensions, pl.String), **_DRAWN}
    cells = pl.DataFrame(drawn["cells"], schema=schema, orient="row")
    minimums = [least_of(policy, columns) for columns in drawn["columns"]]
    cells = cells.with_columns(minimum=pl.Series(minimums, dtype=pl.Int64))
    cells = cells.with_columns(withheld=_first_rule(policy, noise))
    if drawn["contrast"] is not None:
        others = [name for name in (*dimensions, "measure") if name != drawn["contrast"]]
        fallen = pl.col("withheld").is_not_null().any().over(others)
        both = pl.when(fallen).then(pl.lit(BOTH_ARMS.id))
        cells = cells.with_columns(withheld=pl.coalesce("withheld", both))
    cells = cells.with_columns(value=pl.when(pl.col("withheld").is_null()).then("value"))
    # Amounts stay as they are: their noise hides more than so many people's share.
    unknown = pl.lit(None, pl.Float64)
    unsaid = pl.lit(None, pl.String)
    cells = cells.with_columns(magnitude=unknown, no_data=unsaid, because=unsaid)
    cells = rounded(cells, policy.round_counts)
    return Protected(
        drawn["name"],
        drawn["title"],
        dimensions,
        cells.select(*dimensions, *PROTECTED_COLUMNS),
        fingerprint(policy),
        dict(drawn["noise"]),
        policy.round_counts,
        dict.fromkeys(cells["withheld"].drop_nulls(), _NOTHING_SURE),
    )


def _most(cell: dict[str, Any], reach: Reach) -> dict[str, float | None]:
    """The most that one person adds to a cell's value, and (coarser) to the counts behind it.

    None where no noise is drawn: the room bounds nothing, or the value itself is that count.
    """
    is_people = cell["unit"] == PEOPLE
    value = 1.0 if is_people else reach.most.get(cell["measure"])
    is_base = is_people and cell["contributors"] is None
    return {
        "value": value,
        "people": None if is_base or value is None else COARSER,
        "contributors": None if is_people or value is None else COARSER,
    }


def _noisy(values: pl.Series, most: Sequence[float | None], noise: Noise) -> pl.Series:
    """The values with noise of `noise.scale` times `most`; null where either is unknown."""
    found: list[float | None] = [None] * len(values)
    for bound in {bound for bound in most if bound is not None}:
        rows = [i for i, one in enumerate(most) if one == bound and values[i] is not None]
        whole = [round(values[i]) for i in rows]
        drawn = add_noise(whole, noise.scale * bound, noise.mechanism)
        for row, value in zip(rows, drawn, strict=True):
            found[row] = float(value)
    return pl.Series(found, dtype=pl.Float64)


def _first_rule(policy: Policy, noise: Noise) -> pl.Expr:
    """The rule that withholds a cell, asked of the least that its noisy counts leave likely."""
    surely = noise.margin * noise.standard_deviation
    of_people, value = pl.col("unit") == PEOPLE, pl.col("value")
    # Where a count of people is the base itself, there is no other count behind it.
    people = pl.coalesce(pl.col("people") - COARSER * surely, value - surely)
    own = pl.when(of_people & pl.col("people").is_not_null()).then(value - surely)
    contributors = pl.coalesce(own, pl.col("contributors") - COARSER * surely)
    left_out = pl.when(of_people).then(pl.col("people") - value - sqrt(1 + COARSER**2) * surely)
    return pl.coalesce(
        pl.when(value.is_null()).then(pl.lit(NO_BOUND.id)),
        pl.when(people < policy.min_people).then(pl.lit("min_people")),
        pl.when(pl.min_horizontal(contributors, left_out) < policy.min_converters).then(
            pl.lit("min_converters")
        ),
        pl.when(pl.coalesce(contributors, people) < pl.col("minimum")).then(
            pl.lit("column_minimums")
        ),
    )
