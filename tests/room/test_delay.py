"""The delay tables' cells: small logs in, (value, people, contributors) out.

The study is of 2 to 15 March, local days of Shanghai; the store's data reaches 20 March.
"""

from __future__ import annotations

from datetime import date

from cleanroom.policy import Policy
from cleanroom.room.delay import delay_tables, last_complete_day
from cleanroom.study import ALL
from tests.room.event_log import Room, Shown, shown

DAYS = (date(2026, 3, 2), date(2026, 3, 15))
UNTIL = date(2026, 3, 20)


def study(room: Room, touches: str, visits: str, until: date = UNTIL) -> dict[str, Shown]:
    """The cells of merchant `m`, by table."""
    vault = room.vault(touches=touches, visits=visits)
    tables = delay_tables(vault, ["m"], *DAYS, until, Policy())
    return {one.name: shown(one) for one in tables}


def people(cells: dict[str, Shown]) -> dict[tuple[str, ...], float]:
    """People by days and outcome."""
    return {
        (days, outcome): value
        for (outcome, days, _), (value, *_) in cells["delay"].items()
        if value and days != ALL
    }


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
        ("2–3", "ordered"): 1,
        ("1", "ordered"): 1,
        ("8–15", "lost"): 1,
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
    assert people(cells) == {("4–7", "lost"): 1, ("1", "lost"): 1}


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
    assert cells["delay"]["lost", "4–7", "people"] == (1, 1, 1)
    assert cells["delay"][ALL, ALL, "people"] == (1, 1, None)


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
        (ALL, ALL, "orders"): 3,
        (ALL, ALL, "revenue"): 1600,
        ("2026-03-02", "1", "orders"): 1,
        ("2026-03-02", "1", "revenue"): 900,
        ("2026-03-02", "2–3", "orders"): 1,
        ("2026-03-02", "2–3", "revenue"): 500,
        ("2026-03-09", "1", "orders"): 1,
        ("2026-03-09", "1", "revenue"): 200,
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
    assert {days for week, days in told if week == "2026-03-02"} == {"1", "2–3", "4–7", "later"}
    assert {days for week, days in told if week == "2026-03-09"} == {"1", "2–3", "later"}


def test_orders_in_a_span_still_open_stand_apart(room: Room) -> None:
    touches = """
    time     kind  user cid
    09T08:00 click ann  c1
    """
    visits = """
    time     kind     buyer cid order amount
    09T08:01 visit    b1    c1  -     -
    14T08:01 purchase b1    -   o1    900
    """
    cells = study(room, touches, visits)["maturity"]
    assert cells["2026-03-09", "later", "orders"][0] == 1
    assert cells["2026-03-09", "2–3", "orders"][0] == 0


def test_what_nobody_can_be_lost_in_is_no_cell(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T08:00 click ann  c1
    """
    visits = """
    time     kind  buyer cid
    02T08:01 visit b1    c1
    """
    cells = study(room, touches, visits, until=date(2026, 3, 20))["delay"]
    lost = {days for outcome, days, _ in cells if outcome == "lost"}
    assert lost == {"2–3", "4–7", "8–15"}  # who clicked on the 15th was watched for five days


def test_the_data_reaches_to_the_day_before_the_last_that_enough_people_were_seen_on(
    room: Room,
) -> None:
    visits = ["time kind buyer"]
    visits += [f"{day:02}T10:00 visit b{number}" for number, day in enumerate((3, 5, 9, 9, 12))]
    vault = room.vault(visits="\n".join(visits))
    assert last_complete_day(vault, Policy(min_people=2)) == date(2026, 3, 8)
    assert last_complete_day(vault, Policy(min_people=4)) == date(2026, 3, 4)
