"""Every language says everything, and nothing on a page is said outside of the catalogues."""

from __future__ import annotations

import re

import pytest

from cleanroom.desk.language import (
    NAMES,
    Language,
    Said,
    catalogue,
    counted,
    preferred,
    said,
    tell,
)
from tests.desk.catalogue import messages, translations

AGAIN = "run: python -m tests.desk.catalogue, and translate what is empty"
TRANSLATED = sorted(set(Language) - {Language.ENGLISH})


def facts(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_translates_every_message_and_no_other(language: Language) -> None:
    entries = {entry.id: entry.string for entry in translations(language) if entry.id}
    assert set(entries) == messages(), AGAIN
    assert [key for key, text in entries.items() if not text or not all(text)] == [], AGAIN


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_tells_the_same_facts(language: Language) -> None:
    for entry in translations(language):
        if not entry.id:
            continue
        wanted = facts(entry.id if isinstance(entry.id, str) else entry.id[1])
        told = [entry.string] if isinstance(entry.string, str) else list(entry.string or ())
        assert all(facts(text) == wanted for text in told), entry.id


def test_a_catalogue_is_complete_enough_to_matter() -> None:
    assert len(messages()) > 150
    assert set(NAMES) == set(Language)


def test_a_message_is_told_in_each_language_and_content_stays_as_it_is() -> None:
    words = counted(2, "one candidate", "All %(count)s candidates above")
    assert tell(words, catalogue(Language.ENGLISH)) == "All 2 candidates above"
    assert tell(words, catalogue(Language.CHINESE)) == "以上全部 2 份结果"
    assert tell("Queue", catalogue(Language.CHINESE)) == "Queue"


def test_a_fact_may_be_a_message_itself() -> None:
    words = said("Known: %(bound)s", bound=said("exact"))
    told = tell(words, catalogue(Language.CHINESE))
    assert (told[:2], told[3:]) == ("已知", "精确")


def test_a_message_without_a_translation_is_told_in_english() -> None:
    assert tell(Said("m-17: 5%%"), catalogue(Language.CHINESE)) == "m-17: 5%"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", Language.CHINESE),
        ("fr-FR, zh;q=0.3, en;q=0.7", Language.ENGLISH),
        ("de", Language.ENGLISH),
        ("", Language.ENGLISH),
        ("zh;q=high", Language.ENGLISH),
    ],
)
def test_a_browser_is_answered_in_the_language_it_prefers(
    accepted: str, language: Language
) -> None:
    assert preferred(accepted) is language
