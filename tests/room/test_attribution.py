"""Attribution's cells: small logs in, (value, people, contributors) out.

The study is of 2 to 20 March, local days of Shanghai; orders are dated by themselves.
"""

from __future__ import annotations

from datetime import date

from cleanroom.policy import Policy
from cleanroom.room.attribution import EVERY_RULE, UNATTRIBUTED, attribution_tables
from cleanroom.room.credit import CREDIT_RULES
from cleanroom.tables import ENGAGEMENTS
from tests.room.event_log import Room, Shown, shown

DAYS = (date(2026, 3, 2), date(2026, 3, 20))
WINDOWS = {"click": 15, "read": 7, **dict.fromkeys(ENGAGEMENTS, 7)}

# Who clicked is linked to who came: what ann and b1 did is one person's doing.
LINK = "time kind user cid note\n02T08:00 click ann c1 k0"
CAME = "time kind buyer cid order amount\n02T08:01 visit b1 c1 - -"


def study(
    room: Room, touches: str, visits: str, channel: str = "note", policy: Policy | None = None
) -> dict[str, Shown]:
    """The cells of merchant `m`, by table."""
    vault = room.vault(touches=LINK + touches.rstrip(), visits=CAME + visits.rstrip())
    found = attribution_tables(vault, ["m"], *DAYS, channel, WINDOWS, policy or Policy())
    return {one.name: shown(one) for one in found}


def credit(cells: dict[str, Shown], rule: str, measure: str = "orders") -> dict[str, float]:
    """What a rule credits to each channel."""
    return {
        channel: value
        for (whose, channel, of), (value, *_) in cells["credit"].items()
        if (whose, of) == (rule, measure) and value
    }


def test_each_rule_credits_the_notes_before_an_order(room: Room) -> None:
    touches = """
    03T09:00 read ann - k1
    04T09:00 like ann - k2
    05T09:00 read ann - k1
    """
    visits = """
    06T12:00 purchase b1 - o1 900
    """
    cells = study(room, touches, visits)
    assert credit(cells, "last") == {"k1": 1}
    assert credit(cells, "waterfall") == {"k0": 1}
    assert credit(cells, "first") == {"k0": 1}
    assert credit(cells, "linear") == {"k0": 0.25, "k1": 0.5, "k2": 0.25}
    assert credit(cells, "position") == {"k0": 0.4, "k1": 0.5, "k2": 0.1}
    assert credit(cells, "last", "revenue") == {"k1": 900}
    assert credit(cells, "linear", "revenue") == {"k0": 225, "k1": 450, "k2": 225}


def test_a_touch_counts_within_the_window_of_its_kind(room: Room) -> None:
    touches = """
    03T09:00 read ann - k1
    """
    visits = """
    10T09:00 purchase b1 - o1 100
    10T09:01 purchase b1 - o2 100
    17T08:00 purchase b1 - o3 100
    17T08:01 purchase b1 - o4 100
    """
    cells = study(room, touches, visits)
    assert credit(cells, "last") == {"k1": 1, "k0": 2}
    assert credit(cells, EVERY_RULE) == {UNATTRIBUTED: 1}


def test_orders_of_people_without_a_link_are_unattributed(room: Room) -> None:
    visits = """
    06T12:00 purchase b1 - o1 900
    06T12:00 purchase b2 - o2 500
    06T12:00 purchase -  - o3 300
    """
    cells = study(room, "", visits)
    assert credit(cells, "last") == {"k0": 1}
    assert cells["credit"][EVERY_RULE, UNATTRIBUTED, "orders"] == (2, 3, 2)
    assert cells["credit"][EVERY_RULE, UNATTRIBUTED, "revenue"] == (800, 3, 2)


def test_refunds_are_taken_off_whenever_they_come(room: Room) -> None:
    visits = """
    06T12:00 purchase b1 - o1 900
    25T12:00 refund   b1 - o1 400
    """
    assert credit(study(room, "", visits), "last", "revenue") == {"k0": 500}


def test_a_channel_is_any_column_of_touches(room: Room) -> None:
    touches = """
    03T09:00 read ann - k1
    """
    visits = """
    06T12:00 purchase b1 - o1 900
    """
    cells = study(room, touches, visits, channel="kind")
    assert credit(cells, "linear") == {"click": 0.5, "read": 0.5}
    assert credit(study(room, touches, visits, channel="campaign"), "last") == {"unknown": 1}


def test_one_person_counts_no_more_than_the_policy_allows(room: Room) -> None:
    visits = """
    06T12:00 purchase b1 - o1 900
    06T13:00 purchase b1 - o2 900
    """
    policy = Policy(max_events_per_person=1, max_amount_per_person=1000)
    cells = study(room, "", visits, policy=policy)
    assert credit(cells, "last") == {"k0": 1}
    assert credit(cells, "last", "revenue") == {"k0": 1000}


def test_the_parts_make_up_all_orders_by_every_rule(room: Room) -> None:
    touches = """
    03T09:00 read ann - k1
    04T09:00 like ann - k2
    08T09:00 read ann - k1
    """
    visits = """
    06T12:00 purchase b1 - o1 900
    09T12:00 purchase b1 - o2 101
    09T12:00 purchase b2 - o3 77
    """
    cells = study(room, touches, visits)
    for rule in CREDIT_RULES:
        for measure, whole in (("orders", 3), ("revenue", 1078)):
            parts = [
                value
                for (whose, _, of), (value, *_) in cells["credit"].items()
                if whose in (rule.id, EVERY_RULE) and of == measure
            ]
            assert round(sum(parts), 5) == whole, (rule.id, measure)


def steps(cells: dict[str, Shown]) -> dict[tuple[str, str], float]:
    return {(origin, target): value for (origin, target, _), (value, *_) in cells["steps"].items()}


def test_journeys_go_from_the_start_over_notes_to_an_order_or_to_none(room: Room) -> None:
    touches = """
    03T09:00 read ann - k1
    04T09:00 read bob - k1
    07T09:00 like ann - k2
    """
    visits = """
    06T12:00 purchase b1 - o1 900
    """
    assert steps(study(room, touches, visits)) == {
        ("start", "k0"): 1,
        ("k0", "k1"): 1,
        ("k1", "conversion"): 1,
        ("start", "k1"): 1,
        ("k1", "no conversion"): 1,
        ("start", "k2"): 1,
        ("k2", "no conversion"): 1,
    }


def test_a_gap_longer_than_the_window_ends_a_journey(room: Room) -> None:
    touches = """
    18T09:00 read ann - k1
    """
    visits = """
    19T12:00 purchase b1 - o1 900
    """
    assert steps(study(room, touches, visits)) == {
        ("start", "k0"): 1,
        ("k0", "no conversion"): 1,
        ("start", "k1"): 1,
        ("k1", "conversion"): 1,
    }
