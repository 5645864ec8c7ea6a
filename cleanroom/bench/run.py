"""A scheduled run: every eligible merchant's studies, several notebooks at once, resumable.

One merchant's failure is a line in the summary, never the run's end; so is a merchant that the
agreement leaves out, and a study that a merchant has not opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path

from cleanroom import ledger
from cleanroom.agreement import Agreement
from cleanroom.bench.answer import answer
from cleanroom.bench.execute import approved_notebook, execute
from cleanroom.bench.settings import RunSettings, study_for
from cleanroom.errors import CleanroomError, StudyError
from cleanroom.gate.candidate import read_candidate
from cleanroom.review.office import docket, submit
from cleanroom.review.templates import Proposal, Standing, Template, covering
from cleanroom.room.eligibility import eligibility
from cleanroom.room.engine import Engine, use
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
    NOT_COVERED = "not covered"
    FAILED = "failed"


SCHEDULE = "schedule"  # the author of what a scheduled run asks to release
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
    author: str = SCHEDULE,
) -> list[Line]:
    """Answer all studies in one pass, execute each merchant's notebook, and submit for review.

    `notebooks` is the folder of the approved notebooks; `progress(done, total)` is called after
    each; `author` is who asks for the release. What was executed before is not executed again.
    Raises only what concerns the whole run.
    """
    use(Engine(settings.engine))
    agreement = agreement_of(room)
    proposals = docket(ledger_of(room)).proposals
    _require_templates(settings, proposals, notebooks)
    vault = open_vault(room, agreement)
    eligible, excluded = eligibility(vault, agreement)
    lines = [Line(m["merchant"], m["name"], "all", Outcome.LEFT_OUT, m["reason"]) for m in excluded]
    names = {m["merchant"]: m["name"] for m in eligible}
    studies: list[tuple[Study, Template]] = []
    for kind in settings.studies:
        for merchant, name in names.items():
            if not agreement.may_study(merchant, kind):
                words = f"the merchant has not opened the {kind} study"
                lines.append(Line(merchant, name, kind, Outcome.NOT_OPENED, words))
                continue
            study = study_for(settings, kind, merchant)
            try:
                studies.append((study, covering(proposals, study, agreement)))
            except StudyError as error:
                lines.append(Line(merchant, name, kind, Outcome.NOT_COVERED, error.problem))
    files = answer(room, [study for study, _ in studies], settings.policy, vault)
    del vault  # and with it the rows in memory: what is left to do reads candidates
    outcomes = [*_execute_all(room, studies, files, notebooks, settings.workers, progress)]
    lines += [Line(s.merchant, names[s.merchant], s.kind, *end) for s, end, _ in outcomes]
    done = [file for _, (outcome, _), file in outcomes if outcome is not Outcome.FAILED]
    submit_files(room, agreement, done, author)
    return sorted(lines, key=lambda line: (line.merchant, line.study))


def submit_files(room: Path, agreement: Agreement, files: Sequence[Path], author: str) -> None:
    """Submit candidates by their files; those submitted before stay as they are."""
    room_key = agreement.room.identity_key or ""
    candidates = [read_candidate(file, room_key) for file in files]
    submit(ledger_of(room), agreement, candidates, author)


def _require_templates(
    settings: RunSettings, proposals: Mapping[str, Proposal], notebooks: Path
) -> None:
    """Raise `StudyError` unless each kind has an approved template, whose notebook is there."""
    for kind in settings.studies:
        approved = [
            proposal.template
            for proposal in proposals.values()
            if proposal.template.kind is kind and proposal.standing is Standing.APPROVED
        ]
        if not approved:
            raise StudyError(
                f"Both platforms have approved no template of the {kind} study.",
                "propose one and have it approved: cleanroom template propose, approve.",
            )
        approved_notebook(approved[-1], notebooks)


def _execute_all(
    room: Path,
    studies: Sequence[tuple[Study, Template]],
    files: Sequence[Path],
    notebooks: Path,
    workers: int,
    progress: Callable[[int, int], None],
) -> Iterator[tuple[Study, End, Path]]:
    pending: dict[Future[None], tuple[Study, Path]] = {}
    done = 0
    # Spawned, not forked: a forked Polars thread pool can deadlock.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for (study, template), file in zip(studies, files, strict=True):
            evidence = evidence_file(room, file)
            if evidence.exists():
                done += 1
                yield study, (Outcome.RESUMED, ""), file
                continue
            notebook = approved_notebook(template, notebooks)
            pending[pool.submit(execute, notebook, study, room, evidence)] = (study, file)
        progress(done, len(studies))
        for future in as_completed(pending):
            study, file = pending[future]
            yield study, _end(room, future, evidence_file(room, file)), file
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
