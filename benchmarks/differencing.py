"""A new table of `rows` cells compared with ten times as many that were shown before.

The promise is a second; `ratio` is that over the longest median of `compare`, the gate's part with
its index. `read` is what opening the room's memory of the earlier cells takes, from its encrypted
files, of `megabytes`. Each cell has the people of two platforms and those of its base.

    report      16 kinds; 600 people a cell, of whom one in ten is exchanged each time
    amounts     the same, with what each of them spent
    windows     days, and all longer windows of them: they contain one another
    one kind    all cells of one kind and of 1,000 people each: sizes tell none from another
    large       a tenth of the cells, of 20,000 people each
    near        `report` once more, two people exchanged in every cell: all of it is refused
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cleanroom.behind import Answer, Behind, Share, group_of
from cleanroom.borders import CELL_COLUMNS, MONEY, PEOPLE, Table
from cleanroom.gate.differencing import Past, differing, shown
from cleanroom.gate.protect import protect
from cleanroom.keyring import create_keyring
from cleanroom.layout import Dimension, Layout, Measure, Use
from cleanroom.policy import Policy
from cleanroom.room import shown as memory
from cleanroom.tables import KeyRole, Platform
from tests.factories import _build

PROMISE_SECONDS = 1.0
EARLIER = 10  # answers, each of as many cells as the new one
KINDS, UNIVERSE, SEED = 16, 2_000_000, 11
POLICY = Policy(max_share_of_two=1, p_percent=0)
STUDY = {"kind": "conversion", "start": "2026-05-01", "end": "2026-05-30"}
STEPS = tuple(f"step {n}" for n in range(KINDS))
LAYOUT = Layout(
    "t",
    "t",
    (Dimension("campaign", ("touches.campaign",)), Dimension("step", categories=STEPS)),
    (
        Measure("people", Use.COUNT, ("touches.user", "visits.buyer")),
        Measure("amount", Use.SUM, ("visits.amount",)),
    ),
)
People = NDArray[np.uint32]
Crowds = list[list[People]]  # the people of each cell, answer by answer, the new one last


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Print and return the medians of `runs` by case, and how much of the new table was refused."""
    figures: dict[str, Any] = {}
    for name, make in CASES.items():
        crowds = make(rows, np.random.default_rng(SEED))
        amounts = name == "amounts"
        kinds = 1 if name == "one kind" else KINDS
        tables = [_table(cells, amounts, kinds) for cells in crowds]
        figures[name] = told = _measured(tables, runs)
        print(
            f"{name:<10} {tables[-1].cells.height:>6,} cells against {told['earlier']:>7,}: "
            f"compare {told['compare']:6.3f} s, read {told['read']:6.3f} s of "
            f"{told['megabytes']:,.0f} MB; refused {told['refused']:,}"
        )
    worst = max(told["compare"] for told in figures.values())
    return {**figures, "runs": runs, "ratio": round(PROMISE_SECONDS / worst, 2)}


def _measured(tables: list[Table], runs: int) -> dict[str, Any]:
    *earlier, new = tables
    cells = new.cells.with_columns(withheld=pl.lit(None, pl.String))
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        ring = create_keyring(room / "keys", KeyRole.ROOM, {"collaboration": "c"}, room / "lock")
        with memory.holding(room):
            for number, table in enumerate(earlier):
                found = shown(table, protect(table, POLICY), SEED)
                told = [cell for cells in found.values() for cell in cells]
                memory.remember(room, ring, [Answer(f"{number}", "2026-09-14", STUDY, told)], 30)
        read, compare = [], []
        for _ in range(runs):
            started = time.process_time()
            answers = memory.remembered(room, ring)
            read.append(time.process_time() - started)
            started = time.process_time()
            out = differing(cells, new, POLICY, Past(answers, SEED, {"": STUDY}))
            compare.append(time.process_time() - started)
        size = sum(file.stat().st_size for file in (room / "shown").iterdir())
    return {
        "earlier": sum(len(answer.cells) for answer in answers),
        "compare": round(median(compare), 3),
        "read": round(median(read), 3),
        "megabytes": round(size / 1e6, 1),
        "refused": int(out["withheld"].is_not_null().sum()),
    }


def _table(cells: list[People], amounts: bool, kinds: int) -> Table:
    """Of each cell the people are known to both platforms; the base has as many more."""
    rows, behind = [], []
    for number, who in enumerate(cells):
        adds = (who.astype(np.int64) * 7919 % 50_000 + 1) if amounts else None
        value = group_of(who, adds, SEED)
        base = group_of(np.concatenate([who, who + UNIVERSE]).astype(np.uint32), None, SEED)
        groups = {(Share.VALUE, party): value for party in Platform}
        behind.append(Behind(groups | {(Share.BASE, Platform.ADS): base}))
        place = (f"c{number // kinds}", STEPS[number % kinds])
        total = float(len(who) if adds is None else adds.sum())
        measure, unit = ("amount", MONEY) if amounts else ("people", PEOPLE)
        most = (1.0, 1.0, total) if amounts else (None, None, None)
        rows.append((*place, measure, total, unit, 2 * len(who), len(who), *most, None))
    schema = {**dict.fromkeys(LAYOUT.names, pl.String), **CELL_COLUMNS}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    made = _build("cleanroom.room.testing", Table, LAYOUT, frame, tuple(behind))
    assert isinstance(made, Table)
    return made


def _drawn(people: int, rng: np.random.Generator) -> People:
    return np.unique(rng.integers(0, UNIVERSE, people, dtype=np.uint32))


def _report(rows: int, rng: np.random.Generator, exchanged: int = 60) -> Crowds:
    """Each answer's cells are those before, some people exchanged."""
    answers = [[_drawn(600, rng) for _ in range(rows)]]
    for _ in range(EARLIER):
        answers.append([_exchanged(cell, exchanged, rng) for cell in answers[-1]])
    return answers


def _exchanged(cell: People, people: int, rng: np.random.Generator) -> People:
    kept = rng.permutation(cell)[people:]
    return np.unique(np.concatenate([kept, _drawn(people, rng)]))


def _windows(rows: int, rng: np.random.Generator) -> Crowds:
    """Of 11 days the 66 windows of a day or more, by place; the new answer has the last of them."""
    answers: Crowds = [[] for _ in range(EARLIER + 1)]
    windows = [(a, b) for a in range(11) for b in range(a + 1, 12)]
    per_answer = len(windows) // (EARLIER + 1)
    for _ in range(rows // per_answer):
        days = [_drawn(150, rng) for _ in range(11)]
        for number, (first, after) in enumerate(windows):
            answers[min(number // per_answer, EARLIER)].append(
                np.unique(np.concatenate(days[first:after]))
            )
    return answers


def _near(rows: int, rng: np.random.Generator) -> Crowds:
    *earlier, _ = _report(rows, rng)
    return [*earlier, [_exchanged(cell, 2, rng) for cell in earlier[-1]]]


CASES: dict[str, Callable[[int, np.random.Generator], Crowds]] = {
    "report": _report,
    "amounts": _report,
    "windows": _windows,
    "one kind": lambda rows, rng: [
        [rng.permutation(20_000)[:1_000].astype(np.uint32) for _ in range(rows)]
        for _ in range(EARLIER + 1)
    ],
    "large": lambda rows, rng: [
        [_drawn(20_000, rng) for _ in range(rows // 10)] for _ in range(EARLIER + 1)
    ],
    "near": _near,
}
