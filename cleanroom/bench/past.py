"""The past at hand: what an answer is compared with, and how it becomes a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cleanroom.behind import Answer, Shown
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.gate.differencing import Past
from cleanroom.policy import Policy
from cleanroom.room.reach import tables_depend_on
from cleanroom.room.shown import holding, memory_of
from cleanroom.room.vault import Vault
from cleanroom.study import Study


@contextmanager
def past_of(vault: Vault, studies: Sequence[Study], policy: Policy) -> Iterator[Past]:
    """All answers so far, for `studies` of one merchant each; nobody else answers meanwhile.

    Raises `LedgerError` or `SealError` if what the room remembers is not whole.
    """
    memory = memory_of(vault)
    with holding(vault.room):
        asked = {study.merchant: tables_depend_on(study, policy) for study in studies}
        yield Past(memory.answers(), memory.seed, asked)


@dataclass(frozen=True, repr=False)
class Made:
    """A candidate, the study it answers, and the people behind what it shows."""

    study: Study
    candidate: Candidate
    cells: Sequence[Shown]


def remember(vault: Vault, made: Sequence[Made], policy: Policy) -> None:
    """Remember who is behind candidates, before anybody can read them; within `past_of`."""
    answers = [
        Answer(
            candidate_digest(one.candidate),
            str(one.candidate.manifest["created"]),
            tables_depend_on(one.study, policy),
            one.cells,
        )
        for one in made
    ]
    memory_of(vault).remember(answers, vault.agreement.retention_days)
