"""What must hold before two groups that chose for themselves are compared; the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cleanroom.absences import Absence
from cleanroom.borders import Check, Estimate, Verdict
from cleanroom.numbers import count, plain
from cleanroom.studies.balance import ALIKE
from cleanroom.studies.exposed_panel import LEAST_EFFECTIVE, PLACEBO_LEVEL
from cleanroom.studies.lift_checks import shows_effect
from cleanroom.studies.words import points, probability, sentence

# Where one of these fails, no estimate is made.
DECISIVE = ("enough_comparable", "placebo_period")
# More of the exposed set aside, and the effect is not that of the exposed any more.
MOST_SET_ASIDE = 0.10
# What something unseen may need at least, as a risk ratio with exposure and with buying both.
LEAST_E_VALUE = 1.5


class Credibility(StrEnum):
    """What an observational study comes to."""

    CREDIBLE = "credible"
    WEAK = "weak"
    UNUSABLE = "do not use"


REASONS = {
    "enough_comparable": "too few people are comparable",
    "placebo_period": "the groups differed before anybody was exposed",
    "negative_control": "the groups differ where the notes can do nothing",
    "balance": "weighting does not make the groups alike",
    "overlap": "many of the exposed have no counterpart",
    "sensitivity": "little that was not seen would explain it away",
}


def check_comparison(estimates: Mapping[str, Estimate]) -> dict[str, Check]:
    """All checks by name; one whose inputs were withheld is UNKNOWN."""
    checks = (
        _enough_comparable(estimates),
        _no_effect(
            estimates,
            ("placebo_period", "No effect before the study (placebo)", "placebo"),
            "before anybody was exposed",
        ),
        _no_effect(
            estimates,
            ("negative_control", "No effect on buying elsewhere", "elsewhere"),
            "at other merchants",
        ),
        _balance(estimates),
        _overlap(estimates),
        _sensitivity(estimates),
    )
    return {check.name: check for check in checks}


def credibility(
    estimates: Mapping[str, Estimate], checks: Mapping[str, Check]
) -> tuple[Credibility, list[str]]:
    """The verdict, and why it is no better: failed checks first, then those not made."""
    failed = [name for name, one in checks.items() if one.verdict is Verdict.FAILED]
    unknown = [name for name, one in checks.items() if one.verdict is Verdict.UNKNOWN]
    reasons = [REASONS[name] for name in failed]
    if {*failed} & {*DECISIVE}:
        return Credibility.UNUSABLE, [REASONS[name] for name in failed if name in DECISIVE]
    if estimates["absolute_lift"].absence is Absence.NO_DATA:
        return Credibility.UNUSABLE, ["the groups are not comparable"]
    if unknown:
        labels = ", ".join(f"'{checks[name].label}'" for name in unknown)
        reasons.append(f"it could not be checked: {labels}")
    return (Credibility.WEAK if reasons else Credibility.CREDIBLE), reasons


def _enough_comparable(estimates: Mapping[str, Estimate]) -> Check:
    name, label = "enough_comparable", f"At least {LEAST_EFFECTIVE} comparable people, in weight"
    sizes = [estimates[one] for one in ("effective_before_size", "effective_size")]
    exposed = estimates["people_exposed"]
    missing = [one for one in (*sizes, exposed) if one.value is None]
    if missing:
        return _unknown(name, label, missing[0])
    before, after = (one.value or 0.0 for one in sizes)
    words = (
        f"the comparable people are worth {count(before)} of equal weight, "
        f"{count(after)} once who has no counterpart was set aside"
    )
    fits = min(before, after, exposed.value or 0.0) >= LEAST_EFFECTIVE
    return _check(name, label, fits, words)


def _no_effect(estimates: Mapping[str, Estimate], about: tuple[str, str, str], where: str) -> Check:
    name, label, outcome = about
    lift, p_value = estimates[f"{outcome}_lift"], estimates[f"{outcome}_p_value"]
    if lift.value is None or p_value.value is None:
        return _unknown(name, label, p_value if lift.value is not None else lift)
    chance = probability(p_value.value)
    words = f"{where} the groups' rates of buying differ by {points(lift.value)}"
    if p_value.value < PLACEBO_LEVEL:
        words += f": more than chance explains ({chance}, below {PLACEBO_LEVEL})"
        return _check(name, label, False, words)
    return _check(name, label, True, f"{words}, within chance ({chance})")


def _balance(estimates: Mapping[str, Estimate]) -> Check:
    name, label = "balance", "Groups alike once weighted"
    before, after = estimates["imbalance_before"], estimates["imbalance_after"]
    if before.value is None or after.value is None:
        return _unknown(name, label, before if before.value is None else after)
    words = (
        f"the largest difference of a covariate is {plain(after.value)} standard deviations, "
        f"where it was {plain(before.value)}; up to {ALIKE} is taken as alike"
    )
    return _check(name, label, after.value <= ALIKE, words)


def _overlap(estimates: Mapping[str, Estimate]) -> Check:
    name, label = "overlap", "The exposed have counterparts"
    aside, separation = estimates["set_aside_exposed"], estimates["separation"]
    if aside.value is None or separation.value is None:
        return _unknown(name, label, aside if aside.value is None else separation)
    words = (
        f"about {aside.value:.0%} of the exposed have no counterpart and were set aside; what is "
        f"known of people tells an exposed from another {separation.value:.0%} of the time, a coin "
        "half of the time"
    )
    return _check(name, label, aside.value <= MOST_SET_ASIDE, words)


def _sensitivity(estimates: Mapping[str, Estimate]) -> Check:
    name, label = "sensitivity", "Robust against what was not seen"
    lift, needed = estimates["absolute_lift"], estimates["e_value_of_interval"]
    if lift.value is None:
        return _unknown(name, label, lift)
    if not shows_effect(lift):
        return _check(name, label, True, "no effect is claimed that could be explained away")
    if needed.value is None:
        return _unknown(name, label, needed)
    words = (
        f"something unseen would have to make both exposure and buying {plain(needed.value)} times "
        f"as likely to bring the interval down to no effect; {LEAST_E_VALUE} is asked for"
    )
    return _check(name, label, needed.value >= LEAST_E_VALUE, words)


def _check(name: str, label: str, fits: bool, words: str) -> Check:
    return Check(name, label, Verdict.PASSED if fits else Verdict.FAILED, sentence(words))


def _unknown(name: str, label: str, without_value: Estimate) -> Check:
    return Check(name, label, Verdict.UNKNOWN, sentence(f"not checked: {without_value.withheld}"))
