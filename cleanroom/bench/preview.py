"""What a study would cost and how large its noise is, said before anything is counted or spent.

Reads the agreement, the ledger and the handovers' manifests: no row, and no number that was not
released. What effect to expect is the planner's to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from cleanroom import ledger
from cleanroom.bench.noise import charge_of, store_of
from cleanroom.errors import StudyError
from cleanroom.gate.budget import Budget, Charge, budget, due
from cleanroom.gate.mechanism import require_libraries
from cleanroom.noise import COARSER, Noise
from cleanroom.policy import Policy, strictest
from cleanroom.room.place import agreement_of, ledger_of
from cleanroom.room.reach import reach_of
from cleanroom.room.vault import open_vault
from cleanroom.studies.intervals import Noisy, Proportion, detectable_difference
from cleanroom.study import LiftStudy, Study


@dataclass(frozen=True)
class Plan:
    """What a planner expects: people studied, the share of them that buys, and its rise."""

    people: float
    rate: float
    lift: float | None = None


def preview(
    room: Path, study: Study, plan: Plan | None = None, policy: Policy | None = None
) -> list[str]:
    """Sentences on a study's noise, its cost, what would remain, and the noise beside the effect.

    Spends nothing. Raises `StudyError` if the agreement permits no study of the kind, or the plan
    makes no sense.
    """
    agreement = agreement_of(room)
    if not (study.kind in agreement.studies and agreement.may_study(study.merchant, study.kind)):
        raise StudyError(
            f"The {study.kind} study of this merchant is not permitted.",
            "see the agreement's studies and merchant_scopes.",
        )
    effective = strictest(agreement.effective_policy, policy or agreement.effective_policy)
    if effective.noise is None:
        return ["The agreement asks for no noise: nothing is spent."]
    require_libraries()
    one = charge_of(study, open_vault(room, agreement), effective, effective.noise)
    records = list(ledger.records(ledger_of(room)))
    is_due = bool(due([one], records, store_of(room)))
    return [
        *_size(study, effective, effective.noise),
        *_cost(one, is_due, budget(records, effective.noise)),
        *(_beside(study, plan, effective.noise) if plan else []),
    ]


def _size(study: Study, policy: Policy, noise: Noise) -> Iterator[str]:
    deviation = noise.standard_deviation
    yield f"Noise on every number: {noise.mechanism}, standard deviation {deviation:,.0f} people."
    for reach in reach_of(study, policy).values():
        for measure, most in reach.most.items():
            yield f"Noise on {measure}: standard deviation {deviation * most:,.0f}."
    margin = noise.margin * deviation
    few, base = policy.min_converters + margin, policy.min_people + COARSER * margin
    yield (
        f"Released from about {few:,.0f} people who did it, of {base:,.0f} who could have: noisy "
        "counts have to clear the thresholds by a margin."
    )


def _cost(one: Charge, is_due: bool, now: Budget) -> Iterator[str]:
    noise = one.noise
    yield (
        f"Budget: epsilon {noise.epsilon:g} at delta {noise.delta:g} in any {noise.horizon_days} "
        f"days. Spent: {now.share(now.spent):.1%}, which is epsilon {now.epsilon:.2f}."
    )
    if not is_due:
        yield "This question was paid for: asked again it costs nothing and has the same answer."
        return
    left = now.remaining - one.rho
    takes = f"This question would take {now.share(one.rho):.1%} of the budget"
    if left >= 0:
        yield f"{takes}; {now.share(left):.1%} would remain."
    else:
        yield f"{takes}; only {now.share(now.remaining):.1%} remains, so it would be refused."
    for when, rho in sorted(now.frees)[:3]:
        yield f"{now.share(rho):.1%} comes back on {when:%Y-%m-%d %H:%M} UTC."


def _beside(study: Study, plan: Plan, noise: Noise) -> Iterator[str]:
    """The noise beside chance, at the planner's scale; all from what the planner said."""
    if not (plan.people >= 2 and 0 < plan.rate < 1):
        raise StudyError(
            "The plan makes no sense.", "name at least 2 people, and a rate between 0 and 1."
        )
    if not isinstance(study, LiftStudy):
        share = _share(plan.people, plan.rate, noise)
        by_chance = sqrt(plan.rate * (1 - plan.rate) / plan.people)
        yield (
            f"A rate of {plan.rate:.2%} of {plan.people:,.0f} people errs by {by_chance:.3%} by "
            f"chance and by {sqrt(share.noise_variance(plan.rate)):.3%} by noise."
        )
        return
    treated, holdout = (
        _share(plan.people * part, plan.rate, noise)
        for part in (study.planned_treated_share, 1 - study.planned_treated_share)
    )
    added = treated.noise_variance(plan.rate) + holdout.noise_variance(plan.rate)
    without = detectable_difference(holdout, treated.people)
    least = detectable_difference(holdout, treated.people, added)
    yield (
        f"Of {plan.people:,.0f} people of whom {plan.rate:.2%} buy, the smallest lift likely found "
        f"is {100 * least:.3f} percentage points; without noise {100 * without:.3f}."
    )
    if plan.lift is not None:
        verdict = "likely found" if abs(plan.lift) >= least else "likely missed"
        yield f"The expected lift of {100 * plan.lift:.3f} percentage points is {verdict}."


def _share(people: float, rate: float, noise: Noise) -> Proportion:
    deviation = noise.standard_deviation
    return Proportion(Noisy(rate * people, deviation), Noisy(people, deviation))
