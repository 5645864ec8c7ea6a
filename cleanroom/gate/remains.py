"""What is left of a group once others are taken off: people whose parts do not cancel out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from cleanroom.behind import Group, Words


@dataclass(frozen=True, eq=False, repr=False)
class Amounts:
    """What is left of a sum of amounts: people (sorted) whose parts do not cancel out."""

    people: NDArray[np.uint32]
    values: Words

    @staticmethod
    def of(group: Group) -> Amounts:
        """All of a group."""
        return Amounts(np.array(group.numbers.to_array(), np.uint32), group.values)

    def less(self, group: Group) -> int:
        """How many `minus` leaves, at least."""
        return abs(len(self) - group.size)

    def minus(self, group: Group) -> Amounts:
        """With what the group adds taken off."""
        other = Amounts.of(group)
        people = np.concatenate([self.people, other.people])
        values = np.concatenate([self.values, np.uint64(0) - other.values])
        order = np.argsort(people, kind="stable")
        people, values = people[order], values[order]
        first = np.ones(len(people), bool)
        first[1:] = people[1:] != people[:-1]
        left = np.add.reduceat(values, np.flatnonzero(first)) if len(people) else values
        return Amounts(people[first][left != 0], left[left != 0])

    def __len__(self) -> int:
        return len(self.people)


@dataclass(frozen=True, eq=False, repr=False)
class Counts:
    """What is left of a count of people: those counted once, and those taken off too often."""

    once: BitMap
    over: BitMap

    @staticmethod
    def of(group: Group) -> Counts:
        """All of a group."""
        return Counts(group.numbers, BitMap())

    def less(self, group: Group) -> int:
        """How many `minus` leaves, at least."""
        both = int(self.once.intersection_cardinality(group.numbers))
        return len(self.once) - both + max(len(self.over), group.size - both)

    def minus(self, group: Group) -> Counts:
        """With the group's people taken off."""
        return Counts(self.once - group.numbers, self.over | (group.numbers - self.once))

    def __len__(self) -> int:
        return len(self.once) + len(self.over)


Left = Amounts | Counts


def apart(a: Group, b: Group) -> int:
    """How many people two groups differ by: in one only, or in both and adding something else."""
    if a.parts or b.parts:
        return len(Amounts.of(a).minus(b))
    return int(a.numbers.symmetric_difference_cardinality(b.numbers))


def too_few(people: int, min_people: int, *groups: Group) -> bool:
    """Whether a sum or difference of `groups` over so many people is about too few.

    No more are asked for than the smallest of them has: that one was let out by itself.
    """
    return 0 < people < min(min_people, *(group.size for group in groups))
