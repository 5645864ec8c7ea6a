"""Submission from the desk's queue: cases become candidates again, and go to the reviewers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cleanroom.agreement import Agreement
from cleanroom.desk.queue import opened
from cleanroom.review.case import Case
from cleanroom.review.office import submit
from cleanroom.room.place import ledger_of


def submit_cases(
    room: Path, agreement: Agreement, cases: Sequence[Case], author: str
) -> list[Case]:
    """Submit the candidates of some cases; raises `ReviewError` if one may not be."""
    candidates = [opened(room, case, agreement).candidate for case in cases]
    return submit(ledger_of(room), agreement, candidates, author)
