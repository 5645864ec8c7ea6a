"""What the desk says, in the reader's language: messages with their facts, and catalogues.

English is written in the code and in the templates; every other language is one file of
translations (`locale/zh.po`), read when the desk starts. A further language is a further file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

CATALOGUES = Path(__file__).parent / "locale"


class Language(StrEnum):
    """The languages of the desk, by the code that a page's `lang` names."""

    ENGLISH = "en"
    CHINESE = "zh"


# Each in its own words, so that its readers find it.
NAMES = {Language.ENGLISH: "English", Language.CHINESE: "中文"}


@dataclass(frozen=True)
class Said:
    """A message and the facts it names as `%(fact)s`; told in a language by `tell`.

    `many` is the message for several of `facts["count"]`, where that differs.
    """

    message: str
    many: str = ""
    facts: Mapping[str, Said | str | int] = field(default_factory=dict)


def said(message: str, /, **facts: Said | str | int) -> Said:
    """A message of the desk."""
    return Said(message, facts=facts)


def counted(count: int, one: str, many: str, /, **facts: Said | str | int) -> Said:
    """A message about `count` things: `one` for a single one, else `many`."""
    return Said(one, many, {"count": count, **facts})


def tell(words: Said | str, catalogue: NullTranslations) -> str:
    """The message in the catalogue's language; plain text is content and stays as it is."""
    if isinstance(words, str):
        return words
    facts = {
        name: f"{fact:,}" if isinstance(fact, int) else tell(fact, catalogue)
        for name, fact in words.facts.items()
    }
    if not words.many:
        return catalogue.gettext(words.message) % facts
    count = words.facts["count"]
    assert isinstance(count, int)
    return catalogue.ngettext(words.message, words.many, count) % facts


@cache
def catalogue(language: Language) -> NullTranslations:
    """The translations of a language; English needs none."""
    if language is Language.ENGLISH:
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (CATALOGUES / f"{language}.po").open("rb") as file:
        entries = read_po(file, locale=language.value)
    compiled = BytesIO()
    write_mo(compiled, entries)
    compiled.seek(0)
    return GNUTranslations(compiled)


def preferred(accepted: str) -> Language:
    """The language that an `Accept-Language` header (RFC 9110, 12.5.4) asks for, else English."""
    weighed = []
    for part in accepted.split(","):
        code, _, parameter = part.strip().partition(";")
        _, _, weight = parameter.strip().partition("q=")
        try:
            weighed.append((-float(weight or 1), code.strip().lower()))
        except ValueError:
            continue
    for _, code in sorted(weighed, key=lambda pair: pair[0]):
        for language in Language:
            if code.split("-")[0] == language:
                return language
    return Language.ENGLISH
