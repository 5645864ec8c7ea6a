"""What became of an export's rows: counts, reasons and row numbers, never a value."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.party.checks import RULES, Reason
from cleanroom.tables import Platform


@dataclass(frozen=True)
class FaultCount:
    """How many rows a reason set aside for a column, and the first of their numbers."""

    reason: Reason
    column: str
    count: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True)
class TableReport:
    """Rows of a table that went into the handover and, by fault, those that did not.

    `left_at_home`: columns of the file that the agreement does not open, and nobody read.
    """

    table: str
    file: str
    kept: int
    faults: tuple[FaultCount, ...]
    left_at_home: int

    @property
    def read(self) -> int:
        """Rows in the file."""
        return self.kept + sum(fault.count for fault in self.faults)

    @property
    def quarantined(self) -> dict[str, int]:
        """Rows set aside, by reason."""
        counts: dict[str, int] = {}
        for fault in self.faults:
            counts[fault.reason] = counts.get(fault.reason, 0) + fault.count
        return counts


@dataclass(frozen=True)
class IngestReport:
    """A platform's ingest, table by table; its text is for the platform's operator."""

    platform: Platform
    tables: tuple[TableReport, ...]

    def __str__(self) -> str:
        lines = [f"{self.platform}: what became of the export's rows"]
        for table in self.tables:
            lines += _lines(table)
        return "\n".join(lines)


def _lines(table: TableReport) -> list[str]:
    lines = [f"  {table.file}: {table.read:,} rows read, {table.kept:,} kept"]
    if table.left_at_home:
        lines[0] += f"; columns not opened, left at home: {table.left_at_home}"
    for fault in table.faults:
        rows = ", ".join(f"{row:,}" for row in fault.first_rows)
        more = ", …" if fault.count > len(fault.first_rows) else ""
        rule = RULES[fault.reason]
        lines.append(
            f"    {fault.count:,} set aside, column '{fault.column}': {rule.says} "
            f"(rows {rows}{more})"
        )
        lines.append(f"      What to do: {rule.remedy}.")
    return lines
