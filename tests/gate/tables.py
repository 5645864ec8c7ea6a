"""Tables with all their totals, as long frames and as relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cleanroom.gate.crossings import Dimension, of_table
from cleanroom.gate.relations import Cell, Relations, Row

TOTAL = "all"


def with_totals(inner: NDArray[np.int64]) -> NDArray[np.int64]:
    """The array with a total in front of each axis."""
    for axis in range(inner.ndim):
        inner = np.concatenate([inner.sum(axis=axis, keepdims=True), inner], axis=axis)
    return inner


def frame_of(table: NDArray[np.int64]) -> pl.DataFrame:
    """One row a cell; place 0 of an axis is its total, place k the code 'k'."""
    rows = [
        (*(TOTAL if place == 0 else str(place) for place in places), int(table[places]))
        for places in np.ndindex(table.shape)
    ]
    return pl.DataFrame(rows, schema=[*names(table.ndim), "value"], orient="row")


def names(dimensions: int) -> list[str]:
    return [f"d{number}" for number in range(dimensions)]


def crossed(
    inner: NDArray[np.int64], parents: Sequence[Mapping[str, str]] | None = None
) -> Relations:
    """The relations of a table with totals; `parents` adds levels of sums to a dimension.

    Cells are in the order of the flattened table with totals, groups of parents after it.
    """
    frame = frame_of(with_totals(inner))
    dimensions = []
    for number, name in enumerate(names(inner.ndim)):
        above = parents[number] if parents else {}
        dimensions.append(Dimension(name, TOTAL, above))
        if above:
            groups = (
                frame.filter(pl.col(name) != TOTAL)
                .with_columns(pl.col(name).replace_strict(above))
                .group_by(pl.exclude("value"), maintain_order=True)
                .agg(pl.col("value").sum())
            )
            frame = pl.concat([frame, groups.select(frame.columns)])
    return of_table(frame, dimensions)


def random_inner(shape: Sequence[int], seed: int, size: float = 3.0) -> NDArray[np.int64]:
    """Skewed counts, of which a tenth are zero."""
    random = np.random.default_rng(seed)
    inner = np.round(random.lognormal(size, 1.2, size=tuple(shape))).astype(np.int64)
    inner[random.random(tuple(shape)) < 0.1] = 0
    return inner


def renamed(relations: Relations, name: Mapping[Cell, Cell]) -> Relations:
    """The same system under other names of its cells."""
    rows = (
        Row({name[cell]: x for cell, x in row.terms.items()}, row.lower, row.upper)
        for row in relations.rows
    )
    return replace(relations, cells=tuple(name[c] for c in relations.cells), rows=tuple(rows))
