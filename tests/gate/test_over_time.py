"""What was answered before counts: windows that overlap, days of a week, the same days again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from cleanroom.borders import EVENTS, PEOPLE, Protected
from cleanroom.gate.complementary import Earlier
from cleanroom.gate.entries import Entries, Period
from cleanroom.gate.memory import entries_from, records_of
from cleanroom.gate.protect import protect_together
from cleanroom.layout import Dimension, Layout, Measure, Parts, Place, Use
from cleanroom.policy import Policy
from cleanroom.room.counting import Cell, table

FIRST = date(2026, 3, 2)
PEOPLE_OF = Place("visits", "people")
LAYOUT = Layout(
    "visits",
    "Visits",
    (Dimension("merchant", ("visits.merchant",)),),
    (
        Measure("people", Use.COUNT, ("visits.buyer",), parts=Parts.OVERLAP),
        Measure("events", Use.COUNT, ("visits.event_id",), parts=Parts.ADD),
    ),
    at_most=((PEOPLE_OF, Place("visits", "events")),),
    among=((Place("visits", "events"), PEOPLE_OF),),
)
Days = tuple[int, int]
Shown = dict[tuple[Days, str], tuple[float | None, str | None]]


class Merchant:
    """A merchant with so many visitors a day, each with two visits; all come on every day."""

    def __init__(self, visitors: Sequence[int], policy: Policy) -> None:
        self.visitors = visitors
        self.policy = policy
        self.answered: Entries = {}
        self.shown: Shown = {}

    def truth(self, days: Days) -> tuple[int, int]:
        of = self.visitors[days[0] : days[1] + 1]
        return max(of), 2 * sum(of)

    def ask(self, days: Days) -> Protected:
        people, events = self.truth(days)
        most = 2.0 * (days[1] - days[0] + 1)
        rows: list[Cell] = [
            ("m", "people", people, PEOPLE, people, None),
            ("m", "events", events, EVENTS, people, None, most, most, float(events)),
        ]
        period = Period(FIRST + timedelta(days=days[0]), FIRST + timedelta(days=days[1]))
        earlier = Earlier({"m": period}, self.answered)
        (protected,), cells = protect_together([table(LAYOUT, rows)], self.policy, earlier=earlier)
        remembered = json.loads(json.dumps(records_of(self.answered) + records_of(cells)))
        self.answered = entries_from(remembered)
        for row in protected.cells.iter_rows(named=True):
            key = days, str(row["measure"])
            if self.shown.get(key, (None, None))[0] is None:
                self.shown[key] = row["value"], row["withheld"]
        return protected

    def interval(self, days: Days) -> tuple[float, float]:
        """How closely all that was shown places the visits of some days, day by day."""
        count = len(self.visitors)
        rows, values = [], []
        for (asked, measure), (value, _) in self.shown.items():
            if measure == "events" and value is not None:
                rows.append(np.array([asked[0] <= day <= asked[1] for day in range(count)], float))
                values.append(value)
        inside = np.array([days[0] <= day <= days[1] for day in range(count)], float)
        ends = []
        for sign in (1.0, -1.0):
            given = {"A_eq": np.array(rows), "b_eq": values} if rows else {}
            solved = linprog(sign * inside, bounds=(0, None), **given)
            ends.append(float(solved.fun) if solved.status == 0 else -np.inf)
        return ends[0], -ends[1]


def test_the_one_day_that_is_withheld_is_not_the_week_less_the_others() -> None:
    merchant = Merchant([90, 80, 12, 70, 85, 95, 60], Policy())
    for day in range(7):
        merchant.ask((day, day))
    week = merchant.ask((0, 6)).values()
    assert (week["m", "people"], week["m", "events"]) == (95, None)
    assert merchant.interval((2, 2)) == (0, np.inf)


def test_after_the_week_another_day_is_withheld_with_the_small_one() -> None:
    merchant = Merchant([12, 90, 80, 70, 85, 95, 60], Policy())
    assert merchant.ask((0, 6)).values()["m", "events"] == 2 * 492
    days = [merchant.ask((day, day)).values()["m", "events"] for day in range(7)]
    assert days[0] is None
    assert days.count(None) == 2


def test_windows_that_overlap_are_not_exchanged_for_a_day() -> None:
    """1 to 3 and 2 to 4 less 1 to 4 is 2 to 3, which was withheld."""
    merchant = Merchant([90, 8, 10, 80], Policy())
    asked: list[Days] = [(1, 2), (0, 2), (1, 3), (0, 3)]
    shown = [merchant.ask(days).values()["m", "events"] for days in asked]
    assert shown[0] is None
    assert shown.count(None) == 2
    assert merchant.interval((1, 2))[1] - merchant.interval((1, 2))[0] >= 50


def test_what_was_released_is_released_again_and_protects_nothing() -> None:
    merchant = Merchant([90, 80, 12], Policy())
    first = merchant.ask((0, 1)).values()
    assert merchant.ask((0, 1)).values() == first == {("m", "people"): 90, ("m", "events"): 340}


def test_numbers_of_other_handovers_are_other_numbers() -> None:
    merchant = Merchant([90, 80, 12], Policy())
    for day in range(3):
        merchant.ask((day, day))
    merchant.visitors = [190, 280, 75]  # more was handed over for the same days
    assert merchant.ask((0, 2)).values()["m", "events"] == 2 * 545


def test_other_merchants_and_other_studies_are_no_past_of_theirs() -> None:
    merchant = Merchant([90, 80, 12], Policy())
    for day in range(3):
        merchant.ask((day, day))
    merchant.answered = {
        name._replace(period=name.period._replace(of=("another",))): entry
        for name, entry in merchant.answered.items()
    }
    assert merchant.ask((0, 2)).values()["m", "events"] == 2 * 182


def test_a_cell_that_was_released_under_a_looser_policy_exposes_no_other() -> None:
    merchant = Merchant([90, 80, 70], Policy())
    merchant.ask((0, 0))
    merchant.policy = Policy(min_people=100)
    shown = merchant.ask((0, 0))
    assert shown.cells["withheld"].to_list() == ["min_people", "min_people"]


windows = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda ends: (min(ends), max(ends)))


@pytest.mark.slow
@given(
    st.lists(st.integers(0, 90), min_size=6, max_size=6),
    st.lists(windows, min_size=2, max_size=7),
    st.integers(2, 60),
    st.integers(1, 60),
)
@settings(max_examples=60, deadline=None)
def test_no_withheld_number_of_any_answer_is_ever_placed_closer(
    visitors: list[int], asked: list[Days], least: int, width: int
) -> None:
    """But for a number that earlier answers had placed closer before it was asked for: of days
    that nobody asked for, the gate has no number to protect."""
    policy = Policy(min_people=least, protection_width=width)
    merchant = Merchant(visitors, policy)
    asked_width: dict[Days, float] = {}
    for days in asked:
        low, high = merchant.interval(days)
        asked_width.setdefault(days, min(width, high - low))
        merchant.ask(days)
        for (earlier, measure), (value, _) in merchant.shown.items():
            if measure == "events" and merchant.truth(earlier)[0] < least:
                assert value is None
                low, high = merchant.interval(earlier)
                assert high - low >= asked_width[earlier] - 1e-6
