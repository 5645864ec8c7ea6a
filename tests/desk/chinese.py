"""Sentences in English as the desk tells them in Chinese."""

from __future__ import annotations

import re

from cleanroom.desk.language import Language, Said, catalogue, tell
from cleanroom.desk.phrases import understood

ENGLISH, CHINESE = catalogue(Language.ENGLISH), catalogue(Language.CHINESE)
# What stays as it is in every language: ids, names of parameters and regions, a p-value, the CID.
CONTENT = re.compile(
    r"\bm-\d+\b|\b[0-9a-f]{12}\b|\bp (?=[<=])|\uff08[a-z_]+ [^\uff09]*\uff09|note-[a-z]"
    r"|A/A|R\d\d"
)


def in_chinese(words: str) -> str:
    """The sentence in Chinese; fails if it is not the same in English, or something is left."""
    told = understood(words)
    assert isinstance(told, Said), words
    assert tell(told, ENGLISH) == words
    chinese = tell(told, CHINESE)
    assert not re.search(r"[A-Za-z]", CONTENT.sub("", chinese)), chinese
    return chinese
