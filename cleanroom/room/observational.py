"""The observational study's tables: the people compared, how comparable, and the effects.

Estimated here, where the rows are (`studies.exposed_panel`); what leaves is the gate's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from cleanroom.absences import NoData
from cleanroom.borders import AREA, DEVIATIONS, EFFECTIVE, MONEY, PEOPLE, SHARE, Table
from cleanroom.layout import Layout
from cleanroom.policy import Policy
from cleanroom.room.counting import Cell, table
from cleanroom.room.exposure import COVARIATES, exposure_panel
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


def observational_tables(
    vault: Vault, studies: Sequence[ObservationalStudy], policy: Policy | None = None
) -> list[Table]:
    """Tables `design`, `balance`, `overlap`, `comparison`, `segments` and `fifths` of the studies.

    Of a study whose groups are not comparable the effects have no data (`refused`); of one in which
    nobody was exposed, or nobody is like them, there is one cell a table, of nobody. `policy` as in
    `lift_tables`. Raises what `exposure_panel` raises, but for `UndefinedError`.
    """
    policy = policy or vault.agreement.effective_policy
    return tables_of((study.merchant, _panel(vault, bounded(study, policy))) for study in studies)


def tables_of(panels: Iterable[tuple[str, Panel | None]]) -> list[Table]:
    """The tables of merchants' panels; None is a panel in which nobody was exposed."""
    cells: dict[str, list[Cell]] = {layout.name: [] for layout in LAYOUTS}
    for merchant, panel in panels:
        for name, found in _cells(panel).items():
            cells[name] += [(merchant, *cell) for cell in found]
    return [table(layout, cells[layout.name]) for layout in LAYOUTS]


def _panel(vault: Vault, study: ObservationalStudy) -> Panel | None:
    try:
        return exposure_panel(vault, study)
    except UndefinedError:
        return None


def _cells(panel: Panel | None) -> dict[str, list[Cell]]:
    """By table, the cells of one study, without the merchant."""
    try:
        found = analyse(panel) if panel is not None else None
    except UndefinedError:
        found = None
    if panel is None or found is None:
        return {layout.name: [_nobody(layout)] for layout in LAYOUTS}
    fifths = [found.ranking.fifth == number for number in range(len(FIFTHS))]
    kept = found.contrasts[Outcome.BOUGHT].rows
    segments = [panel.customer[kept], ~panel.customer[kept]]
    return {
        DESIGN.name: list(_design(panel, found)),
        BALANCE.name: list(_balance(panel, found)),
        OVERLAP.name: list(_overlap(panel, found)),
        COMPARISON.name: list(_comparison(panel, found)),
        SEGMENT.name: list(_groups(found, dict(zip(SEGMENTS, segments, strict=True)))),
        FIFTH.name: list(_groups(found, dict(zip(FIFTHS, fifths, strict=True)))),
    }


def _nobody(layout: Layout) -> Cell:
    first = (dimension.categories[0] for dimension in layout.dimensions if dimension.categories)
    return *first, "people", 0, PEOPLE, 0, None


def _design(panel: Panel, found: Analysis) -> Iterator[Cell]:
    kept = found.contrasts[Outcome.BOUGHT].rows
    for arm, group in ((Arm.EXPOSED, panel.exposed), (Arm.COMPARABLE, ~panel.exposed)):
        people, every = int((group & kept).sum()), int(group.sum())
        yield arm, "people", people, PEOPLE, people, None
        yield arm, "set_aside", 1 - people / every, SHARE, every, people
    support = _fewest(panel.exposed[kept])
    before, after = found.effective
    yield Arm.COMPARABLE, "effective_before", before, EFFECTIVE, support, support
    yield Arm.COMPARABLE, "effective", after, EFFECTIVE, support, support
    yield Arm.BOTH, "separation", found.separation, AREA, support, support


def _balance(panel: Panel, found: Analysis) -> Iterator[Cell]:
    kept = found.contrasts[Outcome.BOUGHT].rows
    people, support = int(kept.sum()), _fewest(panel.exposed[kept])
    names = np.array(panel.names)
    for covariate in COVARIATES:
        columns = names == covariate
        if not columns.any():
            continue
        yield covariate, "people", people, PEOPLE, people, None
        for stage, apart in (("before", found.before), ("after", found.after)):
            # Of several columns, as regions are, the one that differs most.
            most = apart[columns][np.abs(apart[columns]).argmax()]
            yield covariate, stage, float(most), DEVIATIONS, support, support


def _overlap(panel: Panel, found: Analysis) -> Iterator[Cell]:
    """People before any were set aside: who was is not to be had by subtraction."""
    bins = np.digitize(found.propensity * 100, EDGES[1:-1])
    for place, name in enumerate(BINS):
        for arm, group in ((Arm.EXPOSED, panel.exposed), (Arm.COMPARABLE, ~panel.exposed)):
            people = int((group & (bins == place)).sum())
            yield name, arm, "people", people, PEOPLE, int(group.sum()), people


def _comparison(panel: Panel, found: Analysis) -> Iterator[Cell]:
    for name, contrast in found.contrasts.items():
        exposed = panel.exposed[contrast.rows]
        has = contrast.outcome > 0 if name != Outcome.SPENT else panel.bought[contrast.rows]
        yield from ((name, *cell) for cell in _counts(exposed, has))
        support, unit = _support(exposed, has), MONEY if name == Outcome.SPENT else SHARE
        refused = found.refused and name in (Outcome.BOUGHT, Outcome.SPENT)
        yield from ((name, *cell) for cell in _effect("naive", contrast.naive, unit, support))
        effects = {"matched": contrast.matched, "adjusted": contrast.adjusted}
        effects |= {"ranking": found.ranking.qini} if name == Outcome.BOUGHT else {}
        for method, effect in effects.items():
            told = _effect(method, effect, unit, support, refused=refused)
            yield from ((name, *cell) for cell in told)


def _groups(found: Analysis, groups: dict[str, Flags]) -> Iterator[Cell]:
    """Counts and the effect in each of some groups of the people compared."""
    comparison = found.ranking.comparison
    for name, group in groups.items():
        exposed, has = comparison.exposed[group], comparison.outcome[group] > 0
        yield from ((name, *cell) for cell in _counts(exposed, has))
        if 0 < exposed.sum() < len(exposed):
            effect = found.ranking.effect_in(group)
            support = _support(exposed, has)
            for cell in _effect("adjusted", effect, SHARE, support, refused=found.refused):
                yield name, *cell


def _counts(exposed: Flags, has: Flags) -> Iterator[Cell]:
    for arm, group in ((Arm.EXPOSED, exposed), (Arm.COMPARABLE, ~exposed)):
        people, converters = int(group.sum()), int((group & has).sum())
        yield arm, "people", people, PEOPLE, people, None
        yield arm, "converters", converters, PEOPLE, people, converters


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
