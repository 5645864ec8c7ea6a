"""Lines over time and the forest: what they draw, and that nothing else can be drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from cleanroom.errors import BorderError
from cleanroom.outside.charts import to_svg
from cleanroom.outside.lines import effect_chart, forest_chart, placebo_chart
from cleanroom.studies import geo
from cleanroom.studies.portfolio import portfolio
from tests.known_answers.regions import Regions, geo_study, released_regions
from tests.known_answers.test_portfolio import market

PANEL, _ = Regions(count=10, treated=2, periods=40, after=8, effect=0.4, size=4.5).draw(1)
CURVES = geo.curves({"regions": released_regions(PANEL)}, geo_study(PANEL))
CHARTS: list[Callable[[Any], Any]] = [effect_chart, placebo_chart, forest_chart]


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("raw", [pl.DataFrame({"period": ["2026-03-01"]}), {"gap": [1.0]}, None])
def test_only_what_a_study_drew_up_is_drawn(chart: Callable[[Any], Any], raw: Any) -> None:
    with pytest.raises(BorderError, match="was given a"):
        chart(raw)


def test_the_effect_is_drawn_with_its_total_and_the_start() -> None:
    total = float(CURVES.frame["cumulative"][-1])
    svg = to_svg(effect_chart(CURVES))
    assert f"{total:+,.0f} orders" in svg
    assert "without it, as expected" in svg
    assert "stroke-dasharray" in svg


def test_every_other_region_is_a_line_among_the_placebos() -> None:
    chart = placebo_chart(CURVES)
    assert "8 regions without the campaign" in str(chart.title)
    values = chart.layer[0].to_dict()["data"]["values"]
    assert {row["variable"] for row in values} == {f"placebo {name}" for name in PANEL.donor_names}


@pytest.mark.parametrize(("count", "named"), [(12, True), (120, False)])
def test_merchants_are_named_where_there_is_room(count: int, named: bool) -> None:
    found = portfolio(dict(list(market().lifts.items())[:count]), "CNY")
    chart = forest_chart(found.ranking)
    svg = to_svg(chart)
    assert (">m11<" in svg) == named
    rising = sum(one.is_found and one.lift.value > 0 for one in found.members)
    assert f"{rising} of {count} merchants rise" in svg
    assert chart.height < 800
