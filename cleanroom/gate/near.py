"""Which numbers already shown a new one would be too near to, by the people behind them.

A number is a sum over people; a sum or difference of numbers is one over those people whose parts
do not cancel out. How many they are is what counts here: none, and it says nothing; a few, and it
is about those few.

    two numbers           a − b
    a whole and parts     p − a − b − …    what parts leave of a whole, or of each other

The search misses no two numbers, and no whole of two parts whose people add to them with one sign
(refunds that outweigh purchases can hide a part). Of more parts it follows the largest first: all
there are, and those of one answer at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cleanroom.behind import OCCUPANCY, PARITY, SKETCH, Answer, Group, Words
from cleanroom.gate.remains import Amounts, Counts, Left, apart, too_few

_MORE_PARTS = 3  # from which on parts are followed one after the other
_AT_ONCE = 16  # wholes whose parts are sought together
_FIRST = slice(OCCUPANCY[0].start, OCCUPANCY[0].start + 8)  # tells most groups apart already


@dataclass(frozen=True, repr=False)
class Origin:
    """Where a number was shown: of which part of the people, and in which answer (None: in the one
    that is being made)."""

    place: Mapping[str, str]
    answer: Answer | None


@dataclass(frozen=True)
class Near:
    """What a new number is too near to: numbers shown (by place), one of them perhaps a whole.

    `whole` is None of two numbers, and where the new number is the whole itself.
    """

    others: tuple[int, ...]
    whole: int | None = None
    is_whole: bool = False


def _bits(words: Words) -> NDArray[np.uint16]:
    """How many bits of each column are set."""
    counted: NDArray[np.uint16] = np.bitwise_count(words).sum(axis=0, dtype=np.uint16)
    return counted


@dataclass(eq=False, repr=False)
class Track:
    """Numbers of one kind that were shown, each with all answers that it was in.

    `sums`: whether they are added and subtracted; of the bases beneath, only two are compared.
    """

    min_people: int
    sums: bool
    groups: list[Group] = field(default_factory=list)
    origins: list[list[Origin]] = field(default_factory=list)
    _known: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    _sketches: Words = field(default_factory=lambda: np.zeros((SKETCH, 64), np.uint64))
    _sizes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(64, np.int64))
    _of_amounts: bool = False
    _laid_out: int = 0

    def add(self, group: Group, origin: Origin) -> None:
        """Add a number that is shown; one that says the same as an earlier one says nothing new."""
        if not group.size:
            return
        if group.content in self._known:
            self.origins[self._known[group.content]].append(origin)
            return
        self._known[group.content] = len(self.groups)
        self._of_amounts |= bool(group.parts)
        self.groups.append(group)
        self.origins.append([origin])

    def near(self, group: Group) -> Near | None:
        """What a new number would be too near to, if anything."""
        if not group.size or not self.groups or group.content in self._known:
            return None
        self._lay_out()
        sketch = np.frombuffer(group.sketch, np.uint64)
        return self._pair(group, sketch) or (self._of_parts(group, sketch) if self.sums else None)

    def _lay_out(self) -> None:
        """Lay out the sketches and sizes of groups that came since, with room for more."""
        known, count = self._laid_out, len(self.groups)
        if count > len(self._sizes):
            more = count + len(self._sizes)
            self._sketches = np.pad(self._sketches, ((0, 0), (0, more)))
            self._sizes = np.pad(self._sizes, (0, more))
        new = self.groups[known:]
        words = np.frombuffer(b"".join(one.sketch for one in new), np.uint64)
        self._sketches[:, known:count] = words.reshape(len(new), SKETCH).T
        self._sizes[known:count] = [one.size for one in new]
        self._laid_out = count

    def _pair(self, group: Group, sketch: Words) -> Near | None:
        shown = self._sketches[PARITY, : len(self.groups)]
        least = _bits(shown ^ sketch[PARITY, None])
        for place in np.flatnonzero(least < self.min_people).tolist():
            other = self.groups[place]
            if too_few(apart(group, other), self.min_people, group, other):
                return Near((place,))
        return None

    def _of_parts(self, group: Group, sketch: Words) -> Near | None:
        parts = self._parts_of(group, sketch)
        left = self._whole(group)
        for used in self._leavings(left, [group], parts, as_second=False):
            return Near(used, is_whole=True)
        for whole, parts in self._parts_within(self._wholes_of(group, sketch)):
            left = self._whole(self.groups[whole]).minus(group)
            for used in self._leavings(left, [self.groups[whole], group], parts, as_second=True):
                return Near(used, whole=whole)
        return None

    def _leavings(
        self, whole: Left, of: list[Group], parts: Sequence[int], *, as_second: bool
    ) -> Iterator[tuple[int, ...]]:
        """Parts that leave a few people of what is left of a whole; `of`: what it is made of."""
        if not len(whole) or len(whole) - self._sizes[parts].sum() >= self.min_people:
            return
        if as_second:
            yield from self._leaving(whole, of, parts, ())
        else:
            for place, part in enumerate(parts):
                left, taken = whole.minus(self.groups[part]), [*of, self.groups[part]]
                yield from self._leaving(left, taken, parts[place + 1 :], (part,))
        if len(parts) >= _MORE_PARTS - as_second:
            yield from self._one_after_the_other(whole, of, parts)

    def _leaving(
        self, left: Left, of: list[Group], parts: Sequence[int], used: tuple[int, ...]
    ) -> Iterator[tuple[int, ...]]:
        sizes = self._sizes[list(parts)] if parts else np.empty(0, np.int64)
        for place in np.flatnonzero(np.abs(sizes - len(left)) < self.min_people).tolist():
            other = self.groups[parts[place]]
            if left.less(other) >= self.min_people:
                continue
            people = len(left.minus(other))
            if too_few(people, self.min_people, *of, other):
                yield (*used, parts[place])

    def _one_after_the_other(
        self, whole: Left, of: list[Group], parts: Sequence[int]
    ) -> Iterator[tuple[int, ...]]:
        """The largest first, each that leaves fewer people: of all parts, and of each answer's."""
        by_answer: dict[int, list[int]] = defaultdict(list)
        for part in sorted(parts, key=lambda part: -int(self._sizes[part])):
            for answer in {0, *(id(origin.answer) for origin in self.origins[part])}:
                by_answer[answer].append(part)
        for family in by_answer.values():
            left, taken, used = whole, list(of), tuple[int, ...]()
            to_come = int(self._sizes[family].sum())
            for part in family:
                if len(left) - to_come >= self.min_people:
                    break  # all that are to come would leave more
                to_come -= int(self._sizes[part])
                if left.less(self.groups[part]) >= len(left):
                    continue
                less = left.minus(self.groups[part])
                if len(less) >= len(left):
                    continue
                left, taken, used = less, [*taken, self.groups[part]], (*used, part)
                if too_few(len(left), self.min_people, *taken):
                    yield used

    def _whole(self, group: Group) -> Left:
        return Amounts.of(group) if group.parts or self._of_amounts else Counts.of(group)

    def _parts_of(self, group: Group, sketch: Words) -> list[int]:
        """Those of which fewer than `min_people` are not in the group."""
        few = self._sizes[: len(self.groups)] < group.size + self.min_people
        first = self._sketches[_FIRST, : len(self.groups)] & ~sketch[_FIRST, None]
        maybe = np.flatnonzero(few & (_bits(first) < self.min_people))
        for words in OCCUPANCY:
            least = _bits(self._sketches[words, maybe] & ~sketch[words, None])
            maybe = maybe[least < self.min_people]
        numbers = group.numbers
        return [
            place
            for place in maybe.tolist()
            if self.groups[place].numbers.difference_cardinality(numbers) < self.min_people
        ]

    def _wholes_of(self, group: Group, sketch: Words) -> list[int]:
        """Those in which fewer than `min_people` of the group are not."""
        large = self._sizes[: len(self.groups)] > group.size - self.min_people
        first = ~self._sketches[_FIRST, : len(self.groups)] & sketch[_FIRST, None]
        maybe = np.flatnonzero(large & (_bits(first) < self.min_people))
        for words in OCCUPANCY:
            least = _bits(~self._sketches[words, maybe] & sketch[words, None])
            maybe = maybe[least < self.min_people]
        numbers = group.numbers
        return [
            place
            for place in maybe.tolist()
            if numbers.difference_cardinality(self.groups[place].numbers) < self.min_people
        ]

    def _parts_within(self, wholes: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """As `_parts_of`, of numbers that were shown, many at once."""
        sizes = self._sizes[: len(self.groups)]
        shown = self._sketches[_FIRST, None, : len(self.groups)]
        for start in range(0, len(wholes), _AT_ONCE):
            some = np.array(wholes[start : start + _AT_ONCE])
            lacks = shown & ~self._sketches[_FIRST][:, some, None]
            few = (_bits(lacks) < self.min_people) & (
                sizes < self._sizes[some][:, None] + self.min_people
            )
            of, parts = np.nonzero(few)
            for words in OCCUPANCY:
                least = _bits(self._sketches[words, parts] & ~self._sketches[words, some[of]])
                of, parts = of[least < self.min_people], parts[least < self.min_people]
            found: dict[int, list[int]] = {whole: [] for whole in some.tolist()}
            for whole, part in zip(some[of].tolist(), parts.tolist(), strict=True):
                lacking = self.groups[part].numbers.difference_cardinality(
                    self.groups[whole].numbers
                )
                if part != whole and lacking < self.min_people:
                    found[whole].append(part)
            yield from found.items()
