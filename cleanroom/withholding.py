"""What a protected table keeps back, measure by measure: how much, why, and how far it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cleanroom.absences import TOGETHER
from cleanroom.borders import Protected


@dataclass(frozen=True)
class Withholding:
    """Of the `cells` of a measure that have data, `withheld` were, by `rules`.

    `together` is what the withheld cells come to, where the gate could tell that, and `value_share`
    their share of all. Without it a share by value would give away what it must not.
    """

    measure: str
    cells: int
    withheld: int
    rules: tuple[str, ...]
    together: float | None = None
    value_share: float | None = None

    @property
    def share(self) -> float:
        """The withheld share of the cells, from 0 to 1."""
        return self.withheld / self.cells


def refusal_words(table: Protected) -> list[str]:
    """What is said of single withheld cells, each sentence once with the cells it is said of."""
    said = table.cells.filter(pl.col("because").is_not_null())
    lines = []
    for (because,), cells in said.group_by("because", maintain_order=True):
        keys = cells.select(*table.dimensions, "measure").rows()
        lines.append(f"{', '.join(' '.join(key) for key in keys)}: {because}")
    return lines


def withholding(table: Protected) -> list[Withholding]:
    """The account of every measure of which a cell was withheld."""
    parts = table.cells.filter(pl.col("no_data").is_null()).partition_by("measure")
    accounts = (_account(part, table.dimensions) for part in parts)
    return [account for account in accounts if account.withheld]


def _account(cells: pl.DataFrame, dimensions: Sequence[str]) -> Withholding:
    is_sum = pl.any_horizontal(pl.lit(value=False), *(pl.col(d) == TOGETHER for d in dimensions))
    parts, sums = cells.filter(~is_sum), cells.filter(is_sum)["value"].to_list()
    rules = parts["withheld"].drop_nulls()
    together = float(sum(sums)) if sums else None
    released = parts["value"].drop_nulls().to_list()
    share = None
    if together is not None and min([together, *released]) >= 0 and together + sum(released) > 0:
        share = together / (together + sum(released))
    return Withholding(
        str(cells["measure"].item(0)),
        parts.height,
        rules.len(),
        tuple(rules.unique(maintain_order=True)),
        together,
        share,
    )
