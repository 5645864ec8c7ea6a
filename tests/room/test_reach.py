"""How far one person reaches into a study's tables, held to rooms that differ in one person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cleanroom.borders import PEOPLE, Table
from cleanroom.errors import StudyError
from cleanroom.noise import Noise, Reach
from cleanroom.policy import Policy
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.lift import lift_tables
from cleanroom.room.reach import reach_of, tables_depend_on
from cleanroom.study import ObservationalStudy, Study
from tests.room.event_log import Room
from tests.room.noisy import CONVERSION, LIFT

# Everybody: eve does everything that can be done, the others a part of it.
TOUCHES = """
time     kind       user cid  cost
02T09:00 impression eve  -    40
02T09:01 read       eve  -    -
02T09:02 like       eve  -    -
02T10:00 click      eve  c1   30
02T11:00 click      eve  c2   30
02T12:00 click      eve  c3   30
02T12:30 click      eve  c4   30
02T09:00 impression ann  -    40
02T10:00 click      ann  c5   30
02T10:00 click      bob  c6   30
02T09:00 impression cyd  -    40
"""
VISITS = """
time     kind     buyer cid order amount
02T10:05 visit    b1    c1  -     -
02T10:06 search   b1    -   -     -
02T10:07 cart     b1    -   -     -
02T10:08 purchase b1    -   o1    900
02T10:59 visit    b1    c2  -     -
28T10:00 visit    b1    c3  -     -
02T12:35 visit    b1    c4  -     -
02T12:36 visit    b9    c4  -     -
12T10:00 purchase b1    -   o2    700
13T10:00 purchase b1    -   o3    9900
02T10:05 visit    b5    c5  -     -
12T10:00 purchase b5    -   o5    300
02T10:05 visit    b6    c6  -     -
"""
ASSIGNED = """
user study arm     time
eve  s     treated 10T00:00
ann  s     treated 10T00:00
bob  s     holdout 10T00:00
cyd  s     treated 10T00:00
cyd  s     holdout 10T00:00
"""
PERSONS = [("eve", "b1"), ("ann", "b5"), ("bob", "b6"), ("cyd", "-")]


def without(log: str, *words: str) -> str:
    """The log without the lines of one account."""
    return "\n".join(line for line in log.strip().splitlines() if not set(words) & {*line.split()})


UNBOUNDED = Policy(noise=Noise(epsilon=1, standard_deviation=5))
BOUNDED = UNBOUNDED.model_copy(
    update={"max_events_per_person": 2, "max_amount_per_person": 900},
)


def tables(home: Path, study: Study, *gone: str, policy: Policy = UNBOUNDED) -> list[Table]:
    # A room of its own: one room would not join two handovers that differ in one person.
    room = Room(home / ("without-" + "-".join(gone)))
    logs = {"touches": TOUCHES, "visits": VISITS, "assignments": ASSIGNED}
    vault = room.vault(**{name: without(log, *gone) for name, log in logs.items()})
    if study == LIFT:
        return lift_tables(vault, [LIFT], policy)
    return conversion_tables(vault, ["m"], CONVERSION.start, CONVERSION.end, policy)


def changes(one: Table, other: Table, reach: Reach) -> tuple[int, int]:
    """How many values, and counts behind them, differ; none by more than a person adds."""
    values = supports = 0
    columns = ("measure", "value", "unit", "people", "contributors")
    pairs = zip(one.cells.select(columns).rows(), other.cells.select(columns).rows(), strict=True)
    for (measure, value, unit, *behind), (_, other_value, _, *other_behind) in pairs:
        most = 1 if unit == PEOPLE else reach.most.get(measure)
        if most is None:
            continue  # withheld under noise
        assert abs(value - other_value) <= most
        assert abs(behind[0] - other_behind[0]) <= 1
        values += value != other_value
        # A count of people is itself the count behind it, or has one other.
        is_base = unit == PEOPLE and behind[1] is None
        supports += not is_base and behind[0] != other_behind[0]
        supports += unit != PEOPLE and behind[1] != other_behind[1]
    return values, supports


@pytest.mark.parametrize("policy", [UNBOUNDED, BOUNDED], ids=["unbounded", "bounded"])
@pytest.mark.parametrize("study", [LIFT, CONVERSION], ids=lambda study: str(study.kind))
@pytest.mark.parametrize("person", PERSONS, ids=lambda person: str(person[0]))
def test_one_person_changes_no_more_than_is_said(
    person: Sequence[str], study: Study, policy: Policy, tmp_path: Path
) -> None:
    reaches = reach_of(study, policy)
    accounts = [account for account in person if account != "-"]
    with_all = tables(tmp_path, study, policy=policy)
    with_one_less = tables(tmp_path, study, *accounts, policy=policy)
    assert {table.name for table in with_all} == reaches.keys()
    for one, other in zip(with_all, with_one_less, strict=True):
        values, supports = changes(one, other, reaches[one.name])
        assert values <= reaches[one.name].values, one.name
        assert supports <= reaches[one.name].supports, one.name


def test_somebody_reaches_as_far_as_is_said(tmp_path: Path) -> None:
    """Eve changes every bounded cell of the path; what is said is not more than there is."""
    gone = ((), ("eve", "b1"))
    for number, policy in enumerate((UNBOUNDED, BOUNDED)):
        reach = reach_of(CONVERSION, policy)["path"]
        home = tmp_path / f"c{number}"
        one, other = (tables(home, CONVERSION, *names, policy=policy)[0] for names in gone)
        assert changes(one, other, reach) == (reach.values, reach.supports)
    arms = reach_of(LIFT, UNBOUNDED)["arms"]
    one, other = (tables(tmp_path / "l", LIFT, *names)[0] for names in gone)
    # All but the other arm's two: only who was assigned to both arms reaches those.
    assert changes(one, other, arms) == (arms.values - 1, arms.supports - 1)


def test_cells_do_not_depend_on_how_a_study_is_read() -> None:
    other_split = LIFT.model_copy(update={"planned_treated_share": 0.9})

    def on(study: Study, policy: Policy = UNBOUNDED) -> object:
        return tables_depend_on(study, policy)

    assert on(LIFT) == on(other_split)
    for change in ({"max_amount": 7}, {"study": "t"}, {"end": LIFT.start}, {"merchant": "n"}):
        assert on(LIFT) != on(LIFT.model_copy(update=change))
    assert on(LIFT, BOUNDED) != on(LIFT)
    assert on(CONVERSION, BOUNDED) != on(CONVERSION)
    assert on(LIFT, UNBOUNDED.model_copy(update={"min_people": 9})) == on(LIFT)


def test_an_adjusted_effect_has_no_reach_so_that_no_noise_is_drawn_for_it() -> None:
    study = ObservationalStudy(merchant="m", start=LIFT.start, end=LIFT.end)
    with pytest.raises(StudyError, match="Nothing bounds"):
        reach_of(study, Policy())
