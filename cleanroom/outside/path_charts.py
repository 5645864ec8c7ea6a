"""Charts of delay, attribution and parts, each of what the gate let through, or None.

Where hardly anything could be told there is no chart: `untold` says so in one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cleanroom.borders import Estimate, Findings, Protected
from cleanroom.outside import drawing, theme
from cleanroom.outside.drawing import BarRow, IntervalRow
from cleanroom.outside.names import key_words
from cleanroom.outside.words import Figure, cell_figure, estimate_figure
from cleanroom.study import ALL, UNATTRIBUTED

if TYPE_CHECKING:
    import altair as alt

_CURVE, _MARKOV = "ordered_by_", "markov@"
_RATES = {
    "purchase_per_click": "buyers, % of people who clicked",
    "visit_per_click": "people seen in the store, % of people who clicked",
    "click_per_reach": "people who clicked, % of people reached",
}
_TONES = (theme.ADS, theme.STORE, theme.CAUTION)


def untold(table: Protected) -> str:
    """One line in place of a chart: how much of a table was withheld."""
    hidden = table.cells["withheld"].is_not_null().sum()
    if not table.cells.height:
        return f"{table.title}: there is nothing to tell of these days."
    return f"{table.title}: {hidden} of {table.cells.height} numbers are withheld."


def delay_chart(findings: Findings) -> alt.LayerChart | None:
    """The share of those who clicked that have ordered by so many days, with intervals."""
    found = {n: e for n, e in findings.estimates.items() if n.startswith(_CURVE)}
    found = dict(sorted(found.items(), key=lambda one: int(one[0].removeprefix(_CURVE))))
    if not any(e.value is not None for e in found.values()):
        return None
    rows = [_dot(f"By day {n.removeprefix(_CURVE)}", e) for n, e in found.items()]
    last = [(n, e) for n, e in found.items() if e.value is not None][-1]
    title = (
        f"{estimate_figure(last[1]).text} of those who clicked had ordered by day "
        f"{last[0].removeprefix(_CURVE)}"
    )
    axis = "people who ordered, % of those who clicked"
    return drawing.intervals(rows, axis, title)


def credit_chart(credit: Protected | None, findings: Findings) -> alt.LayerChart | None:
    """What each rule would credit to whom, in orders, dated by the order."""
    if credit is None:
        return None
    channel = credit.dimensions[-1]
    told = credit.cells.filter(pl.col("measure") == "orders", pl.col(channel) != ALL)
    parts = told[channel].unique(maintain_order=True).to_list()
    parts = [*(p for p in parts if p != UNATTRIBUTED), UNATTRIBUTED]
    tones = dict(zip(parts, (*_TONES * len(parts),), strict=False)) | {UNATTRIBUTED: theme.MUTED}
    rows: list[BarRow] = []
    missing: list[str] = []
    clear = 0
    rules = told["rule"].unique(maintain_order=True).to_list()
    for rule in rules:
        values = dict(told.filter(rule=rule).select(channel, "value").iter_rows())
        if any(value is None for value in values.values()):
            missing.append(key_words(rule))
            continue
        clear += 1
        for place, part in enumerate(parts):
            text = cell_figure(credit, rule, part, "orders", currency="").text or ""
            label = key_words(rule) if place == 0 else ""
            rows.append(BarRow(label, values[part], text, part, part, tones[part]))
    markov = {n: e for n, e in findings.estimates.items() if n.startswith(_MARKOV)}
    known = [e for e in markov.values() if e.value is not None]
    if markov and len(known) < len(markov):
        missing.append(key_words("markov"))
    for place, (name, one) in enumerate(markov.items() if len(known) == len(markov) else ()):
        part = name.removeprefix(_MARKOV)
        label = key_words("markov") if place == 0 else ""
        text = estimate_figure(one).text or ""
        rows.append(BarRow(label, one.value, text, part, part, tones.get(part, theme.ADS)))
    if not clear and not known:
        return None
    if missing:
        label = missing[0] if len(missing) == 1 else f"{len(missing)} other rules"
        rows.append(BarRow(label, None, "withheld", "", "withheld", theme.WITHHELD))
    count = clear + bool(known)
    title = f"Who would be paid for how many orders, by {count} of {len(rules) + 1} rules"
    return drawing.bars(rows, "orders, dated by the order", title)


def parts_chart(findings: Findings) -> alt.LayerChart | None:
    """One rate of each part with intervals, the largest first: the furthest down the path that two
    parts are known of. A winner is named only where its interval lies above all others."""
    for rate, axis in _RATES.items():
        marked = f"{rate}@"
        found = {n: e for n, e in findings.estimates.items() if n.startswith(marked)}
        if sum(e.value is not None for e in found.values()) > 1:
            return _ranked(found, marked, axis)
    return None


def _ranked(found: dict[str, Estimate], marked: str, axis: str) -> alt.LayerChart:
    order = sorted(found.items(), key=lambda one: (one[1].value is None, -(one[1].value or 0)))
    rows = [_dot(name.removeprefix(marked), e) for name, e in order]
    (name, first), *others = (one for one in order if one[1].value is not None)
    clear = all((first.lower or 0) > (e.upper or 0) for _, e in others)
    title = (
        f"{name.removeprefix(marked)} is ahead of all others, beyond chance"
        if clear
        else "None is ahead of all others beyond chance: their intervals overlap"
    )
    return drawing.intervals(rows, axis, title)


def _dot(label: str, estimate: Estimate) -> IntervalRow:
    value, lower, upper = (
        None if number is None else number * 100
        for number in (estimate.value, estimate.lower, estimate.upper)
    )
    figure: Figure = estimate_figure(estimate)
    interval = f" ({figure.interval})" if figure.interval else ""
    text = f"{figure.text}{interval}" if figure.text else figure.state
    return IntervalRow(label, "", value, lower, upper, text, theme.ADS)
