"""The identifiers that joins are measured on: the same for us and for every yardstick."""

from __future__ import annotations

import polars as pl
from polars_hash import CryptographicHashingNameSpace

from cleanroom.tables import Platform

LENGTH = 24


def ids(rows: int, side: Platform, seed: int = 1) -> pl.Series:
    """`rows` distinct identifiers of 24 characters, shuffled; half are the other side's too.

    They are the first 96 bits, in hex, of SHA-256 of the seed and a running number: no two of
    the ten millions that anybody asks for are likely to be the same.
    """
    first = 0 if side is Platform.ADS else rows // 2
    number = pl.lit(f"{seed}/") + pl.int_range(first, first + rows).cast(pl.String)
    digest = CryptographicHashingNameSpace(number).sha2_256()
    drawn = pl.select(digest.str.head(LENGTH).alias("id"))["id"]
    return drawn.sample(fraction=1, shuffle=True, seed=2 * seed + list(Platform).index(side))


def common(rows: int) -> int:
    """How many identifiers the two sides share."""
    return rows - rows // 2
