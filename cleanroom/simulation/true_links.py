"""Who truly clicked and who truly came: the people behind every CID, and the link's hard cases.

All is told from the world's own people, without a thought of how a room may link them.
"""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from cleanroom.simulation.hard_cases import WINDOW_DAYS
from cleanroom.simulation.settings import MILLISECONDS_PER_DAY
from cleanroom.simulation.world import World

_WINDOW = WINDOW_DAYS * MILLISECONDS_PER_DAY


class LinkCase(StrEnum):
    """What a CID met with, in the order of asking; what is planted excludes each other."""

    WITHOUT_CLICK = "without_click"
    SEVERAL_CLICKS = "several_clicks"
    OTHER_MERCHANT = "other_merchant"
    BEFORE_CLICK = "before_click"
    PASSED_ON = "passed_on"
    LATER = "later"
    NEVER_SEEN = "never_seen"
    PLAIN = "plain"


def true_links(world: World, cids: pl.Series) -> pl.DataFrame:
    """A row for each CID and account that clicked it, and for each CID without a click.

    `cid` and `user`, raw (`cids`: texts by number); `person`, the number of whose account it is,
    and `buyer`, their raw store account (null if they have none); `followed`: they came with the
    CID to the merchant clicked on, no earlier than their click and at most 15 days after it; and
    the CID's `case`.
    """
    clicks, visits = _clicks(world), _visits(world)
    own = clicks.sort("clicked").unique(["cid", "account"], keep="first", maintain_order=True)
    in_time = (pl.col("time") - pl.col("clicked")).is_between(0, _WINDOW)
    came = own.join(visits, on=["cid", "merchant", "person"]).filter(in_time)
    followed = came.select("cid", "account").unique().with_columns(followed=True)
    unclicked = visits.select("cid").unique().join(clicks, on="cid", how="anti")
    rows = (
        pl.concat([own, unclicked], how="diagonal")
        .join(followed, on=["cid", "account"], how="left")
        .join(_marks(world).select("cid", case=_case()), on="cid", how="left")
        .sort("cid", "clicked")
    )
    people = world.population
    has_store = pl.Series(people.has_store).gather(rows["person"])
    return rows.select(
        cid=cids.gather(rows["cid"]),
        user=people.users.gather(rows["account"]),
        person="person",
        buyer=pl.when(has_store).then(people.buyers.gather(rows["person"])),
        followed=pl.col("followed").fill_null(value=False),
        case="case",
    )


def first_clicks(world: World) -> pl.DataFrame:
    """The first click with each CID: cid, account, person, merchant, clicked (ms)."""
    return _clicks(world).sort("clicked").unique("cid", keep="first", maintain_order=True)


def hard_case_counts(world: World) -> dict[str, dict[str, int]]:
    """What the good rows show of each hard case, planted or come about by itself.

    Of `cids`, of which the first click counts: with `several_clicks`; seen with `several_buyers`
    within 15 days of the click, seen `later`, seen `before_click`, all three at the merchant
    clicked on; seen at an `other_merchant`; `never_seen` in the store; `without_click`. Of
    `buyers`: with CIDs of `several_users`.
    """
    names = ("several_buyers", "later", "before_click", "other_merchant", "without_click")
    cids = _marks(world).select(pl.col(*names, "several_clicks", "never_seen").sum())
    accounts = _clicks(world).select("cid", "account")
    buyers = (
        _visits(world)
        .join(accounts, on="cid")
        .group_by("person")
        .agg(several_users=pl.col("account").n_unique() > 1)
    )
    return {
        "cids": cids.row(0, named=True),
        "buyers": buyers.select(pl.col("several_users").sum()).row(0, named=True),
    }


def _marks(world: World) -> pl.DataFrame:
    """A row for each CID, clicked or only seen: whether each case is met."""
    first = first_clicks(world).rename({"person": "clicker", "merchant": "clicked_on"})
    here, delay = pl.col("merchant") == pl.col("clicked_on"), pl.col("time") - pl.col("clicked")
    buyers = pl.col("person").filter(here & delay.is_between(0, _WINDOW))
    seen = (
        _visits(world)
        .join(first, on="cid", how="left")
        .group_by("cid")
        .agg(
            without_click=pl.col("account").is_null().all(),
            other_merchant=(~here).any(),
            before_click=(here & (delay < 0)).any(),
            later=(here & (delay > _WINDOW)).any(),
            several_buyers=buyers.n_unique() > 1,
            passed_on=(here & (pl.col("person") != pl.col("clicker"))).any(),
        )
    )
    clicks = _clicks(world).group_by("cid").agg(several_clicks=pl.len() > 1, never_seen=True)
    marks = clicks.join(seen, on="cid", how="full", coalesce=True)
    unseen = pl.col("never_seen") & pl.col("without_click").is_null()
    return marks.with_columns(never_seen=unseen).with_columns(
        pl.exclude("cid").fill_null(value=False)
    )


def _case() -> pl.Expr:
    met = [pl.when(pl.col(case)).then(pl.lit(case)) for case in LinkCase if case != LinkCase.PLAIN]
    return pl.coalesce(*met, pl.lit(LinkCase.PLAIN))


def _clicks(world: World) -> pl.DataFrame:
    clicks = world.touches.filter(pl.col("cid") >= 0)
    person = pl.Series(world.population.person[clicks["account"].to_numpy()])
    return clicks.select("cid", "account", "merchant", clicked="time", person=person.cast(pl.Int32))


def _visits(world: World) -> pl.DataFrame:
    return world.visits.filter(pl.col("cid") >= 0).select("cid", "person", "merchant", "time")
