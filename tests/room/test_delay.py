"""The delay tables' cells: small logs in, (value, people, contributors) out.

The study is of 2 to 15 March, local days of Shanghai; the store's data reaches 20 March.
"""

from __future__ import annotations

from datetime import date

from cleanroom.policy import Policy
from cleanroom.room.delay import delay_tables
from tests.room.event_log import Room, Shown, shown

DAYS = (date(2026, 3, 2), date(2026, 3, 15))
UNTIL = date(2026, 3, 20)


def study(room: Room, touches: str, visits: str, until: date = UNTIL) -> dict[str, Shown]:
    """The cells of merchant `m`, by table."""
    vault = room.vault(touches=touches, visits=visits)
    tables = delay_tables(vault, ["m"], *DAYS, until, Policy())
    return {one.name: shown(one) for one in tables}


def people(cells: dict[str, Shown]) -> dict[tuple[str, ...], float]:
    return {place: value for place, (value, *_) in cells["delay"].items() if value}


def test_a_person_converts_in_the_span_of_the_first_order_after_the_first_click(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T08:00 click ann  c1
    04T08:00 click ann  c2
    02T08:00 click bob  c3
    02T08:00 click cyd  c4
    """
    visits = """
    time     kind     buyer cid order amount
    02T08:01 visit    b1    c1  -     -
    02T08:01 visit    b2    c3  -     -
    04T08:01 purchase b1    c2  o1    100
    09T08:00 purchase b1    -   o2    100
    03T07:59 purchase b2    -   o3    100
    """
    assert people(study(room, touches, visits)) == {
        ("3", "converted"): 1,
        ("1", "converted"): 1,
        ("11–14", "lost"): 1,
    }


def test_what_happens_in_a_span_still_open_is_not_told(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T08:00 click ann  c1
    09T08:00 click bob  c2
    """
    visits = """
    time     kind     buyer cid order amount
    02T08:01 visit    b1    c1  -     -
    09T08:01 visit    b2    c2  -     -
    10T08:01 purchase b1    -   o1    100
    10T08:01 purchase b2    -   o2    100
    """
    cells = study(room, touches, visits, until=date(2026, 3, 10))
    assert people(cells) == {("6–7", "lost"): 1, ("1", "lost"): 1}


def test_who_clicked_on_the_last_day_is_in_no_span(room: Room) -> None:
    touches = """
    time     kind  user cid
    10T08:00 click ann  c1
    02T08:00 click bob  c2
    """
    visits = """
    time     kind  buyer cid
    02T08:01 visit b2    c2
    """
    cells = study(room, touches, visits, until=date(2026, 3, 10))
    assert cells["delay"]["6–7", "lost"] == (1, 1, 1)


def test_orders_are_of_the_week_of_their_click_and_of_the_days_since(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T08:00 click ann  c1
    09T00:00 click bob  c2
    """
    visits = """
    time     kind     buyer cid order amount
    02T08:01 purchase b1    c1  o1    900
    03T08:01 purchase b1    -   o2    500
    09T00:01 purchase b2    c2  o3    300
    19T00:01 refund   b2    -   o3    100
    """
    cells = study(room, touches, visits)["maturity"]
    assert {place: value for place, (value, *_) in cells.items() if value} == {
        ("week 1", "1", "orders"): 1,
        ("week 1", "1", "revenue"): 900,
        ("week 1", "2", "orders"): 1,
        ("week 1", "2", "revenue"): 500,
        ("week 2", "1", "orders"): 1,
        ("week 2", "1", "revenue"): 200,
    }


def test_a_cohort_is_told_as_far_as_all_of_its_clicks_were_watched(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T08:00 click ann  c1
    """
    visits = """
    time     kind     buyer cid order amount
    02T08:01 purchase b1    c1  o1    900
    """
    cells = study(room, touches, visits)["maturity"]
    told = {place[:2] for place in cells}
    assert {days for cohort, days in told if cohort == "week 1"} == {
        "1", "2", "3", "4–5", "6–7", "8–10",
    }  # fmt: skip
    assert {days for cohort, days in told if cohort == "week 2"} == {"1", "2", "3", "4–5"}
