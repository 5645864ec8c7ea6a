"""Charts of delay, attribution and parts, each of what the gate let through, or None.

Where hardly anything could be told there is no chart: `untold` says so in one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from cleanroom.borders import Estimate, Findings, Protected
from cleanroom.outside import drawing, theme
from cleanroom.outside.drawing import IntervalRow
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
    """What each part is credited with by the first rule that is told, and from the least to the
    most by any; in orders, dated by the order."""
    if credit is None:
        return None
    every = credit_by_rule(credit, findings)
    told = {
        rule: {part: value for part, (value, _) in own.items() if value is not None}
        for rule, own in every.items()
        if all(value is not None for value, _ in own.values())
    }
    if not told:
        return None
    first = next(iter(told))
    rows = []
    for part, value in told[first].items():
        texts = dict(every[rule][part] for rule in told if part in every[rule])
        least, most = min(texts, key=lambda n: n or 0), max(texts, key=lambda n: n or 0)
        apart = (
            ""
            if texts[least].text == texts[most].text
            else f"{texts[least].text} to {texts[most].text}"
        )
        text = f"{every[first][part][1].text}{f' ({apart})' if apart else ''}"
        tone = theme.MUTED if part == UNATTRIBUTED else theme.ADS
        rows.append(IntervalRow(part, "", value, least, most, text, tone))
    axis = f"orders; dot: {first}, line: least to most by rule"
    untold_rules = len(every) - len(told)
    hidden = f"; withheld: {untold_rules}" if untold_rules else ""
    return drawing.intervals(rows, axis, f"{_most_credited(told)}{hidden}")


def credit_by_rule(
    credit: Protected, findings: Findings
) -> dict[str, dict[str, tuple[float | None, Figure]]]:
    """By rule in words the orders that each part is credited with, the unattributed last."""
    channel = credit.dimensions[-1]
    cells = credit.cells.filter(pl.col("measure") == "orders", pl.col(channel) != ALL)
    found: dict[str, dict[str, tuple[float | None, Figure]]] = {}
    for rule, part, value in cells.select("rule", channel, "value").iter_rows():
        figure = cell_figure(credit, rule, part, "orders", currency="")
        found.setdefault(key_words(rule), {})[part] = (value, figure)
    for own in found.values():
        if UNATTRIBUTED in own:
            own[UNATTRIBUTED] = own.pop(UNATTRIBUTED)
    removal = {
        name.removeprefix(_MARKOV): (one.value, estimate_figure(one))
        for name, one in findings.estimates.items()
        if name.startswith(_MARKOV)
    }
    if not removal:
        return found
    # What no touch came before is the same by every rule.
    rest = (own[UNATTRIBUTED] for own in found.values() if UNATTRIBUTED in own)
    known = next((one for one in rest if one[0] is not None), None)
    unattributed = {UNATTRIBUTED: known} if known else {}
    return {**found, key_words("markov"): {**removal, **unattributed}}


def _most_credited(told: Mapping[str, Mapping[str, float]]) -> str:
    """Whether all rules that are told agree on who is credited with the most orders."""
    leaders = set()
    for own in told.values():
        values = {part: value for part, value in own.items() if part != UNATTRIBUTED}
        most = max(values.values(), default=0.0)
        leaders.add(frozenset(part for part, value in values.items() if value == most))
    (first, *others) = leaders
    by = f"all {len(told)} rules" if len(told) > 1 else "the one rule"
    if others:
        return f"Who is credited with the most orders depends on the rule: {len(told)} are told"
    if len(first) == 1:
        return f"{next(iter(first))} is credited with the most orders by {by} that are told"
    return f"No part is credited with more orders than all others by {by} that are told"


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
