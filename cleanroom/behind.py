"""The people behind cells, by the room's own numbers: what the room counts and the gate compares.

Nobody is named: a number means something beside the room's register alone. All the same nothing
here is ever shown, logged or pickled, nor does any of it leave the room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from cleanroom.errors import BorderError
from cleanroom.tables import Platform

Words = NDArray[np.uint64]
# The 64-bit words of a sketch: those that tell different groups apart, and those that tell whether
# a group can lie within another, of all people and of one in 8 and in 64.
PARITY = slice(0, 8)
OCCUPANCY = (slice(8, 40), slice(40, 56), slice(56, 72))
SKETCH = 72
_AMONG = (1, 8, 64)


class Share(StrEnum):
    """What people are behind a cell for: they make up its value, or its base."""

    VALUE = "value"
    BASE = "base"


class _NeverShown:
    """Says nothing of itself, and is neither pickled nor copied."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(people not shown)"

    def __reduce__(self) -> NoReturn:
        raise BorderError(
            f"{type(self).__name__} cannot be pickled.", "the people behind cells stay in the room."
        )


@dataclass(frozen=True, repr=False, eq=False)
class Group(_NeverShown):
    """People of one platform, and what each adds to a value: made by `group_of`.

    `people`: their numbers, a serialised Roaring bitmap. `parts`: for each, by number, a keyed
    fingerprint of what they add (uint64); empty where everybody counts one. `sketch` (`SKETCH`
    words): what tells cheaply that two groups are far apart.
    """

    size: int
    people: bytes
    parts: bytes
    sketch: bytes

    @cached_property
    def numbers(self) -> BitMap:
        """The people's numbers."""
        return BitMap.deserialize(self.people)

    @cached_property
    def values(self) -> Words:
        """What each of `numbers` adds, in their order, as numbers modulo 2⁶⁴ that may be added."""
        if not self.parts:
            return np.ones(self.size, np.uint64)
        return np.frombuffer(self.parts, np.uint64)

    @property
    def content(self) -> tuple[bytes, bytes]:
        """Equal for groups of the same people who add the same."""
        return self.people, self.parts


@dataclass(frozen=True, repr=False, eq=False)
class Behind(_NeverShown):
    """The people behind one cell, by what they are behind it for and by platform."""

    groups: Mapping[tuple[Share, Platform], Group]


@dataclass(frozen=True, repr=False, eq=False)
class Shown(_NeverShown):
    """A cell that was shown.

    `kind` says what it counts: numbers of one kind can be added and subtracted. `place` says of
    which part of the people, by dimension.
    """

    kind: str
    place: Mapping[str, str]
    behind: Behind


@dataclass(frozen=True, repr=False, eq=False)
class Answer(_NeverShown):
    """What was shown by one candidate (its digest): its study's parameters, when, which cells.

    `numbers`: the numbers of all its cells with their support, those withheld among them, as plain
    JSON values (`gate.memory`).
    """

    candidate: str
    created: str
    study: Mapping[str, Any]
    cells: Sequence[Shown]
    numbers: Sequence[Sequence[Any]] = ()


def group_of(numbers: NDArray[np.uint32], adds: NDArray[np.int64] | None, seed: int) -> Group:
    """The group of distinct people; `adds`: what each adds to the value (None: everybody one).

    Who adds nothing is not in it. `seed`: the room's secret, the same for all groups: it makes the
    fingerprints, which add up as what they stand for does.
    """
    if adds is not None:
        numbers, adds = numbers[adds != 0], adds[adds != 0]
    order = np.argsort(numbers)
    whole = numbers[order].astype(np.uint64)
    if adds is None:
        parts = np.empty(0, np.uint64)
    else:
        # An odd factor: only nothing has nothing as its fingerprint.
        parts = (_mixed(whole, seed) | np.uint64(1)) * adds[order].astype(np.uint64)
    return _group(whole, parts, seed)


def together(groups: Iterable[Group], seed: int) -> Group:
    """What groups add up to; each has parts, or each person is in one of them only."""
    groups = list(groups)
    numbers = np.concatenate([np.array(one.numbers.to_array(), np.uint64) for one in groups])
    people, place = np.unique(numbers, return_inverse=True)
    parts = np.zeros(len(people), np.uint64)
    np.add.at(parts, place, np.concatenate([one.values for one in groups]))
    counted = not any(one.parts for one in groups)
    return _group(people, parts[:0] if counted else parts, seed)


def _group(people: Words, parts: Words, seed: int) -> Group:
    numbers = BitMap(people.astype(np.uint32))
    return Group(len(people), numbers.serialize(), parts.tobytes(), _sketch(people, parts, seed))


def _sketch(people: Words, parts: Words, seed: int) -> bytes:
    """Bits to compare groups by.

    Parity: each person flips one bit, or none, by who they are and what they add: two groups whose
    parities differ in n bits differ by n people at least. Occupancy: each person sets one bit: of a
    group whose bits another lacks n of, n people at least are not in the other. The later words
    are of fewer people, so that large groups do not set every bit.
    """
    one = _mixed(people, seed + 1)
    flips = one if not len(parts) else _mixed(one + parts, seed)
    rows = [_in_bits(flips[flips >> np.uint64(63) == 1], PARITY) % 2 == 1]
    two = _mixed(people, seed + 2)
    draw = two >> np.uint64(40)
    for among, words in zip(_AMONG, OCCUPANCY, strict=True):
        rows.append(_in_bits(two[draw & np.uint64(among - 1) == 0], words) > 0)
    return np.packbits(np.concatenate(rows)).tobytes()


def _in_bits(mixed: Words, words: slice) -> NDArray[np.int64]:
    """How many fall on each bit of so many words."""
    bits = 64 * (words.stop - words.start)
    places = (mixed & np.uint64(bits - 1)).astype(np.int64)
    return np.bincount(places, minlength=bits).astype(np.int64)


def _mixed(values: Words, seed: int) -> Words:
    """Each value as one that looks like chance to whoever has not the seed (SplitMix64; Steele, Lea
    and Flood, OOPSLA 2014)."""
    z = values * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
