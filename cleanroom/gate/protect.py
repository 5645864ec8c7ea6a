"""`protect`: the only way from a table to a `Protected` one."""

from __future__ import annotations

import polars as pl

from cleanroom.borders import PROTECTED_COLUMNS, Protected, Table
from cleanroom.errors import StudyError
from cleanroom.gate.catch_all import catch_all
from cleanroom.gate.estimates import coarsened, resting
from cleanroom.gate.rounding import rounded
from cleanroom.gate.rules import BOTH_ARMS, RULES, first_rule, least_of
from cleanroom.layout import Layout
from cleanroom.policy import Policy, fingerprint


def protect(table: Table, policy: Policy) -> Protected:
    """Withhold every cell that a rule of `policy` withholds, and drop the support behind all.

    In this order: the rules, cell by cell (`rules`); the other arms of a contrast; estimates whose
    support was withheld (`estimates`); a row for what was withheld together, where that is safe
    (`catch_all`); rounding (`rounding`, and `estimates` for theirs). Raises
    `StudyError` where the agreement asks for noise: these numbers are exact.
    """
    if policy.noise is not None:
        raise StudyError(
            f"The agreement asks for noise, and the table '{table.name}' has none.",
            "ask for a study; where there is noise, only studies are answered.",
        )
    cells = resting(_checked(table, policy), table.layout)
    cells = pl.concat([cells, catch_all(cells, table.layout, policy)])
    leaves = pl.col("withheld").is_null() & pl.col("no_data").is_null()
    cells = cells.with_columns(value=pl.when(leaves).then("value"))
    cells = coarsened(rounded(cells, policy.round_counts), cells["value"], table.layout)
    cells = cells.select(*table.dimensions, *PROTECTED_COLUMNS)
    bounds = {r.id: r.bounds(policy) for r in RULES if r.id in cells["withheld"]}
    return Protected(
        table.name,
        table.title,
        table.dimensions,
        cells,
        fingerprint(policy),
        {},
        policy.round_counts,
        bounds,
    )


def _checked(table: Table, policy: Policy) -> pl.DataFrame:
    """The cells with `withheld`, the rule that withholds a cell, if one does.

    A cell whose support is unknown (null `people`) is withheld as if nobody stood behind it. Of a
    cell without data there is nothing to withhold.
    """
    cells = table.cells.with_columns(
        pl.col("people").fill_null(0), minimum=_column_minimum(table.layout, policy)
    )
    has_data = pl.col("no_data").is_null()
    cells = cells.with_columns(withheld=pl.when(has_data).then(first_rule(policy)))
    if table.contrast is None:
        return cells
    others = [name for name in (*table.dimensions, "measure") if name != table.contrast]
    fallen = pl.col("withheld").is_not_null().any().over(others) & has_data
    other_arm = pl.when(fallen).then(pl.lit(BOTH_ARMS.id))
    return cells.with_columns(withheld=pl.coalesce("withheld", other_arm))


def _column_minimum(layout: Layout, policy: Policy) -> pl.Expr:
    """The largest of the policy's minimums for the columns that a cell comes from; 0: none."""
    found = [pl.lit(0, pl.Int64)]
    for measure in layout.measures:
        least = least_of(policy, layout.columns_of(measure))
        of_these = [*map(str, measure.of)]
        its_own = [pl.col(d.name).is_in(of_these) for d in layout.dimensions if d.categories]
        of = pl.any_horizontal(its_own) if measure.of else pl.lit(value=True)
        found.append(pl.when((pl.col("measure") == measure.name) & of).then(least))
    return pl.max_horizontal(found)
