"""How often each rule of the link was needed: counted by case, and released like any number."""

from __future__ import annotations

import polars as pl
import pytest

from cleanroom import agreement
from cleanroom.bench.diagnostics import as_text, diagnostics
from cleanroom.borders import Table
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy, fingerprint
from cleanroom.room.diagnostics import link_diagnostics
from cleanroom.room.link import Outcome
from cleanroom.room.link_rules import BASES, LINK_RULES, Base
from tests.room.event_log import MERCHANTS, Room

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
    room.agree(policy={"min_people": 20, "min_converters": 8})
    agreement.write(room.agreement, room.directory / "agreement.yaml")
    crowd(room, linked=9, clicked=1_020)
    (table,) = diagnostics(room.directory)
    assert table.policy == fingerprint(room.agreement.policy)
    title, head, *lines, few, fewer = as_text(table, "CNY").splitlines()
    assert title == table.title
    assert head.split() == ["of", "rule", "people", "cids"]
    assert [line.split()[1] for line in lines] == table.cells["rule"].unique(
        maintain_order=True
    ).to_list()
    told = {line.split()[1]: line.split()[2:] for line in lines}
    assert told["clicked"] == ["1,020", "1,020"]
    assert told["never_seen"] == ["1,011", "1,011"]
    assert told["linked"] == ["9", "9"]
    assert told["passed_on"] == ["withheld", "withheld"]
    assert told["came"] == ["withheld", "withheld"]  # nine people are no twenty
    assert {few.split()[1], fewer.split()[1]} == {"(min_people):", "(min_converters):"}
    assert len({len(line) for line in (head, *lines)}) == 1
