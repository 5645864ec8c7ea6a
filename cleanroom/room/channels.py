"""Channels: the parts that touches are told by, a column of theirs or what people did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import narwhals as nw

from cleanroom.absences import TOGETHER
from cleanroom.layout import Dimension
from cleanroom.room.counting import on_local_days
from cleanroom.room.engine import Frame, collect
from cleanroom.studies.markov import CONVERSION, NONE, START
from cleanroom.study import ALL, ATTRIBUTED, UNATTRIBUTED
from cleanroom.tables import ENGAGEMENTS, TOUCH_KINDS

UNKNOWN = "unknown"
_RESERVED = (ALL, ATTRIBUTED, UNATTRIBUTED, START, CONVERSION, NONE, TOGETHER)


def in_channel(column: str) -> nw.Expr:
    """The channel of a touch; kinds of engagement are one. What has no name that can be told,
    because there is none or the tables use it, is `unknown`."""
    channel = nw.col(column)
    if column == "kind":
        engaged = channel.is_in([*ENGAGEMENTS])
        return nw.when(engaged).then(nw.lit("engage")).otherwise(channel)
    untold = channel.is_null() | channel.is_in([*_RESERVED])
    return nw.when(untold).then(nw.lit(UNKNOWN)).otherwise(channel)


def dimension_of(column: str, total: str | None = None) -> Dimension:
    """The dimension of channels, named as the column that they are values of."""
    return Dimension(column, (f"touches.{column}",), total=total)


def channels_of(
    touches: Frame, column: str, start: date, end: date, days_before: int, timezone: str
) -> Mapping[str, Sequence[str]]:
    """By merchant the channels in use on the days of a study or so many before it, in order.

    Tables name all of them, whoever did anything there, so that what is absent tells nothing.
    """
    if column == "kind":
        kinds = sorted({"engage", *TOUCH_KINDS} - {"impression", *ENGAGEMENTS})
        rows = collect(touches.select("merchant").unique(), "merchants of touches")
        return dict.fromkeys(rows["merchant"].to_list(), kinds)
    days = on_local_days("time", start - timedelta(days=days_before), end, timezone)
    used = touches.filter(days).select("merchant", channel=in_channel(column)).unique()
    found: dict[str, list[str]] = defaultdict(list)
    for merchant, channel in sorted(collect(used, f"values of {column}").iter_rows()):
        found[merchant].append(channel)
    return found
