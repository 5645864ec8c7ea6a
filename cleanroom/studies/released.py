"""Reading released numbers, and making estimates of them that say why where there is none.

What was withheld is named. Which rule withheld it is not, nor whether the number was small, zero
or nearly everyone: that would give it away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cleanroom.borders import EVENTS, PEOPLE, Estimate, Protected
from cleanroom.errors import StudyError
from cleanroom.studies.intervals import Interval, Noisy, UndefinedError
from cleanroom.studies.words import joined

AS_RELEASED = "as released by the gate"
WILSON = "Wilson score interval, 95 % (Wilson 1927)"

Compute = Callable[..., Interval | float]


@dataclass(frozen=True)
class Quantity:
    """A released number of `unit`, None where the gate withheld it; `noun` says of what."""

    noun: str
    unit: str
    value: float | None

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


def released(tables: Mapping[str, Protected], table: str) -> dict[tuple[str, ...], float | None]:
    """The numbers of a table of one merchant by (dimension values …, measure), None if withheld.

    Those that carry noise are `Noisy`.

    Raises `StudyError` if the table is absent. Readers take an absent cell as withheld.
    """
    if table not in tables:
        raise StudyError(f"The study needs the table '{table}'.", "hand over all its tables.")
    noise = tables[table].noise
    return {
        key: value if value is None or key[-1] not in noise else Noisy(value, noise[key[-1]])
        for key, value in tables[table].values().items()
    }


def withheld_words(*inputs: Quantity) -> str | None:
    """Which of the inputs were withheld, as a clause; None if all were released."""
    names = list(dict.fromkeys(one.words for one in inputs if one.value is None))
    if not names:
        return None
    return (
        f"{joined(names)} {'was' if len(names) == 1 else 'were'} withheld by the disclosure rules"
    )


def estimate(shown: Shown, compute: Compute, *inputs: Quantity) -> Estimate:
    """An estimate computed from the values of `inputs`, or the reason why there is none."""
    reason = withheld_words(*inputs)
    if reason is not None:
        return _without_value(shown, reason)
    try:
        result = compute(*(one.value for one in inputs))
    except UndefinedError as error:
        sources = joined([one.words for one in inputs])
        return _without_value(shown, f"not defined for {sources}: {error}")
    value, lower, upper = (
        (result.value, result.lower, result.upper)
        if isinstance(result, Interval)
        else (result, None, None)
    )
    return Estimate(shown.name, shown.label, value, shown.unit, lower, upper, method=shown.method)


def _without_value(shown: Shown, reason: str) -> Estimate:
    return Estimate(shown.name, shown.label, None, shown.unit, withheld=reason, method=shown.method)
