"""Attribution's cells: small logs in, (value, people, contributors) out.

The study is of 2 to 20 March, local days of Shanghai; orders are dated by themselves.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from cleanroom.policy import Policy
from cleanroom.room.attribution import attribution_tables
from cleanroom.room.credit import CREDIT_RULES
from cleanroom.study import ALL, ATTRIBUTED, UNATTRIBUTED, ConversionStudy
from tests.room.event_log import Room, Shown, shown

DAYS = (date(2026, 3, 2), date(2026, 3, 20))
CLICK_WINDOW = 15

# Who clicked is linked to who came: what ann and b1 did is one person's doing.
LINK = "time kind user cid note\n02T08:00 click ann c1 k0"
CAME = "time kind buyer cid order amount\n02T08:01 visit b1 c1 - -"


Channel = Literal["kind", "campaign", "creator", "note"]


def study(
    room: Room, touches: str, visits: str, channel: Channel = "note", policy: Policy | None = None
) -> dict[str, Shown]:
    """The cells of merchant `m`, by table."""
    room.agree(join={"attribution_window_days": CLICK_WINDOW})
    vault = room.vault(touches=LINK + touches.rstrip(), visits=CAME + visits.rstrip())
    asked = ConversionStudy(
        merchant="m", start=DAYS[0], end=DAYS[1], channel=channel, touch_window_days=7
    )
    found = attribution_tables(vault, ["m"], asked, policy or Policy())
    return {one.name: shown(one) for one in found}


def credit(cells: dict[str, Shown], rule: str, measure: str = "orders") -> dict[str, float]:
    """What a rule credits to each channel, and what it leaves unattributed."""
    return {
        channel: value
        for (whose, channel, of), (value, *_) in cells["credit"].items()
        if (whose, of) == (rule, measure) and value and channel != ALL
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


def test_a_channel_assists_the_orders_that_it_was_touched_before_though_not_last(
    room: Room,
) -> None:
    touches = """
    03T09:00 read ann - k1
    04T09:00 like ann - k2
    05T09:00 read ann - k1
    08T09:00 like ann - k2
    """
    visits = """
    06T12:00 purchase b1 - o1 900
    09T12:00 purchase b1 - o2 500
    09T12:00 purchase b2 - o3 500
    """
    assists = study(room, touches, visits)["assists"]
    # Of the first order k1 is the last touched, of the second k2; k0 is the click before both.
    assert {channel: value for (channel, _), (value, *_) in assists.items()} == {
        "k0": 2,
        "k1": 1,
        "k2": 1,
    }
    assert assists["k0", "orders"] == (2, 2, 1)


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
    assert credit(cells, "last") == {"k1": 1, "k0": 2, UNATTRIBUTED: 1}


def test_orders_of_people_without_a_link_are_unattributed(room: Room) -> None:
    visits = """
    06T12:00 purchase b1 - o1 900
    06T12:00 purchase b2 - o2 500
    06T12:00 purchase -  - o3 300
    """
    cells = study(room, "", visits)
    assert credit(cells, "last") == {"k0": 1, UNATTRIBUTED: 2}
    for rule in CREDIT_RULES:
        assert cells["credit"][rule.id, UNATTRIBUTED, "orders"] == (2, 3, 2)
        assert cells["credit"][rule.id, UNATTRIBUTED, "revenue"] == (800, 3, 2)
    assert {part: cell for (part, of), cell in cells["orders"].items() if of == "orders"} == {
        ALL: (3, 3, 3),
        ATTRIBUTED: (1, 3, 1),
        UNATTRIBUTED: (2, 3, 2),
    }


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
            assert cells["credit"][rule.id, ALL, measure][0] == whole
            parts = credit(cells, rule.id, measure).values()
            assert round(sum(parts), 5) == whole, (rule.id, measure)


def steps(cells: dict[str, Shown]) -> dict[tuple[str, str], float]:
    return {
        (origin, target): value
        for (origin, target, _), (value, *_) in cells["steps"].items()
        if value
    }


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


def test_touches_of_one_channel_in_a_row_are_one_step(room: Room) -> None:
    touches = """
    03T09:00 read ann - k1
    03T10:00 like ann - k1
    """
    visits = """
    06T12:00 purchase b1 - o1 900
    """
    found = steps(study(room, touches, visits))
    assert found == {("start", "k0"): 1, ("k0", "k1"): 1, ("k1", "conversion"): 1}


def test_kinds_of_engagement_are_one_channel(room: Room) -> None:
    touches = """
    03T09:00 like    ann - k1
    03T10:00 collect ann - k2
    """
    visits = """
    06T12:00 purchase b1 - o1 900
    """
    cells = study(room, touches, visits, channel="kind")
    assert credit(cells, "shapley") == {"click": 0.5, "engage": 0.5}


def test_every_channel_in_use_is_named_whoever_did_anything_there(room: Room) -> None:
    touches = """
    03T09:00 impression bob - k7
    03T09:00 read       bob - unattributed
    """
    cells = study(room, touches, "\n06T12:00 purchase b1 - o1 900")
    named = {channel for _, channel, _ in cells["credit"]}
    assert named == {ALL, UNATTRIBUTED, "k0", "k7", "unknown"}
    assert cells["credit"]["last", "k7", "orders"] == (0, 1, 0)
    assert cells["steps"]["k7", "conversion", "steps"][0] == 0


def test_people_stand_behind_each_cell_with_what_each_adds(room: Room) -> None:
    room.agree(join={"attribution_window_days": CLICK_WINDOW})
    visits = CAME + "\n06T12:00 purchase b1 - o1 900\n06T12:00 purchase b2 - o2 500"
    vault = room.vault(touches=LINK, visits=visits)
    asked = ConversionStudy(merchant="m", start=DAYS[0], end=DAYS[1], channel="note")
    for one in attribution_tables(vault, ["m"], asked, Policy()):
        assert one.behind is not None
        for cell, behind in zip(one.cells.iter_rows(named=True), one.behind, strict=True):
            fewest = [group.size for (share, _), group in behind.groups.items() if share == "value"]
            assert min(fewest, default=0) == cell["contributors"], (one.name, cell)
