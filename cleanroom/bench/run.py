"""A scheduled run: every eligible merchant's studies, several notebooks at once, resumable.

One merchant's failure is a line in the summary, never the run's end; so is a merchant that the
agreement leaves out, and a study that a merchant has not opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path

from cleanroom import ledger
from cleanroom.agreement import Agreement, StudyKind
from cleanroom.bench.answer import answer
from cleanroom.bench.execute import execute, permitted_notebook
from cleanroom.bench.settings import RunSettings, study_for
from cleanroom.errors import CleanroomError
from cleanroom.room.eligibility import eligibility
from cleanroom.room.engine import use
from cleanroom.room.place import agreement_of, evidence_file, ledger_of
from cleanroom.room.vault import open_vault
from cleanroom.signing import file_digest
from cleanroom.study import Study


class Outcome(StrEnum):
    """What became of one merchant's study in a run."""

    EXECUTED = "executed"
    RESUMED = "already executed"
    LEFT_OUT = "left out"
    NOT_OPENED = "not opened"
    FAILED = "failed"


End = tuple[Outcome, str]  # with the reason in words, if there is no result


@dataclass(frozen=True)
class Line:
    """One line of a run's summary; `reason` says in words why there is no result."""

    merchant: str
    name: str
    study: str
    outcome: Outcome
    reason: str = ""


def run(
    room: Path,
    settings: RunSettings,
    notebooks: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Line]:
    """Answer all studies in one pass, then execute each merchant's notebook as evidence.

    `notebooks` is the folder of the permitted notebooks; `progress(done, total)` is called after
    each. What was executed before is not executed again. Raises only what concerns the whole run.
    """
    use(settings.engine)
    agreement = agreement_of(room)
    for kind in settings.studies:
        permitted_notebook(agreement, kind, notebooks)
    vault = open_vault(room, agreement)
    eligible, excluded = eligibility(vault, agreement)
    lines = [Line(m["merchant"], m["name"], "all", Outcome.LEFT_OUT, m["reason"]) for m in excluded]
    names = {m["merchant"]: m["name"] for m in eligible}
    studies = []
    for kind in settings.studies:
        for merchant, name in names.items():
            if agreement.may_study(merchant, kind):
                studies.append(study_for(settings, kind, merchant))
            else:
                words = f"the merchant has not opened the {kind} study"
                lines.append(Line(merchant, name, kind, Outcome.NOT_OPENED, words))
    files = answer(room, studies, settings.policy, vault)
    del vault  # and with it the rows in memory: what is left to do reads candidates
    outcomes = _execute_all(room, agreement, studies, files, notebooks, settings.workers, progress)
    lines += [Line(s.merchant, names[s.merchant], s.kind, *end) for s, end in outcomes]
    return sorted(lines, key=lambda line: (line.merchant, line.study))


def _execute_all(
    room: Path,
    agreement: Agreement,
    studies: Sequence[Study],
    files: Sequence[Path],
    notebooks: Path,
    workers: int,
    progress: Callable[[int, int], None],
) -> Iterator[tuple[Study, End]]:
    pending: dict[Future[None], tuple[Study, Path]] = {}
    done = 0
    # Spawned, not forked: a forked Polars thread pool can deadlock.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for study, file in zip(studies, files, strict=True):
            evidence = evidence_file(room, file)
            if evidence.exists():
                done += 1
                yield study, (Outcome.RESUMED, "")
                continue
            notebook = permitted_notebook(agreement, StudyKind(study.kind), notebooks)
            pending[pool.submit(execute, notebook, study, room, evidence)] = (study, evidence)
        progress(done, len(studies))
        for future in as_completed(pending):
            study, evidence = pending[future]
            yield study, _end(room, future, evidence)
            done += 1
            progress(done, len(studies))


def _end(room: Path, future: Future[None], evidence: Path) -> End:
    try:
        future.result()
    except CleanroomError as error:
        return Outcome.FAILED, error.problem
    except Exception as error:
        # A worker that died: its error may quote what it held, so only its kind is told.
        return Outcome.FAILED, type(error).__name__
    facts = {"evidence": evidence.name, "sha256": file_digest(evidence)}
    ledger.append(ledger_of(room), ledger.Event.NOTEBOOK_EXECUTED, facts)
    return Outcome.EXECUTED, ""
