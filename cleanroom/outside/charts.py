"""Charts of what the gate let through: `Protected` tables and `Findings`, and nothing else.

Each returns an Altair chart, shown as it is in JupyterLab, and by `to_svg` on a page. The title
says the finding, the axis its unit, whiskers are 95 % intervals, and what is withheld is drawn
as withheld, at a length that says nothing. A chart's `description` is its alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from cleanroom import numbers
from cleanroom.absences import Absence
from cleanroom.borders import (
    PEOPLE,
    Estimate,
    Findings,
    Protected,
)
from cleanroom.errors import BorderError
from cleanroom.outside import drawing, theme
from cleanroom.outside.drawing import BarRow, IntervalRow
from cleanroom.outside.names import OF, STEPS, is_of_path, key_words, name_words
from cleanroom.outside.verdicts import is_comparable
from cleanroom.outside.words import Figure, cell_figure, estimate_figure
from cleanroom.tables import Platform

if TYPE_CHECKING:
    import altair as alt

_Kind = TypeVar("_Kind", Protected, Findings)
_ARMS = {"treated": ("Campaign group", theme.ADS), "holdout": ("Holdout group", theme.MUTED)}
_COLOURS = {Platform.ADS: theme.ADS, Platform.STORE: theme.STORE}
_PLACES = {Platform.ADS: "on the content platform", Platform.STORE: "in the store"}
_DISCOUNTED = "a check failed: not to be used"


def funnel_chart(path: Protected, findings: Findings | None = None) -> alt.LayerChart:
    """People at each step of one merchant's `path`, bars in proportion, with each step's rate.

    `findings` brings the rates (estimates `<step>_per_<base>`). Raises `BorderError` for anything
    but the protected path of a single merchant.
    """
    _demand(Protected, path, "funnel chart")
    if findings is not None:
        _demand(Findings, findings, "funnel chart")
    if path.dimensions != ("step",):
        raise BorderError(
            f"The funnel chart cannot draw the table '{path.name}'.",
            "give it the table `path` of one merchant: `path.only('merchant', name)`.",
        )
    people = path.cells.filter(pl.col("measure") == PEOPLE).select("step", "value")
    values: dict[str, float | None] = dict(people.iter_rows())
    figures = {step: cell_figure(path, step, PEOPLE, currency="") for step in values}
    rows = [_bar(step, value, figures[step], findings) for step, value in values.items()]
    return drawing.bars(rows, "people, each counted once", _path_title(figures))


def rates_chart(
    findings: Findings, names: Sequence[str] | None = None, title: str | None = None
) -> alt.LayerChart:
    """Rates with their intervals: the estimates `names`, or all of the path; by default under
    what a conversion study says of them."""
    _demand(Findings, findings, "rates chart")
    every = [name for name, e in findings.estimates.items() if is_of_path(e)]
    chosen = [findings.estimates[name] for name in (every if names is None else names)]
    rows = [_whisker(*name_words(e), e, theme.ADS) for e in chosen]
    return drawing.intervals(rows, "share, %", title or _rates_title(findings))


def lift_chart(findings: Findings) -> alt.VConcatChart:
    """Conversion of both arms, and below it their difference against zero, with intervals.

    A difference that failed a check without which it must not be used is not drawn.
    """
    _demand(Findings, findings, "lift chart")
    arms = [
        _whisker(label, "", findings.estimates[f"conversion_rate_{arm}"], tone)
        for arm, (label, tone) in _ARMS.items()
    ]
    return drawing.stacked(
        drawing.intervals(arms, "buyers, % of the people in the group", _lift_title(findings)),
        drawing.intervals([_lift_row("Difference", findings)], "difference, percentage points"),
    )


def weeks_chart(findings: Findings) -> alt.LayerChart:
    """The lift so far at the end of each week of the study, with its interval at that look."""
    _demand(Findings, findings, "weeks chart")
    found = _named(findings, "absolute_lift_until_week_")
    rows = [_part(f"After week {int(week)}", e, findings) for week, e in found.items()]
    return drawing.intervals(rows, "lift so far, percentage points", _weeks_title(found, findings))


def segments_chart(findings: Findings, segment: str) -> alt.LayerChart:
    """The lift of each part of a `segment` ('customer', 'region'), and of everyone."""
    _demand(Findings, findings, "segments chart")
    found = _named(findings, f"absolute_lift_{segment}_")
    rows = [_part(key_words(part), e, findings) for part, e in found.items()]
    rows.append(_lift_row("Everyone", findings))
    p_value = findings.estimates.get(f"{segment}s_interaction_p_value")
    title = _segments_title(segment, None if p_value is None else p_value.value)
    return drawing.intervals(rows, "lift in conversion, percentage points", title)


def portfolio_chart(lifts: Mapping[str, Findings]) -> alt.LayerChart:
    """The absolute lift of many merchants by name, with intervals, the largest first.

    Merchants whose lift is withheld, or must not be used, stand last and say so.
    """
    for findings in lifts.values():
        _demand(Findings, findings, "portfolio chart")
    rows = [_lift_row(name, findings) for name, findings in lifts.items()]
    rows.sort(key=lambda row: (row.value is None, -(row.value or 0)))
    clear = sum(1 for row in rows if row.lower is not None and row.lower > 0)
    title = f"Conversion rose beyond chance for {clear} of {len(rows)} merchants"
    return drawing.intervals(rows, "lift in conversion, percentage points", title)


def to_svg(chart: alt.LayerChart | alt.VConcatChart) -> str:
    """The chart as static SVG text, drawn in this process, without a network."""
    import altair as alt
    import vl_convert

    version = "_".join(alt.SCHEMA_VERSION.split(".")[:2])
    spec = chart.to_dict(validate=False)  # its parts were, when they were made
    spec["config"]["font"] = theme.DRAWING_FONT
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=version, allowed_base_urls=[])
    return svg.replace(theme.DRAWING_FONT, theme.FONT)


def _demand(kind: type[_Kind], value: object, chart: str) -> None:
    if not isinstance(value, kind):
        raise BorderError(
            f"The {chart} was given a {type(value).__name__}.",
            f"only {kind.__name__} values can be drawn; let the table pass the gate first.",
        )


def _bar(step: str, value: float | None, people: Figure, findings: Findings | None) -> BarRow:
    about = STEPS[step]
    rates = findings.estimates if findings else {}
    rate = estimate_figure(rates.get(f"{step}_per_{about.base}")).text
    return BarRow(
        about.label,
        value,
        people.text or people.state,
        f"{rate} {OF[about.base]}" if rate else "",
        _PLACES[about.seen_by],
        _COLOURS[about.seen_by],
    )


def _whisker(label: str, below: str, estimate: Estimate, tone: str) -> IntervalRow:
    """An estimate as a dot with whiskers, on a scale of per cent."""
    value, lower, upper = (
        None if number is None else number * 100
        for number in (estimate.value, estimate.lower, estimate.upper)
    )
    figure = estimate_figure(estimate)
    interval = f" ({figure.interval})" if figure.interval else ""
    text = f"{figure.text}{interval}" if figure.text else figure.state
    return IntervalRow(label, below, value, lower, upper, text, tone)


def _named(findings: Findings, prefix: str) -> dict[str, Estimate]:
    """The estimates whose name begins so, by the rest of it."""
    return {
        name.removeprefix(prefix): e
        for name, e in findings.estimates.items()
        if name.startswith(prefix)
    }


def _hidden(label: str) -> IntervalRow:
    return IntervalRow(label, "", None, None, None, _DISCOUNTED, theme.MUTED)


def _part(label: str, effect: Estimate, findings: Findings) -> IntervalRow:
    """An effect, if the study's may be used."""
    if not is_comparable(findings):
        return _hidden(label)
    return _whisker(label, "", effect, _tone(effect))


def _weeks_title(found: Mapping[str, Estimate], findings: Findings) -> str:
    if not is_comparable(findings):
        return "The lift must not be used, in no week"
    shown = [week for week, e in found.items() if e.lower is not None and e.lower > 0]
    if not any(e.value is not None for e in found.values()):
        return "How the lift grew is withheld"
    if not shown or found[max(found)].value is None or max(found) not in shown:
        return "By the end, the lift was not told from zero"
    since = next(w for w in shown if all(later in shown for later in found if later >= w))
    return f"The lift was told from zero from week {int(since)} on"


def _segments_title(segment: str, p_value: float | None) -> str:
    who = {"customer": "new and existing customers"}.get(segment, f"{segment}s")
    if p_value is None:
        return f"Whether {who} respond alike cannot be told"
    alike = p_value >= 0.05
    words = numbers.probability(p_value)
    told = "are not told apart" if alike else "respond differently"
    return f"{who[0].upper()}{who[1:]} {told} (p {words if words[0] == 'b' else f'= {words}'})"


def _lift_row(label: str, findings: Findings) -> IntervalRow:
    return _part(label, findings.estimates["absolute_lift"], findings)


def _tone(effect: Estimate) -> str:
    if effect.lower is None or effect.upper is None or effect.lower <= 0 <= effect.upper:
        return theme.MUTED
    return theme.ADS if effect.lower > 0 else theme.CAUTION


def _path_title(figures: Mapping[str, Figure]) -> str:
    reached, clicked, bought = (figures.get(step) for step in ("reach", "click", "purchase"))
    if reached is None or reached.text is None:
        return f"How many people were reached {_absence(reached)}"
    clicks = _done("how many clicked", "clicked", clicked)
    buyers = _done("how many bought", "bought", bought)
    return f"Of {reached.text} people reached, {clicks} and {buyers}"


def _done(unknown: str, verb: str, people: Figure | None) -> str:
    if people is None or people.text is None:
        return f"{unknown} {_absence(people)}"
    return f"{people.text} {verb}"


def _absence(figure: Figure | None) -> str:
    """'is withheld', 'is not recorded'."""
    no_data = figure is not None and figure.state == Absence.NO_DATA
    return "is not recorded" if no_data else "is withheld"


def _rates_title(findings: Findings) -> str:
    rate = findings.estimates.get("purchase_per_click")
    bought = estimate_figure(rate)
    if bought.text is None:
        return f"How many of those who clicked bought {_absence(bought)}"
    return f"{bought.text} of those who clicked bought (95% interval {bought.interval})"


def _lift_title(findings: Findings) -> str:
    treated, holdout = (
        estimate_figure(findings.estimates[f"conversion_rate_{arm}"]) for arm in _ARMS
    )
    if treated.text is None or holdout.text is None:
        return f"How many bought in each group {_absence(treated)}"
    return f"{treated.text} of the campaign group bought, {holdout.text} of the holdout group"
