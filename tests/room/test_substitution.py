"""The substitution study's cells: who bought in which shop, by arm, of the people of the panel.

Assignment is on 10 March at 00:00, outcomes are those of 10 to 20 March.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cleanroom.errors import StudyError
from cleanroom.room.substitution import substitution_tables
from cleanroom.room.vault import Vault
from cleanroom.study import SubstitutionStudy
from tests.room.event_log import Room, Shown, opens, shown
from tests.room.test_lift import ASSIGNED, CLICKS, VISITS

ORDERS = """
time     kind     user order amount
12T10:00 purchase ann  s1    700
13T10:00 refund   ann  s1    200
12T10:00 purchase bob  s2    500
09T23:59 purchase bob  s3    900
21T00:00 purchase bob  s4    900
12T10:00 purchase cyd  s5    900
"""
STUDY = SubstitutionStudy(merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 20), study="s")


@pytest.fixture
def shop(room: Room) -> Room:
    """A room whose agreement opens the content platform's own shop."""
    room.agree(opens=opens(leaving_out={"phone"}))
    return room


def altered(**changes: Any) -> SubstitutionStudy:
    return STUDY.model_copy(update=changes)


def arms(vault: Vault, study: SubstitutionStudy = STUDY) -> Shown:
    (cells,) = substitution_tables(vault, [study])
    return shown(cells, study.merchant)


def ordered(room: Room, orders: str = ORDERS, visits: str = VISITS, **more: str) -> Vault:
    logs = {"touches": CLICKS, "visits": visits, "assignments": ASSIGNED, "onsite_orders": orders}
    return room.vault(**logs | more)


def test_both_shops_are_told_of_the_same_people(shop: Room) -> None:
    visits = VISITS + "12T10:00 purchase b1 - o1 300\n12T10:00 purchase b7 - o2 900"
    assert arms(ordered(shop, visits=visits)) == {
        ("treated", "assigned"): (1, 1, None),
        ("treated", "people"): (1, 1, 1),
        ("treated", "store_buyers"): (1, 1, 1),
        ("treated", "onsite_buyers"): (1, 1, 1),
        ("treated", "both_buyers"): (1, 1, 1),
        ("treated", "store_amount"): (300, 1, 1),
        ("treated", "store_amount_squared"): (90_000, 1, 1),
        ("treated", "onsite_amount"): (500, 1, 1),  # net of the refund
        ("treated", "onsite_amount_squared"): (250_000, 1, 1),
        ("holdout", "assigned"): (1, 1, None),
        ("holdout", "people"): (1, 1, 1),
        ("holdout", "store_buyers"): (0, 1, 0),
        ("holdout", "onsite_buyers"): (1, 1, 1),  # not before the assignment, nor after the end
        ("holdout", "both_buyers"): (0, 1, 0),
        ("holdout", "store_amount"): (0, 1, 0),
        ("holdout", "store_amount_squared"): (0, 1, 0),
        ("holdout", "onsite_amount"): (500, 1, 1),
        ("holdout", "onsite_amount_squared"): (250_000, 1, 1),
    }


def test_orders_of_all_assigned_users_of_one_buyer_are_one_person_s(shop: Room) -> None:
    touches = CLICKS + "02T10:00 click cyd c3"
    visits = VISITS + "02T10:05 visit b1 c3 - -"
    assignments = ASSIGNED + "cyd s treated 10T00:00"
    cells = arms(ordered(shop, visits=visits, touches=touches, assignments=assignments))
    assert cells["treated", "onsite_buyers"] == (1, 1, 1)
    assert cells["treated", "onsite_amount"] == (1_400, 1, 1)


def test_a_user_who_was_not_assigned_is_not_seen_in_the_shop(shop: Room) -> None:
    touches = CLICKS + "02T10:00 click cyd c3"
    visits = VISITS + "02T10:05 visit b1 c3 - -"
    cells = arms(ordered(shop, visits=visits, touches=touches))
    assert cells["treated", "onsite_amount"] == (500, 1, 1)


def test_orders_at_another_merchant_or_of_nobody_do_not_count(shop: Room) -> None:
    orders = """
    time     kind     user order amount merchant
    12T10:00 purchase ann  s1    700    other
    12T10:00 purchase -    s2    700    m
    """
    cells = arms(ordered(shop, orders))
    assert cells["treated", "onsite_buyers"] == (0, 1, 0)


def test_amounts_count_up_to_max_amount_in_each_shop(shop: Room) -> None:
    visits = VISITS + "12T10:00 purchase b1 - o1 900"
    cells = arms(ordered(shop, visits=visits), altered(max_amount=400))
    assert cells["treated", "store_amount"] == (400, 1, 1)
    assert cells["treated", "onsite_amount"] == (400, 1, 1)
    assert cells["treated", "onsite_amount_squared"] == (160_000, 1, 1)


def test_arms_are_a_contrast_so_that_the_gate_withholds_both(shop: Room) -> None:
    assert [t.contrast for t in substitution_tables(ordered(shop), [STUDY])] == ["arm"]


def test_what_else_is_asked_changes_no_answer(shop: Room) -> None:
    """An assignment of another study at the same merchant brings no orders in."""
    touches = CLICKS + "02T10:00 click cyd c3"
    visits = VISITS + "02T10:05 visit b1 c3 - -"
    assignments = """
    user study arm     time     merchant
    ann  s     treated 10T00:00 m
    cyd  t     treated 10T00:00 m
    ann  t     treated 10T00:00 n
    """
    vault = ordered(shop, visits=visits, touches=touches, assignments=assignments)
    both = substitution_tables(vault, [STUDY, altered(merchant="n", study="t")])[0]
    assert shown(both) == arms(vault)


def test_a_study_to_which_nobody_was_assigned_has_no_data(shop: Room) -> None:
    (cells,) = substitution_tables(ordered(shop), [altered(study="never")])
    assert set(cells.cells["no_data"]) == {"no_assignment"}


def test_without_on_site_orders_there_is_no_such_study(room: Room) -> None:
    vault = room.vault(touches=CLICKS, visits=VISITS, assignments=ASSIGNED)
    with pytest.raises(StudyError, match="onsite_orders"):
        substitution_tables(vault, [STUDY])


def test_two_studies_of_one_merchant_are_asked_one_after_the_other(shop: Room) -> None:
    with pytest.raises(StudyError, match="one merchant"):
        substitution_tables(ordered(shop), [STUDY, altered(study="t")])


def test_amounts_whose_squares_do_not_add_exactly_are_refused(shop: Room) -> None:
    with pytest.raises(StudyError, match="max_amount"):
        substitution_tables(ordered(shop), [altered(max_amount=2**32)])


def test_a_shared_identifier_has_to_be_opened(shop: Room) -> None:
    shop.agree(join={"attribution_window_days": 10}, opens=opens(leaving_out={"phone", "email"}))
    with pytest.raises(StudyError, match="no shared identifier"):
        substitution_tables(shop.vault(), [altered(population="shared_identifier")])
