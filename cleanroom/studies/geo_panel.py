"""From the released table of regions and periods to a panel that estimators take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cleanroom.borders import EVENTS, MONEY, PEOPLE, Protected
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.panel import Panel
from cleanroom.studies.released import Number, released
from cleanroom.studies.words import joined
from cleanroom.study import GeoStudy

UNITS = {"orders": EVENTS, "buyers": PEOPLE, "revenue": MONEY}


@dataclass(frozen=True, eq=False)
class Given:
    """What the table gives of one measure: the panel of its complete regions, the first days of the
    periods, and the regions that were `dropped`, some number of theirs being withheld."""

    panel: Panel
    periods: tuple[str, ...]
    dropped: tuple[str, ...]


class WithheldError(UndefinedError):
    """A number without which there is no comparison was withheld."""


def given(tables: Mapping[str, Protected], study: GeoStudy, measure: str) -> Given:
    """The panel of one measure. A region with a number withheld in any period is left out of all.

    Raises `WithheldError` if that would be a treated region or leave fewer than two others, and
    `UndefinedError` if a region named as treated is not in the table.
    """
    numbers = {
        key[:2]: one for key, one in released(tables, "regions").items() if key[2] == measure
    }
    periods = tuple(sorted({period for _, period in numbers}))
    regions = sorted({region for region, _ in numbers} - set(study.left_out))
    unknown = sorted(set(study.treated) - set(regions))
    if unknown:
        raise UndefinedError(f"there is no region {joined(unknown)}")
    complete = [name for name in regions if _is_complete(numbers, name, periods)]
    fallen = [name for name in study.treated if name not in complete]
    if fallen:
        raise WithheldError(
            f"not every period's {measure} in {joined(fallen)} could leave the room"
        )
    if len(complete) - len(study.treated) < 2:
        raise WithheldError(f"the {measure} of fewer than two other regions could leave the room")
    outcomes = [[numbers[name, period].value or 0.0 for period in periods] for name in complete]
    first = sum(period < study.campaign_start.isoformat() for period in periods)
    treated = np.isin(complete, study.treated)
    panel = Panel(tuple(complete), np.array(outcomes, dtype=np.float64), treated, first)
    return Given(panel, periods, tuple(sorted(set(regions) - set(complete))))


def is_complete(tables: Mapping[str, Protected], study: GeoStudy, most_dropped: float) -> bool:
    """Whether the study can be made of the table, with at most such a share of regions dropped."""
    try:
        found = given(tables, study, study.outcome)
    except UndefinedError:
        return False
    return len(found.dropped) <= most_dropped * (len(found.dropped) + len(found.panel.regions))


def _is_complete(
    numbers: Mapping[tuple[str, ...], Number], region: str, periods: tuple[str, ...]
) -> bool:
    rows = [numbers.get((region, period)) for period in periods]
    return all(row is not None and row.value is not None for row in rows)
