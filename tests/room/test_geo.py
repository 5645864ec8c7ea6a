"""The regional study's cells, its grain, and the whole way to findings."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from cleanroom.absences import Absence
from cleanroom.agreement import StudyKind, write
from cleanroom.bench.answer import answer
from cleanroom.borders import Candidate, Verdict
from cleanroom.errors import StudyError
from cleanroom.gate.candidate import read_candidate
from cleanroom.policy import Policy
from cleanroom.room import engine
from cleanroom.room.geo import geo_tables, periods_of
from cleanroom.room.reach import reach_of
from cleanroom.study import GeoStudy, parse_study
from tests.known_answers.regions import Regions
from tests.room.event_log import FEW, Room, Shown, most, shown
from tests.room.regional import Log, regional_log

STUDY = GeoStudy(
    merchant="m",
    start=date(2026, 3, 2),
    end=date(2026, 3, 17),
    campaign_start=date(2026, 3, 11),
    treated=("East",),
)
BUYERS = """
buyer region
b1    East
b2    East
b3    West
b4    West
b5    -
"""
VISITS = """
time     kind     buyer order amount
02T00:10 purchase b1    o1    900
02T23:50 purchase b1    o2    100
03T00:00 purchase b2    o3    500
03T10:00 visit    b3    -     -
17T23:59 purchase b3    o4    700
18T00:00 purchase b4    o5    700
03T11:00 purchase b5    o6    400
20T00:00 refund   b1    o1    300
"""


def cells(room: Room, days: int, policy: Policy | None = None) -> dict[str, Shown]:
    tables = geo_tables(room.vault(buyers=BUYERS, visits=VISITS), [STUDY], days, policy)
    return {table.name: shown(table) for table in tables}


def test_orders_count_on_the_local_day_and_in_the_region_of_who_bought(room: Room) -> None:
    found = cells(room, 1)["regions"]
    assert found["East", "2026-03-02", "orders"] == (2, 2, 1)
    assert found["East", "2026-03-02", "buyers"] == (1, 2, 1)
    assert found["East", "2026-03-02", "revenue"] == (900 + 100 - 300, 2, 1)
    assert found["East", "2026-03-03", "orders"] == (1, 2, 1)
    assert found["West", "2026-03-17", "orders"] == (1, 2, 1)
    assert found["West", "2026-03-03", "orders"] == (0, 2, 0)
    assert len(found) == 2 * 16 * 3
    assert not [period for _, period, _ in found if period > "2026-03-17"]


def test_weeks_are_whole_and_one_begins_with_the_campaign(room: Room) -> None:
    assert [day.isoformat() for day in periods_of(STUDY, 7)] == ["2026-03-04", "2026-03-11"]
    found = cells(room, 7)["regions"]
    assert {period for _, period, _ in found} == {"2026-03-04", "2026-03-11"}
    assert found["West", "2026-03-11", "orders"] == (1, 2, 1)
    assert found["East", "2026-03-04", "orders"] == (0, 2, 0)  # those of the 3rd are before it


def test_buyers_of_no_known_region_are_counted_apart(room: Room) -> None:
    found = cells(room, 1)["placed"]
    assert found["placed", "people"] == (3, 4, 3)
    assert found["unplaced", "people"] == (1, 4, 1)


def test_what_one_person_counts_is_bounded_in_each_cell(room: Room) -> None:
    policy = Policy(max_events_per_person=1, max_amount_per_person=600)
    regions, _ = geo_tables(room.vault(buyers=BUYERS, visits=VISITS), [STUDY], 1, policy)
    assert shown(regions)["East", "2026-03-02", "orders"][0] == 1
    assert shown(regions)["East", "2026-03-02", "revenue"][0] == 600
    assert most(regions, "East", "2026-03-02", "revenue") == (600, 0, 600)


def test_both_engines_count_alike(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = room.vault(buyers=BUYERS, visits=VISITS)
    found = []
    for backend in ("polars", "duckdb"):
        monkeypatch.setattr(engine, "BACKEND", backend)
        found.append([shown(table) for table in geo_tables(vault, [STUDY], 1)])
    assert found[0] == found[1]


def test_a_regional_study_is_refused_under_noise() -> None:
    with pytest.raises(StudyError, match="under noise"):
        reach_of(STUDY, Policy())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"treated": {"East": "2026-03-11"}}, "regions that start on days of their own"),
        ({"campaign_start": "2026-03-02"}, "lies outside"),
        ({"campaign_start": "2026-03-18"}, "lies outside"),
        ({"treated": []}, "treated"),
        ({"left_out": ["East"]}, "names a treated region"),
    ],
)
def test_parameters_that_make_no_comparison_are_refused(
    changes: dict[str, object], words: str
) -> None:
    plain = {**STUDY.model_dump(mode="json", exclude={"kind"}), **changes}
    with pytest.raises(StudyError, match=words):
        parse_study(StudyKind.GEO, plain)


# Twelve regions and twelve weeks; a campaign in three of them in the last two.
WORLD = Regions(count=12, treated=3, periods=84, after=14, effect=0.3, size=4.2)


@pytest.fixture(scope="module")
def log() -> Log:
    return regional_log(WORLD, seed=6)


@pytest.fixture(scope="module")
def filled(log: Log, tmp_path_factory: pytest.TempPathFactory) -> Room:
    room = Room(tmp_path_factory.mktemp("regional"))
    permitted = {"notebook": "geo.ipynb"}
    room.agree(policy={**FEW, "min_people": 50}, studies={"geo": permitted})
    write(room.agreement, room.directory / "agreement.yaml")
    room.vault(buyers=log.buyers, visits=log.visits)
    return room


def asked(room: Room, study: GeoStudy, policy: Policy | None = None) -> Candidate:
    (file,) = answer(room.directory, [study], policy)
    return read_candidate(Path(file), room.public_key)


def test_a_true_effect_is_found_by_day_and_covered(filled: Room, log: Log) -> None:
    policy = Policy(min_people=50, min_converters=2)
    found = asked(filled, log.study, policy).findings
    effect = found.estimates["incremental_outcome"]
    assert effect.lower is not None
    assert effect.upper is not None
    assert 0 < effect.lower <= log.truth <= effect.upper
    assert "evidence grade B" in found.summary[0]
    assert "drawn by lot" in found.summary[1]
    assert "70 days before the start and 14 from it on" in found.summary[1]
    assert found.checks["alike_before"].verdict is Verdict.PASSED
    amount = found.estimates["incremental_conversion_value"]
    assert amount.value == pytest.approx(log.truth * 10_000, rel=0.25)


def test_where_days_are_withheld_weeks_are_told(filled: Room, log: Log) -> None:
    policy = Policy(min_people=50, min_converters=40)
    candidate = asked(filled, log.study, policy)
    periods = candidate.tables["regions"].cells["period"].unique().sort()
    assert len(periods) == 10 + 2
    first, second = (date.fromisoformat(day) for day in periods[:2])
    assert second - first == timedelta(days=7)
    assert "periods of 7 days" in candidate.findings.summary[1]


def test_a_region_with_a_number_withheld_is_left_out_of_all_periods(filled: Room, log: Log) -> None:
    policy = Policy(min_people=50, min_converters=200)
    candidate = asked(filled, log.study, policy)
    table = candidate.tables["regions"].cells.filter(pl.col("measure") == "orders")
    fallen = set(table.filter(pl.col("value").is_null())["region"])
    assert fallen
    check = candidate.findings.checks["regions_complete"]
    if fallen & set(log.study.treated):
        effect = candidate.findings.estimates["incremental_outcome"]
        assert effect.absence is Absence.WITHHELD
        assert "could leave the room" in (effect.withheld or "")
        assert "no effect of the campaign can be stated" in candidate.findings.summary[0].lower()
    else:
        assert all(name in check.words for name in fallen)


def test_a_treated_region_that_falls_takes_the_study_with_it(filled: Room, log: Log) -> None:
    policy = Policy(min_people=50, min_converters=1_400)
    found = asked(filled, log.study, policy).findings
    assert all(e.absence is Absence.WITHHELD for e in found.estimates.values())
    assert found.checks["regions_complete"].verdict is Verdict.UNKNOWN


def test_a_region_that_is_not_there_is_named(filled: Room, log: Log) -> None:
    study = log.study.model_copy(update={"treated": ("Atlantis",)})
    found = asked(filled, study, Policy(min_people=50, min_converters=2)).findings
    effect = found.estimates["incremental_outcome"]
    assert effect.absence is Absence.UNDEFINED
    assert "there is no region Atlantis" in (effect.withheld or "")
