"""What gate, studies and machine say in sentences, read back as messages with their values.

Candidates and findings hold sentences in English, as they were signed. To be told in another
language a sentence is taken apart by the phrase that it was made by: the phrase is the message, and
what stands in its places are its values, which may be phrases themselves. `PHRASES` holds them by
kind; in a phrase, `%(named_whole)s` takes a phrase of the kind `named`. What no phrase fits is
content, and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from cleanroom.desk import terms
from cleanroom.desk.language import Said, said
from cleanroom.desk.views import Words

# What a value looks like that is no phrase, by kind.
_SHAPES = {
    "count": r"\d[\d,]*",
    "share": r"\d[\d,.]*%",
    "points": r"[\d.,]+",
    "chance": r"p (?:<|=) [\d.e-]+",
    "day": r"\d{1,2}",
    "year": r"\d{4}",
    "iso": r"\d{4}-\d{2}-\d{2}",
    "digest": r"[0-9a-f]{12}",
    "key": r"[^\s,:]+",
    "term": r"[^,]+?",
    "text": r".+",
}
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "finding": (
            "%(count_withheld)s of its %(count)s cells are withheld.",
            "%(iso_start)s to %(iso)s of it was released before (%(digest)s): compare the two.",
            "The same study was released before (%(digest)s): compare the two.",
            "Withheld: %(refusal)s (and %(count)s more such).",
            "Withheld: %(refusal)s.",
            "%(label)s: %(check)s",
        ),
        "refusal": ("%(cells)s: %(because)s",),
        "cells": ("%(cell)s", "%(cell)s, %(cells_rest)s"),
        "cell": ("%(key)s", "%(key)s %(key_measure)s", "%(key)s %(key_second)s %(key_measure)s"),
        "because": (
            "leaves, beside %(beside)s, fewer than %(count)s people of %(named)s: %(remedy)s",
            "is all but fewer than %(count)s people made up of %(beside)s: %(remedy)s",
            "differs from %(named)s, by fewer than %(count)s people: %(remedy)s",
        ),
        "beside": ("%(named)s and %(count)s more", "%(named)s"),
        "named": (
            "%(which)s of this answer",
            "the answer of %(date)s, %(which)s",
            "the answer of %(date)s for %(days)s, %(which)s",
        ),
        "which": (
            "the same cell",
            "a cell of another merchant",
            "cell %(place)s",
            "cell %(place)s, %(place_second)s",
        ),
        "place": ("%(key)s %(term)s",),
        "remedy": (
            "leave one of the two merchants out",
            "ask for one of the two only",
            "merge %(pair)s",
            "merge %(pair)s, %(pair_second)s",
            "nearly the same people came in both times, so keep to that answer",
            "ask for %(days)s again, for days from %(dayofyear)s on, or widen to %(count)s days, "
            "%(days_wider)s",
            "ask with the parameters of that answer (%(text)s)",
            "too few people's data changed since, so keep to that answer, or ask for other days",
        ),
        "pair": ("%(key)s %(term)s with %(term_other)s",),
        "days": (
            "%(date)s",
            "%(day_first)s to %(day)s %(month)s %(year)s",
            "%(day_first)s %(month_first)s to %(day)s %(month)s %(year)s",
            "%(date_first)s to %(date)s",
        ),
        "date": ("%(day)s %(month)s %(year)s",),
        "dayofyear": ("%(day)s %(month)s",),
        "month": _MONTHS,
        "label": (
            "Arms have the planned sizes (sample ratio)",
            "Outcomes can be seen alike in both arms",
            "Enough data to decide",
            "Steps lie within each other",
        ),
        "check": (
            "Of the people assigned, %(share)s are in the treated arm, where %(share_planned)s "
            "were planned: more than chance explains (%(chance)s, below 0.01).",
            "Of the people assigned, %(share)s are in the treated arm, where %(share_planned)s "
            "were planned, within chance (%(chance)s).",
            "Outcomes can be seen of %(share)s of the people assigned to the treated arm and of "
            "%(share_holdout)s of the holdout: more than chance explains (%(chance)s, below 0.01).",
            "Outcomes can be seen of %(share)s of the people assigned to the treated arm and of "
            "%(share_holdout)s of the holdout, within chance (%(chance)s).",
            "The interval includes zero, and does not rule out a lift beyond 10%% of the holdout's "
            "rate; %(found)s.",
            "The interval includes zero, and rules out a lift beyond 10%% of the holdout's rate; "
            "%(found)s.",
            "The interval excludes zero; %(found)s.",
            "The interval excludes zero, but the size is likely overstated; %(found)s.",
            "There are %(torn)s: look for an error in the data.",
            "No step has more people than the step it is a share of.",
            "Not checked: %(absent)s.",
            "Not all steps can be compared: %(absent)s.",
        ),
        "found": (
            "a study of this size finds a lift of %(points)s percentage points, %(share)s of the "
            "holdout's rate, four times in five",
        ),
        "torn": (
            "%(more)s",
            "%(more)s and %(more_last)s",
            "%(more)s, %(torn_rest)s",
        ),
        "more": ("more %(people)s than %(people_base)s",),
        "people": (
            "people reached",
            "people who read a note",
            "people who engaged with a note",
            "people who clicked",
            "people seen in the store after a click",
            "people who searched the store",
            "people who filled a cart",
            "buyers",
        ),
        "absent": (
            "%(text)s was withheld by the disclosure rules",
            "%(text)s were withheld by the disclosure rules",
        ),
        "broken": (
            "%(text)s is not there.",
            "%(text)s is no candidate.",
            "%(text)s is not the candidate that the ledger names.",
            "The candidate is not what the room signed.",
            "The file is not signed.",
        ),
    }
)
_SENTENCES = ("finding", "check", "refusal", "because", "broken", "label")
_PLACE = re.compile(r"%\(((\w+?)(?:_\w+)?)\)s")
# A list holds itself: a pattern of it is whatever is there, and is looked into afterwards.
_LISTS = ("cells", "torn")


def understood(words: str) -> Words:
    """A sentence as a message with its values; the words as they are if no phrase fits."""
    for kind in _SENTENCES:
        told = _read(words, kind)
        if told is not None:
            return told
    return words


def _read(words: str, kind: str) -> Words | None:
    """The message of a kind that the words are, its values read as well."""
    if kind in ("key", "term"):
        return terms.name(words)
    if kind in _SHAPES:
        return words
    for message, pattern in _patterns(kind):
        found = pattern.fullmatch(words)
        if found is None:
            continue
        values = {n: _read(value, n.partition("_")[0]) for n, value in found.groupdict().items()}
        facts = {name: value for name, value in values.items() if value is not None}
        if len(facts) == len(values):
            return Said(message, facts=facts)
    return None


@cache
def _patterns(kind: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((message, re.compile(_pattern(message, named=True))) for message in PHRASES[kind])


def _pattern(message: str, *, named: bool) -> str:
    return "".join(_pieces(message, named=named))


def _pieces(message: str, *, named: bool) -> Iterator[str]:
    at = 0
    for place in _PLACE.finditer(message):
        yield re.escape(message[at : place.start()].replace("%%", "%"))
        inner = _inner(place[2])
        yield f"(?P<{place[1]}>{inner})" if named else f"(?:{inner})"
        at = place.end()
    yield re.escape(message[at:].replace("%%", "%"))


@cache
def _inner(kind: str) -> str:
    if kind in _SHAPES:
        return _SHAPES[kind]
    if kind in _LISTS:
        return ".+?"
    return "|".join(_pattern(message, named=False) for message in PHRASES[kind])


def part(name: str, words: Words) -> Said:
    """What is said of a part of a candidate."""
    return said("%(part)s: %(found)s", part=terms.name(name), found=words)
