"""A panel of regions over periods, of which some regions are treated from one period on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cleanroom.studies.intervals import UndefinedError

Real = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Panel:
    """One outcome of `regions` (rows) over periods (columns), all of them known.

    `treated`, by region: those in which the campaign ran, all from the period `first` on (counted
    from 0). Raises `UndefinedError` if there is nothing to compare: no treated region, fewer than
    two others, no period after the start or fewer than two before it, or a number that is unknown.
    """

    regions: tuple[str, ...]
    outcomes: Real
    treated: Flags
    first: int

    def __post_init__(self) -> None:
        if self.outcomes.shape[:1] != self.treated.shape or len(self.regions) != len(self.treated):
            raise UndefinedError("the regions do not fit their outcomes")
        if not self.treated.any() or (~self.treated).sum() < 2:
            raise UndefinedError("there are no treated region and two others to compare it with")
        if self.first < 2 or self.first >= self.periods:
            raise UndefinedError("there are not two periods before the start and one after it")
        if not np.isfinite(self.outcomes).all():
            raise UndefinedError("not every region has a number in every period")

    @property
    def periods(self) -> int:
        """How many periods there are."""
        return int(self.outcomes.shape[1])

    @property
    def target(self) -> Real:
        """The treated regions' mean, by period."""
        mean: Real = self.outcomes[self.treated].mean(axis=0)
        return mean

    @property
    def donors(self) -> Real:
        """The outcomes of the regions that are not treated."""
        return self.outcomes[~self.treated]

    @property
    def donor_names(self) -> tuple[str, ...]:
        """The regions that are not treated, in the order of `donors`."""
        return tuple(np.array(self.regions)[~self.treated].tolist())

    def treating(self, regions: Flags) -> Panel:
        """The same outcomes, as if these regions were the treated ones."""
        return replace(self, treated=regions)
