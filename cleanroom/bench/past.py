"""The past at hand: what an answer is compared with, and how it becomes a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cleanroom.behind import Answer, Shown
from cleanroom.borders import Candidate, candidate_digest
from cleanroom.gate.complementary import Earlier
from cleanroom.gate.differencing import Past
from cleanroom.gate.entries import Entries, Period
from cleanroom.gate.memory import entries_from, records_of
from cleanroom.policy import Policy
from cleanroom.room.reach import tables_depend_on
from cleanroom.room.shown import holding, memory_of
from cleanroom.room.vault import Vault
from cleanroom.study import LiftStudy, ObservationalStudy, Study


@contextmanager
def past_of(
    vault: Vault, studies: Sequence[Study], policy: Policy
) -> Iterator[tuple[Past, Earlier]]:
    """All answers so far, for `studies` of one merchant each; nobody else answers meanwhile.

    Who was behind their numbers, and the numbers of these merchants.

    Raises `LedgerError` or `SealError` if what the room remembers is not whole.
    """
    memory = memory_of(vault)
    with holding(vault.room):
        asked = {study.merchant: tables_depend_on(study, policy) for study in studies}
        answers = memory.answers()
        yield Past(answers, memory.seed, asked), _earlier(studies, answers)


def _earlier(studies: Sequence[Study], answers: Sequence[Answer]) -> Earlier:
    periods = {study.merchant: _period(study) for study in studies}
    own = (answer for answer in answers if answer.study["merchant"] in periods)
    return Earlier(periods, entries_from(list(record) for one in own for record in one.numbers))


def _period(study: Study) -> Period:
    """The days of a study's numbers, and what else they depend on that a person chooses."""
    of: tuple[str, ...] = ()
    if isinstance(study, LiftStudy):
        of = (study.study, study.population)
    if isinstance(study, ObservationalStudy):
        chosen = study.model_dump(mode="json", exclude={"merchant", "start", "end", "max_people"})
        of = tuple(f"{name}: {value}" for name, value in chosen.items())
    return Period(study.start, study.end, of)


@dataclass(frozen=True, repr=False)
class Made:
    """A candidate, the study it answers, the people behind what it shows, and all its numbers."""

    study: Study
    candidate: Candidate
    cells: Sequence[Shown]
    numbers: Entries


def remember(vault: Vault, made: Sequence[Made], policy: Policy) -> None:
    """Remember candidates' numbers and who is behind them, before anybody can read them; within
    `past_of`."""
    answers = [
        Answer(
            candidate_digest(one.candidate),
            str(one.candidate.manifest["created"]),
            tables_depend_on(one.study, policy),
            one.cells,
            records_of(one.numbers),
        )
        for one in made
    ]
    memory_of(vault).remember(answers, vault.agreement.retention_days)
