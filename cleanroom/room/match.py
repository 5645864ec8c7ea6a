"""Match: clicks and store events that carry the same CID at the same merchant.

A CID exists for one click: should an export repeat it, the first click keeps it. A refund is no
store event here; it corrects a purchase and follows it (see `journeys.net_orders`). The rules
stand in words in `link_rules`.
"""

from __future__ import annotations

import narwhals as nw

from cleanroom.room.engine import Frame

CLICK = ("cid", "user", "merchant", "campaign", "creator", "note", "click_time")


def with_cid(touches: Frame) -> Frame:
    """All clicks that carry a CID."""
    return touches.filter(nw.col("kind") == "click", ~nw.col("cid").is_null())


def clicks_with_cid(touches: Frame) -> Frame:
    """One row per CID, with the columns of `CLICK`: what the click's link may be owed to."""
    first = with_cid(touches).unique(subset=["cid"], keep="first", order_by=["time", "event_id"])
    return first.rename({"time": "click_time"}).select(*CLICK)


def store_events(visits: Frame) -> Frame:
    """The store's events that somebody did on a path: all but refunds."""
    return visits.filter(nw.col("kind") != "refund")


def seen_with_cid(visits: Frame) -> Frame:
    """The store events that carry a CID: `cid`, `merchant`, `buyer`, `time`."""
    seen = store_events(visits).filter(~nw.col("cid").is_null())
    return seen.select("cid", "merchant", "buyer", "time")


def match(touches: Frame, visits: Frame, window_days: int) -> Frame:
    """Pairs of a click and a store event of its CID: `CLICK`, `buyer`, `time`, and two verdicts.

    `before_click`: the event lies before its click. `outside_window`: it lies more than
    `window_days` times 24 hours after it. Pairs of either kind link nothing. Null CIDs match none.
    """
    pairs = clicks_with_cid(touches).join(
        seen_with_cid(visits), on=["cid", "merchant"], how="inner"
    )
    return pairs.with_columns(
        before_click=before_click(), outside_window=outside_window(window_days)
    )


def before_click() -> nw.Expr:
    """Whether `time` lies before `click_time`."""
    return nw.col("time") < nw.col("click_time")


def outside_window(window_days: int) -> nw.Expr:
    """Whether `time` lies after `click_time`, and further from it than the window."""
    return ~within_window(window_days) & ~before_click()


def within_window(window_days: int) -> nw.Expr:
    """Whether `time` is at most `window_days` times 24 hours after `click_time`."""
    return nw.col("time") <= nw.col("click_time").dt.offset_by(f"{24 * window_days}h")
