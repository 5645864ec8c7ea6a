"""Every check that a study can make is told in Chinese, with every verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from cleanroom.borders import Estimate, Findings, Verdict
from cleanroom.desk.phrases import PHRASES
from cleanroom.studies import geo, observational
from cleanroom.studies.geo_checks import check_regions
from cleanroom.studies.geo_panel import given as panel_of
from cleanroom.studies.lift_doubts import Circumstances
from tests.desk.chinese import in_chinese
from tests.factories import protected
from tests.known_answers.examples import (
    Arm,
    Prior,
    exposure_rows,
    lift_with,
    prior_rows,
    week_rows,
    whole_lift,
)
from tests.known_answers.observational_examples import (
    BALANCE,
    COMPARISON,
    DESIGN,
    STUDY,
    observational_of,
    tables,
)
from tests.known_answers.regions import FIRST, Regions, geo_of, geo_study, released_regions
from tests.outside.factories import build

GEO = Regions(count=12, treated=3, periods=60, after=12, effect=0.5, size=4.5)


def verdicts_in_chinese(several: Iterable[Findings]) -> set[tuple[str, Verdict]]:
    """The checks of all findings with their verdicts; each was told in Chinese."""
    checks = [check for found in several for check in found.checks.values()]
    for check in checks:
        assert in_chinese(check.label)
        assert in_chinese(check.words)
        assert in_chinese(f"{check.label}: {check.words}")
    return {(check.name, check.verdict) for check in checks}


def every_verdict(checks: Iterable[str], never: Collection[tuple[str, Verdict]] = ()) -> set[Any]:
    """What a set of examples must come to, but for what is `never` said."""
    return {*product(checks, Verdict)} - {*never}


def lifts() -> Iterator[Findings]:
    yield from (whole_lift(reached=reached) for reached in (0, 12, 3_000))
    yield whole_lift(about=Circumstances(1, complete=False))
    treated, holdout = Arm(30_000, 30_000, 1_000, 2e7, 5e11), Arm(30_000, 30_000, 900, 1.8e7, 4e11)

    def prior(buyers: int, mean: float, people: int = 30_000) -> list[tuple[object, ...]]:
        before = {"treated": (buyers, mean), "holdout": (15_000, 8_000.0)}
        of = {arm: (n, m * n, 2 * m**2 * n, 1e6, 1e10) for arm, (n, m) in before.items()}
        return [row for arm in of for row in prior_rows(arm, people, Prior(*of[arm]))]

    def weeks(last: int) -> list[tuple[object, ...]]:
        return week_rows((30_000, 30_000), {"week_01": (800, 500), "week_02": (last, last)})

    again = Circumstances(2)
    yield lift_with(treated, holdout, about=again, prior=prior(15_600, 8_000), weeks=weeks(400))
    yield lift_with(treated, holdout, prior=prior(15_000, 10_000))
    few = Arm(30_000, 30_000, 4, 8e4, 2e9)
    small = exposure_rows(few, (7, 2, 4e4), 3e6, 30_000, 3_000)
    yield lift_with(few, few, about=again, prior=prior(4, 8_000), weeks=weeks(4), exposure=small)
    nobody = Arm(30_000, 7, 3, 6e4, 2e9)
    shown = exposure_rows(nobody, (5, 2, 4e4), 3e6, 3_000, 700)
    yield lift_with(nobody, nobody, exposure=shown, prior=prior(4, 8_000, people=7))
    yield lift_with(Arm(6, 6, 3), Arm(6, 6, 3))
    yield lift_with(Arm(31_500, 24_000, 900, 1.8e7, 4e11), holdout)  # arms unlike
    yield lift_with(holdout._replace(converters=960), holdout)  # undecided


def test_every_verdict_of_a_lift_study_has_a_chinese_text() -> None:
    names = {*whole_lift().checks}
    assert verdicts_in_chinese(lifts()) == every_verdict(
        names, never=[("windows_closed", Verdict.UNKNOWN)]
    )


def observed() -> Iterator[Findings]:
    changes: tuple[dict[str, dict[Any, float | None]], ...] = (
        {},
        {"design": {("comparable", "effective"): 90}},
        {"comparison": {("bought_before", "both", "adjusted"): 0.008}},
        {"comparison": {("bought_elsewhere", "both", "adjusted"): -0.008}},
        {"balance": {("region", "after"): -0.12}},
        {"design": {("exposed", "set_aside"): 0.15}},
        {"comparison": {("bought", "both", "adjusted"): 0.0055}},
        {"comparison": {("bought", "both", "adjusted"): 0.001}},
        {"comparison": {("bought", "exposed", "converters"): None}},
        {"comparison": {("bought_before", "both", "adjusted_error"): 0.0}},
    )
    yield from (observational_of(**changed) for changed in changes)
    yield from (observational_of(design={key: None}) for key in DESIGN)
    yield from (observational_of(balance={key: None}) for key in BALANCE)
    yield from (observational_of(comparison={key: None}) for key in COMPARISON)


def test_every_verdict_of_an_observational_study_has_a_chinese_text() -> None:
    refused = [
        (outcome, "both", f"adjusted{end}", None, "share", None, None, None, "refused")
        for outcome in ("bought", "bought_before", "bought_elsewhere")
        for end in ("", "_error")
    ]
    comparison = protected("comparison", ("outcome", "arm"), refused)
    without = observational.findings({**tables(), "comparison": comparison}, STUDY, "CNY")
    assert verdicts_in_chinese([without, *observed()]) == every_verdict(without.checks)


def regional() -> Iterator[Findings]:
    panel, _ = GEO.draw(1)
    for hidden in (1, 3, 8):  # of others
        yield geo_of(panel, [(name, 7) for name in panel.donor_names[:hidden]])
    yield geo_of(panel, [(geo_study(panel).treated[0], 7)])
    early = panel.outcomes.copy()
    early[panel.treated, 36:] *= 3
    yield geo_of(replace(panel, outcomes=early))
    yield geo_of(replace(GEO, effect=0.0).draw(4)[0])
    for asked in ({"treated": ("R98", "R99")}, {"campaign_start": FIRST}):
        study = geo_study(panel).model_copy(update=asked)
        yield geo.findings({"regions": released_regions(panel)}, study, "CNY")
    one = geo_of(replace(GEO, treated=1).draw(3)[0])
    yield one
    chance, far = one.estimates["placebo_p_value"], one.estimates["series_outcome"]
    others = {
        "placebo_p_value": replaced(chance, value=0.5),
        "series_outcome": replaced(far, value=-1e6),
        "synthetic_outcome": replaced(far, label="Revenue added, without augmentation", value=1e6),
        "differences_lift": replaced(
            far, label="Buyers added / what would have been, by differences", value=9.0
        ),
    }
    whole = panel_of({"regions": released_regions(panel)}, geo_study(panel), "orders")
    checks = check_regions({**one.estimates, **others}, whole)
    yield build("cleanroom.studies.testing", Findings, {}, checks, ())


def replaced(estimate: Estimate, **changes: Any) -> Estimate:
    """The estimate with other values."""
    made: Estimate = build("cleanroom.studies.testing", Estimate, **{**vars(estimate), **changes})
    return made


def test_every_verdict_of_a_regional_study_has_a_chinese_text() -> None:
    found = [*regional()]
    assert verdicts_in_chinese(found) == every_verdict(found[0].checks)


@pytest.mark.parametrize("why", PHRASES["undefined"])
def test_why_a_check_could_not_be_made_has_a_chinese_text(why: str) -> None:
    why = why.replace("%(count)s", "12").replace("%(regions)s", "R01, R02 and R03")
    of = "the number of buyers in the holdout arm, week 02 and the separation of the two groups"
    assert in_chinese(f"Not checked: not defined for {of}: {why}.")
    assert in_chinese(f"Not checked: {why}.")
