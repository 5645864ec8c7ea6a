"""`protect`: the only way from a table to a `Protected` one."""

from __future__ import annotations

import polars as pl

from cleanroom.borders import PROTECTED_COLUMNS, Protected, Table
from cleanroom.errors import StudyError
from cleanroom.gate.rules import BOTH_ARMS, CELL_RULES
from cleanroom.policy import Policy, fingerprint


def protect(table: Table, policy: Policy) -> Protected:
    """Withhold every cell that a rule of `policy` withholds, and drop the support behind all.

    A cell whose support is unknown (null `people`) is withheld as if nobody stood behind it.
    Method: primary suppression by frequency thresholds; Hundepool et al., *Handbook on
    Statistical Disclosure Control* (2nd ed., 2024), chapters 4 and 5. Raises `StudyError` where the
    agreement asks for noise: these numbers are exact.
    """
    if policy.noise is not None:
        raise StudyError(
            f"The agreement asks for noise, and the table '{table.name}' has none.",
            "ask for a study; where there is noise, only studies are answered.",
        )
    cells = table.cells.with_columns(pl.col("people").fill_null(0))
    cells = cells.with_columns(withheld=_first_rule(policy))
    if table.contrast is not None:
        cells = cells.with_columns(withheld=_whole_contrast(table, table.contrast))
    cells = cells.with_columns(value=pl.when(pl.col("withheld").is_null()).then("value"))
    columns = [*table.dimensions, *PROTECTED_COLUMNS]
    return Protected(
        table.name, table.title, table.dimensions, cells.select(columns), fingerprint(policy)
    )


def _first_rule(policy: Policy) -> pl.Expr:
    return pl.coalesce(pl.when(rule.applies(policy)).then(pl.lit(rule.id)) for rule in CELL_RULES)


def _whole_contrast(table: Table, contrast: str) -> pl.Expr:
    others = [name for name in (*table.dimensions, "measure") if name != contrast]
    fallen = pl.col("withheld").is_not_null().any().over(others)
    return pl.coalesce("withheld", pl.when(fallen).then(pl.lit(BOTH_ARMS.id)))
