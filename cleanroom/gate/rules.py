"""The disclosure rules, each one object that checks a cell, names itself, and explains itself.

The order is the order of asking: a cell is withheld by the first rule that applies to it. Sources:
Hundepool et al., *Handbook on Statistical Disclosure Control* (2nd ed., 2024): chapter 5 for
frequencies, chapter 4 for amounts (dominance and the p% rule, with contributions without their
signs where some are negative).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from cleanroom.borders import PEOPLE, SUMS
from cleanroom.policy import Policy


@dataclass(frozen=True)
class Rule:
    """A rule's id (as in `Protected.cells.withheld`), what it protects, and its test of a cell.

    `bounds` says in words how far a number that it withheld is known: never closer than the rule
    itself, which stands in the agreement.
    """

    id: str
    protects: str
    applies: Callable[[Policy], pl.Expr]
    bounds: Callable[[Policy], str]


_people, _contributors = pl.col("people"), pl.col("contributors")
_behind = pl.coalesce("contributors", "people")
_left_out = pl.when(pl.col("unit") == PEOPLE).then(_people - _contributors)
_is_sum = pl.col("unit").is_in(SUMS)
_largest, _second, _magnitude = pl.col("largest"), pl.col("second"), pl.col("magnitude")


def _dominated(policy: Policy) -> pl.Expr:
    # Where nothing is known of single contributions, one may be all.
    share = _largest + _second > policy.max_share_of_two * _magnitude
    return _is_sum & share.fill_null(value=True)


def _too_certain(policy: Policy) -> pl.Expr:
    # If nobody contributed anything, everybody's contribution is known.
    rest = _magnitude - _largest - _second
    certain = (rest < _largest * policy.p_percent / 100) | (_magnitude == 0)
    return _is_sum & certain.fill_null(value=True)


def _unbounded(policy: Policy) -> str:
    return "nothing is said of its size"


CELL_RULES: tuple[Rule, ...] = (
    Rule(
        "min_people",
        "Fewer distinct people than `min_people` stand behind the cell.",
        lambda policy: _people < policy.min_people,
        lambda policy: f"fewer than {policy.min_people} people stand behind it",
    ),
    # Nobody, too few and nearly everybody are one rule: to say which would give the count away.
    Rule(
        "min_converters",
        "Fewer distinct people than `min_converters` contribute to the value, or are left out of "
        "a count of people: none or all would say it of each, a few would single them out.",
        lambda policy: pl.min_horizontal(_contributors, _left_out) < policy.min_converters,
        lambda policy: f"fewer than {policy.min_converters} people are counted or are left out",
    ),
    Rule(
        "column_minimums",
        "Fewer distinct people contribute to the value than `column_minimums` asks for a column "
        "that it comes from or is grouped by.",
        lambda policy: _behind < pl.col("minimum"),
        lambda policy: (
            f"fewer than {max(policy.column_minimums.values(), default=0)} people stand behind it"
        ),
    ),
    Rule(
        "dominance",
        "The two people with the largest contributions make up more of the sum than "
        "`max_share_of_two`: the (n,k) rule with n = 2. Where refunds make contributions "
        "negative, they and the sum are taken without their signs.",
        _dominated,
        _unbounded,
    ),
    Rule(
        "p_percent",
        "What all others contribute to the sum is less than `p_percent` % of the largest "
        "contribution, so that the second largest contributor could work that out as closely: "
        "the p% rule. Or nobody contributed anything, which would say it of each.",
        _too_certain,
        _unbounded,
    ),
)
BOTH_ARMS = Rule(
    "both_arms",
    "The other arm of the contrast was withheld; one arm alone would give the other away.",
    lambda policy: pl.lit(value=False),
    _unbounded,
)
DIFFERENCING = Rule(
    "differencing",
    "It differs from a number that was shown before, or from a sum or difference of such numbers, "
    "by fewer distinct people than `min_people`: taken from them, it would be about those few.",
    lambda policy: pl.lit(value=False),
    lambda policy: "that it is near to what was shown before",
)
COMPLEMENTARY = Rule(
    "complementary",
    "It would help to work out a number that is withheld, or is withheld itself and its own reason "
    "would: by a sum or an order that holds between them, or by telling that people are enough. "
    "What is withheld so stays as uncertain as `protection_width` asks.",
    lambda policy: pl.lit(value=False),
    _unbounded,
)
WHOLE = Rule(
    "whole",
    "The whole that it is a part of was withheld, or another part of it: of a whole that is "
    "released, all parts but one would give that one away.",
    lambda policy: pl.lit(value=False),
    _unbounded,
)
NO_BOUND = Rule(
    "no_bound",
    "The agreement asks for noise, and nothing bounds what one person adds to such a value: no "
    "noise would be enough.",
    lambda policy: pl.lit(value=False),
    _unbounded,
)
SUPPORT = Rule(
    "support",
    "A count of people on which the estimate rests was withheld, by whichever rule.",
    lambda policy: pl.lit(value=False),
    _unbounded,
)
RULES: tuple[Rule, ...] = (
    *CELL_RULES,
    BOTH_ARMS,
    WHOLE,
    DIFFERENCING,
    COMPLEMENTARY,
    NO_BOUND,
    SUPPORT,
)


def least_of(policy: Policy, columns: Iterable[str]) -> int:
    """The largest of the policy's minimums for these columns; 0 if it has none."""
    return max((policy.column_minimums.get(column, 0) for column in columns), default=0)


def first_rule(policy: Policy) -> pl.Expr:
    """The id of the first rule that withholds a cell, null for a cell that leaves."""
    return pl.coalesce(pl.when(rule.applies(policy)).then(pl.lit(rule.id)) for rule in CELL_RULES)
