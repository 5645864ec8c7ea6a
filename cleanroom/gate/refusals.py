"""Why a cell differs by too few people, and what to do, in words that give nothing away.

They are made of what was asked then and now, never of how many people there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from cleanroom.behind import Answer
from cleanroom.gate.near import Near, Origin

Asked = Mapping[str, Any]  # what a study's tables depend on: its parameters and bounds
_OWNER = "merchant"
_WIDER = (7, 14, 28)  # days by which windows may differ without being about one day's people


def because(
    near: Near,
    origins: Sequence[Sequence[Origin]],
    place: Mapping[str, str],
    asked: Asked,
    min_people: int,
) -> str:
    """What stands after 'withheld: it' of the cell at `place`, which `asked` is for."""
    first = origins[near.others[0]][-1]
    few = f"fewer than {min_people} people"
    if near.whole is not None:
        whole = origins[near.whole][-1]
        beside = _named(first, place, asked) + _and_more(len(near.others) - 1)
        told = f"leaves, beside {beside}, {few} of {_named(whole, place, asked)}"
    elif near.is_whole:
        beside = _named(first, place, asked) + _and_more(len(near.others) - 1)
        told = f"is all but {few} made up of {beside}"
    else:
        told = f"differs from {_named(first, place, asked)}, by {few}"
    return f"{told}: {_remedy(first, place, asked)}"


def _named(origin: Origin, place: Mapping[str, str], asked: Asked) -> str:
    cell = _cell(origin.place, place)
    if origin.answer is None:
        return f"{cell} of this answer"
    when = datetime.fromisoformat(origin.answer.created)
    answer = f"the answer of {_day(when.date())} {when.year}"
    if "start" in origin.answer.study and _period(origin.answer.study) != _period(asked):
        answer += f" for {_days(*_period(origin.answer.study))}"
    return f"{answer}, {cell}"


def _cell(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """The cell there, as somebody may know it who sees this one: other merchants are not named."""
    if there == here:
        return "the same cell"
    if there.get(_OWNER) != here.get(_OWNER):
        return "a cell of another merchant"
    differing = [f"{name} {value}" for name, value in there.items() if here.get(name) != value]
    if not differing:
        return f"a cell not split by {' and '.join(name for name in here if name not in there)}"
    return f"cell {', '.join(differing)}"


def _and_more(others: int) -> str:
    return f" and {others} more" if others else ""


def _remedy(origin: Origin, place: Mapping[str, str], asked: Asked) -> str:
    answer = origin.answer
    if answer is None or (_same_question(answer, asked) and origin.place != place):
        return _merge(origin.place, place)
    if _period(answer.study) != _period(asked):
        return _other_days(answer, asked)
    if not _same_parameters(answer, asked):
        return f"ask with the parameters of that answer ({_differing(answer, asked)})"
    return "too few people's data changed since, so keep to that answer, or ask for other days"


def _merge(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    if there.get(_OWNER) != here.get(_OWNER):
        return "leave one of the two merchants out"
    pairs = [(n, there[n], v) for n, v in here.items() if n in there and there[n] != v]
    if not pairs:
        return "ask for one of the two only"
    return "merge " + ", ".join(f"{name} {here} with {there}" for name, there, here in pairs)


def _other_days(answer: Answer, asked: Asked) -> str:
    """The days of then, days that do not overlap with them, or so many more that whole weeks lie
    between: from the calendar alone, so that nothing is told of who came on which day."""
    then, now = _period(answer.study), _period(asked)
    if now[0] > then[1] or now[1] < then[0]:
        return "nearly the same people came in both times, so keep to that answer"
    earlier = abs((then[0] - now[0]).days)
    apart = earlier + abs((then[1] - now[1]).days)
    wider = next((days for days in _WIDER if days > apart), apart + _WIDER[-1])
    end = then[1] + timedelta(days=wider - earlier)
    length = (end - now[0]).days + 1
    after = _day(then[1] + timedelta(days=1))
    return (
        f"ask for {_days(*then)} again, for days from {after} on, or widen to {length} days, "
        f"{_days(now[0], end)}"
    )


def _period(study: Asked) -> tuple[date, date]:
    return date.fromisoformat(str(study["start"])), date.fromisoformat(str(study["end"]))


def _same_parameters(answer: Answer, asked: Asked) -> bool:
    return not _differing(answer, asked)


def _same_question(answer: Answer, asked: Asked) -> bool:
    return _period(answer.study) == _period(asked) and _same_parameters(answer, asked)


def _differing(answer: Answer, asked: Asked) -> str:
    differ = {
        name: value
        for name, value in answer.study.items()
        if name not in ("start", "end", _OWNER, "kind") and asked.get(name) != value
    }
    return ", ".join(f"{name} {value}" for name, value in sorted(differ.items()))


def _days(start: date, end: date) -> str:
    if start.year != end.year:
        return f"{_day(start)} {start.year} to {_day(end)} {end.year}"
    first = f"{start.day}" if start.month == end.month and start != end else _day(start)
    return f"{_day(start)} {start.year}" if start == end else f"{first} to {_day(end)} {end.year}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"
