"""What is withheld with another cell of its table: the other arms, and the other parts of a whole.

Both hold whatever the numbers: one arm alone would give the other away, and so would all parts but
one of a whole that is released.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import polars as pl

from cleanroom.gate.entries import Name
from cleanroom.gate.rules import BOTH_ARMS, WHOLE
from cleanroom.layout import Layout


def fallen_with(cells: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """The cells with `withheld` for what falls with those that are withheld already."""
    for rule, others in _bound(layout):
        fallen = pl.col("withheld").is_not_null().any().over(others) & pl.col("no_data").is_null()
        together = pl.when(fallen).then(pl.lit(rule))
        cells = cells.with_columns(withheld=pl.coalesce("withheld", together))
    return cells


def falling(
    cells: pl.DataFrame, layout: Layout, names: Sequence[Name]
) -> list[tuple[str, list[Name]]]:
    """The same as groups of cells of which none leaves alone, each with the rule; `names` are the
    rows'."""
    found: list[tuple[str, list[Name]]] = []
    for rule, others in _bound(layout):
        groups: dict[tuple[object, ...], list[Name]] = defaultdict(list)
        for key, name in zip(cells.select(others).rows(), names, strict=True):
            groups[key].append(name)
        found += [(rule, group) for group in groups.values()]
    return found


def _bound(layout: Layout) -> Iterator[tuple[str, list[str]]]:
    """Rules, each with the columns in which cells that fall together are alike."""
    across = {layout.contrast} - {None}
    if across:
        yield BOTH_ARMS.id, _others(layout, across)
    if layout.whole is not None:
        yield WHOLE.id, _others(layout, across | {layout.whole})


def _others(layout: Layout, across: set[str | None]) -> list[str]:
    return [name for name in (*layout.names, "measure") if name not in across]
