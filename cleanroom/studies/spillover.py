"""The spillover study: what goes with engagement that was followed by no click.

People who engaged with a note are set beside people who were only shown notes, and neither clicked.
Who engages chose to, so every difference here is an association, never an effect: what notes cause
is for a holdout to say. Computed from the released counts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cleanroom.borders import PEOPLE, SHARE, Check, Estimate, Findings, Protected, Verdict
from cleanroom.numbers import count, share
from cleanroom.studies.intervals import Proportion, wilson
from cleanroom.studies.lift_checks import shows_effect, unknown
from cleanroom.studies.lift_estimates import KOOPMAN, MEE, by_arm, told
from cleanroom.studies.released import (
    WILSON,
    Number,
    Quantity,
    Result,
    Shown,
    estimate,
    released,
)
from cleanroom.studies.score import difference_of_proportions, relative_difference
from cleanroom.studies.words import around_zero, points, sentence
from cleanroom.study import SpilloverStudy

EXPOSURES = ("engaged", "shown")
_GROUPS = {"engaged": "who engaged with a note", "shown": "who were only shown notes"}
_DID = {
    "visitors": ("visit", "visited the store"),
    "searchers": ("search", "searched the store"),
    "buyers": ("purchase", "bought"),
    "visitors_before": ("earlier_visit", "had visited the store as long before"),
}
Numbers = Mapping[tuple[str, ...], Number]


def findings(tables: Mapping[str, Protected], study: SpilloverStudy) -> Findings:
    """What the tables of one merchant say of `study`: `spillover`, and `groups` if it is there.

    Raises `StudyError` if the table `spillover` is absent.
    """
    given = _given(released(tables, "spillover"))
    every = [*(told(name, one) for name, one in given.items()), *_rates(given)]
    for measure, (name, words) in _DID.items():
        every += _compared(name, words, measure, given, "")
    every += _by_part(tables)
    estimates = {one.name: one for one in every}
    checks = {check.name: check for check in (_alike_before(estimates),)}
    return Findings(estimates, checks, _summary(estimates, checks, study))


def _given(cells: Numbers, *place: str) -> dict[str, Quantity]:
    """The quantities `measure_exposure` of all people, or of those at a place."""
    nouns = {measure: f"people {{}} who {words}" for measure, (_, words) in _DID.items()}
    nouns = {"people": "people {}", **nouns}
    return {
        f"{measure}_{exposure}": Quantity(
            noun.format(_GROUPS[exposure]), PEOPLE, cells.get((*place, exposure, measure))
        )
        for measure, noun in nouns.items()
        for exposure in EXPOSURES
    }


def _rates(given: Mapping[str, Quantity]) -> Iterator[Estimate]:
    for measure, (name, _) in _DID.items():
        for exposure in EXPOSURES:
            label = f"{name.replace('_', ' ').capitalize()}, {exposure}"
            yield estimate(
                Shown(f"{name}_rate_{exposure}", label, SHARE, WILSON),
                lambda part, people: wilson(Proportion(part, people)),
                given[f"{measure}_{exposure}"],
                given[f"people_{exposure}"],
            )


def _compared(
    name: str, words: str, measure: str, given: Mapping[str, Quantity], at: str
) -> Iterator[Estimate]:
    """Engaged beside shown: the difference of the shares, and by how much one is larger."""
    inputs = [given[f"{part}_{e}"] for e in EXPOSURES for part in (measure, "people")]
    label = f"Share who {words}, engaged minus shown: an association"
    made: tuple[tuple[Shown, Callable[[Proportion, Proportion], Result]], ...] = (
        (Shown(f"{name}_difference{at}", label, SHARE, MEE), difference_of_proportions),
        (
            Shown(
                f"{name}_relative_difference{at}",
                f"Share who {words}, engaged / shown − 1: an association",
                SHARE,
                KOOPMAN,
            ),
            relative_difference,
        ),
    )
    for shown, compute in made[:1] if at else made:
        yield estimate(shown, by_arm(Proportion, compute), *inputs)


def _by_part(tables: Mapping[str, Protected]) -> Iterator[Estimate]:
    """The differences of each task group or note that is told apart: `…_difference@part`."""
    if "groups" not in tables:
        return
    cells = released(tables, "groups")
    for part in dict.fromkeys(key[0] for key in cells):
        given = _given(cells, part)
        for measure, (name, words) in _DID.items():
            yield from _compared(name, words, measure, given, f"@{part}")


def _alike_before(estimates: Mapping[str, Estimate]) -> Check:
    """Before their own moment nothing can have spilled over: what differed then is who they are."""
    name, label = "alike_before", "Both groups visited alike before"
    before = estimates["earlier_visit_difference"]
    if before.value is None:
        return unknown(name, label, before)
    if shows_effect(before):
        words = (
            f"as long before, the shares who visited differed already by {points(before.value)}: "
            "those who engage are other people"
        )
        return Check(name, label, Verdict.FAILED, sentence(words))
    words = f"as long before, no difference is shown ({around_zero(before, points)})"
    return Check(name, label, Verdict.PASSED, sentence(words))


def _summary(
    estimates: Mapping[str, Estimate], checks: Mapping[str, Check], study: SpilloverStudy
) -> tuple[str, str, str]:
    """Three sentences: visits and orders beside each other, what that is not, and of whom it is."""
    bridged = (
        "people whom a click had linked to the store before"
        if study.population == "linked_panel"
        else "people whom both platforms know by the same identifier"
    )
    different = checks["alike_before"].verdict is Verdict.FAILED
    known = ", and they differed before" if different else ""
    return (
        sentence(_beside(estimates, study)),
        sentence(
            "this is an association and no effect: those who engage like the merchant more"
            f"{known}; what notes cause is for a holdout to say"
        ),
        sentence(f"the study follows {bridged} and clicked nothing in the study's time"),
    )


def _beside(estimates: Mapping[str, Estimate], study: SpilloverStudy) -> str:
    engaged = estimates["people_engaged"]
    pairs = []
    for name, did in (("visit", "visited the store"), ("purchase", "bought")):
        rates = [estimates[f"{name}_rate_{exposure}"] for exposure in EXPOSURES]
        values = [rate.value for rate in rates]
        if values[0] is not None and values[1] is not None:
            pairs.append(f"{share(values[0])} {did}, of those only shown notes {share(values[1])}")
    if engaged.value is None or not pairs:
        withheld = estimates["visit_difference"].withheld
        return f"nothing can be said of people who engaged and clicked nothing: {withheld}"
    return (
        f"of {count(engaged.value)} people who engaged with a note and clicked no link, within "
        f"{study.follow_up_days} days {'; '.join(pairs)}"
    )
