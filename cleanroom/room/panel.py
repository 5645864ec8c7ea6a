"""The panel of a lift study: people in an arm whose purchases can be seen, clickers or not.

Who enters is settled before anything the campaign could change: by a link from before the
assignment, or by an identifier that both platforms hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from cleanroom.room.engine import Frame

_ARM = ("merchant", "study")


def linked_bridges(links: Frame) -> Frame:
    """One row per user ever linked: the buyer of the earliest bridge, and `since` when it stands.

    A bridge stands since its link's first store event. Of a user's bridges the earliest counts
    (of two at the same moment, the smaller buyer token), so the later ones change nothing before.
    In words: the rules `several_users`, `several_buyers` and `unknown_user` of `link_rules`.
    """
    bridges = links.filter(~nw.col("buyer").is_null(), ~nw.col("user").is_null())
    first = bridges.unique(subset=["user"], keep="first", order_by=["first_event", "buyer"])
    return first.select("user", "buyer", since="first_event")


def shared_bridges(users: Frame, buyers: Frame, identifier: str) -> Frame:
    """One row per user whose `identifier` token a buyer has too; of several, the smallest token."""
    known = [~nw.col(identifier).is_null()]
    matched = (
        users.filter(*known, ~nw.col("user").is_null())
        .select("user", identifier)
        .join(
            buyers.filter(*known, ~nw.col("buyer").is_null()).select("buyer", identifier),
            on=identifier,
            how="inner",
        )
    )
    return matched.group_by("user").agg(buyer=nw.col("buyer").min())


def members(assignments: Frame, bridges: Frame) -> Frame:
    """One row per (`merchant`, `study`, `user`) bridged: `buyer`, `time`, and `low`, `high`, the
    first and the last of the arms that the user is in.

    A bridge with `since` counts if it stood before the assignment. Null users are in no panel.
    """
    assigned = (
        assignments.filter(~nw.col("user").is_null())
        .group_by(*_ARM, "user")
        .agg(time=nw.col("time").min(), low=nw.col("arm").min(), high=nw.col("arm").max())
    )
    bridged = assigned.join(bridges, on="user", how="inner")
    if "since" in bridges.collect_schema().names():
        bridged = bridged.filter(nw.col("since") < nw.col("time"))
    return bridged.select(*_ARM, "user", "buyer", "time", "low", "high")


def panel(members: Frame) -> Frame:
    """One row per (`merchant`, `study`, `buyer`) of the `members`: `arm`, `time`, `users`.

    Several users of one buyer are one person: `users` of them, assigned at the earliest `time`.
    `arm` is null for a person whose users are in both arms; they are of neither and only counted.
    """
    people = members.group_by(*_ARM, "buyer").agg(
        nw.col("time").min(), nw.col("low").min(), nw.col("high").max(), users=nw.len()
    )
    one_arm = nw.when(nw.col("low") == nw.col("high")).then(nw.col("low"))
    return people.with_columns(arm=one_arm).drop("low", "high")


def wanted(studies: Sequence[tuple[str, str]]) -> nw.Expr:
    """Rows of the (merchant, study) pairs, and perhaps of others between them."""
    merchants, names = ({pair[i] for pair in studies} for i in (0, 1))
    return nw.col("merchant").is_in(sorted(merchants)) & nw.col("study").is_in(sorted(names))
