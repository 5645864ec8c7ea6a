"""What the pages about the contents of a candidate draw, as values: tables, estimates, comparison,
provenance. The other values of pages, and what they have in common, are in `views`."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.desk.language import Said
from cleanroom.desk.views import Heading, TableLine, Words


@dataclass(frozen=True)
class Cell:
    """One number that would leave (`text`), or the words why there is none (`state`, `reason`).

    `behind`: what the rules guarantee of the people behind it, or how far a withheld one is known.
    `because`: what the rule says of this very number, and what the analyst was told to do.
    """

    text: str | None
    behind: Said | None
    state: Said | None = None
    reason: Said | None = None
    because: Words = ""


@dataclass(frozen=True)
class Row:
    """A row of a table: its dimensions' values and what is counted, then the cell."""

    labels: tuple[Words, ...]
    measure: Words
    cell: Cell


@dataclass(frozen=True)
class ColumnSummary:
    """A measure over the whole table: its cells, the withheld share, the smallest count but zero,
    and how the numbers that would leave were rounded or made noisy."""

    measure: Words
    cells: int
    withheld: int
    smallest: str | None
    change: Said | None

    @property
    def share(self) -> str:
        """The withheld share in whole percent; what is neither none nor all never looks so."""
        if 0 < self.withheld < self.cells:
            return f"{min(99, max(1, round(100 * self.withheld / self.cells)))}%"
        return "100%" if self.withheld else "0%"


@dataclass(frozen=True)
class TablePage:
    """Every cell of a table beside what stands behind it, and each measure summed up."""

    heading: Heading
    name: str
    title: Words
    heads: tuple[Words, ...]
    rows: tuple[Row, ...]
    columns: tuple[ColumnSummary, ...]
    others: tuple[TableLine, ...] = ()


@dataclass(frozen=True)
class EstimateLine:
    """An estimate that would leave, with its interval or margin, or why there is none."""

    label: str
    text: str | None
    spread: str
    method: str
    state: Said | None = None
    reason: str = ""


@dataclass(frozen=True)
class EstimatesPage:
    """What the study computed from the released cells."""

    heading: Heading
    lines: tuple[EstimateLine, ...]


@dataclass(frozen=True)
class Change:
    """A cell that is not as in the earlier release; `difference` where both are numbers."""

    table: Words
    labels: tuple[Words, ...]
    measure: Words
    before: Words
    after: Words
    difference: str = ""
    is_small: bool = False


@dataclass(frozen=True)
class Earlier:
    """The last release of the same study of the same merchant."""

    digest: str
    start: str
    end: str
    released: str


@dataclass(frozen=True)
class Comparison:
    """What changed since the last release of the study.

    `implied`: differences so small that the two releases together tell of few people, as sentences.
    `refused`: by table, what was withheld so that nobody can subtract it from an earlier answer.
    `doubt`: why the last release cannot be opened, empty if it can.
    """

    heading: Heading
    earlier: Earlier | None
    parameters: tuple[Said, ...] = ()
    implied: tuple[Said, ...] = ()
    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    refused: tuple[tuple[Words, Words], ...] = ()
    doubt: Words = ""


@dataclass(frozen=True)
class Fact:
    """One line of provenance: a name, what it is, and whether and how that was verified."""

    term: Said
    value: str
    verified: Said | None = None
    holds: bool = True


@dataclass(frozen=True)
class Provenance:
    """What a candidate rests on, by digest, in groups."""

    heading: Heading
    groups: tuple[tuple[Said, tuple[Fact, ...]], ...]
