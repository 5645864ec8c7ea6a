"""What is wrong with a row of an export: each reason finds its rows and explains itself.

`RULES` is the one table of reasons, in the order in which they are asked; a row is set aside for
the first that holds. The rows' reference in the docs is drawn from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import polars as pl

from cleanroom.tables import Column, Role, ValueType

FAULT = "#fault"  # index into `faults`, null in a good row; no column of a contract has a #
_TYPED = "#typed."


class Reason(StrEnum):
    """Why a row was set aside."""

    MISSING_VALUE = "missing_value"
    TIME_WITHOUT_ZONE = "time_without_zone"
    WRONG_TYPE = "wrong_type"
    FUTURE_TIME = "future_time"
    NEGATIVE_AMOUNT = "negative_amount"
    UNKNOWN_KIND = "unknown_kind"
    DUPLICATE_EVENT = "duplicate_event"


@dataclass(frozen=True)
class Field:
    """An opened column: its name and contract, and whether the file gives its values as text."""

    name: str
    column: Column
    is_text: bool

    @property
    def read(self) -> pl.Expr:
        """The value as the file has it; text trimmed, null where it was blank."""
        return pl.col(self.name)

    @property
    def typed(self) -> pl.Expr:
        """The value in the contract's type; null where it is not of that type."""
        return self.read if self.column.type is ValueType.TEXT else pl.col(_TYPED + self.name)


@dataclass(frozen=True)
class Rule:
    """A reason's words, the columns it is asked of, and an expression true on rows at fault."""

    says: str
    remedy: str
    applies: Callable[[Field], bool]
    finds: Callable[[Field, datetime], pl.Expr]


def _missing(field: Field, now: datetime) -> pl.Expr:
    column = field.column
    needed = pl.lit(True) if column.required else pl.col("kind").is_in(column.needed_by)
    return field.read.is_null() & needed


def _wrong_type(field: Field, now: datetime) -> pl.Expr:
    return field.read.is_not_null() & field.typed.is_null()


def _without_zone(field: Field, now: datetime) -> pl.Expr:
    looks_local = r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?$"
    return field.typed.is_null() & field.read.str.contains(looks_local)


def _repeated(field: Field, now: datetime) -> pl.Expr:
    # Of good rows only: a delivery that is set aside must not displace its good repetition.
    good = pl.when(pl.col(FAULT).is_null()).then(field.read)
    return good.is_not_null() & ~good.is_first_distinct()


RULES: dict[Reason, Rule] = {
    Reason.MISSING_VALUE: Rule(
        "a value is missing that the contract requires",
        "export the value; a row without it cannot be counted",
        lambda field: field.column.required or bool(field.column.needed_by),
        _missing,
    ),
    Reason.TIME_WITHOUT_ZONE: Rule(
        "the time names no zone, so its instant is unknown",
        "write times as ISO 8601 with offset, as 2026-04-24T18:45:42+08:00",
        lambda field: field.column.type is ValueType.TIME and field.is_text,
        _without_zone,
    ),
    Reason.WRONG_TYPE: Rule(
        "the value is not of the column's type",
        "write money and integers as whole numbers (money in minor units), numbers with a decimal "
        "point, times as ISO 8601 with seconds and offset",
        lambda field: field.column.type is not ValueType.TEXT,
        _wrong_type,
    ),
    Reason.FUTURE_TIME: Rule(
        "the time lies after this run",
        "look at the clock and the zone of the system that wrote it",
        lambda field: field.column.type is ValueType.TIME,
        lambda field, now: field.typed > pl.lit(now),
    ),
    Reason.NEGATIVE_AMOUNT: Rule(
        "the amount or count is below zero",
        "write amounts as positive; a refund is an event of its own kind, with a positive amount",
        lambda field: field.column.type in (ValueType.MONEY, ValueType.INTEGER),
        lambda field, now: field.typed < 0,
    ),
    Reason.UNKNOWN_KIND: Rule(
        "the value is not on the contract's list",
        "map the platform's own names to those of the contract (exact, in lower case)",
        lambda field: bool(field.column.kinds),
        lambda field, now: ~field.typed.is_in(field.column.kinds),
    ),
    Reason.DUPLICATE_EVENT: Rule(
        "the event came before under the same id; its first good delivery is kept",
        "nothing, if events are delivered more than once; else give each event its own id",
        lambda field: field.column.role is Role.EVENT and field.column.required,
        _repeated,
    ),
}


def faults(fields: Iterable[Field]) -> list[tuple[Reason, Field]]:
    """Every fault that can be found in these columns, in the order in which they are asked."""
    known = list(fields)
    return [(reason, f) for reason, rule in RULES.items() for f in known if rule.applies(f)]


def checked(rows: pl.LazyFrame, fields: Iterable[Field], now: datetime) -> pl.LazyFrame:
    """`rows` with the typed values and the column `FAULT`; text columns are trimmed already.

    `now`: the moment, with its zone, after which a time lies in the future.
    """
    known = list(fields)
    rows = rows.with_columns(
        _parse(field).alias(_TYPED + field.name)
        for field in known
        if field.column.type is not ValueType.TEXT
    ).with_columns(pl.lit(None, dtype=pl.UInt8).alias(FAULT))
    found = faults(known)
    for reason, rule in RULES.items():
        marks = [
            pl.when(rule.finds(field, now)).then(pl.lit(index, dtype=pl.UInt8))
            for index, (asked, field) in enumerate(found)
            if asked is reason
        ]
        rows = rows.with_columns(pl.coalesce(FAULT, *marks).alias(FAULT)) if marks else rows
    return rows


def _parse(field: Field) -> pl.Expr:
    match field.column.type:
        case ValueType.TIME if field.is_text:
            return field.read.str.to_datetime("%+", time_unit="us", strict=False)
        case ValueType.TIME:
            return field.read.cast(pl.Datetime("us", "UTC"))
        case ValueType.NUMBER:
            number = field.read.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case _:
            return field.read.cast(pl.Int64, strict=False)
