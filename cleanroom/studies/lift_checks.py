"""What must hold before a lift is believed: the arms as planned, and enough people in them."""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.borders import Check, Estimate, Verdict
from cleanroom.numbers import share
from cleanroom.studies.words import points, probability, sentence

# A sound experiment fails such a check one time in a hundred. The usual 0.001 would let a broken
# assignment such as that of Cookie Cats (p = 0.0086) through.
LEVEL = 0.01
# A lift this large, relative to the holdout's rate, is taken to matter to a merchant.
RELEVANT_LIFT = 0.10


def check_arms(estimates: Mapping[str, Estimate], planned_treated_share: float) -> dict[str, Check]:
    """All checks by name; one whose inputs were withheld is UNKNOWN."""
    checks = (
        _sample_ratio(estimates, planned_treated_share),
        _linked_share_equal(estimates),
        _enough_data(estimates),
    )
    return {check.name: check for check in checks}


def _sample_ratio(estimates: Mapping[str, Estimate], planned: float) -> Check:
    name, label = "sample_ratio", "Arms have the planned sizes (sample ratio)"
    treated, holdout = estimates["assigned_treated"].value, estimates["assigned_holdout"].value
    p_value = estimates["sample_ratio_p_value"]
    if treated is None or holdout is None or p_value.value is None:
        return unknown(name, label, p_value)
    words = (
        f"of the people assigned, {treated / (treated + holdout):.2%} are in the treated arm, "
        f"where {planned:.2%} were planned"
    )
    return by_chance(name, label, p_value.value, words)


def _linked_share_equal(estimates: Mapping[str, Estimate]) -> Check:
    """Whether a person's outcome can be seen must not depend on the arm: else the arms differ."""
    name, label = "linked_share_equal", "Outcomes can be seen alike in both arms"
    treated, holdout = (estimates[f"linked_share_{arm}"].value for arm in ("treated", "holdout"))
    p_value = estimates["linked_share_p_value"]
    if treated is None or holdout is None or p_value.value is None:
        return unknown(name, label, p_value)
    words = (
        f"outcomes can be seen of {share(treated)} of the people assigned to the treated arm "
        f"and of {share(holdout)} of the holdout"
    )
    return by_chance(name, label, p_value.value, words)


def _enough_data(estimates: Mapping[str, Estimate]) -> Check:
    """Whether the study decides: it shows an effect, or rules out one that matters.

    The interval decides. Power at the observed effect would only restate the p-value (Hoenig and
    Heisey 2001, The American Statistician 55, 19-24); the smallest lift likely found is for the
    reader, and tells a lucky draw (Gelman and Carlin 2014) from an effect well measured.
    """
    name, label = "enough_data", "Enough data to decide"
    lift, least = estimates["absolute_lift"], estimates["minimum_detectable_lift"]
    rate, relative = estimates["conversion_rate_holdout"], estimates["relative_conversion_lift"]
    if lift.value is None or least.value is None or not rate.value:
        return unknown(name, label, least)
    size = f"{points(least.value)}, {share(least.value / rate.value)} of the holdout's rate"
    found = f"a study of this size finds a lift of {size}, four times in five"
    beyond = f"a lift beyond {RELEVANT_LIFT:.0%} of the holdout's rate"
    if shows_effect(lift):
        lucky = abs(lift.value) < least.value
        words = "the interval excludes zero" + (", but the size is likely overstated" * lucky)
    elif _rules_out(relative, RELEVANT_LIFT):
        words = f"the interval includes zero, and rules out {beyond}"
    else:
        words = f"the interval includes zero, and does not rule out {beyond}"
        return Check(name, label, Verdict.FAILED, sentence(f"{words}; {found}"))
    return Check(name, label, Verdict.PASSED, sentence(f"{words}; {found}"))


def _rules_out(effect: Estimate, size: float) -> bool:
    lower, upper = effect.lower, effect.upper
    return lower is not None and upper is not None and -size < lower and upper < size


def shows_effect(effect: Estimate) -> bool:
    """Whether the interval of the estimate excludes zero."""
    lower, upper = effect.lower, effect.upper
    return lower is not None and upper is not None and (lower > 0 or upper < 0)


def by_chance(name: str, label: str, p_value: float, words: str, level: float = LEVEL) -> Check:
    """A check that fails where chance is an unlikely reason."""
    chance = probability(p_value)
    if p_value < level:
        words = f"{words}: more than chance explains ({chance}, below {level})"
        return Check(name, label, Verdict.FAILED, sentence(words))
    return Check(name, label, Verdict.PASSED, sentence(f"{words}, within chance ({chance})"))


def unknown(name: str, label: str, without_value: Estimate) -> Check:
    """A check that could not be made, and why."""
    return Check(name, label, Verdict.UNKNOWN, sentence(f"not checked: {without_value.withheld}"))
