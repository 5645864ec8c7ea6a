"""Against τ-Argus (pytauargus): protects at least as well, and withholds hardly more."""

from __future__ import annotations

import numpy as np
import pytest

from cleanroom.gate.audit import Protection, exposed, feasible
from cleanroom.gate.linear import Flags
from cleanroom.gate.relations import known
from cleanroom.gate.suppress import Cost, complement, weights
from tests.gate.argus import Case, audited, suppressed
from tests.gate.tables import crossed, random_inner

pytest.importorskip("pytauargus", reason="has no wheel for this machine")

GROUPS = {"1": "x", "2": "x", "3": "x", "4": "y", "5": "y", "6": "z"}
# Shape, groups of the first dimension or none, seeds.
TABLES = [
    ((8, 6), False, 1),
    ((8, 6), False, 2),
    ((12, 10), False, 3),
    ((4, 4, 3), False, 4),
    ((5, 4, 3), False, 5),
    ((6, 5), True, 6),
    ((6, 8), True, 7),
    ((6, 4, 3), True, 8),
]


def case_of(shape: tuple[int, ...], grouped: bool, seed: int) -> Case:
    """Small counts are primary; half their value has to be left open each way."""
    groups = [GROUPS if grouped and axis == 0 else {} for axis in range(len(shape))]
    table = crossed(random_inner(shape, seed), groups)
    table = known(table, table.cells, upper=float(table.values.max()))
    primary = (table.values > 0) & (table.values < 8)
    level = np.where(primary, np.maximum(1.0, np.round(table.values / 2)), 0.0)
    width = np.zeros(len(level))
    return Case(table, primary, Protection(level, level, width), weights(table, Cost.VALUE))


def example() -> Case:
    """The table of pytauargus's own introduction: turnover by region and sector, NK(2, 75).

    Its second sensitive cell, its levels, weights and bounds are as it writes them for its solver.
    """
    table = crossed(np.array([[110, 30], [60, 90]]))
    table = known(table, table.cells, upper=290)
    primary = table.flags([(("d0", "1"),), (("d0", "1"), ("d1", "1"))])
    level = np.zeros(len(table.cells))
    level[table.places([(("d0", "1"),), (("d0", "1"), ("d1", "1"))])] = 6.667, 30.0
    return Case(table, primary, Protection(level, level, 0 * level), weights(table, Cost.VALUE))


def all_cases() -> list[Case]:
    return [example(), *(case_of(*table) for table in TABLES)]


def unmet(case: Case, withheld: Flags) -> int:
    """How many primary cells τ-Argus's own audit of a pattern finds too closely bounded."""
    least, most, _ = audited(case, withheld)
    places = np.flatnonzero(withheld)
    values, asked = case.relations.values[places], case.protection
    low, high = (
        values - least >= asked.down[places] - 1e-3,
        most - values >= asked.up[places] - 1e-3,
    )
    return int((~(low & high))[case.primary[places]].sum())


@pytest.mark.slow
@pytest.mark.parametrize("case", all_cases(), ids=["example", *(str(t) for t in TABLES)])
def test_our_pattern_protects_as_well_and_withholds_hardly_more(case: Case) -> None:
    ours = complement(case.relations, case.primary, case.protection, case.weight)
    theirs = suppressed(case)
    assert ours.short == ()
    assert exposed(case.relations, ours.withheld, case.protection) == ()
    assert unmet(case, ours.withheld) == 0
    allowed = float(case.weight[theirs & ~case.primary].sum())
    assert ours.weight <= 1.05 * allowed


@pytest.mark.slow
def test_the_audits_agree() -> None:
    for case in all_cases():
        withheld = suppressed(case)
        least, most, _ = audited(case, withheld)
        found = feasible(case.relations, withheld)
        assert found.lower.tolist() == np.ceil(least - 1e-5).tolist()
        assert found.upper.tolist() == np.floor(most + 1e-5).tolist()
