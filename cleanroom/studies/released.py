"""Reading released numbers, and making estimates of them that say why where there is none.

What was withheld is named. Which rule withheld it is not, nor whether the number was small, zero
or nearly everyone: that would give it away. What was never recorded is named apart from that.

Of rounded numbers an estimate is computed as they were released, and again from the ends of the
ranges in which the exact numbers lie: its interval covers all of these, and it says how far its
value may be off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from cleanroom.absences import NO_DATA_WORDS, Absence, NoData
from cleanroom.borders import (
    EVENTS,
    PEOPLE,
    Estimate,
    Protected,
)
from cleanroom.errors import StudyError
from cleanroom.studies.intervals import Chance, Interval, Noisy, UnboundedError, UndefinedError
from cleanroom.studies.words import joined

AS_RELEASED = "as released by the gate"
WILSON = "Wilson score interval, 95 % (Wilson 1927)"
_WIDENED = "from rounded numbers, and widened by the most that rounding can have changed"
_MOST_NAMED = 4
_MOST_ENDS = 2**12  # of the ranges of rounded numbers, in all combinations

Result = Interval | Chance | float
Compute = Callable[..., Result]
Reason = tuple[Absence, str]


@dataclass(frozen=True)
class Number:
    """A released number, and `least` and `most`, between which it lay before it was rounded.

    Without a value it was withheld, unless `no_data` says why there never was one.
    """

    value: float | None = None
    least: float | None = None
    most: float | None = None
    no_data: NoData | None = None


@dataclass(frozen=True)
class Quantity:
    """A released number of `unit`; `noun` says of what. Readers take an absent one as withheld."""

    noun: str
    unit: str
    number: Number | None

    @property
    def value(self) -> float | None:
        """None where there is no number."""
        return self.number.value if self.number else None

    @property
    def ends(self) -> tuple[float, ...]:
        """Between which the number lay before rounding; one number if it was not rounded."""
        least, most = (self.number.least, self.number.most) if self.number else (None, None)
        ends = [end for end in (least, most) if end is not None]
        return tuple(dict.fromkeys(ends)) or ((self.value,) if self.value is not None else ())

    @property
    def words(self) -> str:
        """As a sentence names it: 'the number of buyers', 'the advertising cost'."""
        return f"the number of {self.noun}" if self.unit in (PEOPLE, EVENTS) else f"the {self.noun}"


@dataclass(frozen=True)
class Shown:
    """How an estimate is shown: its name, label and unit, and the method behind it."""

    name: str
    label: str
    unit: str
    method: str


def released(tables: Mapping[str, Protected], table: str) -> dict[tuple[str, ...], Number]:
    """The numbers of a table of one merchant by (dimension values …, measure).

    Those that carry noise are `Noisy`. Raises `StudyError` if the table is absent.
    """
    if table not in tables:
        raise StudyError(f"The study needs the table '{table}'.", "hand over all its tables.")
    one = tables[table]
    keys = [*one.dimensions, "measure"]
    return {
        tuple(row[key] for key in keys): _number(row, one.noise.get(row["measure"]))
        for row in one.cells.iter_rows(named=True)
    }


def _number(cell: Mapping[str, Any], deviation: float | None) -> Number:
    value, least, most = (_with_noise(cell[end], deviation) for end in ("value", "least", "most"))
    return Number(value, least, most, NoData(cell["no_data"]) if cell["no_data"] else None)


def _with_noise(value: float | None, deviation: float | None) -> float | None:
    return value if value is None or deviation is None else Noisy(value, deviation)


def absence(*inputs: Quantity) -> Reason | None:
    """Which of the inputs there is no number for and why, as a clause; None if all have one."""
    missing = [one for one in inputs if one.value is None]
    if not missing:
        return None
    withheld = [one.words for one in missing if one.number is None or one.number.no_data is None]
    clauses = [_withheld(list(dict.fromkeys(withheld)))] if withheld else []
    for reason in NoData:
        never = [one.words for one in missing if one.number and one.number.no_data is reason]
        if never:
            names = joined(list(dict.fromkeys(never)))
            clauses.append(f"there is no data on {names}: {NO_DATA_WORDS[reason]}")
    return (Absence.WITHHELD if withheld else Absence.NO_DATA), "; ".join(clauses)


def _withheld(names: list[str]) -> str:
    if len(names) > _MOST_NAMED:
        return f"{len(names)} of the numbers it needs were withheld by the disclosure rules"
    return (
        f"{joined(names)} {'was' if len(names) == 1 else 'were'} withheld by the disclosure rules"
    )


def estimate(shown: Shown, compute: Compute, *inputs: Quantity) -> Estimate:
    """An estimate computed from the values of `inputs`, or the reason why there is none."""
    reason = absence(*inputs)
    if reason is not None:
        return _without_value(shown, *reason)
    try:
        result = compute(*(one.value for one in inputs))
    except UndefinedError as error:
        sources = joined([one.words for one in inputs])
        words = f"not defined for {sources}: {error}"
        return _without_value(shown, Absence.UNDEFINED, words)
    if all(len(one.ends) == 1 for one in inputs):
        return _with_value(shown, result, None)
    if 2 ** sum(len(one.ends) > 1 for one in inputs) > _MOST_ENDS:
        words = "not defined: too many rounded numbers together leave nothing to be said"
        return _without_value(shown, Absence.UNDEFINED, words)
    try:
        others = list(_at_the_ends(compute, inputs))
    except UnboundedError as error:
        words = f"not defined: before rounding, the numbers may have been such that {error}"
        return _without_value(shown, Absence.UNDEFINED, words)
    result = _widened(result, others)
    moved = max((abs(_value(other) - _value(result)) for other in others), default=0.0)
    return _with_value(replace(shown, method=f"{shown.method}, {_WIDENED}"), result, moved)


def _at_the_ends(compute: Compute, inputs: tuple[Quantity, ...]) -> Iterator[Result]:
    """What would come of every end of the inputs' ranges; what cannot be so is left out."""
    for numbers in product(*(one.ends for one in inputs)):
        try:
            yield compute(*numbers)
        except UnboundedError:
            raise
        except UndefinedError:
            continue


def _widened(result: Result, others: list[Result]) -> Result:
    """An interval that covers all others; the chance that speaks least against chance alone."""
    intervals = [other for other in (result, *others) if isinstance(other, Interval)]
    chances = [other for other in (result, *others) if isinstance(other, Chance)]
    if isinstance(result, Interval):
        least, most = min(i.lower for i in intervals), max(i.upper for i in intervals)
        return Interval(result.value, least, most)
    if isinstance(result, Chance):
        departures = [chance.departure for chance in chances]
        # Somewhere between two departures in opposite directions there is none.
        none = min(departures) <= 0 <= max(departures)
        return replace(result, p_value=1.0 if none else max(c.p_value for c in chances))
    return result


def _value(result: Result) -> float:
    if isinstance(result, Chance):
        return result.p_value
    return result.value if isinstance(result, Interval) else result


def _with_value(shown: Shown, result: Result, rounding: float | None) -> Estimate:
    value = _value(result)
    lower, upper = (result.lower, result.upper) if isinstance(result, Interval) else (None, None)
    name, label, unit, method = shown.name, shown.label, shown.unit, shown.method
    return Estimate(name, label, value, unit, lower, upper, method=method, rounding=rounding)


def _without_value(shown: Shown, why: Absence, words: str) -> Estimate:
    name, label, unit, method = shown.name, shown.label, shown.unit, shown.method
    return Estimate(name, label, None, unit, withheld=words, method=method, absence=why)
