"""What all studies of randomised holdouts have in common: which may be asked at once, and how."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TypeVar

from cleanroom.errors import StudyError
from cleanroom.room.vault import Vault
from cleanroom.study import LiftStudy, SubstitutionStudy

Holdout = TypeVar("Holdout", LiftStudy, SubstitutionStudy)
_LARGEST_SUM = 2**63 - 1


def require_askable(vault: Vault, studies: Sequence[Holdout]) -> None:
    """Raise `StudyError` if a merchant has two of the `studies`, or if a population needs a shared
    identifier and the agreement opens none."""
    twice = [m for m, times in Counter(study.merchant for study in studies).items() if times > 1]
    if twice:
        raise StudyError(
            f"Two {studies[0].kind} studies of one merchant were asked for at once: "
            f"{', '.join(sorted(twice))}.",
            "ask for them one after the other.",
        )
    shared = any(study.population == "shared_identifier" for study in studies)
    if shared and vault.agreement.join.shared_identifier is None:
        raise StudyError(
            "population: the agreement opens no shared identifier.", "study the 'linked_panel'."
        )


def alike(studies: Sequence[Holdout], *parameters: str) -> list[list[Holdout]]:
    """The studies in groups that one pass counts: of the same days, population, `max_amount` and
    further `parameters`."""
    names = ("start", "end", "population", "max_amount", *parameters)
    groups = defaultdict(list)
    for study in studies:
        groups[tuple(getattr(study, name) for name in names)].append(study)
    return list(groups.values())


def require_exact(people: int, max_amount: int) -> None:
    """Raise `StudyError` if squares of amounts of so many people cannot be summed exactly."""
    if people * max_amount**2 > _LARGEST_SUM:
        raise StudyError(
            "max_amount: squares of such amounts cannot be summed exactly.", "lower max_amount."
        )
