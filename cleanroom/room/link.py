"""Link: which buyer a click belongs to, the hard cases decided by rule and marked for counting.

The rules stand in words in `link_rules`; each `Outcome` is one of them.
"""

from __future__ import annotations

from enum import StrEnum

import narwhals as nw

from cleanroom.room.engine import Frame
from cleanroom.room.match import CLICK


class Outcome(StrEnum):
    """What may become of a click with a CID; a CID can have several outcomes, or none."""

    LINKED = "linked"
    BEFORE_CLICK = "before_click"
    OUTSIDE_WINDOW = "outside_window"
    PASSED_ON = "passed_on"
    SEVERAL_USERS = "several_users"


def link(pairs: Frame) -> Frame:
    """One row per CID that the store has seen: `CLICK`, `buyer`, `first_event`, and `Outcome`s.

    A link belongs to the first known buyer who comes by it after the click and within the window
    (`first_event` is when; of two at the same moment, the smaller token); `buyer` is null where
    nobody does. `passed_on`: others came by it too, and are not bridged. `several_users`: the
    buyer has links from several users at this merchant; each store event is decided by the last.
    Outcomes are 1 or 0. The table holds a row for each, linked or not.
    """
    seen = pairs.group_by(*CLICK).agg(nw.col("before_click", "outside_window").any().cast(nw.Int64))
    linked = seen.join(_first_buyers(pairs), on="cid", how="left")
    return _with_several_users(linked).with_columns(
        linked=(~nw.col("buyer").is_null()).cast(nw.Int64),
        passed_on=(nw.col("buyers").fill_null(0) > 1).cast(nw.Int64),
    )


def _first_buyers(pairs: Frame) -> Frame:
    valid = pairs.filter(
        ~nw.col("before_click"), ~nw.col("outside_window"), ~nw.col("buyer").is_null()
    )
    arrivals = valid.group_by("cid", "buyer").agg(first_event=nw.col("time").min())
    first = arrivals.unique(subset=["cid"], keep="first", order_by=["first_event", "buyer"])
    return first.join(arrivals.group_by("cid").agg(buyers=nw.len()), on="cid", how="left")


def _with_several_users(linked: Frame) -> Frame:
    # Unknown users together are one person: they share the empty token.
    user = nw.col("user").fill_null("")
    users = (
        linked.filter(~nw.col("buyer").is_null())
        .group_by("buyer", "merchant")
        .agg(lowest=user.min(), highest=user.max())
    )
    several = (nw.col("lowest") != nw.col("highest")).fill_null(value=False).cast(nw.Int64)
    joined = linked.join(users, on=["buyer", "merchant"], how="left")
    return joined.with_columns(several_users=several).drop("lowest", "highest")
