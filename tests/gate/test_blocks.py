"""Blocks that are of use only as a whole are told whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cleanroom.borders import PEOPLE, Protected, Table
from cleanroom.gate.protect import protect, protect_together
from cleanroom.layout import Dimension, Layout, Measure, Parts, Use
from cleanroom.policy import Policy
from cleanroom.room.counting import table

POLICY = Policy(min_people=20, min_converters=5)
NOTE = Dimension("note", ("touches.note",), total="all")
STEP = Dimension("step", categories=("visit", "buy"))
USER = Measure("people", Use.COUNT, ("touches.user",), parts=Parts.ADD)
WHOLE = Layout("path", "A path", (STEP,), (USER,))
PARTS = Layout("path_by", "By note", (NOTE, STEP), (USER,), about="path", blocks=("step",))


def tables(buyers: tuple[int, int, int]) -> list[Table]:
    """A path and its notes, of which each has 300 visitors and so many buyers."""
    steps = {"visit": (300, 300, 300), "buy": buyers}
    whole = [(step, "people", sum(own), PEOPLE, 900, sum(own)) for step, own in steps.items()]
    whole[0] = ("visit", "people", 900, PEOPLE, 2_000, 900)
    parts = [
        (note, step, "people", count, PEOPLE, 2_000, count)
        for step, own in steps.items()
        for note, count in zip(("all", "a", "b", "c"), (sum(own), *own), strict=True)
    ]
    return [_made(WHOLE, whole), _made(PARTS, parts)]


def _made(layout: Layout, cells: Sequence[tuple[Any, ...]]) -> Table:
    namespace = {"__name__": "cleanroom.room.testing", "table": table}
    exec("def build(layout, cells):\n    return table(layout, cells)", namespace)
    built: Table = namespace["build"](layout, cells)  # type: ignore[operator]
    return built


def rules(one: Protected, step: str) -> set[str | None]:
    return set(one.cells.filter(step=step)["withheld"].to_list())


def test_where_one_cell_falls_nothing_of_its_block_is_told_and_one_reason() -> None:
    _, parts = protect_together(tables((40, 50, 2)), POLICY)[0]
    told = parts.cells.filter(step="buy").filter(note="a")
    assert told["value"].to_list() == [None]
    assert rules(parts, "buy") - {None} == {"incomplete"}
    assert rules(parts, "visit") == {None}


def test_the_whole_stays_though_a_part_is_withheld() -> None:
    path, _ = protect_together(tables((40, 50, 2)), POLICY)[0]
    assert path.values() == {("visit", "people"): 900, ("buy", "people"): 92}


def test_without_blocks_the_whole_or_another_part_would_have_to_go() -> None:
    whole, parts = tables((40, 50, 2))
    open_parts = _made(replace(PARTS, blocks=()), [*parts.cells.rows()])
    path, told = protect_together([whole, open_parts], POLICY)[0]
    hidden = sum(one.cells["withheld"].count() for one in (path, told))
    assert hidden > 1


def test_a_block_of_which_nothing_falls_is_told_in_full() -> None:
    path, parts = protect_together(tables((40, 50, 12)), POLICY)[0]
    assert rules(parts, "buy") == {None}
    assert rules(path, "buy") == {None}


def test_whichever_cell_was_too_small_the_answer_is_the_same() -> None:
    few = protect(tables((40, 50, 2))[1], POLICY)
    other = protect(tables((2, 50, 40))[1], POLICY)
    assert few.cells.equals(other.cells)
    assert few.bounds == other.bounds
