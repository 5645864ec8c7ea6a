"""Journeys: which click a store event is owed to (last CID), and what is left of an order."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from cleanroom.room.engine import Frame
from cleanroom.room.match import store_events, within_window

_PATH = ("buyer", "merchant")


def attribute(links: Frame, visits: Frame, window_days: int) -> Frame:
    """Attribute each store event of a linked buyer to the last linked click before it.

    Last among the buyer's links at the event's merchant with `click_time` <= `time`; of clicks at
    the same moment, the greater CID. The event need not carry the CID. Where even the last click
    lies more than `window_days` back, the event is left out. Returns one row per attributed event:
    those of `visits` without their own CID, with `cid`, `user`, `campaign`, `creator`, `note` and
    `click_time` of the click. Null buyers have no links.
    """
    clicks = _numbered(links)
    events = store_events(visits).drop("cid")
    events = events.join(clicks.select(*_PATH).unique(), on=list(_PATH), how="semi")
    owed = _with_last_click(clicks, events).join(clicks, on=[*_PATH, "place"], how="inner")
    return owed.filter(within_window(window_days)).drop("place")


def net_orders(
    purchases: Frame, visits: Frame, by: Sequence[str], whose: Sequence[str] = ()
) -> Frame:
    """What is left of each order: one row per `by` (its keys, `merchant` and `order` among them).

    `amount` is the sum of its purchases, minor units; `net` is that minus every refund of
    `visits` that names the order at or after its first purchase, whenever that is in the data.
    `whose`: columns of persons, one kept for each order (of several, the smallest token).
    """
    refunds = visits.filter(nw.col("kind") == "refund", ~nw.col("order").is_null()).select(
        "merchant", "order", refund="amount", refund_time="time"
    )
    orders = purchases.group_by(*by).agg(
        *(nw.col(person).min() for person in whose),
        amount=nw.col("amount").sum(),
        time=nw.col("time").min(),
    )
    refunded = (
        orders.join(refunds, on=["merchant", "order"], how="inner")
        .filter(nw.col("refund_time") >= nw.col("time"))
        .group_by(*by)
        .agg(refund=nw.col("refund").sum())
    )
    amount = nw.col("amount").fill_null(0).cast(nw.Int64)
    net = amount - nw.col("refund").fill_null(0).cast(nw.Int64)
    return orders.join(refunded, on=list(by), how="left").with_columns(net=net, amount=amount)


def _numbered(links: Frame) -> Frame:
    """The linked clicks, each with its `place` (from 1) among its buyer's at its merchant."""
    linked = links.filter(~nw.col("buyer").is_null()).select(
        "cid", "user", *_PATH, "campaign", "creator", "note", "click_time"
    )
    place = nw.col("cid").cum_count().over(*_PATH, order_by=["click_time", "cid"])
    return linked.with_columns(place=place.cast(nw.Int64))


def _with_last_click(clicks: Frame, events: Frame) -> Frame:
    """The events, each with the `place` of the last click at or before it (0: none).

    Clicks and events are laid along one line of time, and the highest place so far is carried on:
    an as-of join that every engine has, and whose size does not grow with a buyer's clicks.
    """
    click, event = nw.lit(0, dtype=nw.Int64), nw.lit(1, dtype=nw.Int64)
    marks = clicks.select(*_PATH, "place", time="click_time", turn=click)
    line = nw.concat([marks, events.with_columns(place=click, turn=event)], how="diagonal")
    last = nw.col("place").cum_max().over(*_PATH, order_by=["time", "turn"])
    return line.with_columns(place=last).filter(nw.col("turn") == event).drop("turn")
