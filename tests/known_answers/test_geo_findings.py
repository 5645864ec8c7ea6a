"""The regional study: GeoLift's published example, and what it says of what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cleanroom.absences import Absence
from cleanroom.borders import Verdict
from cleanroom.studies import geo
from cleanroom.studies.geo_panel import given
from tests.known_answers.regions import (
    Regions,
    geo_of,
    geo_study,
    geolift_test,
    released_regions,
)

WORLD = Regions(count=12, treated=3, periods=60, after=12, effect=0.5, size=4.5)


def test_the_study_meets_geolifts_example() -> None:
    found = geo_of(geolift_test())
    estimates = found.estimates
    assert estimates["incremental_outcome"].value == pytest.approx(4704, abs=0.5)
    assert estimates["relative_lift"].value == pytest.approx(0.055, abs=5e-4)
    assert estimates["scaled_imbalance"].value == pytest.approx(0.1626, abs=5e-5)
    assert 0.005 < (estimates["any_order_p_value"].value or 0) < 0.017
    # What GeoLift calls significant is not, once days may be alike from one to the next; its own
    # interval, by jackknife+, says so too: −2,451 to 11,350 at 90 %.
    assert estimates["p_value"].value == pytest.approx(12 / 105)
    assert "no effect of the campaign on orders could be shown" in found.summary[0].lower()
    assert "evidence grade B" in found.summary[0]


def test_p_value_interval_and_verdict_agree() -> None:
    for seed in range(2):
        found = geo_of(WORLD.draw(seed)[0])
        effect, p_value = found.estimates["incremental_outcome"], found.estimates["p_value"]
        shown = (effect.lower or 0) > 0 or (effect.upper or 0) < 0
        assert shown == ((p_value.value or 0) <= 0.05)
        assert ("led to about" in found.summary[0]) <= shown


def test_a_region_with_a_withheld_day_is_left_out_and_named() -> None:
    panel, _ = WORLD.draw(1)
    other = panel.donor_names[0]
    check = geo_of(panel, withheld=[(other, 7)]).checks["regions_complete"]
    assert check.verdict is Verdict.PASSED
    assert f"left out of all, because one was withheld: {other}" in check.words
    table = released_regions(panel, withheld=[(other, 7)])
    kept = given({"regions": table}, geo_study(panel), "orders").panel
    assert other not in kept.regions
    assert len(kept.regions) == 11


def test_many_regions_left_out_fail_the_check() -> None:
    panel, _ = WORLD.draw(1)
    found = geo_of(panel, withheld=[(name, 7) for name in panel.donor_names[:3]])
    assert found.checks["regions_complete"].verdict is Verdict.FAILED


def test_without_a_treated_region_nothing_is_stated() -> None:
    panel, _ = WORLD.draw(1)
    treated = geo_study(panel).treated[0]
    found = geo_of(panel, withheld=[(treated, 7)])
    assert {e.absence for e in found.estimates.values()} == {Absence.WITHHELD}
    assert all(treated in (e.withheld or "") for e in found.estimates.values())
    assert "no effect of the campaign can be stated" in found.summary[0].lower()


def test_regions_that_went_their_own_way_must_not_be_used() -> None:
    panel, _ = WORLD.draw(2)
    early = panel.outcomes.copy()
    early[panel.treated, 36:] *= 3
    found = geo_of(replace(panel, outcomes=early))
    assert found.checks["alike_before"].verdict is Verdict.FAILED
    assert "must not be used" in found.summary[0]
    assert "must not be used" in found.summary[2]


def test_one_treated_region_has_no_differences_and_the_rest() -> None:
    panel, _ = replace(WORLD, treated=1).draw(3)
    found = geo_of(panel)
    assert found.estimates["differences_lift"].absence is Absence.UNDEFINED
    assert found.checks["trends_alike"].verdict is Verdict.UNKNOWN
    assert found.estimates["incremental_outcome"].value is not None


def test_regions_named_as_left_out_are_not_compared_with() -> None:
    panel, _ = WORLD.draw(1)
    study = geo_study(panel).model_copy(update={"left_out": panel.donor_names[:2]})
    kept = given({"regions": released_regions(panel)}, study, "orders").panel
    assert not set(panel.donor_names[:2]) & set(kept.regions)


def test_the_curves_are_those_of_the_estimate() -> None:
    panel, _ = WORLD.draw(1)
    curves = geo.curves({"regions": released_regions(panel)}, geo_study(panel))
    effect = geo_of(panel).estimates["incremental_outcome"].value
    assert curves.frame["cumulative"][-1] == pytest.approx(effect)
    assert curves.frame["cumulative"].null_count() == panel.first
    placebos = [name for name in curves.frame.columns if name.startswith("placebo ")]
    assert len(placebos) == 9


def test_a_plan_uses_the_periods_before_the_start_alone() -> None:
    panel, _ = replace(WORLD, effect=0.0).draw(4)
    study, tables = geo_study(panel), {"regions": released_regions(panel)}
    changed = panel.outcomes.copy()
    changed[:, panel.first :] *= 7
    other = {"regions": released_regions(replace(panel, outcomes=changed))}
    assert geo.plan(tables, study, 2, 8) == geo.plan(other, study, 2, 8)
