"""A scheduled run as a person at a terminal sees it: a bar, then a summary; kept as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cleanroom import signing
from cleanroom.bench.run import Line, Outcome, run
from cleanroom.bench.settings import load_settings
from cleanroom.errors import NotebookError
from cleanroom.room.place import agreement_of


def run_with_progress(room: Path, settings: Path, notebooks: Path, author: str) -> None:
    """Run, show progress, print the summary, and write it to the room's `summary.json`.

    Raises `NotebookError` at the end if a study failed, so that a scheduler sees it.
    """
    console = Console()
    asked = load_settings(settings)
    agreement_of(room)  # whatever is wrong there is said before a bar is drawn
    columns = (TextColumn("Notebooks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("notebooks", total=None)
        lines = run(
            room,
            asked,
            notebooks,
            lambda done, total: bar.update(task, completed=done, total=total),
            author,
        )
    signing.write_canonical(room / "summary.json", [asdict(line) for line in lines])
    _print(console, lines)
    failed = sum(line.outcome is Outcome.FAILED for line in lines)
    if failed:
        raise NotebookError(
            f"{failed} of {len(lines)} studies failed.", "mend what the summary names; run again."
        )


def _print(console: Console, lines: list[Line]) -> None:
    outcomes = Counter(line.outcome for line in lines)
    console.print(", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()))
    for line in lines:
        if line.reason:
            said = f"  {line.merchant} {line.name} ({line.study}) {line.outcome}: {line.reason}"
            console.print(said, markup=False, highlight=False)
