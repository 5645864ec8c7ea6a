"""A store's log of simulated regional sales, for the room: the store's tables alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from cleanroom.study import GeoStudy
from tests.known_answers.regions import Regions
from tests.room.event_log import moment

Row = dict[str, Any]
FIRST = date(2026, 3, 1)


@dataclass(frozen=True)
class Log:
    """Buyers and their purchases, the study of them, and the true number of orders added."""

    buyers: list[Row]
    visits: list[Row]
    study: GeoStudy
    truth: float


def regional_log(regions: Regions, seed: int, people: int = 1_500) -> Log:
    """Every order is of one of so many `people` in its region, and costs 50 to 150 yuan."""
    panel, effect = regions.draw(seed)
    rng = np.random.default_rng(seed)
    buyers, visits = [], []
    for place, region in enumerate(panel.regions):
        names = [f"{region}-{number}" for number in range(people)]
        buyers += [{"buyer": name, "region": region} for name in names]
        for day, count in enumerate(panel.outcomes[place].astype(int).tolist()):
            chosen = rng.choice(people, min(count, people), replace=False)
            visits += [_purchase(names[one], day, rng) for one in chosen]
    for number, visit in enumerate(visits):
        visit |= {"event_id": f"v{number}", "order": f"o{number}"}
    treated = tuple(np.array(panel.regions)[panel.treated].tolist())
    study = GeoStudy(
        merchant="m",
        start=FIRST,
        end=FIRST + timedelta(days=panel.periods - 1),
        campaign_start=FIRST + timedelta(days=panel.first),
        treated=treated,
        assigned_by="lot",
    )
    return Log(buyers, visits, study, effect * len(treated) * (panel.periods - panel.first))


def _purchase(buyer: str, day: int, rng: np.random.Generator) -> Row:
    time = moment("01T12:00") + timedelta(days=day)
    amount = int(rng.integers(5_000, 15_000))
    return {"kind": "purchase", "buyer": buyer, "merchant": "m", "time": time, "amount": amount}
