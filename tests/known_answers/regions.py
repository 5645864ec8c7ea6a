"""Regional sales: the published example, and simulated ones with known truth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from cleanroom.borders import EVENTS, MONEY, PEOPLE, Findings, Protected
from cleanroom.studies import geo
from cleanroom.studies.panel import Panel, Real
from cleanroom.study import GeoStudy
from tests.factories import protected

DATA = Path(__file__).parent / "data"
FIRST = date(2026, 1, 1)


def geolift(name: str) -> tuple[tuple[str, ...], Real]:
    """The cities, in order of the alphabet, and their orders by day."""
    rows = pl.read_csv(DATA / "geolift" / f"{name}.csv.gz")
    wide = rows.pivot(on="date", index="location", values="Y").sort("location")
    days = sorted(set(wide.columns) - {"location"})
    return tuple(wide["location"]), wide.select(days).to_numpy().astype(np.float64)


@cache
def geolift_test() -> Panel:
    """GeoLift's example: Chicago and Portland, treated from the 91st of 105 days on."""
    cities, orders = geolift("GeoLift_Test")
    return Panel(cities, orders, np.isin(cities, ["chicago", "portland"]), 90)


def released_regions(panel: Panel, withheld: Collection[tuple[str, int]] = ()) -> Protected:
    """The panel as the gate releases it, a day a period; `withheld`: regions with the places of
    periods. An order is one buyer's, and of 100 yuan."""
    measures = (("buyers", PEOPLE, 1), ("orders", EVENTS, 1), ("revenue", MONEY, 10_000))
    rows = []
    for region, row in zip(panel.regions, panel.outcomes.tolist(), strict=True):
        for period, count in enumerate(row):
            day = (FIRST + timedelta(days=period)).isoformat()
            hidden = (region, period) in withheld
            rows += [(region, day, m, None if hidden else x * count, u) for m, u, x in measures]
    return protected("regions", ("region", "period"), rows)


def geo_study(panel: Panel) -> GeoStudy:
    """The study of it."""
    return GeoStudy(
        merchant="m",
        start=FIRST,
        end=FIRST + timedelta(days=panel.periods - 1),
        campaign_start=FIRST + timedelta(days=panel.first),
        treated=tuple(np.array(panel.regions)[panel.treated].tolist()),
    )


def geo_of(panel: Panel, withheld: Collection[tuple[str, int]] = ()) -> Findings:
    """What the regional study finds in it."""
    return geo.findings({"regions": released_regions(panel, withheld)}, geo_study(panel), "CNY")


@dataclass(frozen=True)
class Regions:
    """Simulated sales: sizes differ, weeks have a shape, two moods of the market come and go, and
    each region has its own weather, which lasts (`persistence`); what is counted is Poisson.

    `effect`: the share that the campaign adds in the treated regions, drawn by lot. `size`: the
    logarithm of what a middling region sells in a period.
    """

    count: int = 30
    treated: int = 2
    periods: int = 100
    after: int = 20
    persistence: float = 0.3
    effect: float = 0.0
    size: float = 3.5

    def draw(self, seed: int) -> tuple[Panel, float]:
        """A panel, and the true effect per treated region and period."""
        rng = np.random.default_rng(seed)
        first = self.periods - self.after
        expected = self._expected(rng)
        treated = np.zeros(self.count, dtype=np.bool_)
        treated[rng.permutation(self.count)[: self.treated]] = True
        added = np.zeros_like(expected)
        added[treated, first:] = self.effect * expected[treated, first:]
        outcomes = rng.poisson(expected + added).astype(np.float64)
        names = tuple(f"R{number:02d}" for number in range(self.count))
        return Panel(names, outcomes, treated, first), float(added[treated, first:].mean())

    def _expected(self, rng: np.random.Generator) -> Real:
        size = rng.lognormal(self.size, 0.6, self.count)
        week = 1 + 0.2 * np.sin(2 * np.pi * np.arange(self.periods) / 7)
        moods = _lasting(rng, 2, self.periods, 0.8)
        loads = 1 + 0.5 * rng.standard_normal((self.count, 2))
        weather = _lasting(rng, self.count, self.periods, self.persistence)
        expected: Real = np.maximum(size[:, None] * week * (1 + loads @ moods + weather), 1.0)
        return expected


def _lasting(rng: np.random.Generator, series: int, periods: int, persistence: float) -> Real:
    noise = rng.normal(0, 0.05, (series, periods))
    values = np.zeros((series, periods))
    for period in range(1, periods):
        values[:, period] = persistence * values[:, period - 1] + noise[:, period]
    return values
