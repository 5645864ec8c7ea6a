"""The further doubts about a lift: the past, leaks between the arms, time, and repeated looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cleanroom.borders import Check, Estimate, Verdict
from cleanroom.numbers import count, share
from cleanroom.studies.lift_checks import LEVEL, by_chance, shows_effect, unknown
from cleanroom.studies.words import probability, sentence

# Two tests of the past fail together as often as one.
_PAST_LEVEL = LEVEL / 2
# Arms further apart than this are called unbalanced (Austin 2009).
_APART = 0.1
# Where so large a part of what the treated were shown reaches the holdout, the effect is weakened
# by as much.
_LEAK = 0.05


@dataclass(frozen=True)
class Circumstances:
    """How a study was asked: `looks` at this test so far, this one included, and whether the days
    of the study are over in what was handed over (None: not known)."""

    looks: int = 1
    complete: bool | None = None


def check_doubts(estimates: Mapping[str, Estimate], about: Circumstances) -> dict[str, Check]:
    """All further checks by name, of what was measured; one whose inputs were withheld is
    UNKNOWN."""
    return {check.name: check for check in _checks(estimates, about)}


def _checks(estimates: Mapping[str, Estimate], about: Circumstances) -> Iterator[Check]:
    if "prior_amount_p_value" in estimates:
        yield _prior_equal(estimates)
        yield _balance(estimates["prior_amount_difference"])
    for name, label, verb in (
        ("contaminated", "The holdout was not shown the campaign", "were shown the campaign"),
        ("by_shared_link", "No links were passed on to the holdout", "came by another's link"),
    ):
        if f"{name}_holdout" in estimates:
            yield _leak(f"no_{name}", label, verb, estimates[f"{name}_holdout"], estimates)
    if "novelty_p_value" in estimates:
        yield _lasting(estimates["novelty_p_value"])
    if about.complete is not None:
        yield _over(about.complete)
    yield _looks(estimates, about.looks)


def _prior_equal(estimates: Mapping[str, Estimate]) -> Check:
    """Before the assignment the campaign can have changed nothing: an effect there is a fault."""
    name, label = "prior_equal", "Arms alike before the assignment (A/A)"
    tests = [estimates[f"prior_{of}_p_value"] for of in ("buyers", "amount")]
    made = [test for test in tests if test.value is not None]
    if not made:
        return unknown(name, label, tests[1])
    least = min(made, key=lambda test: test.value or 0.0)
    asked = "who had bought" if least is tests[0] else "what was spent"
    words = f"{asked} before sets the arms apart the most"
    return by_chance(name, label, least.value or 0.0, words, _PAST_LEVEL)


def _balance(difference: Estimate) -> Check:
    name, label = "balance", "Arms balanced in what was spent before"
    if difference.value is None:
        return unknown(name, label, difference)
    words = f"the arms' means lie {abs(difference.value):.3f} standard deviations apart"
    verdict = Verdict.PASSED if abs(difference.value) < _APART else Verdict.FAILED
    return Check(name, label, verdict, sentence(f"{words}, where less than {_APART} is asked"))


def _leak(
    name: str, label: str, verb: str, reached: Estimate, estimates: Mapping[str, Estimate]
) -> Check:
    """Whether so many of the holdout were reached that the effect is weakened by it."""
    people, exposed = estimates["people_holdout"].value, estimates["exposed_share"]
    if people is None:
        return unknown(name, label, estimates["people_holdout"])
    if reached.value is None:
        # Nearly all of a holdout cannot be so by an oversight, and either is withheld alike.
        words = f"so few of the holdout {verb} (or nearly all) that the number was withheld"
        return Check(name, label, Verdict.PASSED, sentence(words))
    if not exposed.value:
        return unknown(name, label, exposed)
    part = reached.value / people
    words = (
        f"{count(reached.value)} of the holdout ({share(part)}) {verb}, where "
        f"{share(exposed.value)} of the treated were shown it"
    )
    if part > _LEAK * exposed.value:
        weaker = f"the effect is understated by about {share(part / exposed.value)}"
        return Check(name, label, Verdict.FAILED, sentence(f"{words}: {weaker}"))
    return Check(name, label, Verdict.PASSED, sentence(words))


def _lasting(novelty: Estimate) -> Check:
    name, label = "lasting", "The effect lasts (no novelty)"
    if novelty.value is None:
        return unknown(name, label, novelty)
    words = "the lift of the last week is held against that of the first"
    return by_chance(name, label, novelty.value, words)


def _over(complete: bool) -> Check:
    name, label = "windows_closed", "The study's days are over"
    if complete:
        words = "the store handed over events up to the last day of the study"
        return Check(name, label, Verdict.PASSED, sentence(words))
    words = "the store's events end before the study does: this is the effect so far"
    return Check(name, label, Verdict.FAILED, sentence(words))


def _looks(estimates: Mapping[str, Estimate], looks: int) -> Check:
    """Looked at again and again, an interval meant for one look excludes zero sooner or later."""
    name, label = "multiple_looks", "The verdict holds however often it was looked at"
    lift, always = estimates["absolute_lift"], estimates["absolute_lift_always_valid"]
    if looks <= 1:
        words = "this is the first look at this test"
        return Check(name, label, Verdict.PASSED, sentence(words))
    if lift.value is None or always.value is None:
        return unknown(name, label, always)
    words = f"this is look {looks} at this test"
    p_value = estimates["always_valid_p_value"].value or 0.0
    holds = f"the interval that holds at every look {{}} zero ({probability(p_value)})"
    if shows_effect(lift) and not shows_effect(always):
        return Check(name, label, Verdict.FAILED, sentence(f"{words}: {holds.format('includes')}"))
    verb = "excludes" if shows_effect(always) else "includes"
    return Check(name, label, Verdict.PASSED, sentence(f"{words}: {holds.format(verb)}"))
