"""The disclosure policy: the thresholds below which a number does not leave the room."""

from __future__ import annotations

from collections.abc import Callable
from math import lcm
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cleanroom import signing
from cleanroom.noise import Noise, strictest_noise


class Policy(BaseModel):
    """What may leave the room; defaults are those of the founding case.

    `min_people`: fewest distinct people in a cell. `min_converters`: fewest distinct people
    behind a conversion count, an event count or an amount, and fewest people a count may leave out.
    `min_matches`: fewest join keys that match, or the join is refused. `max_joins`: most joins in
    any `join_period_days`. `rounding`: match sizes and rates are rounded to a multiple of it.
    `noise`: differential privacy, where it is asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min_people: int = Field(default=50, ge=2)
    min_converters: int = Field(default=10, ge=2)
    min_matches: int = Field(default=50, ge=2)
    max_joins: int = Field(default=31, ge=1)
    join_period_days: int = Field(default=30, ge=1)
    rounding: int = Field(default=5, ge=1)
    noise: Noise | None = None


# The value that satisfies both sides of each rule. Fewer joins in a longer period are fewer in
# every shorter one. What is a multiple of the least common multiple is a multiple of both, so it
# says no more than either side's rounding lets be said.
_STRICTER: dict[str, Callable[[Any, Any], Any]] = {
    "min_people": max,
    "min_converters": max,
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
