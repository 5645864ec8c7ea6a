"""Touchpoints: what a buyer did on the content platform before an order, and journeys without one.

A buyer's touches are those of all users with a link to the buyer at the merchant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import narwhals as nw

from cleanroom.room.channels import in_channel
from cleanroom.room.engine import Frame
from cleanroom.studies.markov import CONVERSION, NONE, START
from cleanroom.tables import ENGAGEMENTS

# From the weakest to the strongest; impressions are no touchpoints: nobody did anything.
PRIORITY = {"read": 1, **dict.fromkeys(ENGAGEMENTS, 2), "click": 3}
_PATH = ("buyer", "merchant")
_WHOSE = ("merchant", "person", "user", "buyer")


def touched(touches: Frame, links: Frame, channel: str) -> Frame:
    """The touches that may be touchpoints, with `buyer` (null without a link), `channel` and
    `priority`."""
    pairs = links.filter(~nw.col("buyer").is_null()).select("user", *_PATH).unique()
    strength = nw.lit(0)
    for kind, priority in PRIORITY.items():
        strength = nw.when(nw.col("kind") == kind).then(priority).otherwise(strength)
    own = touches.filter(nw.col("kind").is_in([*PRIORITY])).select(
        "event_id",
        "user",
        "merchant",
        "kind",
        "time",
        channel=in_channel(channel),
        priority=strength.cast(nw.Int64),
    )
    return own.join(pairs, on=["user", "merchant"], how="left")


def touchpoints(touched: Frame, orders: Frame, windows: Mapping[str, int]) -> Frame:
    """One row per touchpoint of an order: the touch's columns, `order`, `order_time`, `net`.

    A touch is one if it lies at or before the order, within as many times 24 hours as `windows`
    says of its kind. `orders`: one row an order, with `buyer`, `merchant`, `order`, `time`, `net`.
    """
    bought = orders.select(*_PATH, "order", "net", order_time="time")
    pairs = touched.filter(~nw.col("buyer").is_null()).join(bought, on=list(_PATH), how="inner")
    by_days: dict[int, list[str]] = defaultdict(list)
    for kind, days in windows.items():
        by_days[days].append(kind)
    in_time = [
        nw.col("kind").is_in(kinds)
        & (nw.col("order_time") <= nw.col("time").dt.offset_by(f"{24 * days}h"))
        for days, kinds in sorted(by_days.items())
    ]
    return pairs.filter(
        nw.col("time") <= nw.col("order_time"), nw.any_horizontal(*in_time, ignore_nulls=True)
    )


def transitions(touched: Frame, orders: Frame, window_days: int) -> Frame:
    """One row per step of a journey from channel to channel: `merchant`, `person`, `user`, `buyer`,
    `from`, `to`.

    `person` is the buyer, or the user without a link. Touches of one channel, one right after the
    other, are one: what a channel's removal loses does not depend on them. A journey is a person's
    touches at a merchant up to the order that follows within `window_days` times 24 hours of the
    last one, or up to a gap that is longer; orders without a touch before them are in no journey.
    """
    person = nw.coalesce(nw.col("buyer"), nw.col("user")).fill_null("")
    steps = touched.select(
        "merchant",
        "event_id",
        "time",
        "user",
        "buyer",
        person=person,
        state="channel",
        turn=nw.lit(0),
    )
    ends = orders.select(
        "merchant",
        "time",
        event_id="order",
        person=nw.col("buyer").fill_null(""),
        state=nw.lit(CONVERSION),
        turn=nw.lit(1),
    )
    line = nw.concat([steps, ends], how="diagonal")
    along = {"order_by": ["time", "turn", "event_id"]}
    whose = ("merchant", "person")
    seen = line.with_columns(
        before=nw.col("state").shift(1).over(*whose, **along),
        before_time=nw.col("time").shift(1).over(*whose, **along),
        after=nw.col("state").shift(-1).over(*whose, **along),
        after_time=nw.col("time").shift(-1).over(*whose, **along),
    ).filter(nw.col("turn") == 0)
    steps = nw.concat([_begun(seen, window_days), _gone_on(seen, window_days)], how="vertical")
    return steps.filter(nw.col("from") != nw.col("to"))


def _begun(seen: Frame, window_days: int) -> Frame:
    late = nw.col("time") > nw.col("before_time").dt.offset_by(f"{24 * window_days}h")
    first = nw.col("before").is_null() | (nw.col("before") == CONVERSION) | late
    begun = seen.filter(first.fill_null(value=True))
    return begun.select(*_WHOSE, **{"from": nw.lit(START), "to": nw.col("state")})


def _gone_on(seen: Frame, window_days: int) -> Frame:
    in_time = nw.col("after_time") <= nw.col("time").dt.offset_by(f"{24 * window_days}h")
    target = nw.when(in_time).then(nw.col("after")).otherwise(nw.lit(NONE)).fill_null(NONE)
    return seen.select(*_WHOSE, **{"from": nw.col("state"), "to": target})
