"""What both platforms take away from a substitution study: who is right, as far as it shows."""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.borders import Check, Estimate, Verdict
from cleanroom.evidence import NEEDED, Grade, graded
from cleanroom.numbers import count, money, share
from cleanroom.studies.lift_checks import check_split, shows_effect, unknown
from cleanroom.studies.words import around_zero, points, sentence, size_of
from cleanroom.study import SubstitutionStudy

_CAUSE = {"link": "the link", "notes": "the notes with their link"}
_SHOP, _STORE = "the platform's own shop", "the store"


def check_substitution(
    estimates: Mapping[str, Estimate], study: SubstitutionStudy
) -> dict[str, Check]:
    """All checks by name: the arms as planned, and whether the study settles the question."""
    split = check_split(estimates, study.planned_treated_share)
    return {check.name: check for check in (*split, _settles(estimates, study))}


def takes(estimates: Mapping[str, Estimate]) -> bool:
    """Whether it is shown that the own shop loses orders: its interval lies below zero."""
    upper = estimates["onsite_lift"].upper
    return upper is not None and upper < 0


def adds(estimates: Mapping[str, Estimate], tolerated: float) -> bool:
    """Whether it is shown that next to nothing of the store's gain is taken: the interval of the
    share lies below what is tolerated."""
    upper = estimates["substituted_share"].upper
    return upper is not None and upper < tolerated


def summary(
    estimates: Mapping[str, Estimate],
    checks: Mapping[str, Check],
    study: SubstitutionStudy,
    currency: str,
) -> tuple[str, str, str]:
    """Three sentences: who is right, what both gain together, and of whom that holds."""
    if any(checks[name].verdict is Verdict.FAILED for name in NEEDED):
        verdict = "the estimates must not be used: a check of the experiment failed"
        return sentence(verdict), sentence("so nothing is said of both shops"), _population(study)
    return (
        sentence(f"{_verdict(estimates, study)}: {_grade(checks)}"),
        sentence(_together(estimates, study, currency)),
        _population(study),
    )


def _settles(estimates: Mapping[str, Estimate], study: SubstitutionStudy) -> Check:
    """Settled is what was to be told apart beforehand: the shop loses, or next to nothing is taken.

    An interval that includes zero shows neither.
    """
    name, label = "settles_it", "The study settles the question"
    effect, least = estimates["onsite_lift"], estimates["minimum_detectable_onsite_lift"]
    if effect.value is None or least.value is None:
        return unknown(name, label, effect if effect.value is None else least)
    found = f"a study of this size finds {points(least.value)} in {_SHOP}, four times in five"
    limit = f"{share(study.tolerated_share)} of what {_STORE} gains"
    loses, little = takes(estimates), adds(estimates, study.tolerated_share)
    if loses and little:
        words = f"{_SHOP} loses buyers, and fewer than {limit}"
    elif loses:
        words = f"{_SHOP} loses buyers; that it is fewer than {limit} is not shown"
    elif little:
        words = f"{_SHOP} loses fewer than {limit}, if it loses any"
    else:
        words = f"neither a loss of {_SHOP} is shown, nor that it is fewer than {limit}"
        return Check(name, label, Verdict.FAILED, sentence(f"{words}; {found}"))
    return Check(name, label, Verdict.PASSED, sentence(f"{words}; {found}"))


def _verdict(estimates: Mapping[str, Estimate], study: SubstitutionStudy) -> str:
    effect, taken = estimates["incremental_onsite_buyers"], estimates["substituted_share"]
    cause = _CAUSE[study.held_out]
    if effect.value is None:
        return f"no effect on {_SHOP} can be stated: {effect.withheld}"
    if takes(estimates):
        size, interval = size_of(effect, count)
        of_gain = "" if taken.value is None else f", {_share(taken)} of the buyers {_STORE} gained"
        return f"{cause} took about {size} buyers from {_SHOP} ({interval}){of_gain}"
    if effect.lower is not None and effect.lower > 0:
        size, interval = size_of(effect, count)
        return f"{cause} took none from {_SHOP}, and brought it about {size} buyers ({interval})"
    if adds(estimates, study.tolerated_share):
        return (
            f"{cause} took next to nothing from {_SHOP}: of the buyers {_STORE} gained, "
            f"{_share(taken)}, less than {share(study.tolerated_share)}"
        )
    return f"whether {cause} took buyers from {_SHOP} is not settled ({around_zero(effect, count)})"


def _share(taken: Estimate) -> str:
    value, low, high = (share(x or 0.0) for x in (taken.value, taken.lower, taken.upper))
    return f"{value} (95% interval {low} to {high})"


def _together(estimates: Mapping[str, Estimate], study: SubstitutionStudy, currency: str) -> str:
    """The store's gain, and what is left of it for both."""
    store, joint = estimates["incremental_store_buyers"], estimates["joint_lift"]
    people, amount = estimates["people_treated"].value, estimates["joint_amount_lift"]
    if store.value is None or joint.value is None or people is None:
        missing = store if store.value is None else joint
        return f"what both shops gain together cannot be stated: {missing.withheld}"
    own = (store.lower or 0.0, store.upper or 0.0)
    of_store = f"{count(store.value)} (95% interval {count(own[0])} to {count(own[1])})"
    low, value, high = (count((x or 0.0) * people) for x in (joint.lower, joint.value, joint.upper))
    told = f"buyers added: {of_store} in {_STORE}, {value} ({low} to {high}) in both shops together"
    if amount.value is None:
        return told
    low, value, high = (
        money((x or 0.0) * people, currency) for x in (amount.lower, amount.value, amount.upper)
    )
    more = "" if shows_effect(amount) else ", which may be none"
    return f"{told}; in money {value} ({low} to {high}{more})"


def _population(study: SubstitutionStudy) -> str:
    who = (
        "people whom a click had linked to the store before, who are readier than others to follow "
        "a link"
        if study.population == "linked_panel"
        else "people whom both platforms know by the same identifier"
    )
    what = (
        "the holdout was shown the same notes without a link, so the difference is the link's doing"
        if study.held_out == "link"
        else "the holdout was shown no notes, so what the notes bring to the own shop and what the "
        "link takes from it are seen as one sum"
    )
    return sentence(f"the study follows {who}; {what}")


def _grade(checks: Mapping[str, Check]) -> str:
    if all(checks[name].verdict is Verdict.PASSED for name in NEEDED):
        return graded(Grade.RANDOMISED)
    return "no evidence grade, because not all of what makes the arms comparable could be checked"
