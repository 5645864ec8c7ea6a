"""Which click a store event is owed to: the last linked one before it, within the window."""

from __future__ import annotations

from cleanroom.room.derived import attributed
from tests.room.event_log import Room

TWO_CLICKS = """
time     kind  user cid
02T10:00 click ann  c1
04T10:00 click bob  c2
"""


def owed(room: Room, touches: str, visits: str) -> list[tuple[str, str]]:
    """(kind, CID) of each attributed event, in order of time."""
    frame = attributed(room.vault(touches=touches, visits=visits)).to_native().collect()
    rows = frame.sort("time", "kind").select("kind", "cid").iter_rows()
    return [(kind, room.words[cid]) for kind, cid in rows]


def test_every_event_of_a_linked_buyer_counts_whether_or_not_it_carries_the_cid(
    room: Room,
) -> None:
    visits = """
    time     kind     buyer cid order amount
    02T10:05 visit    b1    c1  -     -
    03T10:00 search   b1    -   -     -
    05T10:00 purchase b1    -   o1    900
    """
    clicks = TWO_CLICKS
    assert owed(room, clicks, visits) == [("visit", "c1"), ("search", "c1"), ("purchase", "c1")]


def test_events_before_the_click_and_after_its_window_are_left_out(room: Room) -> None:
    visits = """
    time     kind     buyer cid order amount
    02T09:59 search   b1    -   -     -
    02T10:00 cart     b1    -   -     -
    02T10:05 visit    b1    c1  -     -
    12T10:00 purchase b1    -   o1    900
    12T10:01 purchase b1    -   o2    900
    """
    assert owed(room, TWO_CLICKS, visits) == [("cart", "c1"), ("visit", "c1"), ("purchase", "c1")]


def test_the_last_cid_decides_even_against_the_one_the_event_carries(room: Room) -> None:
    visits = """
    time     kind   buyer cid
    02T10:05 visit  b1    c1
    04T09:00 search b1    -
    04T10:05 visit  b1    c2
    05T10:00 cart   b1    c1
    """
    expected = [("visit", "c1"), ("search", "c1"), ("visit", "c2"), ("cart", "c2")]
    assert owed(room, TWO_CLICKS, visits) == expected


def test_an_event_after_the_last_click_s_window_is_owed_to_no_earlier_one(room: Room) -> None:
    visits = """
    time     kind   buyer cid
    02T10:05 visit  b1    c1
    04T10:05 visit  b1    c2
    14T10:01 search b1    -
    """
    assert owed(room, TWO_CLICKS, visits) == [("visit", "c1"), ("visit", "c2")]


def test_of_two_clicks_at_one_moment_the_greater_cid_is_last(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    02T10:00 click ann  c2
    """
    visits = """
    time     kind  buyer cid
    02T10:05 visit b1    c1
    02T10:06 visit b1    c2
    """
    last = max(("c1", "c2"), key=room.token)
    assert owed(room, touches, visits) == [("visit", last), ("visit", last)]


def test_friends_to_whom_the_link_was_passed_on_are_not_bridged(room: Room) -> None:
    visits = """
    time     kind     buyer  cid order amount
    02T10:05 visit    b1     c1  -     -
    02T11:00 visit    friend c1  -     -
    02T11:30 purchase friend c1  o1    900
    """
    assert owed(room, TWO_CLICKS, visits) == [("visit", "c1")]


def test_a_link_reaches_no_other_merchant_and_no_unknown_buyer(room: Room) -> None:
    visits = """
    time     kind  buyer cid merchant
    02T10:05 visit b1    c1  m
    02T10:06 visit b1    -   other
    02T10:07 visit -     c1  m
    """
    assert owed(room, TWO_CLICKS, visits) == [("visit", "c1")]


def test_refunds_are_not_attributed_as_they_follow_their_order(room: Room) -> None:
    visits = """
    time     kind     buyer cid order amount
    02T10:05 purchase b1    c1  o1    900
    03T10:05 refund   b1    -   o1    900
    """
    assert owed(room, TWO_CLICKS, visits) == [("purchase", "c1")]
