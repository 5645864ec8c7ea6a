"""The lift study's cells: who is in the panel, and what of their purchases counts.

Assignment is on 10 March at 00:00, outcomes are those of 10 to 20 March.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cleanroom.errors import StudyError
from cleanroom.room.lift import lift_tables
from cleanroom.room.vault import Vault
from cleanroom.study import LiftStudy
from tests.room.event_log import Room, Shown, shown

CLICKS = """
time     kind  user cid
02T10:00 click ann  c1
02T10:00 click bob  c2
"""
VISITS = """
time     kind     buyer cid order amount
02T10:05 visit    b1    c1  -     -
02T10:05 visit    b2    c2  -     -
"""
ASSIGNED = """
user study arm     time
ann  s     treated 10T00:00
bob  s     holdout 10T00:00
"""
STUDY = LiftStudy(merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 20), study="s")


def altered(**changes: Any) -> LiftStudy:
    return STUDY.model_copy(update=changes)


def arms(vault: Vault, study: LiftStudy = STUDY) -> Shown:
    return shown(lift_tables(vault, [study])[0], study.merchant)


def bought(room: Room, *purchases: str) -> Shown:
    """The arms' cells if b1 (treated) and b2 (held out) did this too."""
    visits = VISITS + "\n".join(purchases)
    return arms(room.vault(touches=CLICKS, visits=visits, assignments=ASSIGNED))


def panel(room: Room, touches: str, visits: str, assignments: str = ASSIGNED) -> tuple[Any, Any]:
    """People of the panel, treated and held out."""
    cells = arms(room.vault(touches=touches, visits=visits, assignments=assignments))
    return cells["treated", "people"][0], cells["holdout", "people"][0]


def test_the_arms_of_a_study(room: Room) -> None:
    assignments = ASSIGNED + "cyd s treated 10T00:00\n- s treated 10T00:00\n- s treated 10T00:00"
    visits = VISITS + "12T10:00 purchase b1 - o1 900"
    vault = room.vault(touches=CLICKS, visits=visits, assignments=assignments)
    assert arms(vault) == {
        ("treated", "assigned"): (3, 3, None),  # ann, cyd, and the unknown users as one
        ("treated", "people"): (1, 3, 1),
        ("treated", "converters"): (1, 1, 1),
        ("treated", "amount"): (900, 1, 1),
        ("treated", "amount_squared"): (810_000, 1, 1),
        ("treated", "capped"): (0, 1, 0),
        ("treated", "beyond"): (0, 1, 0),
        ("holdout", "assigned"): (1, 1, None),
        ("holdout", "people"): (1, 1, 1),
        ("holdout", "converters"): (0, 1, 0),
        ("holdout", "amount"): (0, 1, 0),
        ("holdout", "amount_squared"): (0, 1, 0),
        ("holdout", "capped"): (0, 1, 0),
        ("holdout", "beyond"): (0, 0, 0),
    }


def test_arms_are_a_contrast_so_that_the_gate_withholds_both(room: Room) -> None:
    vault = room.vault(touches=CLICKS, visits=VISITS, assignments=ASSIGNED)
    contrasts = {table.name: table.contrast for table in lift_tables(vault, [STUDY])}
    assert {name for name, arm in contrasts.items() if arm is None} == {"panel", "exposure"}


def test_a_bridge_must_stand_before_the_assignment(room: Room) -> None:
    touches = CLICKS.replace("02T10:00 click ann", "09T23:00 click ann")
    before = VISITS.replace("02T10:05 visit    b1", "09T23:59 visit    b1")
    after = VISITS.replace("02T10:05 visit    b1", "10T00:00 visit    b1")
    assert panel(room, touches, before) == (1, 1)
    assert panel(room, touches, after) == (0, 1)


def test_a_bridge_at_any_merchant_counts(room: Room) -> None:
    touches = "time kind user cid merchant\n02T10:00 click ann c1 other"
    visits = "time kind buyer cid merchant\n02T10:05 visit b1 c1 other"
    assert panel(room, touches, visits) == (1, 0)


def test_of_several_buyers_the_earliest_bridged_is_the_user_s(room: Room) -> None:
    touches = CLICKS + "03T10:00 click ann c3"
    visits = (
        VISITS
        + """03T10:05 visit    b9 c3 -  -
             12T10:00 purchase b9 -  o9 900"""
    )
    vault = room.vault(touches=touches, visits=visits, assignments=ASSIGNED)
    assert arms(vault)["treated", "people"] == (1, 1, 1)
    assert arms(vault)["treated", "converters"] == (0, 1, 0)


def test_two_users_of_one_buyer_in_one_arm_are_one_person(room: Room) -> None:
    visits = VISITS.replace("b2", "b1")
    assignments = ASSIGNED.replace("holdout", "treated")
    assert panel(room, CLICKS, visits, assignments) == (1, 0)


def test_a_buyer_with_users_in_both_arms_is_in_neither_and_counted(room: Room) -> None:
    touches = CLICKS + "02T10:00 click cyd c3"
    visits = VISITS.replace("b2", "b1") + "02T10:05 visit b3 c3 - -"
    assignments = ASSIGNED + "cyd s holdout 10T00:00"
    vault = room.vault(touches=touches, visits=visits, assignments=assignments)
    cells, left_out, *_ = lift_tables(vault, [STUDY])
    assert shown(cells)["treated", "people"] == (0, 1, 0)
    assert shown(cells)["holdout", "people"] == (1, 2, 1)
    assert shown(left_out) == {("both_arms", "people"): (2, 3, 2)}


def test_a_user_assigned_to_both_arms_is_in_neither(room: Room) -> None:
    assert panel(room, CLICKS, VISITS, ASSIGNED + "ann s holdout 10T00:00") == (0, 1)


def test_unknown_users_and_buyers_are_in_no_panel(room: Room) -> None:
    touches = CLICKS.replace("ann", "-")
    visits = VISITS.replace("b2", "- ")
    assignments = ASSIGNED.replace("ann", "-")
    assert panel(room, touches, visits, assignments) == (0, 0)


def test_only_the_study_named_counts(room: Room) -> None:
    assert panel(room, CLICKS, VISITS, ASSIGNED.replace("bob  s", "bob  t")) == (1, 0)


@pytest.mark.parametrize(
    ("purchase", "converters"),
    [
        ("10T00:00 purchase b1 - o1 900", 0),  # not after the assignment
        ("10T00:01 purchase b1 - o1 900", 1),
        ("20T23:59 purchase b1 - o1 900", 1),
        ("21T00:00 purchase b1 - o1 900", 0),
        ("12T10:00 cart     b1 - -  -", 0),
        ("12T10:00 purchase b7 - o1 900", 0),  # not in the panel
        ("12T10:00 purchase -  - o1 900", 0),
    ],
)
def test_which_purchases_count(room: Room, purchase: str, converters: int) -> None:
    cells = bought(room, purchase)
    assert cells["treated", "converters"] == (converters, 1, converters)
    assert cells["treated", "amount"] == (converters * 900, 1, converters)


def test_purchases_at_other_merchants_do_not_count(room: Room) -> None:
    visits = """
    time     kind     buyer cid order amount merchant
    02T10:05 visit    b1    c1  -     -      m
    12T10:00 purchase b1    -   o1    900    other
    """
    vault = room.vault(touches=CLICKS, visits=visits, assignments=ASSIGNED)
    assert arms(vault)["treated", "converters"] == (0, 1, 0)


def test_amounts_are_net_of_refunds_even_after_the_study(room: Room) -> None:
    cells = bought(
        room,
        "12T10:00 purchase b1 - o1 900",
        "12T10:00 purchase b2 - o2 500",
        "25T10:00 refund   b1 - o1 300",
        "25T10:00 refund   b2 - o2 500",
    )
    assert cells["treated", "amount"] == (600, 1, 1)
    assert cells["treated", "amount_squared"] == (360_000, 1, 1)
    assert cells["holdout", "amount"] == (0, 1, 1)  # who sent all back did buy


def test_a_person_s_amount_is_never_negative(room: Room) -> None:
    cells = bought(room, "12T10:00 purchase b1 - o1 900", "13T10:00 refund b1 - o1 1000")
    assert cells["treated", "amount"] == (0, 1, 1)


def test_a_person_s_amount_over_all_orders_is_cut_at_max_amount(room: Room) -> None:
    visits = VISITS + "12T10:00 purchase b1 - o1 900\n13T10:00 purchase b1 - o2 400"
    vault = room.vault(touches=CLICKS, visits=visits, assignments=ASSIGNED)
    cells = arms(vault, altered(max_amount=1_000))
    assert cells["treated", "amount"] == (1_000, 1, 1)
    assert cells["treated", "amount_squared"] == (1_000_000, 1, 1)


def test_a_shared_identifier_finds_people_who_never_clicked(room: Room) -> None:
    vault = room.vault(
        visits="time kind buyer order amount\n12T10:00 purchase b1 o1 900",
        assignments=ASSIGNED + "cyd s holdout 10T00:00",
        users="user email\nann a@x\nbob -\ncyd c@x",
        buyers="buyer email\nb1 a@x\nb2 -\nb3 c@x\n- c@x",
    )
    cells = arms(vault, altered(population="shared_identifier"))
    assert cells["treated", "people"] == (1, 1, 1)
    assert cells["treated", "converters"] == (1, 1, 1)
    assert cells["holdout", "people"] == (1, 2, 1)
    assert arms(vault)["treated", "people"] == (0, 1, 0)  # no link, no linked panel


def test_of_buyers_who_share_the_identifier_the_smallest_token_is_taken(room: Room) -> None:
    first = min(("b1", "b2"), key=room.token)
    vault = room.vault(
        visits=f"time kind buyer order amount\n12T10:00 purchase {first} o1 900",
        assignments=ASSIGNED,
        users="user email\nann a@x",
        buyers="buyer email\nb1 a@x\nb2 a@x",
    )
    cells = arms(vault, altered(population="shared_identifier"))
    assert cells["treated", "people"] == (1, 1, 1)
    assert cells["treated", "converters"] == (1, 1, 1)


def test_studies_of_other_terms_are_counted_apart_and_tabled_together(room: Room) -> None:
    visits = """
    time     kind     buyer cid order amount merchant
    02T10:05 visit    b1    c1  -     -      m
    12T10:00 purchase b1    -   o1    900    m
    13T10:00 purchase b1    -   o2    700    n
    """
    assignments = """
    user study arm     time     merchant
    ann  s     treated 10T00:00 m
    ann  t     treated 10T00:00 n
    """
    vault = room.vault(touches=CLICKS, visits=visits, assignments=assignments)
    cells, *_ = lift_tables(vault, [STUDY, altered(merchant="n", study="t", max_amount=500)])
    assert shown(cells, "m")["treated", "amount"] == (900, 1, 1)
    assert shown(cells, "n")["treated", "amount"] == (500, 1, 1)


def test_two_studies_of_one_merchant_are_asked_one_after_the_other(room: Room) -> None:
    vault = room.vault()
    with pytest.raises(StudyError, match=r"one merchant.*: m\."):
        lift_tables(vault, [STUDY, altered(study="t")])


def test_a_shared_identifier_that_is_not_opened_is_refused(room: Room) -> None:
    room.agree(join={"attribution_window_days": 10})
    vault = room.vault()
    with pytest.raises(StudyError, match="opens no shared identifier"):
        lift_tables(vault, [altered(population="shared_identifier")])


def test_amounts_whose_squares_do_not_add_exactly_are_refused(room: Room) -> None:
    visits = VISITS + "12T10:00 purchase b1 - o1 900"
    vault = room.vault(touches=CLICKS, visits=visits, assignments=ASSIGNED)
    with pytest.raises(StudyError, match="max_amount"):
        lift_tables(vault, [altered(max_amount=2**32)])
