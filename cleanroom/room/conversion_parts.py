"""The conversion study's tables by a column of touches: a merchant's parts beside the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from cleanroom.behind import Behind
from cleanroom.borders import Table
from cleanroom.layout import Layout
from cleanroom.room.channels import dimension_of
from cleanroom.room.conversion_people import Counts, Of
from cleanroom.room.counting import Cell, table
from cleanroom.study import ALL

Parts = Mapping[str, Mapping[str, Counts]]


def parted_layout(layout: Layout, column: str) -> Layout:
    """The layout of the same cells by the values of a column, the merchant's own as their total.

    Of a step the parts are told together or not at all: to hide one of them among few others, the
    merchant's own numbers would have to go.
    """
    merchant, *others = layout.dimensions
    return replace(
        layout,
        name=f"{layout.name}_by",
        title=f"{layout.title}, by {column}",
        dimensions=(merchant, dimension_of(column, ALL), *others),
        about=layout.name,
        blocks=(merchant.name, *(dimension.name for dimension in others), "measure"),
    )


def parted(
    layout: Layout,
    column: str,
    parts: Parts,
    cells: Callable[[Mapping[str, Counts]], Iterator[Cell]],
    people: Of,
) -> Table:
    """The table of all parts of all merchants; `cells` are those of counts by merchant."""
    found = [
        (cell[0], part, *cell[1:])
        for merchant, of_parts in parts.items()
        for part, own in of_parts.items()
        for cell in cells({merchant: own})
    ]

    def who(cell: Cell) -> Behind:
        return people(parts[str(cell[0])][str(cell[1])], (cell[0], *cell[2:]))

    return table(parted_layout(layout, column), found, who)
