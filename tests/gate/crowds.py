"""Tables with the people behind their cells, as the room makes them, from plain sets of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from cleanroom.behind import Answer, Behind, Group, Share, group_of
from cleanroom.borders import CELL_COLUMNS, MONEY, PEOPLE, Protected, Table
from cleanroom.gate.differencing import Past, shown
from cleanroom.gate.protect import protect
from cleanroom.layout import Dimension, Layout, Measure, Use
from cleanroom.policy import Policy
from cleanroom.tables import Platform
from tests.factories import _build

SEED = 20_260_514
FEW = 5
POLICY = Policy(min_people=FEW, min_converters=2, max_share_of_two=1, p_percent=0)
MAY: Mapping[str, Any] = {"kind": "conversion", "start": "2026-05-01", "end": "2026-05-30"}
People = Sequence[int] | range
Adds = Mapping[int, int]
# Where (by dimension), and who: people counted (of a base), or what each spent.
Cell = tuple[Mapping[str, str], People | Adds] | tuple[Mapping[str, str], People | Adds, People]

COLUMNS = {"merchant": ("visits.merchant",), "campaign": ("touches.campaign",)}
COLUMNS |= {"arm": ("assignments.arm",)}


def group(who: People | Adds) -> Group:
    """People who count one each, or what each adds."""
    if isinstance(who, Mapping):
        numbers, adds = np.array([*who], np.uint32), np.array([*who.values()], np.int64)
        return group_of(numbers, adds, SEED)
    return group_of(np.array([*who], np.uint32), None, SEED)


def table(cells: Sequence[Cell], contrast: str | None = None, steps: Sequence[str] = ()) -> Table:
    """A table of people and of amounts; a dimension `step` holds the study's own categories."""
    names = list(cells[0][0])
    dimensions = tuple(
        Dimension(n, categories=tuple(steps)) if n == "step" else Dimension(n, COLUMNS[n])
        for n in names
    )
    measures = (
        Measure("people", Use.COUNT, ("visits.buyer",), adds_up=contrast is not None),
        Measure("amount", Use.SUM, ("visits.amount",), adds_up=contrast is not None),
    )
    layout = Layout("t", "t", dimensions, measures, contrast)
    rows, behind = zip(*(_cell(one) for one in cells), strict=True)
    schema = {**dict.fromkeys(names, pl.String), **CELL_COLUMNS}
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    made = _build("cleanroom.room.testing", Table, layout, frame, behind)
    assert isinstance(made, Table)
    return made


def _cell(one: Cell) -> tuple[tuple[Any, ...], Behind]:
    place, who = one[0], one[1]
    groups = {(Share.VALUE, Platform.STORE): group(who)}
    base = len(who)
    contributors = None
    if len(one) == 3:
        groups[Share.BASE, Platform.STORE] = group(one[2])
        base, contributors = len(one[2]), len(who)
    if isinstance(who, Mapping):
        sizes = sorted((abs(add) for add in who.values()), reverse=True)
        support = (base, len(who), *map(float, (*sizes[:2], sum(sizes))), None)
        row = ("amount", float(sum(who.values())), MONEY, *support)
    else:
        row = ("people", float(len(who)), PEOPLE, base, contributors, None, None, None, None)
    return (*place.values(), *row), Behind(groups)


def past(*answers: Answer, asked: Mapping[str, Any] = MAY) -> Past:
    """What was shown before, and what is asked for now."""
    return Past(answers, SEED, {"": asked})


def answered(
    made: Table,
    before: Past | None = None,
    study: Mapping[str, Any] = MAY,
    candidate: str = "c",
    policy: Policy = POLICY,
) -> tuple[Protected, Answer]:
    """What the gate makes of a table, and what is remembered of it."""
    before = before or past()
    out = protect(made, policy, before)
    cells = [cell for found in shown(made, out, SEED).values() for cell in found]
    created = datetime(2026, 9, 14, tzinfo=UTC).isoformat()
    return out, Answer(candidate, created, study, cells)


def values(out: Protected) -> list[float | None]:
    return out.cells["value"].to_list()


def reasons(out: Protected) -> list[str | None]:
    return out.cells["withheld"].to_list()


def said(out: Protected) -> list[str]:
    return out.cells["because"].drop_nulls().to_list()
