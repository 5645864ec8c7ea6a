"""The conversion study's cells: small logs in, (value, people, contributors) out.

The study is of 2 to 5 March, local days of Shanghai.
"""

from __future__ import annotations

from datetime import date

from cleanroom.policy import Policy
from cleanroom.room.conversion import conversion_tables
from tests.room.event_log import Room, Shown, shown

DAYS = (date(2026, 3, 2), date(2026, 3, 5))


def study(room: Room, touches: str, visits: str = "time kind buyer cid") -> dict[str, Shown]:
    """The cells of merchant `m`, by table."""
    tables = conversion_tables(room.vault(touches=touches, visits=visits), ["m"], *DAYS, Policy())
    return {table.name: shown(table) for table in tables}


def test_the_path_from_impression_to_purchase(room: Room) -> None:
    touches = """
    time     kind       user cid
    02T08:00 impression ann  -
    02T08:00 impression bob  -
    02T08:30 impression ann  -
    02T08:00 impression cyd  -
    02T09:00 read       ann  -
    02T09:00 read       bob  -
    02T09:05 like       bob  -
    02T09:06 collect    bob  -
    02T10:00 click      ann  c1
    02T10:00 click      bob  c2
    02T10:30 click      bob  c3
    """
    visits = """
    time     kind     buyer cid order amount
    02T10:05 visit    b1    c1  -     -
    02T10:06 search   b1    -   -     -
    02T10:06 visit    b2    c2  -     -
    02T10:35 visit    b2    c3  -     -
    02T11:00 cart     b1    -   -     -
    02T11:30 purchase b1    -   o1    900
    """
    assert study(room, touches, visits)["path"] == {
        ("reach", "people"): (3, 3, None),
        ("reach", "events"): (4, 3, 3),
        ("read", "people"): (2, 3, 2),
        ("read", "events"): (2, 3, 2),
        ("engage", "people"): (1, 3, 1),
        ("engage", "events"): (2, 3, 1),
        ("click", "people"): (2, 3, 2),
        ("click", "events"): (3, 3, 2),
        ("visit", "people"): (2, 2, 2),
        ("visit", "events"): (3, 2, 2),
        ("search", "people"): (1, 2, 1),
        ("search", "events"): (1, 2, 1),
        ("cart", "people"): (1, 2, 1),
        ("cart", "events"): (1, 2, 1),
        ("purchase", "people"): (1, 2, 1),
        ("purchase", "events"): (1, 2, 1),
    }


def test_a_merchant_without_events_has_every_cell_at_zero(room: Room) -> None:
    cells = study(room, "time kind user cid")
    assert len(cells["path"]) == 16
    assert len(cells["link"]) == 6
    assert {cell[:2] for table in cells.values() for cell in table.values()} == {(0, 0)}


def test_touches_count_in_whole_local_days(room: Room) -> None:
    touches = """
    time     kind       user
    01T23:59 impression ann
    02T00:00 impression bob
    05T23:59 impression cyd
    06T00:00 impression dan
    """
    assert study(room, touches)["path"]["reach", "people"] == (2, 2, None)


def test_a_store_event_counts_by_its_click_s_day_not_by_its_own(room: Room) -> None:
    touches = """
    time     kind  user cid
    01T23:00 click ann  c1
    05T23:00 click bob  c2
    """
    visits = """
    time     kind     buyer cid order amount
    02T10:00 visit    b1    c1  -     -
    02T11:00 purchase b1    -   o1    100
    09T10:00 visit    b2    c2  -     -
    09T11:00 purchase b2    -   o2    250
    """
    cells = study(room, touches, visits)
    assert cells["path"]["purchase", "people"] == (1, 1, 1)
    assert cells["money"]["revenue",] == (250, 1, 1)


def test_a_visit_step_is_any_store_event_that_is_owed_to_a_click(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    """
    visits = """
    time     kind     buyer cid order amount
    02T10:05 purchase b1    c1  o1    900
    """
    path = study(room, touches, visits)["path"]
    assert path["visit", "people"] == (1, 1, 1)
    assert path["visit", "events"] == (0, 1, 0)
    assert path["purchase", "people"] == (1, 1, 1)


def test_of_users_and_buyers_the_smaller_count_is_people(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    02T10:02 click bob  c2
    02T10:04 click cyd  c3
    02T11:00 click cyd  c4
    """
    visits = """
    time     kind  buyer cid
    02T10:01 visit b1    c1
    02T10:03 visit b1    c2
    02T10:05 visit b3    c3
    02T11:04 visit b4    c4
    """
    cells = study(room, touches, visits)  # three users, three buyers
    assert cells["path"]["visit", "people"] == (3, 3, 3)
    one_buyer = visits.replace("b3", "b1").replace("b4", "b1")
    cells = study(room, touches, one_buyer)
    assert cells["path"]["visit", "people"] == (1, 3, 1)
    assert cells["path"]["visit", "events"] == (4, 3, 1)
    assert cells["link"]["linked", "people"] == (1, 3, 1)


def test_unknown_users_together_are_one_person(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T08:00 read  ann  -
    02T10:00 click -    c1
    02T10:01 click -    c2
    02T10:02 read  -    -
    """
    visits = """
    time     kind  buyer cid
    02T10:03 visit b1    c1
    02T10:04 visit b2    c2
    """
    path = study(room, touches, visits)["path"]
    assert path["reach", "people"] == (2, 2, None)
    assert path["read", "people"] == (2, 2, 2)
    assert path["click", "events"] == (2, 2, 1)
    assert path["visit", "people"] == (1, 1, 1)


def test_cost_is_that_of_all_touches_and_who_cost_something_contributes(room: Room) -> None:
    touches = """
    time     kind       user cost
    02T08:00 impression ann  30
    02T08:00 impression ann  12
    02T08:00 impression bob  0
    02T08:00 read       cyd  -
    01T08:00 impression dan  99
    """
    assert study(room, touches)["money"]["cost",] == (42, 3, 1)


def test_revenue_is_net_of_refunds_of_the_same_orders_whenever_they_come(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    """
    visits = """
    time     kind     buyer cid order amount
    02T10:05 visit    b1    c1  -     -
    02T11:00 purchase b1    -   o1    900
    02T11:00 purchase b1    -   o1    100
    02T12:00 purchase b1    -   o2    500
    30T12:00 refund   b1    -   o1    300
    31T12:00 refund   -     -   o1    50
    30T12:00 refund   b1    -   o9    777
    01T12:00 refund   b1    -   o2    500
    """
    money = study(room, touches, visits)["money"]
    assert money["orders",] == (2, 1, 1)
    assert money["revenue",] == (1_150, 1, 1)


def test_orders_of_the_same_number_at_two_merchants_are_two(room: Room) -> None:
    touches = """
    time     kind  user cid merchant
    02T10:00 click ann  c1  m
    02T10:00 click ann  c2  n
    """
    visits = """
    time     kind     buyer cid order amount merchant
    02T10:05 purchase b1    c1  o1    900    m
    02T10:05 purchase b1    c2  o1    400    n
    03T10:05 refund   b1    -   o1    400    n
    """
    vault = room.vault(touches=touches, visits=visits)
    money = conversion_tables(vault, ["n", "m"], *DAYS)[1]
    assert shown(money, "m")["revenue",] == (900, 1, 1)
    assert shown(money, "n")["revenue",] == (0, 1, 1)
    assert shown(money, "n")["orders",] == (1, 1, 1)


def test_what_became_of_the_clicks(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    02T10:00 click bob  c2
    02T10:00 click bob  c3
    02T10:00 click cyd  c4
    02T10:00 click dan  c5
    02T10:00 click eve  -
    06T10:00 click fay  c6
    """
    visits = """
    time     kind  buyer cid
    02T10:05 visit b1    c1
    02T10:06 visit b9    c1
    02T10:07 visit b1    c2
    02T09:00 visit b2    c3
    20T10:00 visit b3    c4
    06T10:01 visit b4    c6
    """
    assert study(room, touches, visits)["link"] == {
        ("clicked", "people"): (4, 4, None),
        ("linked", "people"): (1, 4, 1),  # ann and bob, but one buyer
        ("before_click", "people"): (1, 4, 1),
        ("outside_window", "people"): (1, 4, 1),
        ("passed_on", "people"): (1, 4, 1),
        ("several_users", "people"): (2, 4, 2),
    }


def test_all_merchants_in_one_pass_are_what_each_is_alone(room: Room) -> None:
    touches = """
    time     kind  user cid cost merchant
    02T10:00 click ann  c1  50   m
    02T10:00 click ann  c2  60   n
    02T10:00 click bob  c3  70   n
    """
    visits = """
    time     kind  buyer cid merchant
    02T10:05 visit b1    c1  m
    02T10:05 visit b1    c2  n
    02T10:05 visit b2    c3  n
    """
    vault = room.vault(touches=touches, visits=visits)
    together = conversion_tables(vault, ["m", "n"], *DAYS)
    for merchant in ("m", "n"):
        alone = conversion_tables(vault, [merchant], *DAYS)
        assert [shown(t, merchant) for t in together] == [shown(t, merchant) for t in alone]
    assert shown(together[0], "n")["visit", "people"] == (2, 2, 2)
