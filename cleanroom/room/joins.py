"""Limits on joins: how many there may be in a period, and how many keys have to match.

A join is that of two handovers, however often it is computed. It is entered in the ledger before
anything is known of it, so that one which is then refused counts as well: that a few more or fewer
match is an answer too. No count is entered.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import narwhals as nw

from cleanroom import ledger
from cleanroom.errors import JoinError
from cleanroom.room.engine import Frame, collect
from cleanroom.room.place import ledger_of
from cleanroom.room.vault import Vault


def enter(vault: Vault, now: datetime | None = None) -> None:
    """Enter the join of the handovers in force in the ledger, unless it is there.

    Within `folders.locked`, and before the join is computed. `now` (with its zone) is the present,
    if None. Raises `JoinError` as `require_allowed`.
    """
    if require_allowed(vault, now):
        ledger.append(ledger_of(vault.room), ledger.Event.JOINED, _facts(vault))


def require_allowed(vault: Vault, now: datetime | None = None) -> bool:
    """Whether the join of the handovers in force would be another one than those so far.

    Raises `JoinError` if it would, and there have been `max_joins` in the last `join_period_days`.
    """
    joins = [
        record
        for record in ledger.records(ledger_of(vault.room))
        if record["event"] == ledger.Event.JOINED
    ]
    if any(record["facts"] == _facts(vault) for record in joins):
        return False
    policy = vault.agreement.effective_policy
    period = timedelta(days=policy.join_period_days)
    begin = (now or datetime.now(UTC)) - period
    times = sorted(datetime.fromisoformat(record["time"]) for record in joins)
    recent = [time for time in times if time > begin]
    if len(recent) >= policy.max_joins:
        following = recent[-policy.max_joins] + period
        raise JoinError(
            f"The agreement allows {policy.max_joins} joins in {policy.join_period_days} days, and "
            "there were as many.",
            f"join these handovers after {following.astimezone(UTC):%Y-%m-%d %H:%M} UTC; until "
            "then studies go on with those that were joined, if they are in force.",
        )
    return True


def enough(vault: Vault, matches: int) -> bool:
    """Whether as many join keys match as the agreement asks for."""
    return matches >= vault.agreement.effective_policy.min_matches


def require_matches(vault: Vault, matches: int) -> None:
    """Raise `JoinError` unless there are `enough`; it does not say how many are missing."""
    if not enough(vault, matches):
        fewest = vault.agreement.effective_policy.min_matches
        raise JoinError(
            f"Fewer join keys match than the agreement's minimum of {fewest}; nothing was kept.",
            "see that both platforms handed over the same days and merchants, and made their "
            "tokens under the same agreement; then hand over again.",
        )


def count_matches(ads: Frame, store: Frame, key: str) -> int:
    """How many distinct values of the column `key` both have, null aside."""
    one, other = (side.filter(~nw.col(key).is_null()).select(key).unique() for side in (ads, store))
    common = one.join(other, on=key, how="inner").select(matches=nw.len())
    return int(collect(common, f"matches by {key}").item())


def _facts(vault: Vault) -> dict[str, object]:
    mode = vault.agreement.join.mode.value
    return {"handovers": dict(vault.handovers), "mode": mode}
