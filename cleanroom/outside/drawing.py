"""How rows are drawn: names, then bars or dots with whiskers, then their numbers, in columns.

Rows hold released numbers and finished words; nothing is computed here but positions. All charts
share the columns, so that they line up below each other on a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cleanroom.outside import theme

if TYPE_CHECKING:
    import altair as alt

# Pixels. Narrow enough to be read on a phone, where a page scales the whole drawing down.
_WIDTH = 552
_ROW, _PAIR = 36, 42  # heights of a row, and of one with words below its label
_PAIRED = 26  # height of a line of dots
_SCALE = (150, 310)  # where the axis begins and ends
_COUNT, _NOTE = 384, 392  # where counts end and their notes begin
_FIGURE = 324  # where the figures of intervals begin


@dataclass(frozen=True)
class BarRow:
    """A bar with two columns of words, `text` and `note`; withheld where `value` is None."""

    label: str
    value: float | None
    text: str
    note: str
    group: str
    tone: str


@dataclass(frozen=True)
class IntervalRow:
    """A dot from `lower` to `upper` (axis units) with its words; withheld if `value` is None.

    `below` stands under the label, in small.
    """

    label: str
    below: str
    value: float | None
    lower: float | None
    upper: float | None
    text: str
    tone: str


@dataclass(frozen=True)
class PairRow:
    """One of several dots of a line named `label`; not drawn if `value` is None."""

    label: str
    group: str
    value: float | None
    tone: str


def bars(rows: Sequence[BarRow], axis: str, title: str) -> alt.LayerChart:
    """Bars from zero in proportion, `axis` naming their unit; coloured by group."""
    import altair as alt

    every, shown, withheld = _filtered()
    most = max((row.value for row in rows if row.value is not None), default=0)
    scale = alt.Scale(domain=[0, most or 1], range=list(_SCALE), nice=False)
    x = alt.X(
        "value:Q",
        scale=scale,
        axis=alt.Axis(title=axis, labels=most > 0, ticks=most > 0, tickCount=3),
    )
    groups = {row.group: row.tone for row in rows}
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=list(groups), range=list(groups.values())),
        legend=alt.Legend(title=None),
    )
    layers = (
        _words(every, 0, "label"),
        withheld.mark_bar(
            height=20, fill=theme.WITHHELD_FILL, stroke=theme.WITHHELD, strokeDash=[3, 3]
        ).encode(*_across()),
        _words(withheld, _SCALE[0] + 10, "text", color=theme.MUTED),
        shown.mark_bar(height=20).encode(x, colour),
        _words(shown, _COUNT, "text", align="right", fontWeight=600),
        _words(every, _NOTE, "note", color=theme.MUTED),
    )
    return _finish(layers, rows, title)


def intervals(rows: Sequence[IntervalRow], axis: str, title: str = "") -> alt.LayerChart:
    """Dots with whiskers against a line at zero, `axis` naming their unit."""
    import altair as alt

    every, shown, withheld = _filtered()
    scale = alt.Scale(range=list(_SCALE), zero=True, nice=True)
    known = any(row.value is not None for row in rows)
    x = alt.X(
        "value:Q", scale=scale, axis=alt.Axis(title=axis, labels=known, ticks=known, tickCount=4)
    )
    lower = alt.X("lower:Q", scale=scale)
    colour = alt.Color("tone:N", scale=None)
    zero = alt.Chart(alt.Data(values=[{}] if known else []))
    paired = every.transform_filter("datum.below !== ''")
    layers = (
        _words(every.transform_filter("datum.below === ''"), 0, "label"),
        _words(paired, 0, "label", dy=-8),
        _words(paired, 0, "below", dy=8, color=theme.MUTED, fontSize=12),
        zero.mark_rule(color=theme.WITHHELD).encode(alt.XDatum(0)),
        withheld.mark_rule(color=theme.WITHHELD, strokeDash=[3, 3]).encode(*_across()),
        shown.mark_rule(strokeWidth=2.5).encode(lower, alt.X2("upper"), colour),
        shown.mark_point(filled=True, size=64, opacity=1).encode(x, colour),
        _words(shown, _FIGURE, "text"),
        _words(withheld, _FIGURE, "text", color=theme.MUTED),
    )
    return _finish(layers, rows, title)


def pairs(rows: Sequence[PairRow], axis: str, title: str, most: float) -> alt.LayerChart:
    """A line for each label with a dot a group, beside zero; `most`: the furthest of all dots."""
    import altair as alt

    labels = list(dict.fromkeys(row.label for row in rows))
    groups = {row.group: row.tone for row in rows}
    values = [{"place": labels.index(row.label), **asdict(row)} for row in rows]
    least = min((row.value for row in rows if row.value is not None), default=0.0)
    scale = alt.Scale(
        domain=[min(least, 0.0), most or 1], range=[_SCALE[0] + 20, _WIDTH - 20], nice=True
    )
    every = alt.Chart().encode(alt.Y("place:O", axis=None))
    first = every.transform_filter(f"datum.group === '{next(iter(groups), '')}'")
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=list(groups), range=list(groups.values())),
        legend=alt.Legend(title=None),
    )
    dots = every.transform_filter("datum.value !== null").mark_point(
        filled=True, size=70, opacity=1
    )
    x = alt.X("value:Q", scale=scale, axis=alt.Axis(title=axis, tickCount=6))
    zero = alt.Chart(alt.Data(values=[{}])).mark_rule(color=theme.WITHHELD).encode(alt.XDatum(0))
    told = "; ".join(
        f"{row.label}, {row.group}: {'withheld' if row.value is None else f'{row.value:.2f}'}"
        for row in rows
    )
    return alt.LayerChart(
        layer=[_words(first, 0, "label"), zero, dots.encode(x, colour)],
        data=alt.Data(values=values),
        width=_WIDTH,
        height=_PAIRED * len(labels),
        title=title,
        description=f"{title}. {told}.",
        config=theme.CONFIG,
    )


def stacked(above: alt.LayerChart, below: alt.LayerChart) -> alt.VConcatChart:
    """Two charts as one, under the title of the upper one."""
    import altair as alt

    title, description = above.title, f"{above.description} {below.description}"
    parts = [part.copy(deep=False) for part in (above, below)]
    for part in parts:
        part.title = part.config = part.description = alt.Undefined
    return alt.vconcat(
        *parts, spacing=20, title=title, description=description, config=theme.CONFIG
    )


def _filtered() -> tuple[alt.Chart, alt.Chart, alt.Chart]:
    """All rows in their order, those with a value, those without."""
    import altair as alt

    every = alt.Chart().encode(alt.Y("place:O", axis=None))
    shown = every.transform_filter("datum.value !== null")
    return every, shown, every.transform_filter("datum.value === null")


def _words(rows: alt.Chart, x: int, field: str, **look: Any) -> alt.Chart:
    """A column of words that begins at `x`; too long a name ends in an ellipsis."""
    import altair as alt

    if x == 0:
        look["limit"] = _SCALE[0] - 8
    words: alt.Chart = rows.mark_text(**look).encode(alt.XValue(x), alt.Text(f"{field}:N"))
    return words


def _across() -> tuple[alt.XValue, alt.X2Value]:
    """The whole width of the scale: a length that says nothing."""
    import altair as alt

    return alt.XValue(_SCALE[0]), alt.X2Value(_SCALE[1])


def _finish(layers: tuple[alt.Chart, ...], rows: Sequence[Any], title: str) -> alt.LayerChart:
    import altair as alt

    told = "; ".join(f"{row.label}: {row.text}" for row in rows)
    values = [{"place": place, **asdict(row)} for place, row in enumerate(rows)]
    return alt.LayerChart(
        layer=list(layers),
        data=alt.Data(values=values),
        width=_WIDTH,
        height=(_PAIR if any(getattr(row, "below", "") for row in rows) else _ROW) * len(rows),
        title=title,
        description=f"{title}. {told}." if title else f"{told}.",
        config=theme.CONFIG,
    )
