"""Differencing: no number leaves that together with earlier ones is one about a few people.

Compared are the people behind, whatever a cell is called: those who make up its value, with what
each adds, and those of its base. Only numbers of one kind are added and subtracted: the same
measure of the same category. Steps of a path are different kinds; that a few took one and not the
next is for the rule `min_converters`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from cleanroom.absences import TOGETHER
from cleanroom.behind import Answer, Behind, Group, Share, Shown, together
from cleanroom.borders import Protected, Table
from cleanroom.errors import BorderError, ReleaseError
from cleanroom.gate.near import Origin, Track
from cleanroom.gate.refusals import Asked, because
from cleanroom.gate.rules import DIFFERENCING
from cleanroom.layout import Layout
from cleanroom.policy import Policy
from cleanroom.tables import Platform

OWNER = "merchant"
_Key = tuple[str, Share, Platform]


@dataclass(frozen=True, repr=False, eq=False)
class Past:
    """All that was shown before, and who asks now: the study of each merchant as plain values.

    `seed` is the room's secret (`behind.group_of`).
    """

    answers: tuple[Answer, ...]
    seed: int
    asked: Mapping[str, Asked]

    @cached_property
    def of_kind(self) -> Mapping[str, list[tuple[Shown, Answer]]]:
        """The cells shown, by kind, with the answers that showed them."""
        found: dict[str, list[tuple[Shown, Answer]]] = defaultdict(list)
        for answer in self.answers:
            for cell in answer.cells:
                found[cell.kind].append((cell, answer))
        return found

    def asked_for(self, place: Mapping[str, str]) -> Asked:
        """The study that a cell is for."""
        owner = place.get(OWNER, "")
        return self.asked[owner] if owner in self.asked else next(iter(self.asked.values()))


class _Tracks:
    """All numbers shown of the kinds in question, and those of the answer being made."""

    def __init__(self, past: Past, kinds: Iterable[str], min_people: int) -> None:
        self._tracks: dict[_Key, Track] = {}
        self._min_people = min_people
        for kind in set(kinds):
            for cell, answer in past.of_kind.get(kind, []):
                self.add(cell, answer)

    def add(self, cell: Shown, answer: Answer | None = None) -> None:
        for (share, party), group in cell.behind.groups.items():
            self._track(cell.kind, share, party).add(group, Origin(cell.place, answer))

    def refusal(self, cell: Shown, asked: Asked) -> str | None:
        """Why a cell cannot be shown, in words that give nothing away; None if it can."""
        for (share, party), group in cell.behind.groups.items():
            track = self._track(cell.kind, share, party)
            near = track.near(group)
            if near is not None:
                return because(near, track.origins, cell.place, asked, self._min_people)
        return None

    def _track(self, kind: str, share: Share, party: Platform) -> Track:
        key = (kind, share, party)
        if key not in self._tracks:
            self._tracks[key] = Track(self._min_people, sums=share is Share.VALUE)
        return self._tracks[key]


def differing(cells: pl.DataFrame, table: Table, policy: Policy, past: Past | None) -> pl.DataFrame:
    """The cells of `table` with `withheld` and `because` where a cell differs by too few people.

    From what was shown before (`past`), or from a cell above it. Without a past nothing is
    compared. Raises `BorderError` if the table does not say who is behind its cells.
    """
    if past is None:
        return cells.with_columns(because=pl.lit(None, pl.String))
    if table.behind is None:
        raise BorderError(
            f"Table '{table.name}' does not say who is behind its cells, so it cannot be compared.",
            "have the room count it with the people behind (`room.numbered`).",
        )
    named = _named(cells, table.layout, table.behind)
    tracks = _Tracks(past, (cell.kind for cell in named), policy.min_people)
    leaves = (cells["withheld"].is_null() & cells["no_data"].is_null()).to_list()
    words: list[str | None] = []
    for cell, leaving in zip(named, leaves, strict=True):
        refusal = tracks.refusal(cell, past.asked_for(cell.place)) if leaving else None
        if leaving and refusal is None:
            tracks.add(cell)
        words.append(refusal)
    return _withheld(cells, words)


def told_together(
    rows: pl.DataFrame, cells: pl.DataFrame, table: Table, policy: Policy, past: Past | None
) -> pl.DataFrame:
    """Of `rows` that tell withheld `cells` together, those that differ by enough people."""
    if past is None or table.behind is None or not rows.height:
        return rows
    found = _shown(pl.concat([cells, rows]), cells, table, past.seed)
    tracks = _Tracks(past, (cell.kind for cell in found), policy.min_people)
    kept = []
    for cell in found:
        is_row = TOGETHER in cell.place.values()
        refusal = tracks.refusal(cell, past.asked_for(cell.place)) if is_row else None
        if refusal is None:
            tracks.add(cell)
        if is_row:
            kept.append(refusal is None)
    return rows.filter(pl.Series(kept, dtype=pl.Boolean))


def shown(table: Table, protected: Protected, seed: int) -> dict[str, list[Shown]]:
    """By merchant, the cells of `protected` that are shown, with the people behind them."""
    found: dict[str, list[Shown]] = defaultdict(list)
    if table.behind is not None:
        for cell in _shown(protected.cells, protected.cells, table, seed):
            found[cell.place.get(OWNER, "")].append(cell)
    return found


def require_apart(
    candidate: str, answers: Sequence[Answer], released: Collection[str], policy: Policy
) -> None:
    """Raise `ReleaseError` unless what a candidate shows is far enough from what others show.

    They are those of `answers` that came before it, and all that are `released` (digests). Its
    own numbers were compared when it was made: within each table here, and between tables by what
    their layouts say of each other.
    """
    place = next((i for i, one in enumerate(answers) if one.candidate == candidate), None)
    if place is None:
        raise ReleaseError(
            "The room does not remember who is behind its numbers, or not any more.",
            "ask the study anew, and release that answer.",
        )
    own, since = answers[place], [a for a in answers[place + 1 :] if a.candidate in released]
    past = Past((*answers[:place], *since), 0, {"": own.study})
    tracks = _Tracks(past, (cell.kind for cell in own.cells), policy.min_people)
    for cell in own.cells:
        refusal = tracks.refusal(cell, own.study)
        if refusal is not None:
            raise ReleaseError(
                f"One of its numbers {refusal}.", "reject it, and ask for the study anew."
            )


def _withheld(cells: pl.DataFrame, words: Sequence[str | None]) -> pl.DataFrame:
    told = pl.Series("because", words, dtype=pl.String)
    cells = cells.with_columns(told)
    differs = pl.when(pl.col("because").is_not_null()).then(pl.lit(DIFFERENCING.id))
    return cells.with_columns(withheld=pl.coalesce("withheld", differs))


def _named(cells: pl.DataFrame, layout: Layout, behind: Sequence[Behind]) -> list[Shown]:
    rows = cells.iter_rows(named=True)
    return [
        Shown(_kind(layout, row), _place(layout, row), who)
        for row, who in zip(rows, behind, strict=True)
    ]


def _kind(layout: Layout, row: Mapping[str, Any]) -> str:
    """What a cell counts: its measure, and what else tells kinds of numbers apart.

    Of estimates all that the study's own categories tell apart: they do not add up.
    """
    is_estimate = row["measure"] in layout.estimates
    kinds = (d for d in layout.dimensions if d.names_kinds or (d.categories and is_estimate))
    categories = {d.name: row[d.name] for d in kinds}
    return json.dumps([row["measure"], row["unit"], sorted(categories.items())])


def _place(layout: Layout, row: Mapping[str, Any]) -> dict[str, str]:
    """Of which part of the people a cell is: its values of the columns it is grouped by, and of
    ways to count the same; of all parts, none."""
    own = (d for d in layout.dimensions if not d.names_kinds and row[d.name] != d.total)
    return {d.name: str(row[d.name]) for d in own}


def _shown(cells: pl.DataFrame, withheld: pl.DataFrame, table: Table, seed: int) -> list[Shown]:
    """The cells that have a value, each with the people behind it; rows told together among them,
    which are of cells `withheld`."""
    names = [*table.layout.names, "measure"]
    behind = dict(zip(table.cells.select(names).rows(), table.behind or (), strict=True))
    hidden = withheld.filter(pl.col("withheld").is_not_null()).select(names).rows()
    leaving = cells.filter(
        pl.col("withheld").is_null(), pl.col("no_data").is_null(), pl.col("value").is_not_null()
    )
    keys = leaving.select(names).rows()
    for key in keys:
        if key not in behind:
            parts = [behind[part] for part in hidden if _is_part(part, key)]
            behind[key] = _together(parts, seed)
    return _named(leaving, table.layout, [behind[key] for key in keys])


def _is_part(part: Sequence[str], whole: Sequence[str]) -> bool:
    return all(b in (a, TOGETHER) for a, b in zip(part, whole, strict=True))


def _together(parts: Sequence[Behind], seed: int) -> Behind:
    groups: dict[tuple[Share, Platform], list[Group]] = defaultdict(list)
    for part in parts:
        for key, group in part.groups.items():
            groups[key].append(group)
    return Behind({key: together(found, seed) for key, found in groups.items()})
