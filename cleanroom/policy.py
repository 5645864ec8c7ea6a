"""The disclosure policy: the thresholds below which a number does not leave the room."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from math import lcm
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cleanroom import signing
from cleanroom.errors import did_you_mean
from cleanroom.noise import Noise, strictest_noise
from cleanroom.tables import COLUMNS


class Rounding(StrEnum):
    """How counts are rounded before they leave, from exact to coarse.

    `midpoint_6` sets 1 … 6 to 3, 7 … 12 to 9 and so on: the OpenSAFELY project's rule, which
    shifts no average and keeps zero apart from few.
    """

    NONE = "none"
    BASE_5 = "base_5"
    MIDPOINT_6 = "midpoint_6"


class Policy(BaseModel):
    """What may leave the room; defaults are those of the founding case.

    `min_people`: fewest distinct people in a cell. `min_converters`: fewest distinct people
    behind a conversion count, an event count or an amount, and fewest people a count may leave out.
    `column_minimums`: fewest people behind a value that comes from a column (`visits.amount`).
    `max_share_of_two`: the most that the two largest contributors may make up of a sum (the (n,k)
    rule, n = 2). `p_percent`: a sum must leave everybody's contribution uncertain by so much.
    `protection_width`: what else is released leaves a withheld count of people a range of at least
    so many people (or what its rule says, if that is less), and a sum what so many contribute.
    `max_events_per_person`, `max_amount_per_person`: one person counts at most so much in a cell.
    `round_counts`: how counts are rounded. `min_matches`: fewest join keys that match, or the join
    is refused. `max_joins`: most joins in any `join_period_days`. `rounding`: match sizes and rates
    are rounded to a multiple of it. `noise`: differential privacy, where it is asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    min_people: int = Field(default=50, ge=2)
    min_converters: int = Field(default=10, ge=2)
    column_minimums: dict[str, Annotated[int, Field(ge=2)]] = {}
    max_share_of_two: float = Field(default=0.85, gt=0, le=1)
    p_percent: int = Field(default=10, ge=0, le=100)
    protection_width: int = Field(default=50, ge=1)
    max_events_per_person: int | None = Field(default=None, ge=1)
    max_amount_per_person: int | None = Field(default=None, ge=1)
    round_counts: Rounding = Rounding.NONE
    min_matches: int = Field(default=50, ge=2)
    max_joins: int = Field(default=31, ge=1)
    join_period_days: int = Field(default=30, ge=1)
    rounding: int = Field(default=5, ge=1)
    noise: Noise | None = None

    @field_validator("column_minimums")
    @classmethod
    def _of_columns_there_are(cls, minimums: dict[str, int]) -> dict[str, int]:
        for column in minimums:
            if column not in COLUMNS:
                raise ValueError(f"there is no '{column}'; {did_you_mean(column, COLUMNS)}")
        return dict(sorted(minimums.items()))


def _most_of_each(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    return {column: max(a.get(column, 0), b.get(column, 0)) for column in {**a, **b}}


def _least_bound(a: int | None, b: int | None) -> int | None:
    return min((bound for bound in (a, b) if bound is not None), default=None)


def _coarser(a: Rounding, b: Rounding) -> Rounding:
    return max(a, b, key=list(Rounding).index)


# The value that satisfies both sides of each rule. Fewer joins in a longer period are fewer in
# every shorter one. What is a multiple of the least common multiple is a multiple of both, so it
# says no more than either side's rounding lets be said.
_STRICTER: dict[str, Callable[[Any, Any], Any]] = {
    "min_people": max,
    "min_converters": max,
    "column_minimums": _most_of_each,
    "max_share_of_two": min,
    "p_percent": max,
    "protection_width": max,
    "max_events_per_person": _least_bound,
    "max_amount_per_person": _least_bound,
    "round_counts": _coarser,
    "min_matches": max,
    "max_joins": min,
    "join_period_days": max,
    "rounding": lcm,
    "noise": strictest_noise,
}


def strictest(a: Policy, b: Policy) -> Policy:
    """The policy that satisfies both; so two parties' rules, or a run's, only ever tighten.

    Associative, commutative and idempotent: the order in which rules meet does not matter.
    """
    return Policy(
        **{name: rule(getattr(a, name), getattr(b, name)) for name, rule in _STRICTER.items()}
    )


def fingerprint(policy: Policy) -> str:
    """SHA-256 of the policy's canonical form, in hex."""
    return signing.digest(policy.model_dump(mode="json"))
