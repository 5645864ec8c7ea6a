"""Diagnostics of the join, for whoever judges the data before a study; protected as all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cleanroom.borders import Protected
from cleanroom.gate.protect import protect
from cleanroom.outside.words import WITHHELD, cell_figure, reason_words
from cleanroom.room.diagnostics import link_diagnostics
from cleanroom.room.place import agreement_of
from cleanroom.room.vault import open_vault


def diagnostics(room: Path) -> list[Protected]:
    """The diagnostics of the handovers in force, under the agreement's policy.

    Raises `AgreementError` or `HandoverError` if the room has no agreement or lacks a handover.
    """
    agreement = agreement_of(room)
    vault = open_vault(room, agreement)
    return [protect(table, agreement.effective_policy) for table in (link_diagnostics(vault),)]


def as_text(table: Protected, currency: str) -> str:
    """A table for a terminal: a line for each value of its dimensions, a column for each measure.

    Below it stands why numbers were withheld, where any were.
    """
    measures = table.cells["measure"].unique(maintain_order=True).to_list()
    keys = table.cells.select(table.dimensions).unique(maintain_order=True).rows()
    head = [*table.dimensions, *measures]
    lines = [
        [*key, *(cell_figure(table, *key, m, currency=currency).text or WITHHELD for m in measures)]
        for key in keys
    ]
    rules = table.cells["withheld"].drop_nulls().unique(maintain_order=True).to_list()
    reasons = [f"{WITHHELD} ({rule}): {reason_words(rule)}" for rule in rules]
    return "\n".join([table.title, *_aligned([head, *lines], len(table.dimensions)), *reasons])


def _aligned(lines: Sequence[Sequence[str]], words: int) -> list[str]:
    """Lines of equal widths: the first columns are `words` and stand left, numbers right."""
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if place < words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
