"""Charts of an observational study: how alike its groups are, and its effect by each method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cleanroom.absences import Absence
from cleanroom.borders import Estimate, Findings, Protected
from cleanroom.errors import BorderError
from cleanroom.outside import drawing, theme
from cleanroom.outside.drawing import IntervalRow, PairRow
from cleanroom.outside.names import key_words
from cleanroom.outside.words import estimate_figure

if TYPE_CHECKING:
    import altair as alt

_ARMS = {"exposed": ("Exposed", theme.ADS), "comparable": ("Comparable", theme.MUTED)}
_STAGES = {"before": ("Before", theme.MUTED), "after": ("Once weighted", theme.ADS)}
_METHODS = {
    "naive_lift": ("Unadjusted", "exposed minus all others"),
    "matched_lift": ("Matched", "beside the most similar"),
    "absolute_lift": ("Doubly robust", "the study's estimate"),
}
_FALSE = {
    "placebo_lift": ("Before the study", "should be zero"),
    "elsewhere_lift": ("At other merchants", "should be zero"),
}


def love_chart(balance: Protected) -> alt.LayerChart:
    """How far the groups differ in each covariate, in standard deviations, before and after
    weighting. Raises `BorderError` for anything but one merchant's protected `balance`."""
    cells = _cells(balance, "balance", ("covariate",))
    rows = [
        PairRow(key_words(covariate), stage, value, tone)
        for covariate in cells["covariate"].unique(maintain_order=True)
        for name, (stage, tone) in _STAGES.items()
        for value in [_value(cells, covariate=covariate, measure=name)]
    ]
    most = max((abs(row.value) for row in rows if row.value is not None), default=0.0)
    worst = [abs(r.value) for r in rows if r.value is not None and r.group == "Once weighted"]
    title = (
        f"Once weighted the groups differ by at most {max(worst):.2f} standard deviations"
        if worst
        else "How alike the groups are is withheld"
    )
    return drawing.pairs(rows, "exposed minus comparable, standard deviations", title, most)


def overlap_chart(overlap: Protected) -> alt.LayerChart:
    """Of each group, the shares of its people told of by how likely they were to be exposed.

    Raises `BorderError` for anything but one merchant's protected `overlap`.
    """
    cells = _cells(overlap, "overlap", ("propensity", "arm"))
    shown = {
        arm: dict(cells.filter(arm=arm).select("propensity", "value").iter_rows()) for arm in _ARMS
    }
    sums = {arm: sum(v for v in values.values() if v is not None) for arm, values in shown.items()}
    bins = [one for one in shown["exposed"] if shown["exposed"][one] is not None]
    rows = [
        PairRow(one, label, 100 * value / sums[arm], tone)
        for one in bins
        for arm, (label, tone) in _ARMS.items()
        for value in [shown[arm][one]]
        if value is not None
    ]
    title = f"Both groups have people in {len(bins)} of {len(shown['exposed'])} ranges told of"
    axis = "% of the group's people told of, by the probability to be exposed"
    return drawing.pairs(
        rows, axis, title, max((row.value for row in rows if row.value is not None), default=0.0)
    )


def effects_chart(findings: Findings) -> alt.VConcatChart:
    """The lift by three methods, and below it what should be zero; whiskers are 95 % intervals."""
    if not isinstance(findings, Findings):
        raise BorderError(
            f"The effects chart was given a {type(findings).__name__}.",
            "only Findings can be drawn; let the tables pass the gate first.",
        )
    found = findings.estimates
    lift = estimate_figure(found["absolute_lift"])
    if lift.text:
        title = f"Conversion differs by {lift.text} (95% interval {lift.interval})"
    else:
        title = f"The effect is {_absence(found['absolute_lift'])}"
    rows, false = (
        [_row(*words, found[name]) for name, words in group.items()] for group in (_METHODS, _FALSE)
    )
    axis = "difference in conversion, percentage points"
    return drawing.stacked(drawing.intervals(rows, axis, title), drawing.intervals(false, axis))


def _row(label: str, below: str, estimate: Estimate) -> IntervalRow:
    ends = (estimate.value, estimate.lower, estimate.upper)
    value, lower, upper = (None if end is None else end * 100 for end in ends)
    figure = estimate_figure(estimate)
    text = f"{figure.text} ({figure.interval})" if figure.text else figure.state
    clear = lower is not None and upper is not None and (lower > 0 or upper < 0)
    return IntervalRow(label, below, value, lower, upper, text, theme.ADS if clear else theme.MUTED)


def _absence(estimate: Estimate) -> str:
    return "refused" if estimate.absence is Absence.NO_DATA else str(estimate.absence)


def _cells(table: Protected, name: str, dimensions: tuple[str, ...]) -> pl.DataFrame:
    if not isinstance(table, Protected):
        raise _wrong(name)
    if (table.name, table.dimensions) != (name, dimensions):
        raise _wrong(name)
    return table.cells


def _wrong(name: str) -> BorderError:
    return BorderError(
        "This chart was given what it cannot draw.",
        f"give it the table `{name}` of one merchant, as the gate has let it pass.",
    )


def _value(cells: pl.DataFrame, **place: str) -> float | None:
    found = cells.filter(**place)["value"]
    return found.item() if len(found) else None
