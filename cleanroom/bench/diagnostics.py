"""Diagnostics of the join, for whoever judges the data before a study; protected as all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cleanroom.absences import Absence
from cleanroom.borders import Protected
from cleanroom.gate.protect import protect
from cleanroom.gate.sizes import rounded
from cleanroom.outside.words import bound_words, cell_figure, reason_words, rounding_words
from cleanroom.room.diagnostics import link_diagnostics, match_sizes
from cleanroom.room.place import agreement_of
from cleanroom.room.vault import open_vault
from cleanroom.tables import Platform

_NAMES = {Platform.ADS: "of what the ads platform", Platform.STORE: "of what the store platform"}


def diagnostics(room: Path) -> list[Protected]:
    """The diagnostics of the handovers in force, under the agreement's policy, and rounded.

    Raises `AgreementError` or `HandoverError` if the room has no agreement or lacks a handover.
    """
    agreement = agreement_of(room)
    vault, policy = open_vault(room, agreement), agreement.effective_policy
    tables = (match_sizes(vault), link_diagnostics(vault))
    return [rounded(protect(table, policy), policy.rounding) for table in tables]


def told(room: Path) -> str:
    """The diagnostics for a terminal, with the match rates; raises what `diagnostics` raises."""
    agreement = agreement_of(room)
    match, rules = diagnostics(room)
    multiple = agreement.effective_policy.rounding
    match_text, rules_text = (as_text(table, agreement.currency) for table in (match, rules))
    rounding = f"All numbers are rounded to a multiple of {multiple}; rates are of rounded numbers."
    return "\n\n".join(["\n".join([match_text, *match_rates(match)]), rules_text, rounding])


def match_rates(match: Protected) -> list[str]:
    """The shares that matched of what each platform handed over, in words.

    Computed from the released cells of the table `match`; withheld where one of them is.
    """
    value = match.values()
    lines = []
    for side, name in _NAMES.items():
        shares = []
        for measure, word in (("cids", "CIDs"), ("people", "people")):
            part, whole = value["matched", measure], value[side, measure]
            share = f"{part / whole:.1%}" if part is not None and whole else Absence.WITHHELD
            shares.append(f"{share} of {word}")
        lines.append(f"Match rate {name} handed over: {', '.join(shares)}")
    return lines


def as_text(table: Protected, currency: str) -> str:
    """A table for a terminal: a line for each value of its dimensions, a column for each measure.

    Below it stands why numbers were withheld and how far they are known, and how all were rounded.
    """
    measures = table.cells["measure"].unique(maintain_order=True).to_list()
    keys = table.cells.select(table.dimensions).unique(maintain_order=True).rows()
    head = [*table.dimensions, *measures]
    lines = [
        [*key, *(figure.text or figure.state for figure in figures)]
        for key in keys
        for figures in [[cell_figure(table, *key, m, currency=currency) for m in measures]]
    ]
    rules = table.cells["withheld"].drop_nulls().unique(maintain_order=True).to_list()
    notes = [
        f"{Absence.WITHHELD} ({rule}): {reason_words(rule)}; known: {bound_words(table, rule)}"
        for rule in rules
    ]
    notes += [words for words in [rounding_words(table)] if words]
    return "\n".join([table.title, *_aligned([head, *lines], len(table.dimensions)), *notes])


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
