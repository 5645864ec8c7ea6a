"""What the rest of the house says in English, as messages that the desk can translate.

Names of steps and measures, reasons of rules and verdicts are said by `outside` and the gate; here
they become messages under the same words, so that one catalogue holds them all.
"""

from __future__ import annotations

import re

from cleanroom.absences import NO_DATA_WORDS, NoData
from cleanroom.borders import Check, Protected
from cleanroom.desk.language import Said
from cleanroom.outside.names import key_words
from cleanroom.outside.verdicts import verdict_words
from cleanroom.outside.words import bound_words, reason_words, rounding_words

_NUMBER = re.compile(r"\d+")


def key(value: str) -> Said:
    """A dimension's value or a measure's name; a note's or creator's id stays as it is."""
    return numbered(key_words(value))


def title(table: Protected) -> Said:
    """What a table is of."""
    return _message(table.title)


def reason(rule: str) -> Said:
    """Why a cell was withheld."""
    return _message(reason_words(rule))


def bound(table: Protected, rule: str) -> Said:
    """How far a number is known that the rule withheld."""
    return numbered(bound_words(table, rule))


def verdict(check: Check) -> Said:
    """The verdict of a check."""
    return _message(verdict_words(check))


def absence(state: str) -> Said:
    """Why there is no number, in a word or two."""
    return _message(state)


def no_data(why: str) -> Said:
    """Why there never was a number."""
    return _message(NO_DATA_WORDS[NoData(why)])


def rounding(table: Protected) -> Said | None:
    """How a table was rounded."""
    words = rounding_words(table)
    return _message(words) if words else None


def _message(words: str) -> Said:
    return Said(words.replace("%", "%%"))


def numbered(words: str) -> Said:
    """A text as the message that it is, whatever the numbers in it."""
    numbers = _NUMBER.findall(words)
    names = ["number", *(f"number_{place}" for place in range(2, len(numbers) + 1))]
    parts = [part.replace("%", "%%") for part in _NUMBER.split(words)]
    message = parts[0]
    for name, part in zip(names, parts[1:], strict=False):
        message += f"%({name})s{part}"
    return Said(message, facts=dict(zip(names, numbers, strict=False)))
