"""The observational study's tables: the people compared, how comparable, and the effects.

Estimated here, where the rows are (`studies.exposed_panel`); what leaves is the gate's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleanroom.absences import NoData
from cleanroom.behind import Behind, group_of
from cleanroom.borders import AREA, DEVIATIONS, EFFECTIVE, MONEY, PEOPLE, SHARE, Table
from cleanroom.layout import Layout
from cleanroom.policy import Policy
from cleanroom.room.counting import Cell, table
from cleanroom.room.exposure import COVARIATES, exposure_panel
from cleanroom.room.numbered import Numbering, behind, numbering
from cleanroom.room.observational_layout import (
    BALANCE,
    BINS,
    COMPARISON,
    DESIGN,
    EDGES,
    FIFTH,
    FIFTHS,
    LAYOUTS,
    OVERLAP,
    SEGMENT,
    SEGMENTS,
    Arm,
    Outcome,
)
from cleanroom.room.vault import Vault
from cleanroom.studies.comparison import Effect, Flags, Real
from cleanroom.studies.exposed_panel import Analysis, Panel, analyse
from cleanroom.studies.intervals import UndefinedError
from cleanroom.study import ObservationalStudy, bounded
from cleanroom.tables import Platform


def observational_tables(
    vault: Vault, studies: Sequence[ObservationalStudy], policy: Policy | None = None
) -> list[Table]:
    """Tables `design`, `balance`, `overlap`, `comparison`, `segments` and `fifths` of the studies.

    Of a study whose groups are not comparable the effects have no data (`refused`); of one in which
    nobody was exposed, or nobody is like them, there is one cell a table, of nobody. `policy` as in
    `lift_tables`. Raises what `exposure_panel` raises, but for `UndefinedError`.
    """
    policy = policy or vault.agreement.effective_policy
    named = numbering(vault)
    return tables_of(
        (_people(vault, bounded(study, policy), named) for study in studies), named.seed
    )


@dataclass(frozen=True, repr=False, eq=False)
class People:
    """A merchant's panel and the numbers of the buyers in it, in its order; None is a panel in
    which nobody was exposed."""

    merchant: str
    panel: Panel | None
    numbers: NDArray[np.uint32]


def tables_of(everybody: Iterable[People], seed: int) -> list[Table]:
    """The tables of merchants' panels; `seed` as in `behind.group_of`."""
    told: dict[str, list[tuple[Cell, Behind]]] = {layout.name: [] for layout in LAYOUTS}
    for people in everybody:
        for name, found in _cells(people.panel).items():
            told[name] += [
                ((people.merchant, *one.cell), _behind(one, people.numbers, seed)) for one in found
            ]
    return [_table(layout, told[layout.name]) for layout in LAYOUTS]


def _table(layout: Layout, told: Sequence[tuple[Cell, Behind]]) -> Table:
    people = iter([who for _, who in told])
    return table(layout, [cell for cell, _ in told], lambda _: next(people))


def _behind(told: _Told, numbers: NDArray[np.uint32], seed: int) -> Behind:
    """The buyers behind a number; behind an estimate those it rests on."""
    value, base = (
        None if flags is None else {Platform.STORE: group_of(numbers[flags], None, seed)}
        for flags in (told.value, told.base)
    )
    return behind(value or {}, base)


def _people(vault: Vault, study: ObservationalStudy, named: Numbering) -> People:
    try:
        panel, buyers = exposure_panel(vault, study)
    except UndefinedError:
        return People(study.merchant, None, np.empty(0, np.uint32))
    return People(study.merchant, panel, named.numbers(buyers, "buyer"))


@dataclass(frozen=True, repr=False, eq=False)
class _Told:
    """A cell without its merchant, and flags over the panel: who makes up its value, or what it
    rests on, and who its base is."""

    cell: Cell
    value: Flags | None
    base: Flags | None = None


def _cells(panel: Panel | None) -> dict[str, list[_Told]]:
    """By table, the cells of one study, without the merchant."""
    try:
        found = analyse(panel) if panel is not None else None
    except UndefinedError:
        found = None
    if panel is None or found is None:
        return {layout.name: [_nobody(layout)] for layout in LAYOUTS}
    kept = found.contrasts[Outcome.BOUGHT].rows
    fifths = [found.ranking.fifth == number for number in range(len(FIFTHS))]
    segments = [panel.customer[kept], ~panel.customer[kept]]
    return {
        DESIGN.name: list(_design(panel, found)),
        BALANCE.name: list(_balance(panel, found)),
        OVERLAP.name: list(_overlap(panel, found)),
        COMPARISON.name: list(_comparison(panel, found)),
        SEGMENT.name: list(_groups(kept, found, dict(zip(SEGMENTS, segments, strict=True)))),
        FIFTH.name: list(_groups(kept, found, dict(zip(FIFTHS, fifths, strict=True)))),
    }


def _nobody(layout: Layout) -> _Told:
    first = (dimension.categories[0] for dimension in layout.dimensions if dimension.categories)
    return _Told((*first, "people", 0, PEOPLE, 0, None), None)


def _design(panel: Panel, found: Analysis) -> Iterator[_Told]:
    kept = found.contrasts[Outcome.BOUGHT].rows
    for arm, group in _arms(panel.exposed):
        people, every = int((group & kept).sum()), int(group.sum())
        yield _Told((arm, "people", people, PEOPLE, people, None), group & kept)
        yield _Told((arm, "set_aside", 1 - people / every, SHARE, every, people), group)
    support = _fewest(panel.exposed[kept])
    before, after = found.effective
    everybody = np.ones_like(kept)
    for arm, name, value, unit, rows in (
        (Arm.COMPARABLE, "effective_before", before, EFFECTIVE, everybody),
        (Arm.COMPARABLE, "effective", after, EFFECTIVE, kept),
        (Arm.BOTH, "separation", found.separation, AREA, everybody),
    ):
        yield _Told((arm, name, value, unit, support, support), rows)


def _balance(panel: Panel, found: Analysis) -> Iterator[_Told]:
    kept = found.contrasts[Outcome.BOUGHT].rows
    people, support = int(kept.sum()), _fewest(panel.exposed[kept])
    names, everybody = np.array(panel.names), np.ones_like(kept)
    for covariate in COVARIATES:
        columns = names == covariate
        if not columns.any():
            continue
        yield _Told((covariate, "people", people, PEOPLE, people, None), kept)
        for stage, apart, rows in (
            ("before", found.before, everybody),
            ("after", found.after, kept),
        ):
            # Of several columns, as regions are, the one that differs most.
            most = apart[columns][np.abs(apart[columns]).argmax()]
            yield _Told((covariate, stage, float(most), DEVIATIONS, support, support), rows)


def _overlap(panel: Panel, found: Analysis) -> Iterator[_Told]:
    """People before any were set aside: who was is not to be had by subtraction."""
    bins = np.digitize(found.propensity * 100, EDGES[1:-1])
    for place, name in enumerate(BINS):
        for arm, group in _arms(panel.exposed):
            here = group & (bins == place)
            people = int(here.sum())
            cell = (name, arm, "people", people, PEOPLE, int(group.sum()), people)
            yield _Told(cell, here, group)


def _comparison(panel: Panel, found: Analysis) -> Iterator[_Told]:
    for name, contrast in found.contrasts.items():
        exposed, rows = panel.exposed[contrast.rows], contrast.rows
        has = contrast.outcome > 0 if name != Outcome.SPENT else panel.bought[contrast.rows]
        yield from _counts(name, rows, exposed, has)
        support, unit = _support(exposed, has), MONEY if name == Outcome.SPENT else SHARE
        refused = found.refused and name in (Outcome.BOUGHT, Outcome.SPENT)
        yield from _told(name, rows, _effect("naive", contrast.naive, unit, support))
        effects = {"matched": contrast.matched, "adjusted": contrast.adjusted}
        effects |= {"ranking": found.ranking.qini} if name == Outcome.BOUGHT else {}
        for method, effect in effects.items():
            cells = _effect(method, effect, unit, support, refused=refused)
            yield from _told(name, rows, cells)


def _groups(kept: Flags, found: Analysis, groups: dict[str, Flags]) -> Iterator[_Told]:
    """Counts and the effect in each of some groups of the people compared (`kept`)."""
    comparison = found.ranking.comparison
    for name, group in groups.items():
        exposed, has = comparison.exposed[group], comparison.outcome[group] > 0
        rows = _among(kept, group)
        yield from _counts(name, rows, exposed, has)
        if 0 < exposed.sum() < len(exposed):
            effect = found.ranking.effect_in(group)
            support = _support(exposed, has)
            cells = _effect("adjusted", effect, SHARE, support, refused=found.refused)
            yield from _told(name, rows, cells)


def _told(name: str, rows: Flags, cells: Iterable[Cell]) -> Iterator[_Told]:
    """The cells of a group, which all rest on its people."""
    return (_Told((name, *cell), rows) for cell in cells)


def _counts(name: str, rows: Flags, exposed: Flags, has: Flags) -> Iterator[_Told]:
    for arm, group in _arms(exposed):
        people, converters = int(group.sum()), int((group & has).sum())
        everybody = _among(rows, group)
        yield _Told((name, arm, "people", people, PEOPLE, people, None), everybody)
        cell = (name, arm, "converters", converters, PEOPLE, people, converters)
        yield _Told(cell, _among(rows, group & has), everybody)


def _arms(exposed: Flags) -> tuple[tuple[Arm, Flags], ...]:
    return (Arm.EXPOSED, exposed), (Arm.COMPARABLE, ~exposed)


def _among(rows: Flags, part: Flags) -> Flags:
    """Flags over the panel for a `part` of those rows."""
    every = np.zeros_like(rows)
    every[rows] = part
    return every


def _effect(
    method: str, effect: Effect, unit: str, support: tuple[int, int], *, refused: bool = False
) -> Iterator[Cell]:
    """An effect and its standard error; of amounts, the largest parts of single people in it."""
    told = (("", effect.value), ("_error", effect.standard_error))
    for name, value in told:
        if refused:
            yield Arm.BOTH, f"{method}{name}", None, unit, *[None] * 5, NoData.REFUSED
        else:
            yield Arm.BOTH, f"{method}{name}", value, unit, *support, *_parts(effect.influence)


def _parts(influence: Real) -> tuple[float, float, float]:
    """The two largest parts of single people in an estimate, and all parts, without their signs."""
    sizes = np.abs(influence)
    second, largest = np.partition(sizes, -2)[-2:]
    return float(largest), float(second), float(sizes.sum())


def _support(exposed: Flags, has: Flags) -> tuple[int, int]:
    """Of both groups the fewer people, and the fewest who bought or who did not."""
    sides = [group & side for group in (exposed, ~exposed) for side in (has, ~has)]
    return _fewest(exposed), min(int(side.sum()) for side in sides)


def _fewest(exposed: Flags) -> int:
    return int(min(exposed.sum(), (~exposed).sum()))
