"""How far a match is, for whoever started it: on standard error, and never a result."""

from __future__ import annotations

import sys
from typing import Any

import typer

_LINES = 10  # where there is no terminal to draw a bar on


class Shown:
    """A `stepwise.Progress` for a terminal, or in lines for a file."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None
        self._total = self._done = 0

    def says(self, line: str) -> None:
        """Print a line."""
        if self._bar is not None and sys.stderr.isatty():
            typer.echo(err=True)  # the bar keeps its line
        typer.echo(line, err=True)

    def begins(self, records: int) -> None:
        """Begin a bar."""
        self._total, self._done = records, 0
        if sys.stderr.isatty() and records:
            bar = typer.progressbar(length=records, label=self._label, file=sys.stderr)
            self._bar = bar
            bar.render_progress()

    def moved(self, records: int) -> None:
        """Lengthen the bar, or print a line at each tenth."""
        before, self._done = self._done, self._done + records
        if self._bar is not None:
            self._bar.update(records)
        elif self._total and self._done * _LINES // self._total > before * _LINES // self._total:
            typer.echo(f"{self._label}: {self._done / self._total:.0%}", err=True)
