"""Match sizes: counts of how two handovers came together, rounded after the gate."""

from __future__ import annotations

from dataclasses import fields

import polars as pl

from cleanroom.borders import Protected


def rounded(table: Protected, multiple: int) -> Protected:
    """The table with every released value at the nearest multiple; a half is rounded up.

    A part is never more than its whole afterwards, as rounding keeps the order. `least` and `most`
    are so much further away.
    """
    value, off = pl.col("value"), multiple // 2
    near = (value / multiple + 0.5).floor() * multiple
    cells = table.cells.with_columns(
        value=near,
        least=near - off - (value - pl.col("least")),
        most=near + off + (pl.col("most") - value),
    )
    same = {field.name: getattr(table, field.name) for field in fields(table)}
    return Protected(**{**same, "cells": cells})
