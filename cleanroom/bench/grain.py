"""How fine the periods of a regional study are: days, or weeks where days would be withheld."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cleanroom.borders import Protected, Table
from cleanroom.gate.complementary import Earlier
from cleanroom.gate.differencing import Past
from cleanroom.gate.entries import Entries
from cleanroom.gate.protect import protect_together
from cleanroom.policy import Policy
from cleanroom.room.geo import geo_tables, periods_of
from cleanroom.room.vault import Vault
from cleanroom.studies.geo_checks import MOST_DROPPED
from cleanroom.studies.geo_panel import is_complete
from cleanroom.study import GeoStudy, Study

_GRAINS = (1, 7)  # in days


@dataclass(frozen=True, repr=False, eq=False)
class Answered:
    """Studies with the tables that answer them, as counted and as they may leave, and the cells to
    remember. The tables may hold other merchants' cells as well."""

    studies: Sequence[Study]
    tables: Sequence[Table]
    protected: Sequence[Protected]
    entries: Entries

    def of(self, study: Study) -> dict[str, Protected]:
        """The protected tables of a study's merchant by name; none in which it has no cell."""
        parts = {table.name: table.split("merchant") for table in self.protected}
        return {name: own[study.merchant] for name, own in parts.items() if study.merchant in own}


def finest(
    studies: Sequence[GeoStudy], vault: Vault, policy: Policy, past: Past, earlier: Earlier
) -> Iterator[Answered]:
    """Each study's protected tables, by day if every treated region and nine in ten of the others
    keep all their days, and by week otherwise.

    `studies` differ in their merchant and regions alone; `past`, `earlier` as in
    `protect_together`. Only the chosen table leaves; that it is by week tells that some day was
    withheld, and not which.
    """
    left = list(studies)
    for days in _GRAINS:
        if not left:
            break
        tables = geo_tables(vault, left, days, policy)
        found = Answered(left, tables, *protect_together(tables, policy, past, earlier))
        coarsest = days == _GRAINS[-1] or not _has_weeks(studies[0])
        done = [s for s in left if coarsest or is_complete(found.of(s), s, MOST_DROPPED)]
        if done:
            yield replace(found, studies=done)
        left = [study for study in left if study not in done]


def _has_weeks(study: GeoStudy) -> bool:
    """Whether there are two whole weeks before the start and one after it."""
    starts = periods_of(study, _GRAINS[-1])
    before = sum(start < study.campaign_start for start in starts)
    return before >= 2 and len(starts) > before
