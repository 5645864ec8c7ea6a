"""What a lift study counts beside its arms: the past, exposure and leaks, weeks, segments.

Assignment is on 10 March at 00:00, outcomes are those of 10 to 30 March: three weeks.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cleanroom.absences import NoData
from cleanroom.borders import Table
from cleanroom.noise import Noise
from cleanroom.policy import Policy
from cleanroom.room.lift import lift_tables
from cleanroom.room.vault import Vault
from cleanroom.study import LiftStudy
from tests.room.event_log import Room, Shown, most, shown

STUDY = LiftStudy(
    merchant="m",
    start=date(2026, 3, 10),
    end=date(2026, 3, 30),
    study="s",
    segments=("customer", "region"),
)
CLICKS = """
time     kind  user cid
02T10:00 click ann  c1
02T10:00 click bob  c2
02T10:00 click cyd  c3
"""
VISITS = """
time     kind     buyer cid order amount
02T10:05 visit    b1    c1  -     -
02T10:05 visit    b2    c2  -     -
02T10:05 visit    b3    c3  -     -
"""
ASSIGNED = """
user study arm     time
ann  s     treated 10T00:00
bob  s     holdout 10T00:00
cyd  s     treated 10T00:00
"""


def counted(room: Room, *store: str, ads: tuple[str, ...] = (), **more: str) -> dict[str, Shown]:
    """The cells by table if this happened too."""
    logs = {"touches": CLICKS + "\n".join(ads), "visits": VISITS + "\n".join(store)}
    vault = room.vault(**logs, assignments=ASSIGNED, **more)
    return {name: shown(table) for name, table in tables(vault).items()}


def tables(vault: Vault, policy: Policy | None = None, **changes: Any) -> dict[str, Table]:
    made = lift_tables(vault, [STUDY.model_copy(update=changes)], policy)
    return {table.name: table for table in made}


def test_the_past_is_what_was_bought_before_the_assignment_and_what_the_store_says(
    room: Room,
) -> None:
    cells = counted(
        room,
        "09T10:00 purchase b1 - o1 900",
        "12T10:00 purchase b1 - o2 500",
        "12T10:00 purchase b2 - o3 300",
        buyers="buyer prior_amount\nb1 100\nb2 40\nb7 70",
    )["prior"]
    assert cells["treated", "prior_buyers"] == (1, 2, 1)
    assert cells["treated", "prior_amount"] == (1_000, 2, 1)
    assert cells["treated", "prior_amount_squared"] == (1_000_000, 2, 1)
    assert cells["treated", "prior_of_converters"] == (1_000, 2, 1)
    assert cells["treated", "prior_times_amount"] == (500_000, 2, 1)
    assert cells["holdout", "prior_amount"] == (40, 1, 1)
    assert cells["holdout", "prior_times_amount"] == (12_000, 1, 1)


def test_the_past_of_a_person_is_cut_at_max_amount(room: Room) -> None:
    vault = room.vault(
        touches=CLICKS, visits=VISITS + "09T10:00 purchase b1 - o1 900", assignments=ASSIGNED
    )
    prior = tables(vault, max_amount=500)["prior"]
    assert shown(prior)["treated", "prior_amount"] == (500, 2, 1)


def test_exposure_is_an_impression_after_the_assignment_within_the_study(room: Room) -> None:
    cells = counted(
        room,
        "12T10:00 purchase b1 - o1 900",
        "12T10:00 purchase b3 - o2 400",
        ads=(
            "11T10:00 impression ann -",
            "09T10:00 impression cyd -",  # before
            "31T10:00 impression cyd -",  # after the study's end
            "11T10:00 read       cyd -",  # of a note seen before
        ),
    )["exposure"]
    assert cells["treated", "exposed"] == (1, 2, 1)
    # Of the arm's two buyers one was shown it, and as many were not.
    assert cells["treated", "exposed_converters"] == (1, 1, 1)
    assert cells["treated", "exposed_amount"] == (900, 1, 1)
    assert cells["holdout", "contaminated"] == (0, 1, 0)


def test_if_all_buyers_were_shown_it_that_is_nobody_left_out(room: Room) -> None:
    """The arm's buyers are released beside it: the rest of them must be many enough too."""
    ads = ("11T10:00 impression ann -", "11T10:00 impression cyd -")
    cells = counted(room, "12T10:00 purchase b1 - o1 900", ads=ads)["exposure"]
    assert cells["treated", "exposed_converters"] == (1, 2, 0)
    assert cells["treated", "exposed_amount"] == (900, 2, 0)


def test_of_those_shown_and_the_rest_the_part_that_one_person_dominates_is_watched(
    room: Room,
) -> None:
    vault = room.vault(
        touches=CLICKS + "11T10:00 impression ann -",
        visits=VISITS + "12T10:00 purchase b1 - o1 900\n12T10:00 purchase b3 - o2 400",
        assignments=ASSIGNED,
    )
    found = most(tables(vault)["exposure"], "treated", "exposed_amount")
    assert found[0] in {900, 400}
    assert found[0] == found[2]


def test_the_cost_is_that_of_the_treated_people_s_touches(room: Room) -> None:
    touches = """
    time     kind       user cid cost
    02T10:00 click      ann  c1  30
    02T10:00 click      bob  c2  30
    02T10:00 click      cyd  c3  30
    11T10:00 impression ann  -   5
    12T10:00 click      ann  c9  40
    11T10:00 impression bob  -   7
    """
    vault = room.vault(touches=touches, visits=VISITS, assignments=ASSIGNED)
    exposure = shown(tables(vault)["exposure"])
    assert exposure["treated", "cost"] == (45, 2, 1)
    assert exposure["holdout", "contaminated"] == (1, 1, 1)


@pytest.mark.parametrize(("cid", "people"), [("c9", 1), ("c8", 0)])
def test_who_is_held_out_and_comes_by_a_treated_user_s_link_is_counted(
    room: Room, cid: str, people: int
) -> None:
    ads = ("11T10:00 click ann c9", "11T10:00 click bob c8")
    found = counted(room, f"12T10:00 visit b2 {cid} - -", ads=ads)["exposure"]
    assert found["holdout", "by_shared_link"] == (people, 1, people)


def test_without_links_nobody_can_be_said_to_have_come_by_another_s(room: Room) -> None:
    vault = room.vault(
        assignments=ASSIGNED, users="user email\nann a@x", buyers="buyer email\nb1 a@x"
    )
    exposure = tables(vault, population="shared_identifier")["exposure"]
    assert ("holdout", "by_shared_link") not in shown(exposure)
    assert ("holdout", "contaminated") in shown(exposure)


def test_where_impressions_or_costs_are_not_recorded_that_is_no_data(room: Room) -> None:
    vault = room.vault(touches=CLICKS, visits=VISITS, assignments=ASSIGNED)
    policy = Policy(min_people=2, min_converters=2, min_matches=2)
    cells = tables(vault, policy)["exposure"].cells
    # An impression elsewhere stands in the log: here it is recorded, and nobody was shown it.
    assert cells.filter(measure="exposed")["no_data"].to_list() == [None]
    seen = CLICKS + "11T10:00 impression ann -\n11T10:00 impression cyd -"
    vault = room.vault(touches=seen, visits=VISITS, assignments=ASSIGNED)
    cells = tables(vault, policy)["exposure"].cells
    assert cells.filter(measure="cost")["no_data"].to_list() == [NoData.NOT_RECORDED]


def weeks(room: Room, *store: str, least: int = 1) -> dict[tuple[str, ...], float]:
    logs = {"touches": CLICKS, "visits": VISITS + "\n".join(store), "assignments": ASSIGNED}
    policy = Policy().model_copy(update={"min_converters": least})
    made = shown(tables(room.vault(**logs), policy)["weeks"])
    return {key[:2]: cell[0] for key, cell in made.items()}


BOUGHT = (
    "11T10:00 purchase b1 - o1 900",
    "18T10:00 purchase b1 - o2 900",  # already a buyer
    "30T10:00 purchase b3 - o3 900",
    "17T00:00 purchase b2 - o4 900",
)


def test_a_buyer_counts_in_the_week_of_the_first_purchase(room: Room) -> None:
    assert weeks(room, *BOUGHT, least=0) == {
        ("treated", "week_01"): 1,
        ("treated", "week_02"): 0,
        ("treated", "week_03"): 1,
        ("holdout", "week_01"): 0,
        ("holdout", "week_02"): 1,
        ("holdout", "week_03"): 0,
    }


def test_weeks_with_too_few_buyers_are_told_together_and_no_buyer_is_lost(room: Room) -> None:
    # In twos, three weeks are one period.
    assert weeks(room, *BOUGHT, least=1) == {("treated", "week_03"): 2, ("holdout", "week_03"): 1}


def test_weeks_that_nobody_has_seen_yet_are_not_told(room: Room) -> None:
    assert {week for _, week in weeks(room, BOUGHT[0], least=0)} == {"week_01"}


def test_who_had_bought_before_is_an_existing_customer(room: Room) -> None:
    cells = counted(
        room,
        "05T10:00 purchase b1 - o1 900",
        "12T10:00 purchase b1 - o2 500",
        buyers="buyer prior_amount\nb3 40",  # elsewhere: not from this merchant
    )["customers"]
    assert cells["treated", "existing", "people"] == (1, 2, 1)
    assert cells["treated", "existing", "converters"] == (1, 1, 1)
    assert cells["treated", "existing", "amount"] == (500, 1, 1)
    assert cells["treated", "new", "people"] == (1, 2, 1)
    assert cells["treated", "new", "converters"] == (0, 1, 0)


def test_regions_below_the_minimums_are_told_together(room: Room) -> None:
    users = "user region\nann north\nbob north\ncyd south"
    vault = room.vault(touches=CLICKS, visits=VISITS, assignments=ASSIGNED, users=users)
    few = Policy().model_copy(update={"min_people": 1, "min_converters": 0})
    told = {key[1] for key in shown(tables(vault, few)["regions"])}
    assert told == {"north", "elsewhere"}  # nobody of the south is held out
    assert {key[1] for key in shown(tables(vault, Policy())["regions"])} == {"elsewhere"}


def test_segments_that_were_not_named_are_not_counted(room: Room) -> None:
    vault = room.vault(touches=CLICKS, visits=VISITS, assignments=ASSIGNED)
    made = tables(vault, segments=())
    assert made["customers"].cells.height == made["regions"].cells.height == 0


def test_under_noise_there_is_the_study_alone(room: Room) -> None:
    vault = room.vault(touches=CLICKS, visits=VISITS, assignments=ASSIGNED)
    noisy = Policy(noise=Noise(epsilon=1, standard_deviation=5))
    assert [*tables(vault, noisy)] == ["arms", "panel"]
