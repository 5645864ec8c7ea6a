"""Behind the cells of the lift studies' tables stand exactly those who are counted in them.

Held to a count over the rows that knows nothing of the room's.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cleanroom.borders import Table
from cleanroom.policy import Policy
from cleanroom.room.geo import geo_tables
from cleanroom.room.lift import lift_tables
from cleanroom.room.observational import observational_tables
from cleanroom.room.observational_layout import SEGMENTS, Arm, Outcome
from tests.room.event_log import Room
from tests.room.linked_people import GEO, LIFT, OBSERVATIONAL, REGIONS, behind, draw, fill

SEEDS = range(2)
POLICY = Policy(min_people=2, min_converters=2)


def by_name(tables: list[Table]) -> dict[str, Table]:
    return {table.name: table for table in tables}


@pytest.mark.parametrize("seed", SEEDS)
def test_of_customers_and_regions(room: Room, seed: int) -> None:
    people = draw(seed)
    vault = fill(room, people)
    tables = by_name(lift_tables(vault, [LIFT], POLICY))
    customers = behind(room, vault, tables["customers"], people)
    regions = behind(room, vault, tables["regions"], people)
    for arm in ("treated", "holdout"):
        everybody = {one.name for one in people if one.arm == arm}
        bought = everybody & {one.name for one in people if max(one.days, default=0) > 4}
        parts = {
            "existing": everybody & {one.name for one in people if 3 in one.days},
            "new": everybody & {one.name for one in people if 3 not in one.days},
        }
        for part, own in parts.items():
            assert customers[arm, part, "people"] == (own, everybody)
            for measure in ("converters", "amount", "amount_squared"):
                assert customers[arm, part, measure] == (own & bought, own)
        for region in REGIONS:
            own = everybody & {one.name for one in people if one.user_region == region}
            assert regions[arm, region, "people"] == (own, everybody)
            assert regions[arm, region, "converters"] == (own & bought, own)
    assert len(customers) == 2 * 2 * 4
    assert len(regions) == 2 * 3 * 2


@pytest.mark.parametrize("days", [1, 7])
@pytest.mark.parametrize("seed", SEEDS)
def test_of_regions_and_periods(room: Room, seed: int, days: int) -> None:
    people = draw(seed)
    vault = fill(room, people)
    tables = by_name(geo_tables(vault, [GEO], days, POLICY))
    regions = behind(room, vault, tables["regions"], people)
    starts = sorted({date.fromisoformat(period) for _, period, _ in regions})
    assert len(starts) == {1: 16, 7: 2}[days]
    for region in REGIONS:
        living = {one.name for one in people if one.buyer_region == region}
        for start in starts:
            inside = range(start.day, start.day + days)
            bought = living & {one.name for one in people if any(d in inside for d in one.days)}
            for measure in ("buyers", "orders", "revenue"):
                at = (region, start.isoformat(), measure)
                assert regions[at] == (bought, living), at
    last = starts[-1] + timedelta(days=days - 1)
    everybody = {
        one.name for one in people if any(starts[0].day <= d <= last.day for d in one.days)
    }
    unplaced = everybody & {one.name for one in people if one.buyer_region == "-"}
    placed = behind(room, vault, tables["placed"], people)
    assert placed["placed", "people"] == (everybody - unplaced, everybody)
    assert placed["unplaced", "people"] == (unplaced, everybody)


@pytest.mark.parametrize("seed", SEEDS)
def test_of_an_observational_study(room: Room, seed: int) -> None:
    people = draw(seed)
    vault = fill(room, people)
    tables = observational_tables(vault, [OBSERVATIONAL], POLICY)
    cells = {table.name: behind(room, vault, table, people) for table in tables}
    arms = {
        Arm.EXPOSED: {one.name for one in people if one.exposed},
        Arm.COMPARABLE: {one.name for one in people if not one.exposed},
    }
    kept = {arm: cells["design"][arm, "people"][0] for arm in arms}
    had_bought = {one.name for one in people if 3 in one.days or 6 in one.days}
    outcomes = {
        Outcome.BOUGHT: {one.name for one in people if 13 in one.days},
        Outcome.SPENT: {one.name for one in people if 13 in one.days},
        Outcome.BOUGHT_BEFORE: {one.name for one in people if 6 in one.days},
        Outcome.BOUGHT_ELSEWHERE: {one.name for one in people if one.elsewhere},
    }
    segments = dict(
        zip(SEGMENTS, (had_bought, set.union(*arms.values()) - had_bought), strict=True)
    )
    together = set.union(*kept.values())
    for arm, everybody in arms.items():
        assert kept[arm] <= everybody
        assert len(kept[arm]) > 0.8 * len(everybody)
        assert cells["design"][arm, "set_aside"][0] == everybody
        bins = [c for (_, who, _), c in cells["overlap"].items() if who == arm]
        assert sorted(name for value, _ in bins for name in value) == sorted(everybody)
        assert all(base == everybody for _, base in bins)
        for outcome, had in outcomes.items():
            assert cells["comparison"][outcome, arm, "people"][0] == kept[arm]
            told = cells["comparison"][outcome, arm, "converters"]
            assert told == (kept[arm] & had, kept[arm])
        for segment, own in segments.items():
            assert cells["segments"][segment, arm, "people"][0] == kept[arm] & own
            told = cells["segments"][segment, arm, "converters"]
            assert told == (kept[arm] & own & outcomes[Outcome.BOUGHT], kept[arm] & own)
        fifths = [c for (_, who, m), c in cells["fifths"].items() if (who, m) == (arm, "people")]
        assert sorted(name for value, _ in fifths for name in value) == sorted(kept[arm])
    for outcome in outcomes:
        assert cells["comparison"][outcome, Arm.BOTH, "adjusted"][0] == together
