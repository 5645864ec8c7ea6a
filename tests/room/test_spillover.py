"""The spillover study's cells: who engaged, who was only shown notes, and what both then did.

Bridges are of 2 March; the study's notes are those of 10 to 12 March, followed for 7 days.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cleanroom.absences import NoData
from cleanroom.borders import Table
from cleanroom.errors import StudyError
from cleanroom.policy import Policy
from cleanroom.room.reach import reach_of
from cleanroom.room.spillover import spillover_tables
from cleanroom.room.vault import Vault
from cleanroom.study import SpilloverStudy, SubstitutionStudy
from tests.room.event_log import Room, opens, shown

TOUCHES = """
time     kind       user cid task_group note merchant
02T10:00 click      ann  c1  -          -    other
02T10:00 click      bob  c2  -          -    other
02T10:00 click      cyd  c3  -          -    other
10T10:00 impression ann  -   g1         n1   m
10T10:05 like       ann  -   g1         n1   m
11T10:00 impression bob  -   g2         n2   m
11T10:00 read       bob  -   g2         n2   m
"""
VISITS = """
time     kind     buyer cid order amount merchant
02T10:05 visit    b1    c1  -     -      other
02T10:05 visit    b2    c2  -     -      other
02T10:05 visit    b3    c3  -     -      other
"""
STUDY = SpilloverStudy(
    merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 12), follow_up_days=7, by="none"
)
NOBODY = {"visitors": 0, "searchers": 0, "buyers": 0, "visitors_before": 0}


def altered(**changes: Any) -> SpilloverStudy:
    return STUDY.model_copy(update=changes)


def vault(room: Room, *visits: str, touches: str = TOUCHES) -> Vault:
    return room.vault(touches=touches, visits=VISITS + "\n".join(visits))


def groups(found: Vault, study: SpilloverStudy = STUDY) -> dict[str, dict[str, float]]:
    """By exposure, the value of each measure."""
    table = spillover_tables(found, [study])[0]
    values: dict[str, dict[str, float]] = {}
    for (exposure, measure), (value, *_) in shown(table).items():
        values.setdefault(exposure, {})[measure] = value
    return values


def test_who_engaged_is_beside_who_was_only_shown(room: Room) -> None:
    found = groups(
        vault(
            room,
            "10T10:06 visit    b1 - -  - m",
            "12T10:00 search   b1 - -  - m",
            "12T10:00 purchase b2 - o1 9 m",
        )
    )
    assert found == {
        "engaged": {"people": 1, **NOBODY, "visitors": 1, "searchers": 1},
        "shown": {"people": 1, **NOBODY, "buyers": 1},
    }


@pytest.mark.parametrize(
    ("visit", "visitors", "before"),
    [
        ("10T10:05 visit b1 - - - m", 0, 0),  # not after the engagement
        ("17T10:05 visit b1 - - - m", 1, 0),
        ("17T10:06 visit b1 - - - m", 0, 0),
        ("10T10:02 visit b1 - - - m", 0, 1),  # after the impression, before the engagement
        ("03T10:05 visit b1 - - - m", 0, 1),
        ("03T10:04 visit b1 - - - m", 0, 0),
        ("12T10:00 visit b1 - - - other", 0, 0),
        ("12T10:00 cart  b1 - - - m", 0, 0),
    ],
)
def test_as_long_counts_after_the_engagement_as_before(
    room: Room, visit: str, visitors: int, before: int
) -> None:
    found = groups(vault(room, visit))["engaged"]
    assert (found["visitors"], found["visitors_before"]) == (visitors, before)


@pytest.mark.parametrize(
    ("touch", "people"),
    [
        ("11T10:00 click     ann c9 g1 n1 m", 0),
        ("11T10:00 blue_link ann -  g1 n1 m", 0),
        ("19T23:00 click     ann c9 g1 n1 m", 0),  # within the last follow-up
        ("20T00:00 click     ann c9 g1 n1 m", 1),
        ("11T10:00 click     ann c9 -  -  other", 1),
    ],
)
def test_whoever_clicked_is_in_neither_group(room: Room, touch: str, people: int) -> None:
    found = groups(vault(room, touches=TOUCHES + touch))
    assert found["engaged"]["people"] == people
    assert found["shown"]["people"] == 1


@pytest.mark.parametrize("kind", ["comment", "collect", "share", "follow", "back_search"])
def test_what_counts_as_engagement(room: Room, kind: str) -> None:
    found = groups(vault(room, touches=TOUCHES.replace("like   ", kind)))
    assert found["engaged"]["people"] == 1


def test_a_bridge_must_stand_before_the_study(room: Room) -> None:
    late = VISITS.replace("02T10:05 visit    b1", "10T00:00 visit    b1")
    found = groups(room.vault(touches=TOUCHES, visits=late))
    assert (found["engaged"]["people"], found["shown"]["people"]) == (0, 1)


def test_several_users_of_one_buyer_are_one_person_and_engage_for_each_other(room: Room) -> None:
    same = VISITS.replace("b2", "b1")
    found = groups(room.vault(touches=TOUCHES, visits=same))
    assert (found["engaged"]["people"], found["shown"]["people"]) == (1, 0)


def test_only_touches_of_the_study_s_days_count(room: Room) -> None:
    days = {"start": date(2026, 3, 11), "end": date(2026, 3, 12)}
    found = groups(vault(room), altered(**days))
    assert (found["engaged"]["people"], found["shown"]["people"]) == (0, 1)


def crowd(part: str, exposure: str, people: int) -> tuple[list[str], list[str]]:
    """Touches and visits of so many people of a part; two of them visit, search and buy."""
    touches, visits = [], []
    for number in range(people):
        who = f"{part}{exposure}{number}"
        touches.append(f"02T10:00 click u{who} c{who} - - other")
        visits.append(f"02T10:05 visit b{who} c{who} - - other")
        touches.append(f"10T10:00 impression u{who} - g{part} n{part} m")
        if exposure == "engaged":
            touches.append(f"10T10:05 like u{who} - g{part} n{part} m")
        if number < 2:
            visits += [f"11T10:00 {kind} b{who} - - - m" for kind in ("visit", "search")]
            visits.append(f"11T10:00 purchase b{who} - o{who} 9 m")
    return touches, visits


def parted(room: Room, by: str, *crowds: tuple[str, str, int], more: str = "") -> Table:
    made = [crowd(*one) for one in crowds]
    touches = "time kind user cid task_group note merchant\n" + "\n".join(
        [*(row for one, _ in made for row in one), more]
    )
    visits = "time kind buyer cid order amount merchant\n" + "\n".join(
        row for _, one in made for row in one
    )
    _, parts = spillover_tables(
        room.vault(touches=touches, visits=visits),
        [altered(by=by)],
        Policy(min_people=4, min_converters=2),
    )
    return parts


def people_of(parts: Table) -> dict[tuple[str, ...], float]:
    return {key[:-1]: value for key, (value, *_) in shown(parts).items() if key[-1] == "people"}


@pytest.mark.parametrize(("by", "first"), [("task_group", "g1"), ("note", "n1")])
def test_parts_too_small_are_told_together(room: Room, by: str, first: str) -> None:
    large = [("1", "engaged", 4), ("1", "shown", 5)]
    small = [("2", "engaged", 3), ("2", "shown", 9), ("3", "shown", 4)]
    parts = parted(room, by, *large, *small)
    assert people_of(parts) == {
        (first, "engaged"): 4,
        (first, "shown"): 5,
        ("others", "engaged"): 3,
        ("others", "shown"): 13,
    }
    assert shown(parts)["others", "shown", "buyers"] == (4, 13, 4)
    assert (parts.layout.whole, parts.layout.whole_in) == (by, "spillover")


def test_a_person_belongs_to_the_part_first_engaged_with(room: Room) -> None:
    crowds = [(part, e, 4) for part in ("1", "2") for e in ("engaged", "shown")]
    more = "10T09:00 impression u1engaged0 - g2 n2 m\n12T09:00 like u1engaged0 - g2 n2 m"
    parts = parted(room, "task_group", *crowds, more=more)
    assert people_of(parts) == {(g, e): 4 for g in ("g1", "g2") for e in ("engaged", "shown")}


def test_a_column_that_is_not_opened_is_not_told_by(room: Room) -> None:
    room.agree(opens=opens(leaving_out={"phone", "onsite_orders", "task_group"}))
    with pytest.raises(StudyError, match=r"does not open touches\.task_group"):
        spillover_tables(room.vault(), [altered(by="task_group")])


def test_groups_are_a_contrast_so_that_the_gate_withholds_both(room: Room) -> None:
    found = spillover_tables(vault(room), [altered(by="note")])
    assert [table.contrast for table in found] == ["exposure", "exposure"]
    assert not set(NoData) & set(found[0].cells["no_data"])


@pytest.mark.parametrize(
    "study", [STUDY, SubstitutionStudy(merchant="m", start=STUDY.start, end=STUDY.end, study="s")]
)
def test_neither_it_nor_substitution_is_made_under_noise(
    study: SpilloverStudy | SubstitutionStudy,
) -> None:
    with pytest.raises(StudyError, match=f"no {study.kind} study is made under noise"):
        reach_of(study, Policy())
