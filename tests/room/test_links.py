"""Which buyer a click belongs to: the rules of the link, one by one, on logs of a few lines.

The window of the agreement is ten days; `m` is the merchant where none is named.
"""

from __future__ import annotations

import polars as pl
import pytest

from cleanroom.room.derived import links
from tests.room.event_log import Room

CLICK = """
time     kind  user cid
02T10:00 click ann  c1
"""
OUTCOMES = ("linked", "before_click", "outside_window", "passed_on", "several_users")


def linked(room: Room, touches: str, visits: str) -> dict[str, tuple[str | None, set[str]]]:
    """By CID that the store has seen: the buyer it is linked to, and its outcomes."""
    frame = links(room.vault(touches=touches, visits=visits)).to_native().collect()
    words = room.words
    return {
        words[row["cid"]]: (
            words.get(row["buyer"]),
            {outcome for outcome in OUTCOMES if row[outcome]},
        )
        for row in frame.iter_rows(named=True)
    }


def test_a_click_is_linked_to_the_buyer_who_comes_with_its_cid(room: Room) -> None:
    visits = """
    time     kind  buyer cid
    02T10:05 visit b1    c1
    """
    assert linked(room, CLICK, visits) == {"c1": ("b1", {"linked"})}


def test_a_click_never_seen_in_the_store_has_no_row(room: Room) -> None:
    visits = """
    time     kind  buyer cid
    02T10:05 visit b1    c9
    """
    assert linked(room, CLICK, visits) == {}


def test_a_cid_at_another_merchant_is_not_seen(room: Room) -> None:
    visits = """
    time     kind  buyer cid merchant
    02T10:05 visit b1    c1  other
    """
    assert linked(room, CLICK, visits) == {}


def test_an_event_before_its_click_links_nothing(room: Room) -> None:
    visits = """
    time     kind  buyer cid
    02T09:59 visit b1    c1
    """
    assert linked(room, CLICK, visits) == {"c1": (None, {"before_click"})}


@pytest.mark.parametrize(
    ("time", "linking"), [("02T10:00", True), ("12T10:00", True), ("12T10:01", False)]
)
def test_the_window_is_ten_times_24_hours_with_both_ends(
    room: Room, time: str, linking: bool
) -> None:
    visits = f"""
    time   kind  buyer cid
    {time} visit b1    c1
    """
    expected = ("b1", {"linked"}) if linking else (None, {"outside_window"})
    assert linked(room, CLICK, visits) == {"c1": expected}


def test_a_link_passed_on_stays_with_the_first_buyer_after_the_click(room: Room) -> None:
    visits = """
    time     kind  buyer  cid
    02T09:00 visit early  c1
    03T10:00 visit friend c1
    02T11:00 visit b1     c1
    02T12:00 cart  b1     c1
    """
    assert linked(room, CLICK, visits) == {"c1": ("b1", {"linked", "before_click", "passed_on"})}


def test_of_two_buyers_at_one_moment_the_smaller_token_is_first(room: Room) -> None:
    visits = """
    time     kind  buyer cid
    02T11:00 visit b1    c1
    02T11:00 visit b2    c1
    """
    first = min(("b1", "b2"), key=room.token)
    assert linked(room, CLICK, visits) == {"c1": (first, {"linked", "passed_on"})}


def test_a_cid_replayed_after_the_window_keeps_its_link(room: Room) -> None:
    visits = """
    time     kind  buyer cid
    02T11:00 visit b1    c1
    04T11:00 visit b1    c1
    20T11:00 visit b2    c1
    """
    assert linked(room, CLICK, visits) == {"c1": ("b1", {"linked", "outside_window"})}


def test_two_users_of_one_buyer_are_both_linked_and_marked(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    02T20:00 click bob  c2
    03T20:00 click ann  c3
    """
    visits = """
    time     kind  buyer cid
    02T10:05 visit b1    c1
    02T20:05 visit b1    c2
    03T20:05 visit b9    c3
    """
    assert linked(room, touches, visits) == {
        "c1": ("b1", {"linked", "several_users"}),
        "c2": ("b1", {"linked", "several_users"}),
        "c3": ("b9", {"linked"}),
    }


def test_null_cids_and_null_buyers_link_nothing(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  -
    02T10:00 click ann  c1
    """
    visits = """
    time     kind  buyer cid
    02T10:05 visit b1    -
    02T10:05 visit -     c1
    """
    assert linked(room, touches, visits) == {"c1": (None, set())}


def test_an_unknown_visitor_does_not_take_the_link_from_the_first_known_buyer(room: Room) -> None:
    visits = """
    time     kind  buyer cid
    02T10:05 visit -     c1
    02T10:06 visit b1    c1
    """
    assert linked(room, CLICK, visits) == {"c1": ("b1", {"linked"})}


def test_an_unknown_user_is_linked_too(room: Room) -> None:
    visits = """
    time     kind  buyer cid
    02T10:05 visit b1    c1
    """
    touches = CLICK.replace("ann ", "-   ")
    assert linked(room, touches, visits) == {"c1": ("b1", {"linked"})}


def test_a_refund_is_no_visit_through_the_link(room: Room) -> None:
    visits = """
    time     kind   buyer cid order amount
    02T10:05 refund b1    c1  o1    100
    """
    assert linked(room, CLICK, visits) == {}


def test_a_cid_on_two_clicks_belongs_to_the_first(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T12:00 click bob  c1
    02T10:00 click ann  c1
    """
    visits = """
    time     kind  buyer cid
    02T13:00 visit b1    c1
    """
    frame = links(room.vault(touches=touches, visits=visits)).to_native().collect()
    assert [room.words[user] for user in frame["user"]] == ["ann"]


def test_a_link_names_what_the_click_was_on(room: Room) -> None:
    touches = """
    time     kind  user cid campaign creator note
    02T10:00 click ann  c1  spring   cleo    n7
    """
    visits = """
    time     kind  buyer cid
    02T10:05 visit b1    c1
    """
    frame = links(room.vault(touches=touches, visits=visits)).to_native().collect()
    named = frame.select("merchant", "campaign", "creator", "note").row(0)
    assert named == ("m", "spring", "cleo", "n7")
    assert frame.schema["click_time"] == pl.Datetime("us", "UTC")
