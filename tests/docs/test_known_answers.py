"""The page of known answers says what the studies find today, and they find what was published."""

from __future__ import annotations

import pytest

from tests.docs import known_answers as page
from tests.known_answers.published import Answer, Source
from tests.real_data.files import AbsentError

AGAIN = "run: python -m tests.docs.known_answers"


@pytest.mark.parametrize("source", page.SOURCES, ids=lambda source: source.title)
def test_published_answers_are_found_again_and_stand_in_the_page(source: Source) -> None:
    told = page.written(source)
    assert len(told) == len(page.section_head(source)) + len(source.answers), AGAIN
    for answer, there in zip(source.answers, told[-len(source.answers) :], strict=True):
        try:
            line = page.line(answer)
        except AbsentError as absent:
            pytest.skip(str(absent))
        assert answer.is_met, answer.of
        assert same(answer, line, there), AGAIN


def same(answer: Answer, line: str, there: str) -> bool:
    """Where chance or freedom is allowed, the page may tell what another machine found."""
    cells, others = (one.split(" | ") for one in (line, there))
    free = {2, 3} if answer.within else set()
    pairs = enumerate(zip(cells, others, strict=True))
    return all(one == other for place, (one, other) in pairs if place not in free)


def test_every_published_number_has_its_digits_or_a_reason_why_not() -> None:
    answers = [answer for source in page.SOURCES for answer in source.answers]
    assert len(answers) > 100
    assert all(bool(one.within) == bool(one.because) for one in answers)
