"""The observational study's panel and cells: who is exposed, when purchases count, what leaves.

Exposures are of 10 to 12 March, purchases count for five days, the placebo period is 5 to 9 March.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from cleanroom.errors import StudyError
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.room.exposure import COVARIATES, exposure_panel
from cleanroom.room.observational import observational_tables
from cleanroom.room.observational_layout import LAYOUTS, Arm, Outcome
from cleanroom.room.vault import Vault
from cleanroom.studies.intervals import UndefinedError
from cleanroom.study import ObservationalStudy
from tests.room.event_log import Room

# Everybody is linked by a click of the beginning of March.
TOUCHES = """
time     kind       user cid campaign
02T10:00 click      ann  c1  -
02T10:00 click      bob  c2  -
02T10:00 click      cyd  c3  -
11T09:00 impression ann  -   spring
12T09:00 impression cyd  -   autumn
"""
VISITS = """
time     kind     buyer cid order amount
02T10:05 visit    b1    c1  -     -
02T10:05 visit    b2    c2  -     -
02T10:05 visit    b3    c3  -     -
"""
PLACES = ("merchant", "m", "m", "m")
STUDY = ObservationalStudy(
    merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 12), follow_up_days=5
)


def altered(**changes: Any) -> ObservationalStudy:
    return STUDY.model_copy(update=changes)


def panel_of(
    room: Room, *more: str, touches: str = TOUCHES, study: ObservationalStudy = STUDY
) -> dict[str, dict[str, Any]]:
    """By buyer, what the panel has of them, if the store saw this too."""
    vault = room.vault(touches=touches, visits=VISITS + "\n".join(more))
    panel, _ = exposure_panel(vault, study)
    people = sorted(("b1", "b2", "b3"), key=room.token)
    names = ("exposed", "bought", "spent", "bought_elsewhere", "bought_before", "customer")
    return {
        person: {name: getattr(panel, name)[row].item() for name in names}
        for row, person in enumerate(people)
    }


def test_exposed_is_who_saw_a_note_in_the_studys_days(room: Room) -> None:
    found = panel_of(room)
    assert {person: row["exposed"] for person, row in found.items()} == {
        "b1": True,
        "b2": False,
        "b3": True,
    }


def test_a_campaign_and_engagement_narrow_exposure(room: Room) -> None:
    of_spring = panel_of(room, study=altered(campaign="spring"))
    assert [p for p, row in of_spring.items() if row["exposed"]] == ["b1"]
    liked = TOUCHES + "12T10:00 like cyd - spring"
    engaged = panel_of(room, touches=liked, study=altered(exposure="engaged"))
    assert [p for p, row in engaged.items() if row["exposed"]] == ["b3"]


def test_purchases_count_from_the_exposure_for_the_days_of_the_follow_up(room: Room) -> None:
    before = panel_of(room, "11T08:59 purchase b1 - o1 900")
    assert before["b1"]["bought"] is False
    after = panel_of(room, "11T09:01 purchase b1 - o1 900", "12T00:00 refund b1 - o1 200")
    assert (after["b1"]["bought"], after["b1"]["spent"]) == (True, 700)
    late = panel_of(room, "16T09:01 purchase b1 - o1 900")
    assert late["b1"]["bought"] is False


def test_an_unexposed_persons_purchases_count_from_a_moment_of_the_exposeds(room: Room) -> None:
    """Of 11 March 09:00 and 12 March 09:00: never before both, always after both."""
    assert panel_of(room, "11T08:00 purchase b2 - o1 900")["b2"]["bought"] is False
    assert panel_of(room, "12T10:00 purchase b2 - o1 900")["b2"]["bought"] is True


def test_an_amount_counts_up_to_its_bound(room: Room) -> None:
    bought = "11T10:00 purchase b1 - o1 900"
    assert panel_of(room, bought, study=altered(max_amount=500))["b1"]["spent"] == 500


def test_purchases_elsewhere_and_before_are_kept_apart(room: Room) -> None:
    found = panel_of(room, "06T10:00 purchase b1 - o1 900", "03T10:00 purchase b3 - o2 900")
    assert (found["b1"]["bought_before"], found["b3"]["bought_before"]) == (True, False)
    assert [row["customer"] for row in (found["b1"], found["b2"], found["b3"])] == [
        True,
        False,
        True,
    ]
    lines = [f"{line} {place}" for line, place in zip(VISITS.split("\n")[1:5], PLACES, strict=True)]
    elsewhere = "\n".join([*lines, "12T10:00 purchase b2 - o3 900 other"])
    panel, _ = exposure_panel(room.vault(touches=TOUCHES, visits=elsewhere), STUDY)
    assert panel.bought_elsewhere.sum() == 1
    assert not panel.bought.any()


def test_who_is_linked_only_once_the_study_runs_is_not_in_it(room: Room) -> None:
    late = TOUCHES + "10T08:00 click dan c4 -"
    vault = room.vault(touches=late, visits=VISITS + "10T08:05 visit b4 c4 - -")
    assert len(exposure_panel(vault, STUDY)[0].exposed) == 3


def test_covariates_know_of_the_time_before_the_study_alone(room: Room) -> None:
    users = "user region prior_engagements\nann north 3\nbob north 0\ncyd south 1"
    buyers = "buyer region prior_orders prior_amount\nb1 north 2 500\nb2 - 0 0\nb3 south 1 90"
    later = "13T10:00 visit b1 - - -"
    vault = room.vault(touches=TOUCHES, visits=VISITS + later, users=users, buyers=buyers)
    panel, _ = exposure_panel(vault, STUDY)
    assert set(panel.names) == set(COVARIATES)
    first = sorted(("b1", "b2", "b3"), key=room.token).index("b1")
    known = dict(zip(panel.names, panel.covariates[first], strict=True))
    assert known["prior_engagements"] == pytest.approx(np.log1p(3))
    assert known["visits_early"] == pytest.approx(np.log1p(1))
    assert known["visits_recent"] == 0
    assert known["touches_early"] == pytest.approx(np.log1p(1))
    assert panel.recent.sum() == 3


def test_a_panel_larger_than_agreed_is_refused_without_its_size(room: Room) -> None:
    vault = room.vault(touches=TOUCHES, visits=VISITS)
    with pytest.raises(StudyError, match="max_people") as error:
        exposure_panel(vault, altered(max_people=2))
    assert "3" not in str(error.value)


def test_where_nobody_is_exposed_there_is_nothing_to_compare(room: Room) -> None:
    vault = room.vault(touches=TOUCHES, visits=VISITS)
    nowhere = altered(campaign="winter")
    with pytest.raises(UndefinedError, match="nobody was exposed"):
        exposure_panel(vault, nowhere)
    tables = observational_tables(vault, [nowhere], Policy())
    assert [table.name for table in tables] == [layout.name for layout in LAYOUTS]
    for table in tables:
        shown = protect(table, Policy()).cells
        assert shown["withheld"].to_list() == ["min_people"]


# Synthetic people in a room: two in five are exposed, every tenth buys, who is exposed twice.
MANY = 600


@pytest.fixture
def crowd(room: Room) -> Vault:
    rng = np.random.default_rng(4)
    touches = ["time kind user cid"]
    visits = ["time kind buyer cid order amount"]
    for i in range(MANY):
        touches.append(f"02T10:00 click u{i} k{i}")
        visits.append(f"02T10:05 visit p{i} k{i} - -")
        exposed = rng.random() < 0.4
        if exposed:
            touches.append(f"11T09:00 impression u{i} -")
        if rng.random() < (0.25 if exposed else 0.1):
            visits.append(f"13T09:00 purchase p{i} - o{i} {rng.integers(500, 2000)}")
        if rng.random() < 0.1:
            visits.append(f"06T09:00 purchase p{i} - b{i} 900")
    return room.vault(touches="\n".join(touches), visits="\n".join(visits))


def released(vault: Vault, name: str, policy: Policy) -> pl.DataFrame:
    tables = {table.name: table for table in observational_tables(vault, [STUDY], policy)}
    return protect(tables[name], policy).cells


def test_the_effect_leaves_beside_the_counts_it_rests_on(crowd: Vault) -> None:
    cells = released(crowd, "comparison", Policy())
    bought = cells.filter(outcome=Outcome.BOUGHT)
    people = bought.filter(measure="people")["value"].sum()
    assert 0.95 * MANY <= people <= MANY
    effect, error = (
        bought.filter(arm=Arm.BOTH, measure=name)["value"].item()
        for name in ("adjusted", "adjusted_error")
    )
    assert 0.05 < effect < 0.25
    assert 0.02 < error < 0.05
    # A multiple of a tenth of its error or of the next 1, 2, 5 above.
    assert effect % 0.0025 < 1e-9 or effect % 0.005 < 1e-9 or 0.005 - effect % 0.005 < 1e-9


def test_no_effect_leaves_where_the_counts_it_rests_on_may_not(crowd: Vault) -> None:
    """With a threshold that the buyers miss, neither they nor anything estimated of them leaves."""
    cells = released(crowd, "comparison", Policy(min_converters=200))
    estimates = cells.filter(arm=Arm.BOTH)
    assert estimates.height > 0
    assert estimates["value"].null_count() == estimates.height
    assert estimates["withheld"].null_count() == 0
    assert cells.filter(measure="converters")["value"].null_count() == 8


def test_a_study_whose_groups_differed_before_is_refused(room: Room) -> None:
    """Here whoever is exposed had bought before, which nothing known of them tells."""
    touches, visits = ["time kind user cid"], ["time kind buyer cid order amount"]
    for i in range(MANY):
        touches.append(f"02T10:00 click u{i} k{i}")
        visits.append(f"02T10:05 visit p{i} k{i} - -")
        if i % 5 < 2:
            touches.append(f"11T09:00 impression u{i} -")
        if (i % 5 < 2 and i % 3 == 0) or i % 11 == 0:
            visits.append(f"06T09:00 purchase p{i} - b{i} 900")
        if i % 7 == 0:
            visits.append(f"13T09:00 purchase p{i} - o{i} 900")
    vault = room.vault(touches="\n".join(touches), visits="\n".join(visits))
    cells = released(vault, "comparison", Policy())
    refused = cells.filter(no_data="refused")
    assert set(refused["outcome"]) == {Outcome.BOUGHT, Outcome.SPENT}
    assert set(refused["measure"]) >= {"matched", "adjusted", "adjusted_error"}
    # What the refusal rests on is told.
    placebo = cells.filter(outcome=Outcome.BOUGHT_BEFORE, measure="adjusted")
    assert placebo["value"].item() > 0.1
