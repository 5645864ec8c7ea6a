"""What must hold before the effect of a regional campaign is believed."""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.borders import Check, Estimate, Verdict
from cleanroom.numbers import share
from cleanroom.studies.geo_panel import Given
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.lift_checks import by_chance, shows_effect, unknown
from cleanroom.studies.words import joined, sentence

# A sound comparison fails such a check one time in twenty: there are few, and each can sink it.
LEVEL = 0.05
# Without these passed, the regions cannot be compared.
VALIDITY = ("alike_before",)
# Of the other regions, the most that may be missing.
MOST_DROPPED = 0.1


def check_regions(
    estimates: Mapping[str, Estimate], panel: Given | UndefinedError
) -> dict[str, Check]:
    """All checks by name; one whose inputs are absent is UNKNOWN."""
    checks = (
        _alike_before(estimates),
        _trends_alike(estimates),
        _stands_out(estimates),
        _designs_agree(estimates),
        _regions_complete(panel),
    )
    return {check.name: check for check in checks}


def _alike_before(estimates: Mapping[str, Estimate]) -> Check:
    """Whether the same design finds no effect of a start at which nothing began."""
    name, label = "alike_before", "No effect before the start (placebo in time)"
    lift, chance = estimates["before_lift"], estimates["before_p_value"]
    if lift.value is None or chance.value is None:
        return unknown(name, label, chance)
    words = f"a start before the true one would have had a lift of {share(lift.value)}"
    return by_chance(name, label, chance.value, words, LEVEL)


def _trends_alike(estimates: Mapping[str, Estimate]) -> Check:
    """Whether difference in differences may be believed; the other designs do not need it."""
    name, label = "trends_alike", "Equal trends before the start (for differences)"
    chance = estimates["pre_trend_p_value"]
    if chance.value is None:
        return unknown(name, label, chance)
    words = "the trends of treated and other regions before the start were compared"
    return by_chance(name, label, chance.value, words, LEVEL)


def _stands_out(estimates: Mapping[str, Estimate]) -> Check:
    """Whether the gap is larger than those of regions where nothing happened."""
    name, label = "stands_out", "Stands out among placebo regions (placebo in space)"
    chance, effect = estimates["placebo_p_value"], estimates["incremental_outcome"]
    if chance.value is None or effect.value is None:
        return unknown(name, label, chance)
    claimed = shows_effect(effect)
    passed = not claimed or chance.value <= 2 * LEVEL
    words = f"regions drawn at random have as large a gap {share(chance.value)} of the time" + (
        ", and no effect is claimed" if not claimed else ""
    )
    words += "" if passed else ", though the interval excludes zero"
    return Check(name, label, Verdict.PASSED if passed else Verdict.FAILED, sentence(words))


def _designs_agree(estimates: Mapping[str, Estimate]) -> Check:
    """Whether the estimate of each other design lies within the interval of the study's own."""
    name, label = "designs_agree", "Other designs agree"
    outcome, lift = estimates["incremental_outcome"], estimates["relative_lift"]
    pairs = [("synthetic_outcome", outcome), ("series_outcome", outcome)]
    pairs += [("differences_lift", lift)]
    if outcome.value is None or lift.value is None:
        return unknown(name, label, outcome)
    known = [(estimates[other], own) for other, own in pairs if estimates[other].value is not None]
    off = [other.label for other, own in known if not _within(other.value, own)]
    if off:
        words = f"outside the interval lies: {joined(off)}"
        return Check(name, label, Verdict.FAILED, sentence(words))
    words = f"the estimates of {len(known)} other designs lie within the interval"
    return Check(name, label, Verdict.PASSED, sentence(words))


def _regions_complete(panel: Given | UndefinedError) -> Check:
    name, label = "regions_complete", "Most regions are in it"
    if isinstance(panel, UndefinedError):
        return Check(name, label, Verdict.UNKNOWN, sentence(f"not checked: {panel}"))
    kept, dropped = len(panel.panel.regions), len(panel.dropped)
    verdict = Verdict.PASSED if dropped <= MOST_DROPPED * (kept + dropped) else Verdict.FAILED
    words = f"{kept} regions have a number in each of {len(panel.periods)} periods"
    if dropped:
        words += f"; left out of all, because one was withheld: {joined(list(panel.dropped))}"
    return Check(name, label, verdict, sentence(words))


def _within(value: float | None, own: Estimate) -> bool:
    return value is None or (own.lower or 0.0) <= value <= (own.upper or 0.0)
