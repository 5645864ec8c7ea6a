"""The disclosure rules, each one object that checks a cell, names itself, and explains itself.

The order is the order of asking: a cell is withheld by the first rule that applies to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from cleanroom.borders import PEOPLE
from cleanroom.policy import Policy


@dataclass(frozen=True)
class Rule:
    """A rule's id (as in `Protected.cells.withheld`), what it protects, and its test of a cell."""

    id: str
    protects: str
    applies: Callable[[Policy], pl.Expr]


_people = pl.col("people")
_contributors = pl.col("contributors")
_left_out = pl.when(pl.col("unit") == PEOPLE).then(_people - _contributors)

CELL_RULES: tuple[Rule, ...] = (
    Rule(
        "min_people",
        "Fewer distinct people than `min_people` stand behind the cell.",
        lambda policy: _people < policy.min_people,
    ),
    # Nobody, too few and nearly everybody are one rule: to say which would give the count away.
    Rule(
        "min_converters",
        "Fewer distinct people than `min_converters` contribute to the value, or are left out of "
        "a count of people: none or all would say it of each, a few would single them out.",
        lambda policy: pl.min_horizontal(_contributors, _left_out) < policy.min_converters,
    ),
)
BOTH_ARMS = Rule(
    "both_arms",
    "The other arm of the contrast was withheld; one arm alone would give the other away.",
    lambda policy: pl.lit(value=False),
)
NO_BOUND = Rule(
    "no_bound",
    "The agreement asks for noise, and nothing bounds what one person adds to such a value: no "
    "noise would be enough.",
    lambda policy: pl.lit(value=False),
)
RULES: tuple[Rule, ...] = (*CELL_RULES, BOTH_ARMS, NO_BOUND)
