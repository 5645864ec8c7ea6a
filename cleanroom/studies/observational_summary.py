"""What a marketing lead takes away from an observational study: the verdict before the number."""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.borders import Check, Estimate
from cleanroom.evidence import Grade
from cleanroom.numbers import count, money
from cleanroom.studies.lift_checks import shows_effect
from cleanroom.studies.observational_checks import Credibility, credibility
from cleanroom.studies.words import around_zero, joined, sentence, size_of
from cleanroom.study import ObservationalStudy

_POPULATIONS = {
    "linked_panel": "people whom a click from before the study had linked to the store",
    "shared_identifier": "people whom both platforms know by the same identifier",
}
_EXPOSURES = {"seen": "saw a note", "engaged": "engaged with a note"}
_VERDICTS = {Credibility.CREDIBLE: "credible", Credibility.WEAK: "weak evidence"}
_GRADE = f"evidence grade {Grade.OBSERVATIONAL}"


def summary(
    estimates: Mapping[str, Estimate],
    checks: Mapping[str, Check],
    study: ObservationalStudy,
    currency: str,
) -> tuple[str, str, str]:
    """Three sentences: the verdict with the effect on buying, for whom, and the money."""
    verdict, reasons = credibility(estimates, checks)
    return (
        sentence(_verdict(estimates, verdict, reasons)),
        sentence(_population(study)),
        sentence(_spending(estimates, verdict, study, currency)),
    )


def _verdict(estimates: Mapping[str, Estimate], verdict: Credibility, reasons: list[str]) -> str:
    effect, exposed = estimates["incremental_conversions"], estimates["people_exposed"].value
    if verdict is Credibility.UNUSABLE:
        return f"do not use ({_GRADE}): {joined(reasons)}, so no effect is estimated"
    if effect.value is None or exposed is None:
        return f"no effect on buying can be stated ({_GRADE}): {effect.withheld}"
    but = f"; it is no better because {joined(reasons)}" if reasons else ""
    return f"{_VERDICTS[verdict]} ({_GRADE}): {_effect(effect, exposed)}{but}"


def _effect(effect: Estimate, exposed: float) -> str:
    group = f"the {count(exposed)} people exposed"
    if not shows_effect(effect):
        shown = around_zero(effect, count)
        return f"no effect of the notes on buying could be shown among {group} ({shown})"
    size, interval = size_of(effect, count)
    more = "more" if (effect.value or 0) > 0 else "fewer"
    return f"{group} include about {size} {more} buyers than comparable people would ({interval})"


def _population(study: ObservationalStudy) -> str:
    exposed = _EXPOSURES[study.exposure]
    of = f" of the campaign {study.campaign}" if study.campaign else ""
    return (
        f"the study follows {_POPULATIONS[study.population]} and says nothing of others; it sets "
        f"those who {exposed}{of} beside people as like them as the data know, each for "
        f"{study.follow_up_days} days, and nobody was held out by chance"
    )


def _spending(
    estimates: Mapping[str, Estimate],
    verdict: Credibility,
    study: ObservationalStudy,
    currency: str,
) -> str:
    effect = estimates["incremental_conversion_value"]

    def shown(amount: float) -> str:
        return money(amount, currency)

    if verdict is Credibility.UNUSABLE:
        return "the amounts spent compare the same groups, and none is estimated either"
    if effect.value is None:
        return f"no effect on the amount spent can be stated: {effect.withheld}"
    counting = f"counting at most {shown(study.max_amount)} a person"
    if not shows_effect(effect):
        found = "no effect of the notes on the amount spent could be shown"
        return f"{found} ({around_zero(effect, shown)}), {counting}"
    size, interval = size_of(effect, shown)
    more = "more" if effect.value > 0 else "less"
    return f"the exposed spent about {size} {more} than comparable people ({interval}), {counting}"
