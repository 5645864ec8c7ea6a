"""What a marketing lead takes away from a regional study: verdict, design, money."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cleanroom.borders import Check, Estimate, Verdict
from cleanroom.evidence import Grade, graded
from cleanroom.numbers import count, money, share
from cleanroom.studies.geo_checks import VALIDITY
from cleanroom.studies.geo_panel import Given
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.lift_checks import shows_effect
from cleanroom.studies.words import joined, sentence
from cleanroom.study import GeoStudy

_CHOSEN = {
    "lot": "drawn by lot",
    "planner": "chosen by the planner before the campaign",
    "market": "those where the campaign happened to run, so that whatever led it there may be "
    "what is measured",
}


def summary(
    estimates: Mapping[str, Estimate],
    checks: Mapping[str, Check],
    study: GeoStudy,
    panel: Given | UndefinedError,
    currency: str,
) -> tuple[str, str, str]:
    """Three sentences; an effect is claimed only if its interval excludes zero and the regions were
    alike before the start."""
    failed = any(checks[name].verdict is Verdict.FAILED for name in VALIDITY)
    return (
        sentence(_verdict(estimates, study, currency, failed=failed)),
        sentence(_design(study, panel)),
        sentence(_money(estimates["incremental_conversion_value"], currency, failed=failed)),
    )


def _verdict(
    estimates: Mapping[str, Estimate], study: GeoStudy, currency: str, *, failed: bool
) -> str:
    effect, lift = estimates["incremental_outcome"], estimates["relative_lift"]
    if effect.value is None or lift.value is None:
        return f"no effect of the campaign can be stated: {effect.withheld}"
    if failed:
        return (
            "the estimate of the effect must not be used: the treated regions went their own way "
            "before the campaign began"
        )
    shown = _shown(study, currency)
    low, high = shown(effect.lower or 0.0), shown(effect.upper or 0.0)
    where = f"in {_regions(study)}"
    if not shows_effect(effect):
        return (
            f"no effect of the campaign on {study.outcome} could be shown {where} (estimate "
            f"{shown(effect.value)}, 95% interval {low} to {high}): {graded(Grade.REGIONS)}"
        )
    direction = "more" if effect.value > 0 else "fewer"
    ends = sorted((abs(effect.lower or 0.0), abs(effect.upper or 0.0)))
    return (
        f"the campaign led to about {shown(abs(effect.value))} {direction} {study.outcome} {where} "
        f"(95% interval {shown(ends[0])} to {shown(ends[1])}), {share(abs(lift.value))} of what "
        f"would have been: {graded(Grade.REGIONS)}"
    )


def _design(study: GeoStudy, panel: Given | UndefinedError) -> str:
    words = (
        f"the treated regions were {_CHOSEN[study.assigned_by]}, and each is compared with a "
        "weighted mean of the others; nobody's clicks are joined to anybody's orders"
    )
    if isinstance(panel, UndefinedError):
        return words
    days = _days(panel.periods)
    first = panel.panel.first
    grain = "days" if days == 1 else f"periods of {days} days"
    return f"{words}; {first} {grain} before the start and {len(panel.periods) - first} from it on"


def _money(amount: Estimate, currency: str, *, failed: bool) -> str:
    if amount.value is None:
        return f"no effect on revenue can be stated: {amount.withheld}"
    if failed:
        return "the revenue compares the same regions and must not be used either"
    low, value, high = (
        money(x or 0.0, currency) for x in (amount.lower, amount.value, amount.upper)
    )
    if not shows_effect(amount):
        found = "no effect on revenue net of refunds could be shown"
        return f"{found} (estimate {value}, 95% interval {low} to {high})"
    return f"revenue net of refunds changed by about {value} (95% interval {low} to {high})"


def _shown(study: GeoStudy, currency: str) -> Callable[[float], str]:
    if study.outcome == "revenue":
        return lambda number: money(number, currency)
    return count


def _regions(study: GeoStudy) -> str:
    few = len(study.treated) <= 4
    return joined(list(study.treated)) if few else f"the {len(study.treated)} treated regions"


def _days(periods: tuple[str, ...]) -> int:
    from datetime import date

    first, second = (date.fromisoformat(day) for day in periods[:2])
    return (second - first).days
