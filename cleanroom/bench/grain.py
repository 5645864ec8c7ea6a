"""How fine the periods of a regional study are: days, or weeks where days would be withheld."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cleanroom.borders import Protected
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.room.geo import geo_tables, periods_of
from cleanroom.room.vault import Vault
from cleanroom.studies.geo_checks import MOST_DROPPED
from cleanroom.studies.geo_panel import is_complete
from cleanroom.study import GeoStudy

_GRAINS = (1, 7)  # in days


def finest(
    studies: Sequence[GeoStudy], vault: Vault, policy: Policy
) -> Iterator[tuple[GeoStudy, dict[str, Protected]]]:
    """Each study's protected tables by name, by day if every treated region and nine in ten of the
    others keep all their days, and by week otherwise.

    `studies` differ in their merchant and regions alone. Only the chosen table leaves; that it is
    by week tells that some day was below a threshold, and not which.
    """
    left = list(studies)
    for days in _GRAINS:
        if not left:
            break
        found = _protected(left, days, vault, policy)
        coarsest = days == _GRAINS[-1] or not _has_weeks(studies[0])
        done = [s for s in left if coarsest or is_complete(found[s.merchant], s, MOST_DROPPED)]
        yield from ((study, found[study.merchant]) for study in done)
        left = [study for study in left if study not in done]


def _has_weeks(study: GeoStudy) -> bool:
    """Whether there are two whole weeks before the start and one after it."""
    starts = periods_of(study, _GRAINS[-1])
    before = sum(start < study.campaign_start for start in starts)
    return before >= 2 and len(starts) > before


def _protected(
    studies: Sequence[GeoStudy], days: int, vault: Vault, policy: Policy
) -> dict[str, dict[str, Protected]]:
    """By merchant, its tables by name."""
    tables = [protect(table, policy) for table in geo_tables(vault, studies, days, policy)]
    parts = {table.name: table.split("merchant") for table in tables}
    return {
        study.merchant: {name: own[study.merchant] for name, own in parts.items()}
        for study in studies
    }
