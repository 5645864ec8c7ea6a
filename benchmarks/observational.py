"""How often an observational study is right, and says so, on people whose truth is known.

How often the 95 % interval of the doubly robust effect holds the truth; and what verdict studies
come to that pass estimators, gate and study, as they should be and with faults planted. The
yardstick is the nominal 95 %: `ratio` is the coverage over that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import Any

import numpy as np

from cleanroom.borders import Findings
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.room.exposure import COVARIATES
from cleanroom.room.observational import People, tables_of
from cleanroom.studies import observational
from cleanroom.studies.comparison import Comparison, Effect
from cleanroom.studies.cross_fitting import learners_of_shares
from cleanroom.studies.doubly_robust import doubly_robust
from cleanroom.studies.exposed_panel import Panel
from cleanroom.studies.observational_checks import credibility
from cleanroom.study import ObservationalStudy

NOMINAL = 0.95
STUDY = ObservationalStudy(merchant="m", start=date(2026, 5, 1), end=date(2026, 5, 15))
NAMES = (*COVARIATES[:4], COVARIATES[6])  # the last knows of the time just before


@dataclass(frozen=True)
class World:
    """What a panel is drawn from: the true `lift`; how strongly something `hidden` drives exposure
    and buying both; how strongly what is known drives exposure (`apart`)."""

    lift: float = 0.03
    hidden: float = 0.0
    apart: float = 0.5


WORLDS = {
    "sound, with an effect": World(),
    "sound, without effect": World(lift=0.0),
    "something hidden drives both": World(lift=0.0, hidden=1.5),
    "hardly any overlap": World(lift=0.0, apart=8.0),
}


def panel(world: World, people: int, rng: np.random.Generator) -> Panel:
    """People with five covariates, of whom about one in six is exposed."""
    known, unseen = rng.standard_normal((people, len(NAMES))), rng.standard_normal(people)
    hidden = world.hidden * unseen
    exposed = rng.random(people) < _share(-1.8 + world.apart * (known[:, 0] + known[:, 1]) + hidden)
    likely = _share(-2.2 + 0.6 * known[:, 0] + 0.4 * known[:, 2] + hidden)
    bought = rng.random(people) < likely + world.lift * exposed
    return Panel(
        exposed=exposed,
        bought=bought,
        spent=bought * rng.lognormal(9.0, 0.5, people),
        bought_elsewhere=rng.random(people) < likely,
        bought_before=rng.random(people) < likely,
        known_before=np.ones(people, dtype=np.bool_),
        customer=rng.random(people) < 0.3,
        covariates=known,
        names=NAMES,
        recent=np.array([name.endswith("_recent") for name in NAMES]),
    )


def studies(world: World, people: int, count: int, seed: int = 1) -> Iterator[Findings]:
    """So many studies of panels of one world, each through estimators and gate."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        tables = tables_of(
            [People("m", panel(world, people, rng), np.arange(people, dtype=np.uint32))], 0
        )
        released = [protect(table, Policy()).split("merchant")["m"] for table in tables]
        yield observational.findings({one.name: one for one in released}, STUDY, "CNY")


def effects(world: World, people: int, count: int, seed: int = 2) -> Iterator[Effect]:
    """So many doubly robust effects alone, of panels of one world."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        drawn = panel(world, people, rng)
        bought = drawn.bought.astype(np.float64)
        comparison = Comparison(drawn.exposed, bought, drawn.covariates)
        yield doubly_robust(comparison, learners_of_shares()).effect


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Of `rows` people each: `runs` effects a sound world, a tenth as many studies every world."""
    covered = {}
    for name in ("sound, with an effect", "sound, without effect"):
        found = list(effects(WORLDS[name], rows, runs))
        inside = [e.interval.lower <= WORLDS[name].lift <= e.interval.upper for e in found]
        covered[name] = sum(inside) / runs
        bias = float(np.mean([e.value for e in found])) - WORLDS[name].lift
        chance = 1.96 * sqrt(NOMINAL * (1 - NOMINAL) / runs)
        print(f"{name}: {covered[name]:.1%} of {runs} intervals hold it (±{chance:.1%} by chance)")
        print(f"{'':>4}bias {100 * bias:+.3f} points")
    verdicts = {}
    for name, world in WORLDS.items():
        count = max(runs // 10, 1)
        come = [credibility(one.estimates, one.checks)[0] for one in studies(world, rows, count)]
        verdicts[name] = {v.value: round(n / count, 3) for v, n in Counter(come).items()}
        print(f"{name}: verdicts of {count} studies {verdicts[name]}")
    ratio = round(covered["sound, with an effect"] / NOMINAL, 4)
    return {"covered": covered, "verdicts": verdicts, "runs": runs, "ratio": ratio}


def _share(odds: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    share: np.ndarray[Any, np.dtype[np.float64]] = 1 / (1 + np.exp(-odds))
    return share
