"""What each person of a lift study's panel did: before the assignment, after it, and when shown.

Every frame here has one row per (`merchant`, `study`, `buyer`) at most; who is not in it did
nothing of the kind. Amounts are whole minor units.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import narwhals as nw

from cleanroom.room.counting import on_local_days
from cleanroom.room.engine import Frame
from cleanroom.room.journeys import net_orders
from cleanroom.room.lift_layout import week_starts
from cleanroom.study import LiftStudy

PERSON = ("merchant", "study", "buyer")


def outcomes(people: Frame, visits: Frame, study: LiftStudy, timezone: str) -> Frame:
    """Who bought after the assignment, on the study's days: `amount`, net of refunds, within
    0 … `max_amount`; `beyond`, what was cut off, and `capped`, whether anything was; `week`, the
    number (from 0) of the week of the first purchase."""
    bought = visits.filter(
        nw.col("kind") == "purchase", on_local_days("time", study.start, study.end, timezone)
    ).select("merchant", "buyer", "order", "amount", "time")
    assigned = people.select(*PERSON, assigned="time")
    purchases = bought.join(assigned, on=["merchant", "buyer"], how="inner").filter(
        nw.col("time") > nw.col("assigned")
    )
    orders = net_orders(purchases, visits, by=(*PERSON, "order"))
    spent = orders.group_by(*PERSON).agg(
        amount=nw.col("net").sum().cast(nw.Int64), time=nw.col("time").min()
    )
    later = [
        (~on_local_days("time", study.start, day - timedelta(days=1), timezone)).cast(nw.Int64)
        for day in week_starts(study.start, study.end)[1:]
    ]
    return spent.with_columns(
        nw.col("amount").clip(0, study.max_amount),
        beyond=(nw.col("amount") - study.max_amount).clip(0, None),
        capped=(nw.col("amount") > study.max_amount).cast(nw.Int64),
        week=nw.sum_horizontal(nw.lit(0).cast(nw.Int64), *later),
    ).drop("time")


def before(people: Frame, visits: Frame, buyers: Frame, most: int) -> Frame:
    """What had been spent before the assignment: `prior_amount`, within 0 … `most`, and
    `existing`, whether any of it at this merchant.

    Purchases at the merchant that were handed over, and what the store's `buyers` say of earlier.
    """
    assigned = people.select(*PERSON, assigned="time")
    here = (
        visits.filter(nw.col("kind") == "purchase")
        .select("merchant", "buyer", "amount", "time")
        .join(assigned, on=["merchant", "buyer"], how="inner")
        .filter(nw.col("time") < nw.col("assigned"))
        .group_by(*PERSON)
        .agg(nw.col("amount").sum())
    )
    earlier = (
        buyers.filter(~nw.col("buyer").is_null())
        .group_by("buyer")
        .agg(earlier=nw.col("prior_amount").max())
    )
    known = people.select(*PERSON).join(here, on=list(PERSON), how="left")
    known = known.join(earlier, on="buyer", how="left")
    total = nw.col("amount").fill_null(0) + nw.col("earlier").fill_null(0)
    return known.select(
        *PERSON,
        prior_amount=total.clip(0, most).cast(nw.Int64),
        existing=(~nw.col("amount").is_null()).cast(nw.Int64),
    )


def shown(members: Frame, touches: Frame, study: LiftStudy, timezone: str) -> Frame:
    """Who had a touch of the merchant's after the assignment, on the study's days: `exposed`,
    whether any was an impression, and `cost` of all, within 0 … `max_amount`."""
    touched = touches.filter(on_local_days("time", study.start, study.end, timezone)).select(
        "merchant", "user", "kind", "cost", touched="time"
    )
    impression = (nw.col("kind") == "impression").cast(nw.Int64)
    return (
        touched.join(members, on=["merchant", "user"], how="inner")
        .filter(nw.col("touched") > nw.col("time"))
        .with_columns(impression=impression, cost=nw.col("cost").fill_null(0))
        .group_by(*PERSON)
        .agg(exposed=nw.col("impression").max(), cost=nw.col("cost").sum())
        .with_columns(cost=nw.col("cost").clip(0, study.max_amount).cast(nw.Int64))
    )


def by_shared_link(people: Frame, clicks: Frame, visits: Frame, assignments: Frame) -> Frame:
    """Who came to the merchant after the assignment by a link that somebody of its treated arm
    had clicked: `by_shared_link`. `clicks` have the user of each CID, comparable with `visits`."""
    treated = assignments.filter(nw.col("arm") == "treated", ~nw.col("user").is_null())
    clicked = (
        clicks.filter(~nw.col("user").is_null())
        .select("cid", "user")
        .join(treated.select("merchant", "study", "user").unique(), on="user", how="inner")
        .select("merchant", "study", "cid")
        .unique()
    )
    came = visits.filter(~nw.col("cid").is_null()).select("merchant", "buyer", "cid", came="time")
    return (
        came.join(people.select(*PERSON, "time"), on=["merchant", "buyer"], how="inner")
        .filter(nw.col("came") > nw.col("time"))
        .join(clicked, on=["merchant", "study", "cid"], how="semi")
        .select(*PERSON)
        .unique()
        .with_columns(by_shared_link=nw.lit(1).cast(nw.Int64))
    )


def regions(members: Frame, users: Frame) -> Frame:
    """The `region` of each person that the ads platform knows; of several, the first by name."""
    known = users.filter(~nw.col("user").is_null(), ~nw.col("region").is_null())
    return (
        members.join(known.select("user", "region"), on="user", how="inner")
        .group_by(*PERSON)
        .agg(nw.col("region").min())
    )


def with_all(people: Frame, parts: Sequence[Frame]) -> Frame:
    """The people of either arm with what each of the `parts` says of them."""
    seen = people.filter(~nw.col("arm").is_null())
    for part in parts:
        seen = seen.join(part, on=list(PERSON), how="left")
    return seen
