"""Totals that the room computes before protection, beside plain Polars on the raw file.

The two sides share nothing but the raw file: one goes through exports, tokens, handovers, the join
and attribution; the other is a `group_by`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from cleanroom.borders import Table
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.lift import lift_tables
from cleanroom.room.vault import Vault
from cleanroom.tables import ARMS
from tests.real_data import files, parties
from tests.real_data.adapters import (
    HILLSTROM,
    LOST_CLICKS,
    SEGMENTS,
    TMALL,
    TMALL_PRICE,
    UNKNOWN_PER_SEGMENT,
    UNTREATED_SEGMENT,
)
from tests.real_data.terms import hillstrom_lifts

# Cells by table, dimensions and measure, and what they are called here.
_CELLS = {
    "path/click/people": "people who clicked",
    "path/click/events": "clicks",
    "path/visit/people": "people who came to the store",
    "path/visit/events": "store visits",
    "path/purchase/people": "people who bought after a click",
    "path/purchase/events": "purchases after a click",
    "money/orders": "orders after a click",
    "money/revenue": "revenue after a click",
    "link/linked/people": "people linked",
    "arms/treated/people": "people studied, treated",
    "arms/holdout/people": "people studied, holdout",
    "arms/treated/converters": "buyers, treated",
    "arms/holdout/converters": "buyers, holdout",
    "arms/treated/amount": "spend, treated",
    "arms/holdout/amount": "spend, holdout",
    "arms/treated/amount_squared": "squared spend, treated",
    "arms/holdout/amount_squared": "squared spend, holdout",
}
_MAIN = (
    *(f"{what}, {arm}" for what in ("people studied", "buyers", "spend") for arm in ARMS),
    "people who clicked",
    "store visits",
    "orders after a click",
    "revenue after a click",
)
_KEY = ["merchant", "total"]


def totals_table() -> pl.DataFrame:
    """The main totals of both data sets, from nothing: see `in_short`.

    Raises `files.AbsentError`.
    """
    with tempfile.TemporaryDirectory() as home:
        hillstrom = hillstrom_totals(parties.hillstrom(Path(home) / "hillstrom").vault)
        tmall = tmall_totals(parties.tmall(Path(home) / "tmall").vault)
    return in_short(hillstrom, tmall)


def in_short(hillstrom: pl.DataFrame, tmall: pl.DataFrame) -> pl.DataFrame:
    """The main totals of both: `data`, `merchant`, `total`, `room`, `plain`, `equal`.

    Hillstrom's are of each merchant. Tmall's are summed over its merchants, and `equal` says that
    they agree at every single one. Money is in minor units.
    """
    sums = tmall.group_by("total", maintain_order=True).agg(
        pl.format("all {}", pl.len()).alias("merchant"),
        pl.col("room", "plain").sum(),
        pl.col("equal").all(),
    )
    parts = {"Hillstrom": hillstrom, "Tmall": sums.select(hillstrom.columns)}
    named = [part.select(pl.lit(name).alias("data"), pl.all()) for name, part in parts.items()]
    return pl.concat(named).filter(pl.col("total").is_in(_MAIN))


def shown(totals: pl.DataFrame) -> str:
    """A table of totals as text."""
    with pl.Config(
        tbl_rows=-1,
        tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_cell_numeric_alignment="RIGHT",
        thousands_separator=True,
    ):
        return f"{totals}\n"


def hillstrom_totals(vault: Vault) -> pl.DataFrame:
    """Each e-mail's totals: `merchant`, `total`, `room`, `plain`, `equal`."""
    start, end = HILLSTROM.began.date(), HILLSTROM.ended
    tables = conversion_tables(vault, list(SEGMENTS), start, end)
    return _beside([*tables, *lift_tables(vault, hillstrom_lifts())], plain_hillstrom())


def tmall_totals(vault: Vault) -> pl.DataFrame:
    """Each merchant's totals: `merchant`, `total`, `room`, `plain`, `equal`."""
    plain = plain_tmall()
    day = TMALL.ended
    return _beside(conversion_tables(vault, plain["merchant"].unique().to_list(), day, day), plain)


def plain_hillstrom() -> pl.DataFrame:
    """What the raw file says, by `merchant` and `total`."""
    cents = (pl.col("spend") * 100).round().cast(pl.Int64)
    segments = (
        files.hillstrom()
        .group_by("segment")
        .agg(
            people=pl.len(),
            visitors=pl.col("visit").sum(),
            converters=pl.col("conversion").sum(),
            amount=cents.sum(),
            amount_squared=(cents**2).sum(),
        )
    )
    by_segment = {row["segment"]: row for row in segments.iter_rows(named=True)}
    rows = []
    for merchant, segment in SEGMENTS.items():
        treated, holdout = by_segment[segment], by_segment[UNTREATED_SEGMENT]
        for name in ("people", "converters", "amount", "amount_squared"):
            rows += [(merchant, f"arms/treated/{name}", treated[name])]
            rows += [(merchant, f"arms/holdout/{name}", holdout[name])]
        rows += [(merchant, cell, treated["visitors"]) for cell in _VISITORS]
        # The adapter's own: clicks that never arrive.
        clicks = treated["visitors"] + UNKNOWN_PER_SEGMENT // LOST_CLICKS
        rows += [(merchant, cell, clicks) for cell in _CLICKERS]
        rows += [(merchant, cell, treated["converters"]) for cell in _BUYERS]
        rows += [(merchant, "money/revenue", treated["amount"])]
    return _named(pl.DataFrame(rows, schema=[*_KEY, "plain"], orient="row"))


def plain_tmall() -> pl.DataFrame:
    """What the raw file says, by `merchant` and `total`."""
    merchants = (
        files.tmall()
        .group_by(merchant=pl.col("merchant_id").cast(pl.String))
        .agg(
            *(pl.len().cast(pl.Int64).alias(cell) for cell in (*_CLICKERS, *_VISITORS)),
            *(pl.col("label").sum().alias(cell) for cell in _BUYERS),
            (pl.col("label").sum() * TMALL_PRICE).alias("money/revenue"),
        )
    )
    return _named(merchants.unpivot(index="merchant", variable_name="total", value_name="plain"))


# Whoever clicked did so once, and came once but for the clicks that were lost; so did buyers buy.
_CLICKERS = ["path/click/people", "path/click/events"]
_VISITORS = ["path/visit/people", "path/visit/events", "link/linked/people"]
_BUYERS = ["path/purchase/people", "path/purchase/events", "money/orders"]


def _named(totals: pl.DataFrame) -> pl.DataFrame:
    return totals.with_columns(pl.col("total").replace_strict(_CELLS))


def _beside(tables: Sequence[Table], plain: pl.DataFrame) -> pl.DataFrame:
    """The room's cells beside the `plain` totals; one that the room lacks is not equal."""
    cells = pl.concat(_totals(table) for table in tables)
    joined = plain.join(cells, on=_KEY, how="left", maintain_order="left")
    return joined.select(
        *_KEY, "room", "plain", equal=pl.col("room").eq_missing(pl.col("plain"))
    ).sort("merchant", maintain_order=True)


def _totals(table: Table) -> pl.DataFrame:
    parts = [name for name in (*table.dimensions, "measure") if name != "merchant"]
    cell = pl.concat_str(pl.lit(table.name), *parts, separator="/")
    named = table.cells.with_columns(total=cell.replace_strict(_CELLS, default=None))
    return named.filter(pl.col("total").is_not_null()).select(
        *_KEY, room=pl.col("value").cast(pl.Int64)
    )
