"""The values that cross a border between zones, each built only by the zone before it.

    party ─ Handover ─► room ─ Table ─► gate ─ Protected ─► studies ─ Findings ─► gate ─ Candidate
    ─► review ─ Release ─► outside

Building one elsewhere raises `BorderError`, so the wrong program fails where it is written. Against
hostile code the border is the process each zone runs in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from cleanroom import signing
from cleanroom.absences import Absence
from cleanroom.builders import Border
from cleanroom.errors import BorderError, ReleaseError
from cleanroom.layout import Layout, flaw
from cleanroom.policy import Rounding
from cleanroom.tables import TABLES, ValueType

if TYPE_CHECKING:  # it needs more than a platform has installed
    from cleanroom.behind import Behind

PEOPLE = "people"  # unit of a count of distinct people
EVENTS = "events"
CIDS = "CIDs"  # distinct click ids
MONEY = "minor units"
MONEY_SQUARED = "minor units²"
SHARE, AREA = "share", "area"  # the area under a curve that runs from 0 to 1
DEVIATIONS = "standard deviations"
EFFECTIVE = "people of equal weight"
AMOUNTS = (MONEY, MONEY_SQUARED)
SUMS = (EVENTS, *AMOUNTS)  # one person may make up a large part of such a value

CELL_COLUMNS = {
    "measure": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    "people": pl.Int64,
    "contributors": pl.Int64,
    "largest": pl.Float64,
    "second": pl.Float64,
    "magnitude": pl.Float64,
    "no_data": pl.String,
}
_HANDED_OVER: dict[ValueType, pl.DataType] = {
    ValueType.TEXT: pl.String(),
    ValueType.INTEGER: pl.Int64(),
    ValueType.MONEY: pl.Int64(),
    ValueType.NUMBER: pl.Float64(),
    ValueType.TIME: pl.Datetime("us", "UTC"),
}
PROTECTED_COLUMNS = {
    "measure": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    "withheld": pl.String,
    "least": pl.Float64,
    "most": pl.Float64,
    "no_data": pl.String,
    "because": pl.String,
}


def handover_schema(table: str, columns: Iterable[str]) -> dict[str, pl.DataType]:
    """How the opened `columns` of a table are stored in a handover: Polars types by name."""
    return {name: _HANDED_OVER[TABLES[table].columns[name].type] for name in columns}


@dataclass(frozen=True, repr=False)
class Handover(Border):
    """A party's sealed tables (`directory`) and the signed manifest that describes them."""

    directory: Path
    manifest: dict[str, Any]

    _built_in = ("cleanroom.party", "cleanroom.borders")


@dataclass(frozen=True, repr=False)
class Table(Border):
    """Cells before protection, with the support behind each: stays in the room.

    `cells` has one row a cell: the layout's dimensions (text), then `CELL_COLUMNS`: `measure`,
    `value`, `unit`, `people` (distinct people in the cell's base population) and `contributors`
    (distinct people who contribute to the value; null where the value is the count of the base
    itself). Of sums also `largest` and `second`, the two largest contributions of single people,
    and `magnitude`, the sum of all contributions, each without its sign. `no_data` says why there
    never was a value (`NoData`). Cells that differ only in `contrast` (arms) are withheld together.
    `behind`: who these people are, cell by cell in the order of `cells`; None of a table that is
    never compared with others.

    Raises `BorderError` if the cells are not those that the layout declares.
    """

    layout: Layout
    cells: pl.DataFrame
    behind: tuple[Behind, ...] | None = None

    _built_in = ("cleanroom.room",)

    @property
    def name(self) -> str:
        """The layout's name."""
        return self.layout.name

    @property
    def title(self) -> str:
        """The layout's title."""
        return self.layout.title

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the layout's dimensions."""
        return self.layout.names

    @property
    def contrast(self) -> str | None:
        """The dimension of arms, if there are any."""
        return self.layout.contrast

    def _check(self) -> None:
        columns = {**dict.fromkeys(self.dimensions, pl.String()), **CELL_COLUMNS}
        absent = pl.col("no_data").is_not_null() & pl.col("value").is_not_null()
        if self.cells.schema != columns:
            problem: str | None = "its columns are not the layout's dimensions and those of a cell"
        elif self.cells.filter(absent).height:
            problem = "a cell without data has a value"
        elif self.behind is not None and len(self.behind) != self.cells.height:
            problem = "the people behind are not those of its cells"
        else:
            problem = flaw(self.layout, self.cells, AMOUNTS)
        if problem:
            raise BorderError(f"Table '{self.name}': {problem}.", "correct its layout or cells.")

    def __repr__(self) -> str:
        return f"Table('{self.name}', {self.cells.height} cells, unprotected: not shown)"


@dataclass(frozen=True, repr=False)
class Protected(Border):
    """Cells after the gate: the only table that can be shown, charted, written or released.

    `cells` has the `dimensions`, then `PROTECTED_COLUMNS`; `value` is null where `withheld` names
    the rule that withheld it, or `no_data` says that there never was one. `because`: what the rule
    says of this very cell, in words, if it does. `least` … `most`: between which a value lay before
    it was rounded, if `rounding` says that the table was. `bounds` says in words, by rule, how far
    each withheld number is known. `noise`: by measure, the standard deviation of the noise in its
    values, in their unit; empty where there is none. The support behind a cell is not here.
    """

    name: str
    title: str
    dimensions: tuple[str, ...]
    cells: pl.DataFrame
    policy: str
    noise: dict[str, float] = field(default_factory=dict)
    rounding: Rounding = Rounding.NONE
    bounds: Mapping[str, str] = field(default_factory=dict)

    _built_in = ("cleanroom.gate", "cleanroom.borders")

    def __repr__(self) -> str:
        withheld = self.cells["withheld"].is_not_null().sum()
        return f"Protected('{self.name}', {self.cells.height} cells, {withheld} withheld)"

    def only(self, dimension: str, value: str) -> Protected:
        """The cells at one value of a dimension, that dimension dropped."""
        return self._part(dimension, self.cells.filter(pl.col(dimension) == value).drop(dimension))

    def split(self, dimension: str) -> dict[str, Protected]:
        """The cells at each value of a dimension, that dimension dropped."""
        parts = self.cells.partition_by(dimension, as_dict=True, include_key=False)
        return {str(value): self._part(dimension, cells) for (value,), cells in parts.items()}

    def values(self) -> dict[tuple[str, ...], float | None]:
        """Released values by (dimension values …, measure); None where there is none."""
        keys = [*self.dimensions, "measure"]
        rows = self.cells.select(*keys, "value").iter_rows()
        return {tuple(row[:-1]): row[-1] for row in rows}

    def _part(self, dropped: str, cells: pl.DataFrame) -> Protected:
        dimensions = tuple(name for name in self.dimensions if name != dropped)
        bounds = {rule: words for rule, words in self.bounds.items() if rule in cells["withheld"]}
        return Protected(
            self.name, self.title, dimensions, cells, self.policy, self.noise, self.rounding, bounds
        )


@dataclass(frozen=True)
class Estimate(Border):
    """A result computed from protected cells alone.

    `value` with its 95 % interval `lower` … `upper` (null where there is none), in `unit`.
    `withheld` says in words why there is no value, `absence` in one. `method` names the formula and
    its source. `rounding`: the most that the rounding of its inputs can have moved `value`; the
    interval is already as much wider. Null if they were not rounded.
    """

    name: str
    label: str
    value: float | None
    unit: str
    lower: float | None = None
    upper: float | None = None
    withheld: str | None = None
    method: str = ""
    absence: Absence | None = None
    rounding: float | None = None

    _built_in = ("cleanroom.studies", "cleanroom.borders")


class Verdict(StrEnum):
    """What a diagnostic says of the study."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check(Border):
    """A diagnostic asked before an estimate is believed, with its verdict and that in words."""

    name: str
    label: str
    verdict: Verdict
    words: str

    _built_in = ("cleanroom.studies", "cleanroom.borders")


@dataclass(frozen=True)
class Findings(Border):
    """What a study makes of its protected tables: estimates and checks by name, and the few
    sentences (`summary`) that a reader takes away, first the most important."""

    estimates: dict[str, Estimate]
    checks: dict[str, Check]
    summary: tuple[str, ...]

    _built_in = ("cleanroom.studies", "cleanroom.borders")


@dataclass(frozen=True, repr=False)
class Candidate(Border):
    """What a run asks to release: protected tables, findings, and the manifest of provenance."""

    manifest: dict[str, Any]
    tables: dict[str, Protected]
    findings: Findings
    signature: str = ""

    _built_in = ("cleanroom.gate", "cleanroom.borders")

    def __repr__(self) -> str:
        study = self.manifest["study"]
        return f"Candidate({study['kind']}, {study['merchant']}, {candidate_digest(self)[:12]})"


@dataclass(frozen=True, repr=False)
class Release(Border):
    """A candidate with the votes of a quorum, verified: all that a report may be drawn from.
    `found`: what the machine had found when they voted; `receipt`: what the room signed."""

    candidate: Candidate
    votes: tuple[dict[str, Any], ...]
    found: tuple[dict[str, str], ...] = ()
    receipt: dict[str, Any] = field(default_factory=dict)

    _built_in = ("cleanroom.gate",)

    def __repr__(self) -> str:
        return f"Release({self.candidate!r}, {len(self.votes)} votes)"


def candidate_record(candidate: Candidate) -> dict[str, Any]:
    """What is signed: the candidate as plain JSON values, without its signature."""
    return {
        "format": "cleanroom-candidate-3",
        "manifest": candidate.manifest,
        "tables": {name: _table_record(table) for name, table in candidate.tables.items()},
        "estimates": {name: _fields(e) for name, e in candidate.findings.estimates.items()},
        "checks": {name: _fields(check) for name, check in candidate.findings.checks.items()},
        "summary": list(candidate.findings.summary),
    }


def candidate_digest(candidate: Candidate) -> str:
    """SHA-256 of the candidate's record: what reviewers sign."""
    return signing.digest(candidate_record(candidate))


def candidate_from(record: dict[str, Any], signature: str, room_key: str) -> Candidate:
    """Rebuild a candidate that the room signed; raises `ReleaseError` if the signature fails."""
    if not signing.verifies(room_key, signature, "candidate", record):
        raise ReleaseError(
            "The candidate is not what the room signed.", "ask the room to make it again."
        )
    tables = {name: _table_from(fields) for name, fields in record["tables"].items()}
    estimates = {name: _estimate_from(fields) for name, fields in record["estimates"].items()}
    checks = {
        name: Check(**{**fields, "verdict": Verdict(fields["verdict"])})
        for name, fields in record["checks"].items()
    }
    findings = Findings(estimates, checks, tuple(record["summary"]))
    return Candidate(record["manifest"], tables, findings, signature)


def _table_record(table: Protected) -> dict[str, Any]:
    record = {**_fields(table), "dimensions": list(table.dimensions), "cells": table.cells.rows()}
    record["bounds"] = dict(table.bounds)
    return {name: value for name, value in record.items() if name != "noise" or value}


def _table_from(fields: dict[str, Any]) -> Protected:
    dimensions = tuple(fields["dimensions"])
    schema = {**dict.fromkeys(dimensions, pl.String), **PROTECTED_COLUMNS}
    cells = pl.DataFrame(fields["cells"], schema=schema, orient="row")
    return Protected(
        fields["name"],
        fields["title"],
        dimensions,
        cells,
        fields["policy"],
        fields.get("noise", {}),
        Rounding(fields["rounding"]),
        fields["bounds"],
    )


def _estimate_from(fields: dict[str, Any]) -> Estimate:
    absence = fields["absence"]
    return Estimate(**{**fields, "absence": None if absence is None else Absence(absence)})


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
