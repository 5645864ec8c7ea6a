"""The disclosure policy: the thresholds below which a number does not leave the room."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from cleanroom import signing


class Policy(BaseModel):
    """Thresholds on distinct people; defaults are those of the founding case.

    `min_people`: fewest distinct people in a cell. `min_converters`: fewest distinct people
    behind a conversion count, an event count or an amount, and fewest people a count may leave out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min_people: int = Field(default=50, ge=2)
    min_converters: int = Field(default=10, ge=2)


def strictest(a: Policy, b: Policy) -> Policy:
    """The policy that satisfies both; so two parties' rules, or a run's, only ever tighten."""
    return Policy(
        min_people=max(a.min_people, b.min_people),
        min_converters=max(a.min_converters, b.min_converters),
    )


def fingerprint(policy: Policy) -> str:
    """SHA-256 of the policy's canonical form, in hex."""
    return signing.digest(policy.model_dump(mode="json"))
