"""The catch-all row: withheld cells of a merchant told together, where that tells of none of them.

As the filtered-row summary of Google's Ads Data Hub, but stricter. The sum has to pass every rule
by itself, and must not bound a withheld count more closely than the rule that withheld it, even for
somebody who knows all other cells that a rule withheld. So among them has to be one that could have
left by itself and fell only with others: it hides the rest.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from cleanroom.absences import TOGETHER
from cleanroom.borders import PEOPLE
from cleanroom.gate.rules import CELL_RULES, DIFFERENCING, first_rule
from cleanroom.layout import Layout
from cleanroom.policy import Policy

_OWNER = "merchant"


def catch_all(cells: pl.DataFrame, layout: Layout, policy: Policy) -> pl.DataFrame:
    """A row for each measure of a merchant of which two cells or more are withheld, if it is safe.

    `cells` have their support, `minimum` and `withheld`, and so have the rows. Told together are
    only measures that add up over the one dimension that the table has beside the merchant.
    """
    across = [name for name in layout.names if name != _OWNER]
    adding = [measure.name for measure in layout.measures if measure.adds_up]
    hidden = cells.filter(pl.col("withheld").is_not_null() & pl.col("measure").is_in(adding))
    by = [*(name for name in layout.names if name == _OWNER), "measure", "unit"]
    groups = [group for group in hidden.partition_by(by) if group.height > 1]
    sums = any(dimension.sums for dimension in layout.dimensions)  # they would tell it themselves
    if len(across) != 1 or sums or not groups:
        return cells.clear()
    told = pl.concat(_sum(group, across[0]) for group in groups)
    safe = pl.Series([_tells_of_none(group, policy) for group in groups])
    # Only what passes every rule is told, so nothing of it is withheld any more.
    nothing = pl.lit(None, pl.String)
    return told.with_columns(withheld=first_rule(policy), because=nothing).filter(
        pl.col("withheld").is_null() & safe
    )


def _sum(group: pl.DataFrame, across: str) -> pl.DataFrame:
    """One cell of all those of the group; who contributes to one contributes to no other."""
    most = pl.concat([group["largest"], group["second"]]).drop_nulls().sort(descending=True)
    largest, second = [*most.to_list(), None, None][:2]
    known = group["magnitude"].is_not_null().all()
    return group.head(1).with_columns(
        pl.lit(TOGETHER).alias(across),
        value=pl.lit(group["value"].sum()),
        people=pl.lit(group["people"].sum(), pl.Int64),
        contributors=pl.lit(group.select(_behind).to_series().sum(), pl.Int64),
        largest=pl.lit(largest if known else None, pl.Float64),
        second=pl.lit(second if known else None, pl.Float64),
        magnitude=pl.lit(group["magnitude"].sum() if known else None, pl.Float64),
        minimum=pl.lit(group["minimum"].max(), pl.Int64),
    )


_behind = pl.coalesce("contributors", "people")


def _tells_of_none(group: pl.DataFrame, policy: Policy) -> bool:
    """Whether, the sum known, each cell may still be all that the rule that withheld it says."""
    hides = ~pl.col("withheld").is_in([rule.id for rule in CELL_RULES])
    hiding, hidden = group.filter(hides), group.filter(~hides)
    if hiding.is_empty() or group["value"].null_count():
        return False
    # An earlier number is near to such a cell: it hides nothing, and need not be hidden behind.
    if DIFFERENCING.id in group["withheld"]:
        return False
    if group["unit"].item(0) != PEOPLE:
        return True  # of sums nothing was said that could be made closer
    value = float(hiding["value"].sum())
    least, most = (float(hiding.select(end).sum().item()) for end in _could_leave(policy))
    return all(
        cell["value"] + value - most <= low and cell["value"] + value - least >= high
        for cell in hidden.iter_rows(named=True)
        for low, high in [_said(cell, policy)]
    )


def _could_leave(policy: Policy) -> tuple[pl.Expr, pl.Expr]:
    """Between which numbers a count of people lies that could have left by itself."""
    is_part = pl.col("contributors").is_not_null()
    few, base = policy.min_converters, pl.col("people")
    least = pl.when(is_part).then(few).otherwise(policy.min_people)
    most = pl.when(is_part).then(base - few).otherwise(float("inf"))
    return pl.max_horizontal(least, "minimum"), most


def _said(cell: dict[str, Any], policy: Policy) -> tuple[float, float]:
    """Between which numbers a count of people lies, by what the rule that withheld it says."""
    base, few = cell["people"], policy.min_converters
    match cell["withheld"]:
        case "min_people":
            return 0, policy.min_people - 1
        case "column_minimums":
            return 0, cell["minimum"] - 1
        case _ if cell["value"] < few:
            return 0, few - 1
        case _:
            return base - few + 1, base
