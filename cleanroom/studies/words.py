"""Numbers and lists as a study's sentences write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cleanroom import numbers
from cleanroom.absences import Absence
from cleanroom.borders import Estimate

_UNKNOWN = {
    Absence.WITHHELD: "a withheld",
    Absence.NO_DATA: "an unrecorded",
    Absence.UNDEFINED: "an undefined",
    None: "an unknown",
}


def joined(parts: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def sentence(clause: str) -> str:
    """The clause with a capital letter and a full stop."""
    return f"{clause[0].upper()}{clause[1:]}."


def counted(estimate: Estimate, noun: str = "") -> str:
    """'12,345 people'; 'a withheld number of people', or an unrecorded one, without a value."""
    if estimate.value is None:
        return f"{_UNKNOWN[estimate.absence]} number{f' of {noun}' if noun else ''}"
    return f"{numbers.count(estimate.value)} {noun}".rstrip()


def points(value: float) -> str:
    """A difference of shares: '0.68 percentage points'."""
    return f"{numbers.points(value)} percentage points"


def probability(value: float) -> str:
    """A p-value to two figures: 'p = 0.0086', 'p < 0.0001'."""
    return "p < 0.0001" if value < 0.0001 else f"p = {numbers.probability(value)}"


def size_of(effect: Estimate, shown: Callable[[float], str]) -> tuple[str, str]:
    """An effect that is not zero, and its interval, without their sign."""
    every = (effect.value or 0.0, effect.lower or 0.0, effect.upper or 0.0)
    size, low, high = (abs(number) for number in every)
    return shown(size), f"95% interval {shown(min(low, high))} to {shown(max(low, high))}"


def around_zero(effect: Estimate, shown: Callable[[float], str]) -> str:
    """An effect that may be zero: 'estimate 3, 95% interval −5 to 11'."""
    low, value, high = (shown(x or 0.0) for x in (effect.lower, effect.value, effect.upper))
    return f"estimate {value}, 95% interval {low} to {high}"
