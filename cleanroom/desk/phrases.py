"""What gate, studies and machine say in sentences, read back as messages with their values.

Candidates and findings hold sentences in English, as they were signed. To be told in another
language a sentence is taken apart by the phrase that it was made by: the phrase is the message, and
what stands in its places are its values, which may be phrases themselves. `PHRASES` holds those of
the modules of `phrasebook` by kind; in a phrase, `%(named_whole)s` takes a phrase of the kind
`named`. What no phrase fits is content, and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from cleanroom.desk import terms
from cleanroom.desk.language import Said, said
from cleanroom.desk.phrasebook import conversion, gate, geo, lift, observational, verdicts
from cleanroom.desk.views import Words

# What a value looks like that is no phrase, by kind.
SHAPES = {
    "count": r"\d[\d,]*",
    "share": r"\N{MINUS SIGN}?\d[\d,.]*%",
    "points": r"\N{MINUS SIGN}?[\d.,]+",
    "chance": r"p (?:<|=) [\d.e-]+",
    "day": r"\d{1,2}",
    "year": r"\d{4}",
    "iso": r"\d{4}-\d{2}-\d{2}",
    "digest": r"[0-9a-f]{12}",
    "key": r"[^\s,:]+",
    "term": r"[^,]+?",
    "week": r"\d\d",
    "name": r"[^,]+?",
    "text": r".+",
}


def _together() -> Mapping[str, tuple[str, ...]]:
    """The phrases of all books by kind; a kind may be in several."""
    merged: dict[str, tuple[str, ...]] = {}
    for book in (gate, verdicts, conversion, lift, observational, geo):
        for kind, messages in book.PHRASES.items():
            merged[kind] = (*merged.get(kind, ()), *messages)
    return MappingProxyType(merged)


PHRASES = _together()
_SENTENCES = ("finding", "check", "refusal", "because", "broken", "label")
_PLACE = re.compile(r"%\(((\w+?)(?:_\w+)?)\)s")
# A list holds itself: a pattern of it is whatever is there, and is looked into afterwards.
_LISTS = ("cells", "torn", "numbers", "absent", "designs", "regions")


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
    if kind in SHAPES:
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
    if kind in SHAPES:
        return SHAPES[kind]
    if kind in _LISTS:
        return ".+?"
    return "|".join(_pattern(message, named=False) for message in PHRASES[kind])


def part(name: str, words: Words) -> Said:
    """What is said of a part of a candidate."""
    return said("%(part)s: %(found)s", part=terms.name(name), found=words)
