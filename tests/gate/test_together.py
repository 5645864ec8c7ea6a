"""Tables protected together: an attacker who writes down all that is known finds nothing closer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from math import ceil, floor, inf

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from cleanroom.borders import EVENTS, PEOPLE, Protected, Table
from cleanroom.gate.protect import protect, protect_together
from cleanroom.layout import Dimension, Layout, Measure, Parts, Place, Use
from cleanroom.policy import Policy, Rounding
from cleanroom.room.counting import Cell, table

STEPS = ("click", "visit", "buy")
_CREATORS = {"n1": "c1", "n2": "c1", "n3": "c2", "n4": "c2", "n5": "c2"}
NOTE = Dimension("note", ("touches.note",), total="all", parents=_CREATORS)
STEP = Dimension("step", categories=STEPS)
Counts = Mapping[tuple[str, str], tuple[int, int]]  # (note, step) → people, events


def layout(note: Dimension | None, people: Parts) -> Layout:
    """A path with or without notes, about the same people."""

    def of(step: str, measure: str = "people") -> Place:
        return Place("path", measure, step)

    nested = ((of("visit"), of("click")), (of("buy"), of("visit")))
    events = tuple((of(step, "events"), of(step)) for step in STEPS)
    return Layout(
        "path" if note is None else "by_note",
        "A path",
        (STEP,) if note is None else (note, STEP),
        (
            Measure("people", Use.COUNT, ("visits.buyer",), parts=people),
            Measure("events", Use.COUNT, ("visits.event_id",), parts=Parts.ADD),
        ),
        about="path",
        at_most=(*nested, *((people, number) for number, people in events)),
        among=(
            *nested,
            *events,
            *((of(step, "events"), of(base)) for base, step in pairwise(STEPS)),
        ),
    )


def counts(inner: Sequence[Sequence[int]]) -> dict[tuple[str, str], tuple[int, int]]:
    """Notes with disjoint people, their creators and all, from clicks, visits and buys of notes."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for note, steps in zip(_CREATORS, inner, strict=True):
        for step, people in zip(STEPS, steps, strict=True):
            for code in (note, _CREATORS[note], "all"):
                had = found.get((code, step), (0, 0))
                found[code, step] = had[0] + people, had[1] + 2 * people
    return found


def cells(found: Counts, codes: Sequence[str], *, noted: bool = True) -> list[Cell]:
    rows: list[Cell] = []
    for code, (place, step) in product(codes, enumerate(STEPS)):
        people, events = found[code, step]
        base = found[code, STEPS[max(place - 1, 0)]][0]
        own = (code, step) if noted else (step,)
        rows.append((*own, "people", people, PEOPLE, base, people if place else None))
        most = 2.0 if events else 0.0
        rows.append((*own, "events", events, EVENTS, base, people, most, most, float(events)))
    return rows


def tables(found: Counts, people: Parts = Parts.ADD) -> list[Table]:
    """The path by note and creator without its total, and the total as a table of its own."""
    codes = [code for code in dict.fromkeys(code for code, _ in found) if code != "all"]
    return [
        table(layout(NOTE, people), cells(found, codes)),
        table(layout(None, people), cells(found, ["all"], noted=False)),
    ]


class Attacker:
    """All that a reader knows of the two tables, written down anew from what is shown."""

    def __init__(self, shown: Sequence[Protected], policy: Policy, people: Parts) -> None:
        by_note, path = (one.cells for one in shown)
        self.rows: dict[tuple[str, str, str], dict[str, object]] = {}
        for row in by_note.iter_rows(named=True):
            self.rows[row["note"], row["step"], row["measure"]] = row
        for row in path.iter_rows(named=True):
            self.rows["all", row["step"], row["measure"]] = row
        self.names = [*self.rows]
        self.place = {name: place for place, name in enumerate(self.names)}
        self.bounds = [self._bound(name, policy) for name in self.names]
        self.upper: list[np.ndarray] = []  # of each: row · x ≤ 0
        self._relate(people)

    def _bound(self, name: tuple[str, str, str], policy: Policy) -> tuple[float, float]:
        row = self.rows[name]
        if row["value"] is not None:
            return float(str(row["least"])), float(str(row["most"]))
        low, high = 0.0, inf
        if name[2] == "people":
            if row["withheld"] == "min_people":
                high = policy.min_people - 1.0
            following = [("events", name[1])]
            following += [
                (m, s) for b, s in pairwise(STEPS) if b == name[1] for m in ("people", "events")
            ]
            for measure, step in following:
                if self.rows[name[0], step, measure]["value"] is not None:
                    low = max(low, float(policy.min_converters))
        return low, high

    def _relate(self, people: Parts) -> None:
        codes = {code for code, _, _ in self.names}
        for measure, step in product(("people", "events"), STEPS):
            adds = measure == "events" or people is Parts.ADD
            for whole, parts in (
                ("all", ["c1", "c2"]),
                *((c, [n for n, up in _CREATORS.items() if up == c]) for c in ("c1", "c2")),
            ):
                self._at_most(
                    {(p, step, measure): -1.0 for p in parts} | {(whole, step, measure): 1.0}
                )
                if adds:
                    self._at_most(
                        {(p, step, measure): 1.0 for p in parts} | {(whole, step, measure): -1.0}
                    )
                else:
                    for part in parts:
                        self._at_most({(part, step, measure): 1.0, (whole, step, measure): -1.0})
        for code in codes:
            for base, step in pairwise(STEPS):
                self._at_most({(code, step, "people"): 1.0, (code, base, "people"): -1.0})
            for step in STEPS:
                self._at_most({(code, step, "people"): 1.0, (code, step, "events"): -1.0})

    def _at_most(self, terms: Mapping[tuple[str, str, str], float]) -> None:
        row = np.zeros(len(self.names))
        for name, x in terms.items():
            row[self.place[name]] = x
        self.upper.append(row)

    def interval(self, name: tuple[str, str, str]) -> tuple[float, float]:
        cost = np.zeros(len(self.names))
        ends = []
        for sign in (1.0, -1.0):
            cost[self.place[name]] = sign
            solved = linprog(
                cost, np.array(self.upper), np.zeros(len(self.upper)), bounds=self.bounds
            )
            assert solved.status in (0, 3), solved.message
            ends.append(solved.fun * sign if solved.status == 0 else -sign * inf)
        return ceil(ends[0] - 1e-6), ends[1] if ends[1] == inf else floor(ends[1] + 1e-6)


def asked(people: int, base: int | None, policy: Policy) -> tuple[float, float] | None:
    """By the rules alone: which numbers a withheld count has to be able to be; None if any may."""
    few, least = policy.min_converters, policy.min_people
    if (people if base is None else base) < least:
        return 0, min(least - 1, people if base is None and people > least else (base or least - 1))
    if base is not None and people < few:
        return 0, few - 1
    if base is not None and base - people < few:
        return 0, base
    return None


def assert_uncertain(
    found: Counts, shown: Sequence[Protected], policy: Policy, people: Parts
) -> None:
    attacker = Attacker(shown, policy, people)
    for code, step, measure in attacker.names:
        place = STEPS.index(step)
        count, _ = found[code, step]
        base = found[code, STEPS[place - 1]][0] if place else None
        row = attacker.rows[code, step, measure]
        if measure == "people":
            said = asked(count, base, policy)
            if said is None:
                continue
            assert row["value"] is None
            low, high = attacker.interval((code, step, measure))
            wide = min(policy.protection_width, said[1] - said[0])
            assert high - low >= wide, (code, step, low, high, said)
        elif count < policy.min_converters or (count if base is None else base) < policy.min_people:
            assert row["value"] is None
            low, high = attacker.interval((code, step, measure))
            assert high - low >= policy.protection_width, (code, step, low, high)


STEADY = [[900, 400, 90], [800, 300, 80], [700, 200, 70], [600, 350, 60], [500, 250, 55]]


def test_tables_without_a_small_number_are_shown_in_full() -> None:
    shown = protect_together(tables(counts(STEADY)), Policy())[0]
    assert all(one.cells["withheld"].null_count() == one.cells.height for one in shown)


def test_a_withheld_part_is_not_the_total_less_the_others() -> None:
    inner = [*STEADY[:4], [500, 250, 4]]
    shown, _ = protect_together(tables(counts(inner)), Policy())
    reasons = shown[0].values()
    assert reasons["n5", "buy", "people"] is None
    assert [n for n in ("n3", "n4") if reasons[n, "buy", "people"] is None]
    assert_uncertain(counts(inner), shown, Policy(), Parts.ADD)


def test_one_reason_stands_for_all_that_is_bound_together() -> None:
    """Else the reason of the cell that had to fall would tell that it is not the small one."""
    inner = [*STEADY[:4], [500, 250, 4]]
    (by_note, _), _ = protect_together(tables(counts(inner)), Policy())
    withheld = by_note.cells.filter(step="buy", measure="people")["withheld"].drop_nulls()
    assert withheld.unique().to_list() == ["complementary"]


small = st.integers(0, 120)
notes = st.lists(st.tuples(small, small, small), min_size=5, max_size=5)


@given(
    notes,
    st.sampled_from([Parts.ADD, Parts.OVERLAP]),
    st.integers(2, 60),
    st.integers(2, 12),
    st.integers(1, 60),
    st.sampled_from([Rounding.NONE, Rounding.BASE_5]),
)
@settings(max_examples=60, deadline=None)
# A base that is withheld itself is no bound that a reader has.
@example([(0, 0, 0)] * 4 + [(0, 2, 4)], Parts.ADD, 2, 2, 1, Rounding.NONE)
def test_no_withheld_number_is_placed_closer_than_the_policy_asks(
    inner: list[tuple[int, int, int]],
    people: Parts,
    least: int,
    few: int,
    width: int,
    rounding: Rounding,
) -> None:
    nested = [sorted(steps, reverse=True) for steps in inner]
    policy = Policy(
        min_people=least, min_converters=few, protection_width=width, round_counts=rounding
    )
    found = counts(nested)
    shown, _ = protect_together(tables(found, people), policy)
    assert_uncertain(found, shown, policy, people)


def path(click: int, visit: int, buy: int) -> Table:
    steps = zip(STEPS, (click, visit, buy), strict=True)
    found = {("all", step): (people, 2 * people) for step, people in steps}
    return table(layout(None, Parts.ADD), cells(found, ["all"], noted=False))


def test_whether_few_or_nearly_all_went_on_shows_nowhere() -> None:
    """The attack that an earlier version let through: a later step that is shown, or the reason
    why it is not, tells on which side of the threshold the step before it lies."""
    shown = [protect(path(300, visit, buy), Policy()) for visit, buy in ((296, 120), (6, 3))]
    few, nearly_all = (one.cells.select("step", "measure", "value", "withheld") for one in shown)
    assert few.equals(nearly_all)
    assert few.filter(step="visit", measure="people")["withheld"].item() == "min_converters"
    assert few.filter(step="buy")["value"].null_count() == 2
