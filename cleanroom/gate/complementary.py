"""Complementary suppression of a merchant's tables together, over all that was released before.

    what counts people whose number is withheld ─► the least weight of cells that give one away
    ─► the other arms ─► one reason for all that are bound together, where theirs would tell

Decision 0012 says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from cleanroom.gate.covering import Work
from cleanroom.gate.entries import Entries, Entry, Name, Period, entries_of, names_of
from cleanroom.gate.falling import falling
from cleanroom.gate.knowledge import Knowledge, knowledge
from cleanroom.gate.periods import meet
from cleanroom.gate.propagation import components
from cleanroom.gate.reader import Reader
from cleanroom.gate.relations import Cell, Row
from cleanroom.gate.rules import COMPLEMENTARY, DIFFERENCING, WHOLE
from cleanroom.gate.suppress import Cost, complement, weights
from cleanroom.layout import Layout
from cleanroom.policy import Policy


@dataclass(frozen=True, repr=False)
class Earlier:
    """What was answered before, and the merchants' periods of the answer at hand.

    `entries`: the cells of earlier answers, without a `rule` those that were released.
    """

    periods: Mapping[str, Period] = field(default_factory=dict)
    entries: Entries = field(default_factory=dict)


NOTHING = Earlier()
WORK = Work(rounds=2)  # an answer is waited for: more rounds withhold a few per cent less


@dataclass(frozen=True, repr=False, eq=False)
class Sheet:
    """A table's cells on their way through the gate, and their names."""

    layout: Layout
    cells: pl.DataFrame
    names: Sequence[Name]


@dataclass(frozen=True, repr=False, eq=False)
class Together:
    """All tables of an answer: sheets with `withheld` and `told`, and what a reader knows."""

    sheets: Sequence[Sheet]
    reader: Reader

    @property
    def current(self) -> Entries:
        """The answer's own cells."""
        names = {name for sheet in self.sheets for name in sheet.names}
        return {name: e for name, e in self.reader.entries.items() if name in names}

    def safe(self, sheet: Sheet, sums: pl.DataFrame) -> pl.DataFrame:
        """Those of the catch-all rows that give no withheld cell away, all of them told."""
        if sums.is_empty():
            return sums
        already, safe = self.reader.short(), []
        told: tuple[Row, ...] = ()
        for row in sums.iter_rows(named=True):
            trial = (*told, _together(sheet, row))
            safe.append(self.reader.knowing(trial).short() <= already)
            told = trial if safe[-1] else told
        return sums.filter(pl.Series(safe, dtype=pl.Boolean))


def complemented(
    tables: Iterable[tuple[Layout, pl.DataFrame]], policy: Policy, earlier: Earlier
) -> Together:
    """Withhold what would place a withheld number more closely than the policy's width.

    `tables`: layouts with their cells, their `minimum` and `withheld` by rules. A cell that
    nothing protects, since too much was released before, is withheld with all that is bound to it.
    """
    sheets = [
        Sheet(layout, cells, names_of(layout, cells, earlier.periods)) for layout, cells in tables
    ]
    current: Entries = {}
    for sheet in sheets:
        found = entries_of(sheet.layout, sheet.cells, sheet.names, policy)
        current |= {name: _stricter(current.get(name), entry) for name, entry in found.items()}
    before = _comparable(earlier, current)
    known = frozenset(name for name, entry in before.items() if entry.rule is None)
    layouts = [sheet.layout for sheet in sheets]
    entries = {**before, **current}
    withheld = any(entry.rule is not None for entry in entries.values())
    relations = knowledge(layouts, entries) if withheld else Knowledge()
    reader = Reader(entries, relations, known, policy, believing=False)
    work = _Withholding(reader, frozenset(current), sheets)
    work.run()
    return Together([_written(sheet, work.entries) for sheet in sheets], work.reader)


def _stricter(had: Entry | None, entry: Entry) -> Entry:
    """Of a cell that two tables show, the one that is withheld."""
    return had if had is not None and had.rule is not None else entry


def _comparable(earlier: Earlier, current: Entries) -> Entries:
    """The earlier cells of days that meet these, unless their number is another by now."""
    periods = {name.period for name in earlier.entries}
    near = {one for own in earlier.periods.values() for one in (own, *meet(own, periods))}
    return {
        name: entry
        for name, entry in earlier.entries.items()
        if name.period in near and (name not in current or current[name].value == entry.value)
    }


def _written(sheet: Sheet, entries: Entries) -> Sheet:
    """The sheet with the rules by which cells are withheld, and those that are told."""
    rows = [
        (entry.rule if rule is None else rule, entry.told) if entry else (rule, rule)
        for name, rule in zip(sheet.names, sheet.cells["withheld"].to_list(), strict=True)
        for entry in [entries.get(name)]
    ]
    schema = {"withheld": pl.String, "told": pl.String}
    told = pl.DataFrame(rows, schema=schema, orient="row")
    return replace(sheet, cells=sheet.cells.with_columns(told["withheld"], told["told"]))


def _together(sheet: Sheet, row: Mapping[str, object]) -> Row:
    """What a catch-all row says: the sum of the withheld cells of its measure and merchant."""
    owner = [("merchant", row["merchant"])] if "merchant" in row else []
    withheld = sheet.cells["withheld"].to_list()
    parts = [
        name
        for name, rule in zip(sheet.names, withheld, strict=True)
        if rule is not None and name.measure == row["measure"] and {*owner} <= {*name.codes}
    ]
    value = float(str(row["value"]))
    return Row(dict.fromkeys(parts, 1.0), value, value)


def _parts(sheet: Sheet) -> Iterator[tuple[Name, Name]]:
    """The cells of a table that are parts, each with its whole."""
    whole = sheet.layout.whole
    if whole is None:
        return
    for name in sheet.names:
        codes = tuple(pair for pair in name.codes if pair[0] != whole)
        yield name, Name(sheet.layout.whole_in, name.period, "", name.measure, codes)


class _Withholding:
    """Withholds more and more cells of the answer at hand, until all are protected."""

    def __init__(self, reader: Reader, current: frozenset[Name], sheets: Sequence[Sheet]) -> None:
        self.reader = reader
        self.entries: Entries = dict(reader.entries)
        self._current = current
        self._together = [
            (rule, [name for name in names if name in current])
            for sheet in sheets
            for rule, names in falling(sheet.cells, sheet.layout, sheet.names)
        ]
        self._parts = [pair for sheet in sheets for pair in _parts(sheet) if {*pair} <= current]
        self._chosen: set[Name] = set()

    def run(self) -> None:
        self._settle()
        seen = self._seen()
        # Where only a solver knows, it is asked once, for what to withhold.
        if seen.demands and (seen.passed(seen.demands) is None or seen.short()):
            self._choose()
            self._settle()
        self._tell_alike(self._chosen)
        believing = replace(self._seen(), believing=True)
        own = [n for n in believing.unknown if self.entries[n].told != COMPLEMENTARY.id]
        self._tell_alike(believing.short(own))
        self.reader = replace(self._seen(), believing=True)

    def _seen(self) -> Reader:
        return replace(self.reader, entries=dict(self.entries))

    def _withhold(self, name: Name, rule: str) -> None:
        self.entries[name] = replace(self.entries[name], rule=rule, told=rule)

    def _settle(self) -> None:
        """What tells of withheld people, and what falls with others, until nothing more falls."""
        before = -1
        while before != (before := sum(e.rule is not None for e in self.entries.values())):
            self._with_people()
            self._with_others()

    def _with_people(self) -> None:
        """That a number leaves says that its people are enough; why it does not, on which side."""
        moved = True
        while moved:
            moved = False
            for number, people in self.reader.knowledge.among:
                own, behind = self.entries[number], self.entries[people]
                alike = own.told == behind.told == "min_people"
                # Of people told to be too near to an earlier number all know that they are enough.
                enough = behind.rule in (None, DIFFERENCING.id)
                if number not in self._current or enough or alike:
                    continue
                if own.rule is None and people not in self._chosen:
                    self._withhold(number, COMPLEMENTARY.id)
                    moved = True
                elif own.rule is not None and own.told != COMPLEMENTARY.id:
                    self.entries[number] = replace(own, told=COMPLEMENTARY.id)
                    moved = True

    def _with_others(self) -> None:
        """The other arms, the other parts of a whole, and parts whose whole is withheld."""
        for part, whole in self._parts:
            if self.entries[whole].rule is not None and self.entries[part].rule is None:
                self._withhold(part, WHOLE.id)
        for rule, names in self._together:
            if any(self.entries[name].rule is not None for name in names):
                for name in names:
                    if self.entries[name].rule is None:
                        self._withhold(name, rule)

    def _choose(self) -> None:
        """The further cells of least weight; all that is bound to what nothing protects."""
        seen = self._seen()
        relations = seen.choices()
        pattern = complement(
            relations,
            relations.flags(seen.unknown),
            seen.protection(relations),
            weights(relations, Cost.VALUE),
            keep=relations.flags(seen.known),
            work=WORK,
        )
        self._chosen = {relations.cells[k] for k in np.flatnonzero(pattern.complement)}  # type: ignore[misc]
        lost = [cell for cell in pattern.short if cell in self._current]
        if lost:
            bound = components(seen.knowledge.rows, seen.values)
            roots = {bound[cell] for cell in lost}
            self._chosen |= {n for n in self._current if bound[n] in roots and seen.leaves(n)}
        for name in self._chosen:
            self._withhold(name, COMPLEMENTARY.id)

    def _tell_alike(self, cells: Iterable[Name]) -> None:
        """One reason for all withheld cells that are bound to these: theirs would tell."""
        seen = self._seen()
        bound: dict[Cell, Cell] = components(
            seen.knowledge.rows, [*seen.unknown, *seen.knowledge.hidden]
        )
        roots = {bound[cell] for cell in cells if cell in bound}
        for name in seen.unknown:
            # Differencing says nothing of who is withheld, and has to be told with its remedy.
            if self.entries[name].told == DIFFERENCING.id:
                continue
            if bound[name] in roots and name in self._current:
                self.entries[name] = replace(self.entries[name], told=COMPLEMENTARY.id)
