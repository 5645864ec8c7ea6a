"""Answers compared by the people behind their cells: what is refused, what is not, what is said."""

from __future__ import annotations

import copy
import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.behind import Answer, Group, Shown
from cleanroom.borders import PEOPLE, Protected, Table
from cleanroom.errors import BorderError, ReleaseError
from cleanroom.gate.differencing import require_apart
from cleanroom.gate.protect import protect
from cleanroom.gate.remains import apart, too_few
from tests import factories
from tests.gate.crowds import (
    FEW,
    MAY,
    POLICY,
    Adds,
    Cell,
    People,
    answered,
    group,
    past,
    reasons,
    said,
    table,
    values,
)

SHORTER = {**MAY, "end": "2026-05-29"}
DIFFERS = "differencing"


def one(who: People | Adds, merchant: str = "m") -> Table:
    return table([({"merchant": merchant}, who)])


def after(*tables: Table, study: dict[str, Any] | None = None) -> list[Answer]:
    """The answers that these tables became, one after the other."""
    answers: list[Answer] = []
    for number, made in enumerate(tables):
        _, answer = answered(made, past(*answers), study or MAY, f"candidate {number}")
        answers.append(answer)
    return answers


def then(made: Table, *earlier: Table) -> Protected:
    """What becomes of a table after earlier ones."""
    out, _ = answered(made, past(*after(*earlier)))
    return out


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (range(30), range(29)),
        (range(26), range(30)),
        ([*range(29), 77], range(30)),
        ({**dict.fromkeys(range(30), 9)}, {**dict.fromkeys(range(29), 9)}),
        ({**dict.fromkeys(range(30), 9)}, {**dict.fromkeys(range(30), 9), 0: 8}),
    ],
    ids=["one more", "four fewer", "one exchanged", "one more amount", "one amount changed"],
)
def test_an_answer_that_differs_by_a_few_people_is_withheld(now: Any, before: Any) -> None:
    out = then(one(now), one(before))
    assert (values(out), reasons(out)) == ([None], [DIFFERS])


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (range(30), range(30)),
        (range(30), range(25)),
        (range(30), range(100, 130)),
        (dict.fromkeys(range(30), 9), dict.fromkeys(range(30), 9)),
        (
            dict.fromkeys(range(30), 9),
            {**dict.fromkeys(range(30), 9), **dict.fromkeys(range(5), 1)},
        ),
    ],
    ids=["the same", "five more", "others", "the same amounts", "five amounts changed"],
)
def test_the_same_people_and_enough_others_are_shown(now: Any, before: Any) -> None:
    assert reasons(then(one(now), one(before))) == [None]


def test_a_total_with_one_merchant_more_is_withheld_where_that_has_few_people() -> None:
    without = table([({}, range(100))])
    assert reasons(then(table([({}, range(103))]), without)) == [DIFFERS]
    assert reasons(then(table([({}, range(120))]), without)) == [None]


def test_a_total_is_withheld_where_its_parts_leave_few() -> None:
    parts = table([({"campaign": n}, range(20 * i, 20 * i + 20)) for i, n in enumerate("abc")])
    assert reasons(then(table([({}, range(63))]), parts)) == [DIFFERS]
    assert reasons(then(table([({}, range(60))]), parts)) == [None]
    assert reasons(then(table([({}, range(65))]), parts)) == [None]


def test_the_last_part_of_a_total_is_withheld_where_it_would_leave_few() -> None:
    total, first = one(range(43)), one(range(20))
    assert reasons(then(one(range(20, 40)), total, first)) == [DIFFERS]
    assert reasons(then(one(range(20, 43)), total, first)) == [None]
    assert reasons(then(one(range(20, 38)), total, first)) == [None]


def test_days_that_make_up_a_longer_time_but_for_a_few_are_withheld() -> None:
    spent = [dict.fromkeys(range(30), 100), dict.fromkeys(range(10, 40), 50)]
    both = {person: sum(day.get(person, 0) for day in spent) for person in range(40)}
    assert reasons(then(one(both), *map(one, spent))) == [None]
    assert reasons(then(one({**both, 3: 1, 99: 7}), *map(one, spent))) == [DIFFERS]


def test_of_two_cells_of_one_table_that_differ_by_few_the_first_is_shown() -> None:
    made = table([({"campaign": "a"}, range(30)), ({"campaign": "b"}, range(28))])
    out, _ = answered(made)
    assert reasons(out) == [None, DIFFERS]
    assert said(out) == [
        "differs from cell campaign a of this answer, by fewer than 5 people: merge campaign b "
        "with a"
    ]


def test_steps_of_a_path_are_different_numbers_and_not_compared() -> None:
    """That a few searched and did not buy is for `min_converters`, which looks at each share."""
    steps = ("visit", "search", "buy")
    cells: list[Cell] = [
        ({"merchant": "m", "step": "visit"}, range(40)),
        ({"merchant": "m", "step": "search"}, range(37), range(40)),
        ({"merchant": "m", "step": "buy"}, range(35), range(40)),
    ]
    first, answer = answered(table(cells, steps=steps))
    assert reasons(first) == [None] * 3
    shifted = [(place, who[:-1], *base) for place, who, *base in cells]  # type: ignore[index]
    again, _ = answered(table(shifted, steps=steps), past(answer))  # type: ignore[arg-type]
    assert reasons(again) == [DIFFERS] * 3


def test_a_base_that_differs_by_few_withholds_its_share_as_well() -> None:
    place = {"merchant": "m"}
    before = table([(place, range(10), range(40))])
    assert reasons(then(table([(place, range(10), range(41))]), before)) == [DIFFERS]
    assert reasons(then(table([(place, range(10), range(45))]), before)) == [None]


def test_small_shares_of_different_people_are_not_a_difference() -> None:
    """Two buyers here and three there are fewer than five: taken from each other they say no more
    of anybody than each does by itself."""
    here = table([({"merchant": "m"}, range(2), range(40))])
    there = table([({"merchant": "n"}, range(100, 103), range(100, 140))])
    assert reasons(then(there, here)) == [None]
    assert reasons(then(table([({"merchant": "m"}, range(3), range(40))]), here)) == [DIFFERS]


def test_the_other_arm_falls_with_the_one_that_differs() -> None:
    def arms(treated: int) -> Table:
        sides = {"treated": range(treated), "holdout": range(100, 140)}
        cells: list[Cell] = [({"merchant": "m", "arm": a}, who) for a, who in sides.items()]
        return table(cells, contrast="arm")

    assert reasons(then(arms(42), arms(40))) == [DIFFERS, "both_arms"]
    assert reasons(then(arms(40), arms(40))) == [None, None]


def told(few: int, many: int) -> Table:
    """Of two arms the first has too few buyers; both together may be told."""
    cells: list[Cell] = [
        ({"merchant": "m", "arm": "treated"}, range(few), range(40)),
        ({"merchant": "m", "arm": "holdout"}, range(200, 200 + many), range(200, 300)),
    ]
    return table(cells, contrast="arm")


def test_what_is_told_together_is_compared_and_remembered_as_well() -> None:
    first, answer = answered(told(1, 30))
    assert values(first) == [None, None, 31]
    changed, _ = answered(told(1, 32), past(answer))
    assert values(changed) == [None, None]
    same, _ = answered(told(1, 30), past(answer))
    assert values(same) == [None, None, 31]


def test_a_cell_that_is_near_an_earlier_one_hides_no_other() -> None:
    before = table([({"merchant": "m", "arm": "holdout"}, range(200, 230), range(200, 300))])
    _, answer = answered(before)
    out, _ = answered(told(1, 31), past(answer))
    assert values(out) == [None, None]


def test_what_was_withheld_is_not_remembered() -> None:
    _, answer = answered(one(range(4)))
    assert answer.cells == []


def test_a_table_that_does_not_say_who_is_behind_it_does_not_leave() -> None:
    unknown = factories.table("t", ("note",), [("a", "m", 30.0, PEOPLE, 30)])
    with pytest.raises(BorderError, match="does not say who is behind its cells"):
        protect(unknown, POLICY, past())


def test_without_a_past_nothing_is_compared() -> None:
    assert reasons(protect(one(range(30)), POLICY)) == [None]


class TestWhatIsSaid:
    """The pair, the size class, and the remedy."""

    def refusal(self, now: Table, before: Table, asked: Any, study: Any = MAY) -> str:
        _, answer = answered(before, study=study)
        out, _ = answered(now, past(answer, asked=asked))
        (words,) = said(out)
        return words

    def test_of_other_days(self) -> None:
        assert self.refusal(one(range(29)), one(range(30)), asked=SHORTER) == (
            "differs from the answer of 14 September 2026 for 1 to 30 May 2026, the same cell, by "
            "fewer than 5 people: ask for 1 to 30 May 2026 again, for days from 31 May on, or "
            "widen to 37 days, 1 May to 6 June 2026"
        )

    @pytest.mark.parametrize(
        ("start", "end", "remedy"),
        [
            ("2026-05-02", "2026-05-30", "or widen to 35 days, 2 May to 5 June 2026"),
            ("2026-04-20", "2026-05-30", "or widen to 44 days, 20 April to 2 June 2026"),
            ("2026-04-01", "2026-05-30", "or widen to 88 days, 1 April to 27 June 2026"),
            ("2026-06-01", "2026-06-30", "in both times, so keep to that answer"),
        ],
    )
    def test_how_much_wider(self, start: str, end: str, remedy: str) -> None:
        asked = {**MAY, "start": start, "end": end}
        assert self.refusal(one(range(29)), one(range(30)), asked=asked).endswith(remedy)

    def test_of_changed_data(self) -> None:
        assert self.refusal(one(range(29)), one(range(30)), asked=MAY) == (
            "differs from the answer of 14 September 2026, the same cell, by fewer than 5 people: "
            "too few people's data changed since, so keep to that answer, or ask for other days"
        )

    def test_of_other_parameters(self) -> None:
        more, less = ({**MAY, "max_amount": n} for n in (500, 400))
        spent = one(dict.fromkeys(range(30), 400)), one({**dict.fromkeys(range(30), 400), 1: 500})
        assert self.refusal(*spent, asked=less, study=more).endswith(
            "by fewer than 5 people: ask with the parameters of that answer (max_amount 500)"
        )

    def test_of_another_cell(self) -> None:
        here, there = (
            table([({"campaign": n}, who)]) for n, who in (("C", range(29)), ("D", range(30)))
        )
        assert self.refusal(here, there, asked=MAY) == (
            "differs from the answer of 14 September 2026, cell campaign D, by fewer than 5 "
            "people: merge campaign C with D"
        )

    def test_another_merchant_is_not_named(self) -> None:
        words = self.refusal(one(range(29), "mine"), one(range(30), "theirs"), asked=MAY)
        assert "a cell of another merchant" in words
        assert "theirs" not in words

    def test_of_parts(self) -> None:
        parts = table([({"campaign": n}, range(20 * i, 20 * i + 20)) for i, n in enumerate("abc")])
        assert self.refusal(table([({}, range(62))]), parts, asked=MAY).startswith(
            "is all but fewer than 5 people made up of the answer of 14 September 2026, "
        )

    def test_of_a_total(self) -> None:
        answers = after(one(range(43)), one(range(20)))
        (words,) = said(answered(one(range(20, 40)), past(*answers))[0])
        assert words.startswith("leaves, beside the answer of 14 September 2026, the same cell, ")

    @pytest.mark.parametrize("study", [MAY, SHORTER])
    def test_never_by_how_many(self, study: Any) -> None:
        told = {self.refusal(one(range(30 + n)), one(range(30)), asked=study) for n in (1, 2, 3, 4)}
        assert len(told) == 1


class TestReleasing:
    """Looked at once more when it is released."""

    def test_what_was_made_apart_may_be_released(self) -> None:
        answers = after(one(range(30)), one(range(36)))
        for answer in answers:
            require_apart(answer.candidate, answers, {*()}, POLICY)

    def test_it_may_not_be_once_the_policy_asks_for_more(self) -> None:
        answers = after(one(range(30)), one(range(36)))
        stricter = POLICY.model_copy(update={"min_people": 10})
        require_apart("candidate 0", answers, {*()}, stricter)
        for candidate, released in (("candidate 1", {*()}), ("candidate 0", {"candidate 1"})):
            with pytest.raises(ReleaseError, match="by fewer than 10 people"):
                require_apart(candidate, answers, released, stricter)

    def test_what_the_room_does_not_remember_is_not_released(self) -> None:
        with pytest.raises(ReleaseError, match="does not remember"):
            require_apart("candidate 7", after(one(range(30))), {*()}, POLICY)


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda one: f"{one!r:>9}"])
def test_nobody_is_shown_however_it_is_printed(show: Callable[[object], str]) -> None:
    made = one({4_321_017: 77_001, **dict.fromkeys(range(30), 77_002)})
    out, answer = answered(made)
    behind = made.behind
    assert behind is not None
    everything = (made, behind, answer, *answer.cells, past(answer), group(range(9)), out)
    shown = " ".join(show(one) for one in everything)
    assert not [number for number in ("4321017", "77001", "77002", "BitMap") if number in shown]


def test_nobody_is_pickled_copied_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    _, answer = answered(one(range(30)))
    for held in (answer, answer.cells[0], answer.cells[0].behind, group(range(9))):
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(BorderError, match="stay in the room"):
                take(held)
        logging.getLogger().warning("%s %r", held, held)
    assert "people not shown" in caplog.text
    assert "BitMap" not in caplog.text


crowd = st.frozensets(st.integers(0, 30), min_size=2).map(sorted)
spent = st.dictionaries(st.integers(0, 20), st.integers(1, 3), min_size=2)
histories = st.lists(st.lists(crowd | spent, min_size=1, max_size=3), min_size=1, max_size=5)


@given(histories)
def test_no_two_cells_ever_shown_differ_by_a_few_people(history: list[list[Any]]) -> None:
    """Nor does a whole from two parts; whatever was asked, in whatever order."""
    tables = [
        table([({"campaign": str(place)}, who) for place, who in enumerate(cells)])
        for cells in history
    ]
    cells = [cell for answer in after(*tables) for cell in answer.cells]
    for number, cell in enumerate(cells):
        alike = [group_behind(one) for one in cells[:number] if one.kind == cell.kind]
        new = group_behind(cell)
        assert not [one for one in alike if too_few(apart(new, one), FEW, new, one)]
        if new.content in [one.content for one in alike]:
            continue  # shown before: it says nothing new
        wholes = [w for a in alike for b in alike for w in ((new, a, b), (a, new, b))]
        assert not [w for w in wholes if too_few(_left(*w), FEW, *w)]


def group_behind(cell: Shown) -> Group:
    (only,) = cell.behind.groups.values()
    return only


def _left(whole: Group, *parts: Group) -> int:
    rest = dict(zip(whole.numbers, whole.values.tolist(), strict=True))
    for part in parts:
        for person, value in zip(part.numbers, part.values.tolist(), strict=True):
            rest[person] = (rest.get(person, 0) - value) % 2**64
    return sum(value != 0 for value in rest.values())
