"""Diagnostics of the join: how much of it matched, and how often each rule of the link was needed,
over all merchants.

Counts are of all the data handed over, whichever days and merchants a study takes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import narwhals as nw

from cleanroom.borders import CIDS, PEOPLE, Table
from cleanroom.layout import Dimension, Layout, Measure, Use
from cleanroom.room.counting import Cell, count_people, table
from cleanroom.room.derived import links
from cleanroom.room.engine import Frame
from cleanroom.room.join_keys import with_join_key
from cleanroom.room.link_rules import BASES, BUYER, LINK_RULES, USER, Base, LinkRule
from cleanroom.room.match import (
    before_click,
    clicks_with_cid,
    outside_window,
    seen_with_cid,
    with_cid,
)
from cleanroom.room.vault import Vault
from cleanroom.tables import Platform

_ALL = ("all",)
_DISTINCT = ("cid", USER, BUYER)
LAYOUT = Layout(
    "link_rules",
    "How often each rule of the link was needed, in CIDs and people of all merchants",
    (
        Dimension("of", categories=tuple(Base)),
        Dimension("rule", categories=tuple({rule.id: None for rule in (*BASES, *LINK_RULES)})),
    ),
    (
        Measure("people", Use.COUNT, ("touches.user", "visits.buyer")),
        Measure("cids", Use.COUNT, ("touches.cid", "visits.cid")),
    ),
)
MATCH = Layout(
    "match",
    "CIDs handed over by each side and found on both, and the people behind them",
    (Dimension("side", categories=(*Platform, "matched")),),
    LAYOUT.measures,
)


@dataclass(frozen=True)
class RuleCounts:
    """What a rule was needed for: distinct `cids`, `users` and `buyers`."""

    cids: int
    users: int
    buyers: int

    def people(self, rule: LinkRule) -> int:
        """People as the rule counts them: where both platforms know them, the smaller count."""
        sides = {USER: self.users, BUYER: self.buyers}
        return min(sides[side] for side in rule.known_by)


@dataclass(frozen=True)
class _Side:
    """Distinct CIDs and people on a side's rows with a CID, and those of them that matched."""

    cids: int
    matched_cids: int
    people: int
    matched_people: int


def link_diagnostics(vault: Vault) -> Table:
    """Table `link_rules`: CIDs and people by rule, each a part of `of` (see `link_rules`).

    The CIDs of a rule have the support of its people, counted or left out, so that both are
    released or neither. Raises `HandoverError` if the engine fails.
    """
    touches, visits = _sides(vault)
    window = vault.agreement.join.attribution_window_days
    counts = count_rules(touches, visits, links(vault), window)
    return table(LAYOUT, _cells(counts))


def match_sizes(vault: Vault) -> Table:
    """Table `match`: CIDs handed over by each side and matched, and the people behind them.

    CIDs are counted as they were handed over, before any rule of the link. `matched` people are
    those of the side that has fewer; its cells have the support of whoever is fewest, counted or
    left out at either side. Raises `JoinError` if the join is not allowed, or `HandoverError` if
    the engine fails.
    """
    links(vault)  # within the limits on joins
    touches, visits = _sides(vault)
    ads, store = _side(touches, USER, visits), _side(visits, BUYER, touches)
    people = min(ads.matched_people, store.matched_people)
    left_out = (side.people - side.matched_people for side in (ads, store))
    support, base = min(people, *left_out), min(ads.people, store.people)
    cells: list[Cell] = []
    for name, side in ((Platform.ADS, ads), (Platform.STORE, store)):
        cells.append((name, "people", side.people, PEOPLE, side.people, None))
        cells.append((name, "cids", side.cids, CIDS, side.people, side.people))
    cells.append(("matched", "people", people, PEOPLE, base, support))
    cells.append(("matched", "cids", ads.matched_cids, CIDS, base, support))
    return table(MATCH, cells)


def count_rules(
    touches: Frame, visits: Frame, linked: Frame, window_days: int
) -> dict[str, RuleCounts]:
    """The counts of every base and rule by id; `linked` has the rows of `link.link`.

    Null users together are one user, null buyers one buyer.
    """
    found: dict[str, RuleCounts] = {}
    for rows in (
        _clicks(touches, visits),
        _events(touches, visits, linked, window_days),
        _bridges(linked),
    ):
        names = rows.collect_schema().names()
        marks = [name for name in names if name not in _DISTINCT]
        counted = {name: _distinct(rows, name, marks) for name in _DISTINCT if name in names}
        for mark in marks:
            cids, users, buyers = (counted.get(p, Counter())[mark] for p in _DISTINCT)
            found[mark] = RuleCounts(cids, users, buyers)
    return found


def _sides(vault: Vault) -> tuple[Frame, Frame]:
    """The touches and the visits, their CIDs comparable."""
    return with_join_key(vault, "touches", "cid"), with_join_key(vault, "visits", "cid")


def _side(rows: Frame, person: str, others: Frame) -> _Side:
    """What a side handed over, and how much of it `others` have as well."""
    known = ~nw.col("cid").is_null()
    common = others.filter(known).select("cid").unique().with_columns(common=nw.lit(value=True))
    joined = rows.filter(known).select("cid", person).join(common, on="cid", how="left")
    marked = joined.select(
        "cid", person, handed_over=nw.lit(value=True), matched=~nw.col("common").is_null()
    )
    cids, people = (_distinct(marked, n, ["handed_over", "matched"]) for n in ("cid", person))
    return _Side(cids["handed_over"], cids["matched"], people["handed_over"], people["matched"])


def _distinct(rows: Frame, person: str, marks: list[str]) -> Counter[str]:
    """How many distinct values of `person` each mark holds for."""
    everything = rows.with_columns(all=nw.lit("all"))
    counted = count_people(everything, _ALL, person, {mark: nw.col(mark) for mark in marks})
    found = counted.get(_ALL, Counter())
    return Counter({mark: found[f"{mark}_people"] for mark in marks})


def _clicks(touches: Frame, visits: Frame) -> Frame:
    """Every click with a CID."""
    clicks = with_cid(touches).select("cid", USER)
    times = clicks.group_by("cid").agg(clicks=nw.len())
    seen = seen_with_cid(visits).select("cid").unique().with_columns(seen=nw.lit(value=True))
    rows = clicks.join(times, on="cid", how="inner").join(seen, on="cid", how="left")
    return rows.select(
        "cid",
        USER,
        clicked=nw.lit(value=True),
        several_clicks=nw.col("clicks") > 1,
        never_seen=nw.col("seen").is_null(),
    )


def _events(touches: Frame, visits: Frame, linked: Frame, window_days: int) -> Frame:
    """Every store event with a CID; each is under one rule at most, but for the linked ones."""
    clicks = clicks_with_cid(touches).select("cid", USER, "click_time", clicked_on="merchant")
    links_made = linked.select("cid", "passed_on", link="buyer")
    rows = seen_with_cid(visits).join(clicks, on="cid", how="left")
    rows = rows.join(links_made, on="cid", how="left")
    here = nw.col("merchant") == nw.col("clicked_on")
    early, late = before_click(), outside_window(window_days)
    in_time = here & ~early & ~late
    return rows.select(
        "cid",
        USER,
        BUYER,
        came=nw.lit(value=True),
        without_click=nw.col("click_time").is_null(),
        other_merchant=~here,
        before_click=here & early,
        outside_window=here & late,
        unknown_buyer=in_time & nw.col("link").is_null(),
        linked=in_time & (nw.col(BUYER) == nw.col("link")),
        passed_on=in_time & (nw.col("passed_on") > 0) & ~nw.col(BUYER).is_null(),
    )


def _bridges(linked: Frame) -> Frame:
    """Every link."""
    rows = linked.filter(~nw.col(BUYER).is_null()).select("cid", USER, BUYER)
    # Unknown users together are one person: they share the empty token.
    known = rows.with_columns(nw.col(USER).fill_null(""))
    users = known.group_by(BUYER).agg(first_user=nw.col(USER).min(), last_user=nw.col(USER).max())
    buyers = rows.group_by(USER).agg(
        first_buyer=nw.col(BUYER).min(), last_buyer=nw.col(BUYER).max()
    )
    rows = rows.join(users, on=BUYER, how="left").join(buyers, on=USER, how="left")
    return rows.select(
        "cid",
        USER,
        BUYER,
        several_users=nw.col("first_user") != nw.col("last_user"),
        several_buyers=nw.col("first_buyer") != nw.col("last_buyer"),
        unknown_user=nw.col(USER).is_null(),
    )


def _cells(counts: dict[str, RuleCounts]) -> Iterator[Cell]:
    """Each base, then the rules that are a part of it."""
    rules = {rule.id: rule for rule in (*BASES, *LINK_RULES)}
    for rule in sorted(rules.values(), key=lambda rule: [*Base].index(rule.of)):
        people, base = counts[rule.id].people(rule), counts[rule.of].people(rules[rule.of])
        if rule in BASES:
            yield rule.of, rule.id, "people", people, PEOPLE, base, None
            yield rule.of, rule.id, "cids", counts[rule.id].cids, CIDS, base, people
        else:
            # A few left out are singled out by a count of CIDs as by one of people.
            support = min(people, base - people)
            yield rule.of, rule.id, "people", people, PEOPLE, base, people
            yield rule.of, rule.id, "cids", counts[rule.id].cids, CIDS, base, support
