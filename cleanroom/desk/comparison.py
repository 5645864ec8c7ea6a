"""A candidate beside the last release of the same study: what changed, and what that gives away.

Two numbers of nearly the same people tell of the few by whom they differ. The gate asks that of the
people behind the cells, beside all that was ever shown, and says what it withheld for that; here a
reviewer reads that, and what the two papers, laid side by side, say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cleanroom.borders import PEOPLE, Candidate, Protected, candidate_digest
from cleanroom.desk import phrases, terms
from cleanroom.desk.contents import Change, Comparison, Earlier
from cleanroom.desk.language import Said, said
from cleanroom.desk.views import Heading, Words
from cleanroom.numbers import count
from cleanroom.outside.words import cell_figure
from cleanroom.withholding import refusal_words

Key = tuple[str, ...]
_NAMELESS = ("kind", "merchant")  # parameters that are the same by choice of what is compared


def compare(
    heading: Heading, candidate: Candidate, earlier: Candidate | None, released: str = ""
) -> Comparison:
    """Every cell that differs from the `earlier` release, which left at the time `released`."""
    refused = tuple(
        (terms.title(table), phrases.understood(words))
        for table in candidate.tables.values()
        for words in refusal_words(table)
    )
    if earlier is None:
        return Comparison(heading, None, refused=refused)
    study = earlier.manifest["study"]
    told = Earlier(candidate_digest(earlier), study["start"], study["end"], released)
    changes = tuple(_changes(candidate, earlier))
    cells = sum(table.cells.height for table in candidate.tables.values())
    here = sum(1 for change in changes if change.after != _ABSENT)
    return Comparison(
        heading,
        told,
        tuple(_parameters(candidate.manifest["study"], study)),
        implied(candidate, changes),
        changes,
        cells - here,
        refused,
    )


def implied(candidate: Candidate, changes: tuple[Change, ...]) -> tuple[Said, ...]:
    """Sentences on the differences of fewer people than the policy's minimum."""
    least = candidate.manifest["policy"]["min_people"]
    return tuple(
        said(
            "%(table)s, %(what)s: %(after)s people now and %(before)s before differ by "
            "%(difference)s, fewer than the %(least)s people that a number has to stand for.",
            table=change.table,
            what=_what(change),
            after=change.after,
            before=change.before,
            difference=change.difference.lstrip("+\N{MINUS SIGN}"),
            least=least,
        )
        for change in changes
        if change.is_small
    )


_ABSENT = said("not part of it")


def _changes(candidate: Candidate, earlier: Candidate) -> Iterator[Change]:
    for name in dict.fromkeys([*candidate.tables, *earlier.tables]):
        after, before = candidate.tables.get(name), earlier.tables.get(name)
        now, then = _cells(after), _cells(before)
        if now == then:  # nearly always so for most tables
            continue
        least = candidate.manifest["policy"]["min_people"]
        currency = candidate.manifest["currency"]
        for key in dict.fromkeys([*now, *then]):
            if now.get(key) != then.get(key):
                values = (_value(then, key), _value(now, key))
                difference, small = _difference(*values, _unit(now, then, key), least)
                yield Change(
                    terms.title(candidate.tables.get(name) or earlier.tables[name]),
                    tuple(terms.key(part) for part in key[:-1]),
                    terms.key(key[-1]),
                    _told(before, key, currency) if key in then else _ABSENT,
                    _told(after, key, currency) if key in now else _ABSENT,
                    difference,
                    small,
                )


def _cells(table: Protected | None) -> dict[Key, tuple[Any, ...]]:
    if table is None:
        return {}
    width = len(table.dimensions) + 1
    names = (*table.dimensions, "measure", "value", "unit", "withheld", "no_data")
    return {row[:width]: row[width:] for row in table.cells.select(names).iter_rows()}


def _value(cells: dict[Key, tuple[Any, ...]], key: Key) -> float | None:
    return cells[key][0] if key in cells else None


def _unit(now: dict[Key, tuple[Any, ...]], then: dict[Key, tuple[Any, ...]], key: Key) -> str:
    return str((now.get(key) or then[key])[1])


def _difference(
    before: float | None, after: float | None, unit: str, least: int
) -> tuple[str, bool]:
    if before is None or after is None or unit != PEOPLE:
        return "", False
    difference = after - before
    return f"{'+' if difference > 0 else ''}{count(difference)}", 0 < abs(difference) < least


def _told(table: Protected | None, key: Key, currency: str) -> Words:
    assert table is not None
    figure = cell_figure(table, *key, currency=currency)
    return figure.text if figure.text is not None else terms.absence(figure.state)


def _what(change: Change) -> Said:
    if not change.labels:
        return said("%(measure)s", measure=change.measure)
    if len(change.labels) == 1:
        return said("%(label)s (%(measure)s)", label=change.labels[0], measure=change.measure)
    first, second, *_ = change.labels
    return said(
        "%(first)s, %(second)s (%(measure)s)", first=first, second=second, measure=change.measure
    )


def _parameters(now: dict[str, Any], then: dict[str, Any]) -> Iterator[Said]:
    for name in sorted({*now, *then} - set(_NAMELESS)):
        if now.get(name) != then.get(name):
            yield said(
                "Asked otherwise: %(name)s was %(then)s and is %(now)s.",
                name=terms.parameter(name),
                then=str(then.get(name)),
                now=str(now.get(name)),
            )
