"""How long orders take, from the tables `delay` and `maturity`; all of it is dated by the click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from cleanroom.borders import EVENTS, MONEY, PEOPLE, SHARE, Estimate, Protected
from cleanroom.errors import StudyError
from cleanroom.studies.delay import Span, cumulative_incidence
from cleanroom.studies.intervals import Interval, UndefinedError
from cleanroom.studies.maturity import Forecast, chain_ladder
from cleanroom.studies.released import Compute, Number, Quantity, Shown, estimate, released
from cleanroom.study import ALL

RATIO = "ratio"
_LATER = "later"
_INCIDENCE = (
    "Aalen–Johansen estimate (1978), complementary log-log interval, 95 %; dated by the first click"
)
_LADDER = "chain ladder, Mack's interval, 95 % (Mack 1993); dated by the click"
_MEASURES = {"orders": ("orders", EVENTS), "revenue": ("revenue net of refunds", MONEY)}
Cells = Mapping[tuple[str, ...], Number]


def delay_estimates(tables: Mapping[str, Protected], cost: Quantity) -> dict[str, Estimate]:
    """`ordered_by_<day>`, and what the triangle of weeks forecasts, by day since the click."""
    return {**_curve(released(tables, "delay")), **_forecasts(released(tables, "maturity"), cost)}


def end_of(span: str) -> str:
    """The last day of a span of days, '4–7'."""
    return span.rpartition("–")[2]


def _curve(cells: Cells) -> dict[str, Estimate]:
    """The share of people who have ordered by the end of each span, if all had been watched."""
    spans = list(dict.fromkeys(days for _, days, _ in cells if days != ALL))
    watched = Quantity("people who clicked and were watched", PEOPLE, cells.get((ALL, ALL, PEOPLE)))
    found = {}
    for place, span in enumerate(spans):
        known = [
            (outcome, days)
            for days in spans[: place + 1]
            for outcome in ("ordered", "lost")
            if (outcome, days, PEOPLE) in cells
        ]
        inputs = [
            Quantity(_NOUNS[outcome], PEOPLE, cells[outcome, days, PEOPLE])
            for outcome, days in known
        ]

        def share(
            people: float, *counts: float, known: Sequence[tuple[str, str]] = known
        ) -> Interval:
            given = dict(zip(known, counts, strict=True))
            life = [
                Span({"ordered": given.get(("ordered", days), 0.0)}, given.get(("lost", days), 0.0))
                for days in dict.fromkeys(days for _, days in known)
            ]
            return cumulative_incidence(people, life, "ordered")[-1]

        day = end_of(span)
        label = f"People who ordered by day {day} after their first click / people who clicked"
        shown = Shown(f"ordered_by_{day}", label, SHARE, _INCIDENCE)
        found[shown.name] = estimate(shown, share, watched, *inputs)
    return found


_NOUNS = {
    "ordered": "people by the days until their first order",
    "lost": "people by the days they were watched",
}


def _forecasts(cells: Cells, cost: Quantity) -> dict[str, Estimate]:
    weeks = list(dict.fromkeys(week for week, _, _ in cells if week != ALL))
    spans = list(dict.fromkeys(days for _, days, _ in cells if days not in (ALL, _LATER)))
    found: dict[str, Estimate] = {}
    for measure, (noun, unit) in _MEASURES.items():
        keys = [(week, days) for week in weeks for days in spans if (week, days, measure) in cells]
        inputs = [
            Quantity(f"{noun} by week and days", unit, cells[(*key, measure)]) for key in keys
        ]
        shape = [sum(own == week for own, _ in keys) for week in weeks]
        found |= _of_measure(measure, _Triangle(inputs, shape), spans, cost)
    return found


class _Triangle:
    """The cells of a triangle in order, and how many of them each week has."""

    def __init__(self, inputs: Sequence[Quantity], lengths: Sequence[int]) -> None:
        self.inputs = inputs
        self.lengths = [length for length in lengths if length]
        self.too_young = len(self.lengths) < len(lengths)

    def forecast(self, *values: float) -> Forecast:
        """What comes of these values; `UndefinedError` where there can be no forecast."""
        if any(len(one.ends) > 1 for one in self.inputs):
            raise UndefinedError("a forecast is not made from rounded numbers")
        left, rows = list(values), []
        for length in self.lengths:
            rows.append(list(accumulate(left[:length])))
            left = left[length:]
        try:
            return chain_ladder(rows)
        except StudyError as error:
            raise UndefinedError(f"{error.problem[0].lower()}{error.problem[1:-1]}") from None


def _of_measure(
    measure: str, triangle: _Triangle, spans: Sequence[str], cost: Quantity
) -> dict[str, Estimate]:
    noun, unit = _MEASURES[measure]
    found = {}

    def add(name: str, label: str, of: str, compute: Compute, *first: Quantity) -> None:
        found[name] = estimate(Shown(name, label, of, _LADDER), compute, *first, *triangle.inputs)

    weeks = f"{noun.capitalize()} of all complete weeks of clicks"
    add(f"final_{measure}", f"{weeks}, in the end", unit, lambda *n: triangle.forecast(*n).whole)
    for place, span in enumerate(spans):
        day = end_of(span)

        def mature(*numbers: float, place: int = place) -> float:
            return triangle.forecast(*numbers).mature[place]

        def roi(spent: float, *numbers: float, place: int = place) -> float:
            if triangle.too_young:
                raise UndefinedError("some weeks of clicks are too young to have any complete day")
            if spent <= 0:
                raise UndefinedError("there is nothing to divide by")
            forecast = triangle.forecast(*numbers)
            return forecast.whole.value * forecast.mature[place] / spent

        of_them = f"Share of all {noun} that come by day {day} after the click"
        add(f"mature_{measure}_by_{day}", of_them, SHARE, mature)
        if measure == "revenue":
            add(f"roi_by_{day}", f"ROI(T+{day}): revenue by then / cost", RATIO, roi, cost)
    return found
