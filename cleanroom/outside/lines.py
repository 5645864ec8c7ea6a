"""Charts over time and of many merchants: lines by period, and the ranked forest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from cleanroom.drawable import Curves, Ranking
from cleanroom.errors import BorderError
from cleanroom.outside import theme

if TYPE_CHECKING:
    import altair as alt

_WIDTH = 552
_TALL, _LOW = 200, 110
# So many merchants can be named; of more only the line of each is drawn.
_NAMED, _ROW, _THIN = 40, 18, 3
_OBSERVED, _EXPECTED = "with the campaign, as it was", "without it, as expected"


def effect_chart(curves: Curves) -> alt.VConcatChart:
    """The treated regions as they were and as expected, and below it what that adds up to."""
    import altair as alt

    _demand(Curves, curves, "effect chart")
    frame = curves.frame.with_columns(pl.col("period").str.to_date())
    names = {"observed": _OBSERVED, "expected": _EXPECTED}
    both = (
        frame.select("period", *names)
        .unpivot(index="period")
        .with_columns(pl.col("variable").replace_strict(names))
    )
    colour = alt.Color(
        "variable:N",
        scale=alt.Scale(domain=[*names.values()], range=[theme.ADS, theme.MUTED]),
        legend=alt.Legend(title=None, symbolType="stroke"),
    )
    dash = alt.StrokeDash(
        "variable:N", scale=alt.Scale(domain=[*names.values()], range=[[1, 0], [5, 3]]), legend=None
    )
    height = alt.Y("value:Q", title=f"{curves.outcome} a treated region", axis=_quiet())
    lines = _of(both).mark_line(strokeWidth=2).encode(_time(), height, colour, dash)
    summed = _of(frame.select("period", "cumulative"))
    area = summed.mark_area(color=theme.ADS, opacity=0.25, line={"color": theme.ADS}).encode(
        _time(), alt.Y("cumulative:Q", title="added, summed", axis=_quiet())
    )
    total = float(frame["cumulative"].drop_nulls()[-1])
    title = (
        f"Summed over the treated regions, {total:+,.0f} {curves.outcome} against what was expected"
    )
    above = alt.layer(lines, _start(curves)).properties(width=_WIDTH, height=_TALL)
    below = alt.layer(area, _start(curves)).properties(width=_WIDTH, height=_LOW)
    return alt.vconcat(
        above, below, spacing=14, title=title, description=f"{title}.", config=theme.CONFIG
    )


def placebo_chart(curves: Curves) -> alt.LayerChart:
    """The gap of the treated regions over time, among those of regions where nothing happened."""
    import altair as alt

    _demand(Curves, curves, "placebo chart")
    frame = curves.frame.with_columns(pl.col("period").str.to_date())
    others = [name for name in frame.columns if name.startswith("placebo ")]
    lines = frame.select("period", *others).unpivot(index="period")
    height = alt.Y("value:Q", title=f"{curves.outcome}, observed − expected", axis=_quiet())
    grey = _of(lines).mark_line(color=theme.WITHHELD, strokeWidth=1, opacity=0.45)
    own = _of(frame.select("period", value="gap")).mark_line(color=theme.ADS, strokeWidth=2.5)
    title = f"The treated regions' gap among those of {len(others)} regions without the campaign"
    layers = [grey.encode(_time(), height, alt.Detail("variable:N")), own.encode(_time(), height)]
    return alt.LayerChart(
        layer=[*layers, _start(curves)],
        width=_WIDTH,
        height=_TALL,
        title=title,
        description=f"{title}.",
        config=theme.CONFIG,
    )


def forest_chart(ranking: Ranking) -> alt.LayerChart:
    """Each merchant's best guess with its interval, the largest first, beside its own estimate."""
    import altair as alt

    _demand(Ranking, ranking, "forest chart")
    effects = pl.col("value", "lower", "upper", "best", "best_lower", "best_upper")
    frame = ranking.frame.with_columns(effects * 100).with_row_index("place")
    tone = pl.when(~pl.col("is_found")).then(pl.lit(theme.MUTED))
    frame = frame.with_columns(
        tone.when(pl.col("best") > 0)
        .then(pl.lit(theme.ADS))
        .otherwise(pl.lit(theme.CAUTION))
        .alias("tone")
    )
    named = frame.height <= _NAMED
    labels = alt.Axis(labelLimit=180, title=None) if named else None
    place = alt.Y("label:N", sort=None, axis=labels) if named else alt.Y("place:O", axis=None)
    x = alt.X("best:Q", title="lift in conversion, percentage points", axis=_quiet())
    colour = alt.Color("tone:N", scale=None)
    rows = _of(frame)
    zero = alt.Chart(alt.Data(values=[{}])).mark_rule(color=theme.WITHHELD).encode(alt.XDatum(0))
    whiskers = rows.mark_rule(strokeWidth=2 if named else 1).encode(
        place, alt.X("best_lower:Q"), alt.X2("best_upper"), colour
    )
    dots = rows.mark_point(filled=True, size=40 if named else 6, opacity=1).encode(place, x, colour)
    raw = rows.mark_tick(
        color=theme.MUTED, thickness=1, size=9 if named else 2, opacity=0.7
    ).encode(place, alt.X("value:Q"))
    up, down = (int((frame["is_found"] & (frame["best"] * sign > 0)).sum()) for sign in (1, -1))
    title = f"{up} of {frame.height} merchants rise and {down} fall, their number allowed for"
    subtitle = "dot, whiskers: best guess, 95 % interval; tick: own estimate"
    return alt.LayerChart(
        layer=[zero, whiskers, raw, dots],
        width=_WIDTH - 190 * named,
        height=(_ROW if named else _THIN) * frame.height,
        title=alt.TitleParams(title, subtitle=subtitle),
        description=f"{title}.",
        config=theme.CONFIG,
    )


def _of(frame: pl.DataFrame) -> alt.Chart:
    import altair as alt

    days = pl.col(pl.Date).dt.to_string("%Y-%m-%d")
    return alt.Chart(alt.Data(values=frame.with_columns(days).to_dicts()))


def _time() -> alt.X:
    import altair as alt

    return alt.X("period:T", title=None, axis=alt.Axis(format="%-d %b", grid=False, tickCount=6))


def _quiet() -> alt.Axis:
    import altair as alt

    return alt.Axis(tickCount=4, domain=False)


def _start(curves: Curves) -> alt.Chart:
    """A line where the campaign began."""
    import altair as alt

    line: alt.Chart = (
        alt.Chart(alt.Data(values=[{"period": curves.start}]))
        .mark_rule(color=theme.CAUTION, strokeDash=[4, 3])
        .encode(alt.X("period:T"))
    )
    return line


def _demand(kind: type[Any], value: object, chart: str) -> None:
    if not isinstance(value, kind):
        raise BorderError(
            f"The {chart} was given a {type(value).__name__}.",
            f"only {kind.__name__} values can be drawn: `display.curves(result)`, or a portfolio's "
            "`ranking`.",
        )
