"""Every exception of the clean room, its exit code, and what to do next; never a value.

A message carries coordinates (file, table, column, count, row numbers, rule), because the value
it stumbled over may be a person. The exit code tells an operator why a job failed without giving
them the logs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """Why a `cleanroom` command ended; 2 is what command lines use for wrong usage."""

    OK = 0
    USAGE = 2
    AGREEMENT = 10
    KEYS = 11
    EXPORT = 12
    HANDOVER = 13
    STUDY = 14
    NOTEBOOK = 15
    RELEASE = 16
    LEDGER = 17
    BORDER = 18
    DEMO = 19
    JOIN = 20
    REVIEW = 21


class CleanroomError(Exception):
    """A failure told to a person: what is wrong and where (`problem`), what to do (`remedy`)."""

    exit_code = ExitCode.USAGE

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n  What to do: {remedy}")
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        # An error crosses from a worker process with its two parts, not with its joined text.
        return type(self), (self.problem, self.remedy)


class AgreementError(CleanroomError):
    """The agreement cannot be read, or does not allow what was asked."""

    exit_code = ExitCode.AGREEMENT


class KeysError(CleanroomError):
    """A key is missing, readable by others, or of another collaboration or epoch."""

    exit_code = ExitCode.KEYS


class ExportError(CleanroomError):
    """A platform's export file as a whole cannot be used (single bad rows go to quarantine)."""

    exit_code = ExitCode.EXPORT


class HandoverError(CleanroomError):
    """A handover is incomplete, altered, or belongs to another agreement."""

    exit_code = ExitCode.HANDOVER


class SealError(HandoverError):
    """Something sealed does not open: altered, cut, or meant for somebody or something else."""


class StudyError(CleanroomError):
    """A study's parameters are wrong, or outside what the agreement permits."""

    exit_code = ExitCode.STUDY


class BudgetError(StudyError):
    """The agreement's privacy budget does not suffice for what was asked."""


class NotebookError(CleanroomError):
    """A notebook is not the approved one, or failed; named by cell number, never by output."""

    exit_code = ExitCode.NOTEBOOK


class ReleaseError(CleanroomError):
    """A candidate or release does not verify: digest, signature, or quorum."""

    exit_code = ExitCode.RELEASE


class SuppressionError(ReleaseError):
    """A table's sums do not hold, or what must be withheld of it cannot be worked out."""


class LedgerError(CleanroomError):
    """The ledger's chain is broken: an entry was changed, removed, or reordered."""

    exit_code = ExitCode.LEDGER


class BorderError(CleanroomError):
    """A value that crosses a border was built outside the zone that may build it."""

    exit_code = ExitCode.BORDER


class DemoError(CleanroomError):
    """A step of the demo failed, or its directory is not the demo's."""

    exit_code = ExitCode.DEMO


class JoinError(CleanroomError):
    """A join is one too many or matches too little, or a blinded one is disturbed or stuck."""

    exit_code = ExitCode.JOIN


class ReviewError(CleanroomError):
    """A step of the review that is not allowed: in this state, by this person, or so."""

    exit_code = ExitCode.REVIEW


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the known word closest to `word`, else all known words."""
    options = sorted(known)
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(options)}."
