"""A published number and how the study finds it: what `docs/known-answers.md` lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from cleanroom.borders import Findings

Found = Callable[[], float | None]


@dataclass(frozen=True)
class Answer:
    """A published number with its `digits` after the point, and how the study finds it.

    `within`: how far apart the two may be, where that is more than the last digit, and `because`.
    """

    of: str
    published: float
    digits: int
    find: Found
    within: float = 0.0
    because: str = ""

    @cached_property
    def found(self) -> float:
        """The study's own number. Raises `AbsentError` where the data is not at hand."""
        value = self.find()
        assert value is not None, self.of
        return value

    @property
    def is_met(self) -> bool:
        """Whether ours is theirs in every digit that they tell, or as near as it has to be."""
        if self.within:
            return abs(self.found - self.published) <= self.within
        return self.difference == 0

    @property
    def difference(self) -> float:
        """Ours less theirs, in the digits that are told."""
        return round(round(self.found, self.digits) - self.published, self.digits)


@dataclass(frozen=True)
class Source:
    """Whose numbers they are, on which data, and where they stand."""

    title: str
    stands: str
    answers: tuple[Answer, ...]


def estimate_of(findings: Callable[[], Findings], name: str, scale: float = 1.0) -> Found:
    def find() -> float:
        value = findings().estimates[name].value
        assert value is not None, name
        return value * scale

    return find
