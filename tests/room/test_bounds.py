"""What one person counts: the largest contributions are known, and cut where a bound is agreed."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.borders import Table
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.counting import count_people
from cleanroom.room.lift import lift_tables
from cleanroom.study import LiftStudy, bounded
from tests.room.event_log import FEW, Room, most, shown

DAYS = (date(2026, 3, 2), date(2026, 3, 5))
TOUCHES = """
time     kind       user cost cid
02T08:00 impression ann  30   -
02T08:00 impression ann  20   -
02T08:30 impression ann  10   -
02T08:00 impression bob  12   -
02T08:00 read       cyd  -    -
02T10:00 click      ann  -    c1
02T10:00 click      bob  -    c2
"""
VISITS = """
time     kind     buyer cid order amount
02T10:05 visit    b1    c1  -     -
02T10:06 visit    b1    c1  -     -
02T10:05 visit    b2    c2  -     -
02T11:00 purchase b1    -   o1    900
02T11:30 purchase b1    -   o2    400
02T12:00 purchase b2    -   o3    250
03T12:00 refund   b2    -   o3    650
"""


def study(room: Room, policy: Policy, touches: str = TOUCHES, visits: str = VISITS) -> list[Table]:
    return conversion_tables(room.vault(touches=touches, visits=visits), ["m"], *DAYS, policy)


def test_the_two_largest_contributions_stand_beside_every_sum(room: Room) -> None:
    path, money, _ = study(room, Policy())
    assert most(path, "reach", "events") == (3, 1, 4)
    assert most(path, "read", "events") == (1, 0, 1)
    assert most(path, "visit", "events") == (2, 1, 3)
    assert most(money, "cost") == (60, 12, 72)
    assert most(money, "orders") == (2, 1, 3)


def test_a_refund_beyond_the_purchase_contributes_its_size(room: Room) -> None:
    """Net, b1 spent 1,300 and b2 got 400 back: 900, made of 1,700."""
    _, money, _ = study(room, Policy())
    assert shown(money)["revenue",] == (900, 2, 2)
    assert most(money, "revenue") == (1_300, 400, 1_700)


def test_counts_of_people_have_no_largest_contribution(room: Room) -> None:
    path, _, link = study(room, Policy())
    assert path.cells.filter(measure="people")["largest"].null_count() == 8
    assert link.cells["largest"].null_count() == link.cells.height


def test_whoever_is_one_person_to_either_platform_is_one(room: Room) -> None:
    """Two buyers of one user, and one buyer: the ads platform sees all the orders of one person."""
    touches = TOUCHES.replace("bob", "ann") + "02T10:00 click eve - c3"
    visits = VISITS + "02T10:05 visit b3 c3 - -\n02T11:00 purchase b3 - o4 100"
    _, money, _ = study(room, Policy(), touches, visits)
    assert most(money, "orders") == (3, 1, 4)  # by user 3 and 1, by buyer 2, 1 and 1
    assert most(money, "revenue") == (1_300, 400, 1_800)  # by user 900 and 100


def test_without_a_bound_nobody_is_cut_and_there_is_no_table_of_it(room: Room) -> None:
    assert [table.name for table in study(room, Policy())] == ["path", "money", "link"]


def test_one_person_counts_at_most_the_agreed_events_and_amount_in_a_cell(room: Room) -> None:
    policy = Policy(max_events_per_person=1, max_amount_per_person=1_000)
    path, money, _, cut = study(room, policy)
    assert shown(path)["reach", "events"] == (2, 3, 2)
    assert shown(path)["visit", "events"] == (2, 2, 2)
    assert shown(money)["orders",] == (2, 2, 2)
    assert shown(money)["revenue",] == (1_000 - 400, 2, 2)
    assert most(money, "revenue") == (1_000, 400, 1_400)
    assert shown(path)["reach", "people"] == (3, 3, None)  # people are not cut
    of = {key[0]: value for key, value in shown(cut).items()}
    assert of["reach"] == (1, 3, 1)
    assert of["click"] == (0, 3, 0)
    assert of["visit"] == (1, 2, 1)
    assert of["orders"] == (1, 2, 1)
    assert of["revenue"] == (1, 2, 0)  # nobody who spent something was left out
    assert of["cost"] == (0, 3, 0)


@pytest.mark.parametrize(
    ("policy", "parts"),
    [
        (Policy(max_amount_per_person=10), {"cost", "revenue"}),
        (
            Policy(max_events_per_person=10),
            {"reach", "read", "engage", "click", "visit", "search", "cart", "purchase", "orders"},
        ),
    ],
)
def test_what_has_no_bound_has_no_count_of_people_cut(
    room: Room, policy: Policy, parts: set[str]
) -> None:
    assert {*study(room, policy)[-1].cells["bounded"]} == parts


def test_the_agreement_s_bounds_hold_where_none_are_asked_for(room: Room) -> None:
    room.agree(policy={**FEW, "max_events_per_person": 2})
    tables = conversion_tables(room.vault(touches=TOUCHES, visits=VISITS), ["m"], *DAYS)
    assert tables[-1].name == "bounds"
    assert shown(tables[0])["reach", "events"] == (3, 3, 2)


STUDY = LiftStudy(
    merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 20), study="s", max_amount=800
)
LOGS = {
    "touches": "time kind user cid\n02T10:00 click ann c1\n02T10:00 click bob c2",
    "assignments": "user study arm time\nann s treated 10T00:00\nbob s treated 10T00:00",
    "visits": """
    time     kind     buyer cid order amount
    02T10:05 visit    b1    c1  -     -
    02T10:05 visit    b2    c2  -     -
    12T10:00 purchase b1    -   o1    900
    12T10:00 purchase b2    -   o2    300
    """,
}


@pytest.mark.parametrize(
    ("policy", "total", "cut", "fewer"),
    [
        (Policy(), 800 + 300, 1, 1),
        (Policy(max_amount_per_person=5_000), 800 + 300, 1, 1),
        (Policy(max_amount_per_person=200), 200 + 200, 2, 0),
    ],
)
def test_in_a_lift_study_the_less_of_its_own_and_the_policy_s_bound_holds(
    room: Room, policy: Policy, total: int, cut: int, fewer: int
) -> None:
    arms = lift_tables(room.vault(**LOGS), [STUDY], policy)[0]
    assert shown(arms)["treated", "amount"] == (total, 2, 2)
    assert shown(arms)["treated", "capped"] == (cut, 2, fewer)  # or of those not cut
    most_each = bounded(STUDY, policy).max_amount
    assert most(arms, "treated", "amount")[0] == min(900, most_each)
    assert most(arms, "treated", "amount_squared")[0] == min(900, most_each) ** 2


rows = st.lists(
    st.tuples(
        st.sampled_from(["m", "n"]),
        st.sampled_from(["ann", "bob", "cyd", "dan", None]),
        st.integers(-50, 50),
    ),
    min_size=1,
    max_size=30,
)


@given(rows, st.none() | st.integers(1, 60))
def test_the_tally_is_what_plain_python_counts(
    log: list[tuple[str, str | None, int]], limit: int | None
) -> None:
    frame = pl.LazyFrame(
        log, {"merchant": pl.String, "user": pl.String, "x": pl.Int64}, orient="row"
    )
    found = count_people(
        nw.from_native(frame), ["merchant"], "user", {"x": nw.col("x")}, {"x": limit}
    )
    own: dict[str, Counter[str | None]] = defaultdict(Counter)
    for merchant, user, x in log:
        own[merchant][user] += x
    for merchant, by_user in own.items():
        within = [max(-limit, min(limit, x)) if limit else x for x in by_user.values()]
        sizes = [*sorted(map(abs, within), reverse=True), 0]
        assert found[merchant,] == {
            "x": sum(within),
            "x_people": sum(x > 0 for x in within),
            "x_capped": sum(abs(x) > limit for x in by_user.values()) if limit else 0,
            "x_magnitude": sum(sizes),
            "x_largest": sizes[0],
            "x_second": sizes[1],
        }


def test_a_minimum_for_a_store_s_column_leaves_the_ads_platform_s_steps_alone(room: Room) -> None:
    """Two people in each cell: the store asks for three behind what comes from its buyers."""
    policy = Policy(
        min_people=2,
        min_converters=2,
        max_share_of_two=1,
        p_percent=0,
        column_minimums={"visits.buyer": 3},
    )
    path, _, link = (protect(table, policy).cells for table in study(room, policy))
    of_step = dict(path.filter(measure="events").select("step", "withheld").iter_rows())
    # That all who were reached clicked is withheld, and with it what they did.
    assert (of_step["reach"], of_step["click"]) == (None, "complementary")
    assert link.filter(outcome="clicked")["withheld"].to_list() == ["column_minimums"]


def test_why_the_count_of_those_cut_is_withheld_says_nothing_of_how_many_bought(
    room: Room,
) -> None:
    """Whether buyers are few or nearly all is withheld; so it must not show here."""
    policy = Policy(min_people=8, min_converters=3)
    reasons = []
    for buyers in (1, 19):
        people = range(20)
        vault = room.vault(
            touches="time kind user cid\n" + "\n".join(f"02T10:00 click u{n} c{n}" for n in people),
            assignments="user study arm time\n"
            + "\n".join(f"u{n} s treated 10T00:00" for n in range(30)),
            visits="time kind buyer cid order amount\n"
            + "\n".join(
                [
                    *(f"02T10:05 visit b{n} c{n} - -" for n in people),
                    *(f"12T10:05 purchase b{n} - o{n} 900" for n in range(buyers)),
                ]
            ),
        )
        arms = protect(lift_tables(vault, [STUDY], policy)[0], policy).cells
        reasons.append(arms.filter(arm="treated").select("measure", "withheld").rows())
        assert dict(reasons[-1])["converters"] == dict(reasons[-1])["capped"] == "complementary"
    assert reasons[0] == reasons[1]
