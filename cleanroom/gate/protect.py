"""`protect`: the only way from a table to a `Protected` one."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cleanroom.borders import PROTECTED_COLUMNS, Protected, Table
from cleanroom.errors import StudyError
from cleanroom.gate.catch_all import catch_all
from cleanroom.gate.complementary import NOTHING, Earlier, Sheet, Together, complemented
from cleanroom.gate.differencing import Past, differing, told_together
from cleanroom.gate.entries import Entries
from cleanroom.gate.estimates import coarsened, resting
from cleanroom.gate.falling import fallen_with
from cleanroom.gate.rounding import rounded
from cleanroom.gate.rules import DIFFERENCING, RULES, first_rule, least_of
from cleanroom.layout import Layout
from cleanroom.policy import Policy, fingerprint


def protect(table: Table, policy: Policy, past: Past | None = None) -> Protected:
    """One table by itself: see `protect_together`."""
    (protected,), _ = protect_together([table], policy, past)
    return protected


def protect_together(
    tables: Sequence[Table],
    policy: Policy,
    past: Past | None = None,
    earlier: Earlier = NOTHING,
) -> tuple[list[Protected], Entries]:
    """Withhold every cell that a rule of `policy` withholds or that gives one of those away, by
    any of the `tables` or what was shown before; drop the support behind all. With the tables come
    their cells for the room to remember.

    `past`: who was behind the numbers shown before; `earlier`: what those numbers were.

    In this order: the rules, cell by cell (`rules`); the other arms of a contrast and the other
    parts of a whole (`falling`); what would differ by a few people from numbers of the past
    (`differencing`), and what falls with that; what would give withheld numbers away
    (`complementary`); a row for what was withheld together, where that is safe (`catch_all`);
    estimates that rest on what any of these withheld (`estimates`); rounding (`rounding`, and
    `estimates` for theirs). Raises `StudyError` where the agreement asks for noise: these numbers
    are exact.
    """
    if policy.noise is not None:
        raise StudyError(
            f"The agreement asks for noise, and the table '{tables[0].name}' has none.",
            "ask for a study; where there is noise, only studies are answered.",
        )
    checked = [(table.layout, _checked(table, policy, past)) for table in tables]
    together = complemented(checked, policy, earlier)
    protected = [
        _sealed(table, _summed(table, sheet, together, policy, past), policy)
        for table, sheet in zip(tables, together.sheets, strict=True)
    ]
    return protected, together.current


def _summed(
    table: Table, sheet: Sheet, together: Together, policy: Policy, past: Past | None
) -> pl.DataFrame:
    """The cells with the catch-all rows that give nothing away."""
    sums = together.safe(sheet, catch_all(sheet.cells, sheet.layout, policy))
    sums = told_together(sums, sheet.cells, table, policy, past)
    return pl.concat([sheet.cells, sums.with_columns(told=pl.lit(None, pl.String))])


def _sealed(table: Table, cells: pl.DataFrame, policy: Policy) -> Protected:
    """The cells as they leave: rounded, with the reasons that are told, and without support."""
    cells = resting(cells, table.layout)
    leaves = pl.col("withheld").is_null() & pl.col("no_data").is_null()
    is_told = pl.col("told") == DIFFERENCING.id
    cells = cells.with_columns(
        value=pl.when(leaves).then("value"),
        withheld="told",
        because=pl.when(is_told).then("because"),
    )
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


def _checked(table: Table, policy: Policy, past: Past | None) -> pl.DataFrame:
    """The cells with `withheld`, the rule that withholds a cell, if one does, and `because`.

    A cell whose support is unknown (null `people`) is withheld as if nobody stood behind it. Of a
    cell without data there is nothing to withhold.
    """
    cells = table.cells.with_columns(
        pl.col("people").fill_null(0), minimum=_column_minimum(table.layout, policy)
    )
    has_data = pl.col("no_data").is_null()
    cells = cells.with_columns(withheld=pl.when(has_data).then(first_rule(policy)))
    # Only what would leave is compared; where it differs by too few, what is bound to it falls too.
    cells = differing(fallen_with(cells, table.layout), table, policy, past)
    return fallen_with(cells, table.layout)


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
