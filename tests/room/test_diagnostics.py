"""How often each rule of the link was needed: counted by case, and released like any number."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cleanroom import agreement
from cleanroom.bench.diagnostics import as_text, diagnostics, match_rates, told
from cleanroom.borders import Table
from cleanroom.errors import JoinError
from cleanroom.gate.protect import protect
from cleanroom.gate.sizes import rounded
from cleanroom.policy import Policy, fingerprint
from cleanroom.room.diagnostics import link_diagnostics, match_sizes
from cleanroom.room.link import Outcome
from cleanroom.room.link_rules import BASES, LINK_RULES, Base
from cleanroom.tables import Platform
from tests.blinding import empty_scene
from tests.factories import table as a_table
from tests.room.event_log import FEW, MERCHANTS, Room

RULES = [rule.id for rule in (*BASES, *LINK_RULES)]
SOON = """
time     kind  buyer cid
02T10:05 visit b1    c1
"""
CLICK = """
time     kind  user cid
02T10:00 click ann  c1
"""


def counts(table: Table) -> dict[str, tuple[float, float]]:
    """By rule: its CIDs and people."""
    cells = {(row[1], row[2]): row[3] for row in table.cells.iter_rows()}
    return {rule: (cells[rule, "cids"], cells[rule, "people"]) for rule in RULES}


def found(room: Room, touches: str, visits: str) -> dict[str, tuple[float, float]]:
    """The rules needed in a log, without the bases."""
    counted = counts(link_diagnostics(room.vault(touches=touches, visits=visits)))
    return {r: n for r, n in counted.items() if n != (0, 0) and r not in ("clicked", "came")}


def test_a_plain_link_needs_no_other_rule(room: Room) -> None:
    assert found(room, CLICK, SOON) == {"linked": (1, 1)}


@pytest.mark.parametrize(
    ("visit", "rule"),
    [
        ("02T09:59 visit b1 c1 m", "before_click"),
        ("12T10:01 visit b1 c1 m", "outside_window"),
        ("02T10:05 visit b1 c1 other", "other_merchant"),
        ("02T10:05 visit -  c1 m", "unknown_buyer"),
    ],
)
def test_an_event_that_links_nothing_is_counted_under_its_rule_alone(
    room: Room, visit: str, rule: str
) -> None:
    visits = f"time kind buyer cid merchant\n{visit}"
    assert found(room, CLICK, visits) == {rule: (1, 1)}


def test_an_event_at_another_merchant_is_no_matter_of_time(room: Room) -> None:
    visits = """
    time     kind  buyer cid merchant
    02T09:00 visit b1    c1  other
    30T09:00 visit b1    c1  other
    """
    assert found(room, CLICK, visits) == {"other_merchant": (1, 1)}


def test_a_cid_without_a_click_is_counted_in_the_store(room: Room) -> None:
    visits = """
    time     kind  buyer cid
    02T10:05 visit b1    c8
    02T10:05 visit b2    c8
    02T10:05 visit b2    c9
    """
    assert found(room, CLICK, visits) == {"never_seen": (1, 1), "without_click": (2, 2)}


def test_a_cid_on_several_clicks_counts_all_who_clicked_it(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    02T10:01 click ann  c1
    02T10:02 click bob  c1
    02T10:02 click bob  c2
    """
    assert found(room, touches, SOON) == {
        "several_clicks": (1, 2),
        "never_seen": (1, 1),
        "linked": (1, 1),
    }


def test_a_link_passed_on_is_a_link_and_its_friends_are_none(room: Room) -> None:
    visits = """
    time     kind  buyer  cid
    02T11:00 visit b1     c1
    02T12:00 visit friend c1
    """
    assert found(room, CLICK, visits) == {"linked": (1, 1), "passed_on": (1, 1)}


def test_one_buyer_of_several_users_and_one_user_of_several_buyers(room: Room) -> None:
    touches = """
    time     kind  user cid merchant
    02T10:00 click ann  c1  m
    02T10:00 click bob  c2  other
    02T10:00 click cat  c3  m
    02T11:00 click cat  c4  m
    02T10:00 click -    c5  m
    """
    visits = """
    time     kind  buyer cid merchant
    02T10:05 visit b1    c1  m
    02T10:05 visit b1    c2  other
    02T10:05 visit b3    c3  m
    02T11:05 visit b4    c4  m
    02T10:05 visit b5    c5  m
    """
    assert found(room, touches, visits) == {
        "linked": (5, 4),
        "several_users": (2, 1),
        "several_buyers": (2, 1),
        "unknown_user": (1, 1),
    }


def test_unknown_people_are_one_person(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click -    c1
    02T10:00 click -    c2
    """
    visits = """
    time     kind  buyer cid
    02T10:05 visit -     c8
    02T10:05 visit -     c9
    """
    assert found(room, touches, visits) == {"never_seen": (2, 1), "without_click": (2, 1)}


def test_a_refund_and_a_read_are_not_counted(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    02T10:00 read  bob  -
    """
    visits = """
    time     kind   buyer cid order amount
    02T10:05 refund b1    c1  o1    100
    """
    assert found(room, touches, visits) == {"never_seen": (1, 1)}


def test_each_rule_has_a_row_under_its_base_with_nothing_handed_over(room: Room) -> None:
    table = link_diagnostics(room.vault(merchants=MERCHANTS))
    assert counts(table) == dict.fromkeys(RULES, (0, 0))
    assert set(table.cells.select("of", "rule").iter_rows()) == {
        (rule.of.value, rule.id) for rule in (*BASES, *LINK_RULES)
    }


def test_every_outcome_of_a_link_is_a_rule_in_words() -> None:
    rules = {rule.id: rule for rule in LINK_RULES}
    assert set(Outcome) <= rules.keys()
    assert len(RULES) == len(set(RULES))
    assert {rule.of for rule in LINK_RULES} == set(Base)
    assert all(rule.case.endswith(".") and rule.decides.endswith(".") for rule in rules.values())


def crowd(room: Room, linked: int, clicked: int) -> Table:
    """`clicked` users with a click each, of whom `linked` came."""
    touches = "time kind user cid\n" + "\n".join(
        f"02T10:00 click u{i} c{i}" for i in range(clicked)
    )
    visits = "time kind buyer cid\n" + "\n".join(f"02T10:05 visit b{i} c{i}" for i in range(linked))
    return link_diagnostics(room.vault(touches=touches, visits=visits))


@pytest.mark.parametrize(
    ("linked", "released"), [(9, False), (10, True), (50, True), (51, False), (60, False)]
)
def test_cids_leave_with_their_people_or_not_at_all(
    room: Room, linked: int, released: bool
) -> None:
    table = protect(crowd(room, linked, clicked=60), Policy())
    value = table.values()
    assert value["clicked", "clicked", "people"] == value["clicked", "clicked", "cids"] == 60
    assert value["clicked", "linked", "people"] == (linked if released else None)
    assert value["clicked", "linked", "cids"] == (linked if released else None)


def test_a_count_of_both_sides_has_the_support_of_the_smaller(room: Room) -> None:
    touches = "time kind user cid\n" + "\n".join(f"02T10:00 click u{i} c{i}" for i in range(80))
    visits = "time kind buyer cid\n" + "\n".join(f"02T10:05 visit b{i % 4} c{i}" for i in range(80))
    table = link_diagnostics(room.vault(touches=touches, visits=visits))
    cells = table.cells.filter(rule="linked").select("measure", "value", "people", "contributors")
    assert cells.rows() == [("people", 4.0, 80, 4), ("cids", 80.0, 80, 4)]
    protected = protect(table, Policy()).cells.filter(pl.col("rule") == "linked")
    assert protected["value"].to_list() == [None, None]


def test_what_is_told_is_protected_by_the_agreement_s_policy_and_says_what_is_withheld(
    room: Room,
) -> None:
    room.agree(policy={"min_people": 20, "min_converters": 8, "min_matches": 2})
    agreement.write(room.agreement, room.directory / "agreement.yaml")
    crowd(room, linked=9, clicked=1_020)
    _, table = diagnostics(room.directory)
    assert table.policy == fingerprint(room.agreement.policy)
    title, head, *lines, few, fewer = as_text(table, "CNY").splitlines()
    assert title == table.title
    assert head.split() == ["of", "rule", "people", "cids"]
    assert [line.split()[1] for line in lines] == table.cells["rule"].unique(
        maintain_order=True
    ).to_list()
    told = {line.split()[1]: line.split()[2:] for line in lines}
    assert told["clicked"] == ["1,020", "1,020"]
    assert told["never_seen"] == ["1,010", "1,010"]
    assert told["linked"] == ["10", "10"]  # nine
    assert told["passed_on"] == ["withheld", "withheld"]
    assert told["came"] == ["withheld", "withheld"]  # nine people are no twenty
    assert {few.split()[1], fewer.split()[1]} == {"(min_people):", "(min_converters):"}
    assert len({len(line) for line in (head, *lines)}) == 1


# Match sizes


def sizes(room: Room, touches: str, visits: str) -> dict[tuple[str, ...], tuple[float, int, int]]:
    """By side and measure: value, people and contributors."""
    cells = match_sizes(room.vault(touches=touches, visits=visits)).cells
    columns = ("side", "measure", "value", "people", "contributors")
    return {row[:2]: row[2:] for row in cells.select(columns).iter_rows()}


def test_matched_are_the_cids_that_both_handed_over_before_any_rule(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    02T11:00 click ann  c1
    02T10:00 click ann  c2
    02T10:00 click bob  c2
    02T10:00 click cat  c3
    02T10:00 read  dan  -
    """
    visits = """
    time     kind  buyer cid merchant
    01T10:05 visit b1    c1  m
    02T10:05 visit b1    c2  other
    02T10:05 visit b2    c8  m
    02T10:05 visit b2    c9  m
    02T10:05 visit b3    -   m
    """
    # Two CIDs, users and buyers more, that every log of these tests has in common.
    assert sizes(room, touches, visits) == {
        ("ads", "people"): (5, 5, None),
        ("ads", "cids"): (5, 5, 5),
        ("store", "people"): (4, 4, None),
        ("store", "cids"): (6, 4, 4),
        ("matched", "people"): (3, 4, 1),  # three buyers and four users; one of each is left out
        ("matched", "cids"): (4, 4, 1),
    }


def met(room: Room, *, clicked: int, matched: int, came: int) -> Table:
    """So many users clicked and buyers came, of whom so many by the same CIDs."""
    touches = [f"02T10:00 click u{n} c{n}" for n in range(clicked - 2)]
    visits = [f"02T10:05 visit b{n} c{n}" for n in range(matched - 2)]
    visits += [f"02T10:05 visit x{n} x{n}" for n in range(came - matched)]
    return match_sizes(
        room.vault(
            touches="\n".join(["time kind user cid", *touches]),
            visits="\n".join(["time kind buyer cid", *visits]),
        )
    )


@pytest.mark.parametrize(
    ("matched", "came", "released"),
    [(9, 60, False), (10, 60, True), (50, 60, True), (51, 60, False), (60, 60, False)],
)
def test_few_who_matched_or_are_left_out_at_either_side_are_withheld(
    matched: int, came: int, released: bool, room: Room
) -> None:
    table = protect(met(room, clicked=100, matched=matched, came=came), Policy()).values()
    assert table["ads", "cids"] == 100
    assert table["store", "cids"] == 60
    for measure in ("people", "cids"):
        assert table["matched", measure] == (matched if released else None)


@pytest.mark.parametrize("multiple", [1, 5, 7])
def test_match_sizes_are_rounded_to_the_agreed_multiple(multiple: int, room: Room) -> None:
    room.agree(policy={"min_matches": 2, "rounding": multiple})
    agreement.write(room.agreement, room.directory / "agreement.yaml")
    met(room, clicked=103, matched=31, came=72)
    nearest = {1: (103, 72, 31), 5: (105, 70, 30), 7: (105, 70, 28)}[multiple]
    match, rules = diagnostics(room.directory)
    for measure in ("people", "cids"):
        found = match.values()
        assert tuple(found[s, measure] for s in ("ads", "store", "matched")) == nearest
        assert rules.values()["clicked", "linked", measure] == {1: 29, 5: 30, 7: 28}[multiple]
    released = [*match.values().values(), *rules.values().values()]
    assert all(value % multiple == 0 for value in released if value is not None)
    assert f"All numbers are rounded to a multiple of {multiple};" in told(room.directory)


def test_a_half_is_rounded_up_and_what_is_withheld_stays_so() -> None:
    cells = [("a", 15.0, "CIDs", 90, 90), ("b", 14.0, "CIDs", 90, 90), ("c", 15.0, "CIDs", 9, 9)]
    table = rounded(protect(a_table("t", (), cells), Policy()), 10)
    assert table.values() == {("a",): 20, ("b",): 10, ("c",): None}
    assert table.cells["withheld"].to_list() == [None, None, "min_people"]


def test_a_match_rate_is_computed_from_what_was_released(room: Room) -> None:
    met_table = met(room, clicked=103, matched=31, came=72)
    assert match_rates(rounded(protect(met_table, Policy()), 5)) == [
        "Match rate of what the ads platform handed over: 28.6% of CIDs, 28.6% of people",
        "Match rate of what the store platform handed over: 42.9% of CIDs, 42.9% of people",
    ]
    assert match_rates(protect(met_table, Policy(min_converters=32))) == [
        "Match rate of what the ads platform handed over: withheld of CIDs, withheld of people",
        "Match rate of what the store platform handed over: withheld of CIDs, withheld of people",
    ]


def test_match_sizes_are_of_a_join_within_its_limits(room: Room) -> None:
    room.agree(policy={**FEW, "min_matches": 50})
    with pytest.raises(JoinError, match="Fewer join keys match"):
        met(room, clicked=103, matched=31, came=72)


def test_blinded_diagnostics_are_those_of_a_keyed_join(tmp_path: Path) -> None:
    cids = [f"id-{n}" for n in range(12)]
    found = []
    for mode in ("keyed", "blinded"):
        match = empty_scene(tmp_path / mode, join={"mode": mode})
        match.cids = {Platform.ADS: cids[:9], Platform.STORE: cids[4:]}
        for party in Platform:
            match.hand_over(party)
        if mode == "blinded":
            match.play()
        vault = match.vault
        found.append([t.cells.rows() for t in (match_sizes(vault), link_diagnostics(vault))])
    assert found[0] == found[1]
    assert ("matched", "cids", 5.0, "CIDs", 1, 0) in {row[:6] for row in found[0][0]}
