"""The privacy budget: spent in the ledger before a number exists, and read back from its chain.

A record says what noise was paid for, so that either platform can work out from the ledger alone
what was spent; a study that was paid for is never paid for twice. Accounting is by rho of zero-
concentrated differential privacy, turned into epsilon at the agreed delta by Google's
dp-accounting (Rényi accountant; Canonne, Kamath and Steinke 2020, proposition 12).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cleanroom import ledger
from cleanroom.errors import BudgetError
from cleanroom.gate.store import Store
from cleanroom.noise import Mechanism, Noise, Reach, reach_cost

Records = Iterable[dict[str, Any]]


@dataclass(frozen=True)
class Charge:
    """One study's noise: `content` names all that its tables depend on; `label` names it to people.

    `values` and `supports`: how many cells, and counts behind cells, one person changes.
    """

    content: str
    label: str
    noise: Noise
    values: int
    supports: int

    @property
    def rho(self) -> float:
        """What it costs."""
        return reach_cost(self.noise, {"": Reach(self.values, self.supports, {})})


@dataclass(frozen=True)
class Budget:
    """What may be spent in a horizon and what was, as rho; `frees`: when how much comes back.

    `epsilon`: what was spent, at the agreed delta.
    """

    total: float
    spent: float
    epsilon: float
    frees: tuple[tuple[datetime, float], ...]

    @property
    def remaining(self) -> float:
        """Never below nothing: the agreement may have tightened since."""
        return max(self.total - self.spent, 0.0)

    def share(self, rho: float) -> float:
        """Of the whole budget, as a share."""
        return rho / self.total


def charge(content: str, label: str, noise: Noise, reaches: Mapping[str, Reach]) -> Charge:
    """The charge of a study whose tables a person reaches into by `reaches`."""
    values = sum(one.values for one in reaches.values())
    return Charge(content, label, noise, values, sum(one.supports for one in reaches.values()))


def budget(records: Records, noise: Noise, now: datetime | None = None) -> Budget:
    """The budget as the ledger's `records` have it at `now`, in the agreed horizon."""
    horizon = timedelta(days=noise.horizon_days)
    now = now or datetime.now(UTC)
    spendings = [
        (when + horizon, _rho(facts)) for when, facts in _spendings(records) if when + horizon > now
    ]
    spent = sum(rho for _, rho in spendings)
    return Budget(
        _total(noise.epsilon, noise.delta), spent, _epsilon(spent, noise.delta), tuple(spendings)
    )


def due(charges: Sequence[Charge], records: Records, store: Store) -> list[Charge]:
    """The charges that are still to be paid, each content once.

    Paid for is what a record names, unless its numbers were drawn, perhaps read, and are lost: to
    draw them anew would be another answer. Where a crash came before they were drawn, they are due
    to whoever paid.
    """
    paid: dict[str, bool] = {}
    for record in records:
        if record["event"] == ledger.Event.BUDGET_SPENT:
            paid |= {study["content"]: True for study in record["facts"]["studies"]}
        elif record["event"] == ledger.Event.NOISE_DRAWN:
            content = record["facts"]["content"]
            paid[content] = store.holds(content)
    return list({c.content: c for c in charges if not paid.get(c.content, False)}.values())


def spend(path: Path, noise: Noise, charges: Sequence[Charge], store: Store) -> None:
    """Pay for all of `charges` that are due, in one record, or raise `BudgetError` and pay nothing.

    Nobody else can spend between the look at the budget and the record.
    """

    def decide(records: Iterator[dict[str, Any]]) -> dict[str, Any] | None:
        known = list(records)
        owed = due(charges, known, store)
        if not owed:
            return None
        _require(budget(known, noise), owed, noise)
        return {"studies": [_facts(one) for one in owed]}

    ledger.append_if(path, ledger.Event.BUDGET_SPENT, decide)


def _require(now: Budget, owed: Sequence[Charge], noise: Noise) -> None:
    rho = sum(one.rho for one in owed)
    if rho <= now.remaining:
        return
    raise BudgetError(
        f"The privacy budget does not suffice: {len(owed)} of the studies asked for would take "
        f"{_percent(now.share(rho))} of it, and {_percent(now.share(now.remaining))} remains "
        f"(epsilon {noise.epsilon:g} at delta {noise.delta:g} in {noise.horizon_days} days).",
        f"{_smaller(now, owed)}; {_later(now, rho)}.",
    )


def _smaller(now: Budget, owed: Sequence[Charge]) -> str:
    """What would fit of that which was asked for, the cheapest first."""
    left, fits = now.remaining, []
    for one in sorted(owed, key=lambda one: one.rho):
        if one.rho > left:
            break
        left -= one.rho
        fits.append(one.label)
    if not fits:
        return "no part of it fits"
    named = ", ".join(fits[:5]) + (" and so on" if len(fits) > 5 else "")
    return f"ask for {len(fits)} of them at most, as {named}"


def _later(now: Budget, rho: float) -> str:
    """The day on which enough has come back."""
    left = now.remaining
    for when, back in sorted(now.frees):
        left += back
        if rho <= min(left, now.total):
            return f"all of it fits from {when:%Y-%m-%d %H:%M} UTC"
    return "all of it at once never fits, so ask in parts or have the agreement amended"


def _facts(one: Charge) -> dict[str, Any]:
    """What the ledger says: parameters of the mechanism, from which the cost follows; no values."""
    return {
        "content": one.content,
        "mechanism": one.noise.mechanism.value,
        "standard_deviation": one.noise.standard_deviation,
        "accounts_per_person": one.noise.accounts_per_person,
        "values": one.values,
        "supports": one.supports,
        "rho": one.rho,
    }


def _rho(facts: dict[str, Any]) -> float:
    """What a record's studies cost, worked out anew from the mechanism's parameters."""
    total = 0.0
    for study in facts["studies"]:
        noise = Noise(
            mechanism=Mechanism(study["mechanism"]),
            epsilon=1.0,
            standard_deviation=study["standard_deviation"],
            accounts_per_person=study["accounts_per_person"],
        )
        total += Charge(study["content"], "", noise, study["values"], study["supports"]).rho
    return total


def _spendings(records: Records) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for record in records:
        if record["event"] == ledger.Event.BUDGET_SPENT:
            yield datetime.fromisoformat(record["time"]), record["facts"]


def _epsilon(rho: float, delta: float) -> float:
    import dp_accounting
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant()
    accountant.compose(dp_accounting.ZCDpEvent(rho))
    return float(accountant.get_epsilon(delta))


@cache
def _total(epsilon: float, delta: float) -> float:
    """The rho whose epsilon at `delta` is the agreed one, and not more."""
    import dp_accounting
    from dp_accounting.rdp import RdpAccountant

    # Epsilon at least rho, so that rho cannot be more.
    bracket = dp_accounting.ExplicitBracketInterval(0.0, epsilon)
    found = dp_accounting.calibrate_dp_mechanism(
        RdpAccountant, dp_accounting.ZCDpEvent, epsilon, delta, bracket, tol=1e-9 * epsilon
    )
    rho = float(found)
    while _epsilon(rho, delta) > epsilon:
        rho *= 1 - 1e-9
    return rho


def _percent(share: float) -> str:
    return f"{share:.1%}"
