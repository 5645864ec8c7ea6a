"""The regional study: what a campaign changed where it ran, against regions where it did not.

Computed from the released table of regions and periods; no person of one platform is ever joined to
one of the other (evidence grade B).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cleanroom.borders import Findings, Protected
from cleanroom.drawable import Curves
from cleanroom.studies.conformal import placebo_gaps
from cleanroom.studies.geo_checks import check_regions
from cleanroom.studies.geo_estimates import Estimator, estimate_amount, estimate_geo
from cleanroom.studies.geo_panel import given
from cleanroom.studies.geo_summary import summary
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.markets import Plan, choose_markets
from cleanroom.study import GeoStudy


def findings(tables: Mapping[str, Protected], study: GeoStudy, currency: str) -> Findings:
    """What the table `regions` of one merchant says of `study`; money in minor units.

    Raises `StudyError` if the table is absent.
    """
    own, revenue = (_estimator(tables, study, m) for m in (study.outcome, "revenue"))
    estimates = {
        **estimate_geo(study.outcome, own),
        "incremental_conversion_value": estimate_amount(revenue),
    }
    panel = own if isinstance(own, UndefinedError) else own.given
    checks = check_regions(estimates, panel)
    return Findings(estimates, checks, summary(estimates, checks, study, panel, currency))


def curves(tables: Mapping[str, Protected], study: GeoStudy) -> Curves:
    """The study's lines by period: the mean treated region as `observed` and as `expected` without
    the campaign, their `gap`, what that adds up to over all treated regions from the start on
    (`cumulative`), and the gap of each other region treated as if it had been the one.

    Raises `UndefinedError` where there is no panel.
    """
    one = Estimator(given(tables, study, study.outcome))
    fit, panel = one.fit, one.given.panel
    summed = panel.treated.sum() * fit.gap[fit.first :].cumsum()
    frame = pl.DataFrame(
        {
            "period": one.given.periods,
            "observed": fit.observed,
            "expected": fit.expected,
            "gap": fit.gap,
            "cumulative": [None] * fit.first + summed.tolist(),
        },
        schema_overrides={"cumulative": pl.Float64},
    )
    placebos = placebo_gaps(panel, fit.penalty or 0.0)
    others = pl.DataFrame({f"placebo {name}": gap for name, gap in placebos.items()})
    return Curves(frame.hstack(others), study.campaign_start.isoformat(), study.outcome)


def plan(tables: Mapping[str, Protected], study: GeoStudy, size: int, length: int) -> Plan:
    """A plan of the next test, of `length` periods in `size` regions, from the periods before the
    start of this one. Raises `UndefinedError` if they are too few."""
    panel = given(tables, study, study.outcome).panel
    return choose_markets(panel.regions, panel.outcomes[:, : panel.first], size, length)


def _estimator(
    tables: Mapping[str, Protected], study: GeoStudy, measure: str
) -> Estimator | UndefinedError:
    try:
        return Estimator(given(tables, study, measure))
    except UndefinedError as error:
        return error
