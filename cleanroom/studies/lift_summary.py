"""What a marketing lead takes away from a lift study: the verdict, for whom, and the money."""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.borders import Check, Estimate, Verdict
from cleanroom.evidence import DECISIVE, NEEDED, Grade, graded
from cleanroom.numbers import count, money, plain, share
from cleanroom.studies.lift_checks import shows_effect
from cleanroom.studies.words import around_zero, joined, sentence, size_of
from cleanroom.study import LiftStudy

_POPULATIONS = {
    "linked_panel": "people whom a click from before the assignment had linked to the store",
    "shared_identifier": "people whom both platforms know by the same identifier",
}
_UNUSABLE = {
    "sample_ratio": "the arms do not have the planned sizes",
    "linked_share_equal": "outcomes could not be seen alike in both arms",
    "prior_equal": "the arms differed before anybody was assigned",
}


def summary(
    estimates: Mapping[str, Estimate],
    checks: Mapping[str, Check],
    study: LiftStudy,
    currency: str,
) -> tuple[str, str, str]:
    """Three sentences; an effect is claimed only if its interval excludes zero and the arms are
    sound, and has evidence grade A only if that was checked."""
    failed = [_UNUSABLE[name] for name in DECISIVE if _failed(checks, name)]
    return (
        sentence(_verdict(estimates, checks, failed)),
        sentence(_population(estimates, study)),
        sentence(_spending(estimates, failed, study, currency)),
    )


def _verdict(
    estimates: Mapping[str, Estimate], checks: Mapping[str, Check], failed: list[str]
) -> str:
    effect, treated = estimates["incremental_conversions"], estimates["people_treated"].value
    if effect.value is None or treated is None:
        return f"no effect on buying can be stated: {effect.withheld}"
    if failed:
        return f"the estimate of the effect must not be used: {joined(failed)}"
    group = f"the {count(treated)} people studied who were assigned to see them"
    if not shows_effect(effect):
        found = f"no effect of the notes on buying could be shown among {group}"
        undecided = checks["enough_data"].verdict is Verdict.FAILED
        but = ", and the study is too small to rule out one that matters" if undecided else ""
        return f"{found} ({around_zero(effect, count)}){but}: {_grade(checks)}"
    led, buyers = (
        ("caused", "additional buyers") if effect.value > 0 else ("led to", "fewer buyers")
    )
    size, interval = size_of(effect, count)
    but = ", which does not hold at every look" if _failed(checks, "multiple_looks") else ""
    return (
        f"the notes {led} about {size} {buyers} among {group} ({interval}){but}: {_grade(checks)}"
    )


def _failed(checks: Mapping[str, Check], name: str) -> bool:
    return name in checks and checks[name].verdict is Verdict.FAILED


def _grade(checks: Mapping[str, Check]) -> str:
    if all(checks[name].verdict is Verdict.PASSED for name in NEEDED):
        return graded(Grade.RANDOMISED)
    return "no evidence grade, because not all of what makes the arms comparable could be checked"


def _population(estimates: Mapping[str, Estimate], study: LiftStudy) -> str:
    treated, holdout = (estimates[f"linked_share_{arm}"].value for arm in ("treated", "holdout"))
    shares = ""
    if treated is not None and holdout is not None:
        shares = f" ({share(treated)} of the treated arm, {share(holdout)} of the holdout)"
    return (
        f"the study follows {_POPULATIONS[study.population]}{shares} and says nothing of others; "
        "everyone counts in the arm assigned, note seen or not (intention to treat)"
    )


def _spending(
    estimates: Mapping[str, Estimate], failed: list[str], study: LiftStudy, currency: str
) -> str:
    effect = estimates["incremental_conversion_value"]

    def shown(amount: float) -> str:
        return money(amount, currency)

    if effect.value is None:
        return f"no effect on the amount spent can be stated: {effect.withheld}"
    if failed:
        return "the amounts spent compare the same arms and must not be used either"
    counting = f"counting at most {shown(study.max_amount)} a person"
    if not shows_effect(effect):
        found = "no effect of the notes on the amount spent could be shown"
        return f"{found} ({around_zero(effect, shown)}), {counting}"
    size, interval = size_of(effect, shown)
    more = "more" if effect.value > 0 else "less"
    spent = f"because of the notes, about {size} {more} was spent ({interval}), {counting}"
    per_cost = estimates.get("incremental_conversion_value_per_cost")
    if per_cost is None or per_cost.value is None:
        return spent
    numbers = (per_cost.value, per_cost.lower or 0.0, per_cost.upper or 0.0)
    value, low, high = (plain(number) for number in numbers)
    return f"{spent}: {value} for each unit of cost (95% interval {low} to {high})"
