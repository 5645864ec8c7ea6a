"""Planning a regional test: which regions to treat, and how small an effect it would find.

Power is found by trying: on history, for the last starts that leave room for the test, an effect is
added to the candidate regions, and the study's own test is asked whether it sees it. Candidates are
each region with those that move most like it, as GeoLift chooses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cleanroom.studies.conformal import LEVEL, effect_p_value
from cleanroom.studies.intervals import POWER, UndefinedError
from cleanroom.studies.panel import Panel, Real
from cleanroom.studies.synthetic import Synthetic, augmented_control

EFFECTS = (0.02, 0.04, 0.06, 0.08, 0.10, 0.15, 0.20, 0.30)
_STARTS = 10
_CANDIDATES = 20
_MOST_FALSE = 0.1
Trial = tuple[Panel, Synthetic]


@dataclass(frozen=True)
class Candidate:
    """Regions that could be treated: `noise`, the gap to their synthetic control before the start,
    as a share of their level; and `false_alarms`, the share of trials without an effect that
    found one. Regions with many go their own way."""

    regions: tuple[str, ...]
    noise: float
    false_alarms: float


@dataclass(frozen=True)
class Plan:
    """Candidates, the closest to their synthetic control first, those with false alarms last.

    `power`: by relative effect, the share of all sound candidates' trials that find it, so that the
    promise does not rest on the luckiest of them; `least`: the smallest effect found four times in
    five, None if none of those tried was.
    """

    candidates: tuple[Candidate, ...]
    power: dict[float, float]
    least: float | None


def choose_markets(
    regions: Sequence[str],
    history: Real,
    size: int,
    length: int,
    effects: Sequence[float] = EFFECTS,
) -> Plan:
    """Plan a test of `length` periods in `size` regions.

    `history`: regions × periods without any campaign. Raises `UndefinedError` if it is shorter than
    three tests, or fewer than two regions would be left to compare with.
    """
    last = history.shape[1] - length
    starts = range(max(2 * length, last - _STARTS + 1), last + 1)
    if not starts or len(regions) - size < 2:
        raise UndefinedError("history is shorter than three tests, or no regions are left over")
    found = []
    for chosen in _candidates(history, size):
        own = _trials(regions, history, chosen, starts)
        names = tuple(regions[one] for one in chosen)
        found.append((Candidate(names, _noise(own), _share_found(own, 0.0)), own))
    found.sort(key=lambda one: (one[0].false_alarms > _MOST_FALSE, one[0].noise))
    sound = [trial for one, own in found if one.false_alarms <= _MOST_FALSE for trial in own]
    power = {effect: _share_found(sound, effect) for effect in effects} if sound else {}
    least = min((effect for effect, share in power.items() if share >= POWER), default=None)
    return Plan(tuple(one for one, _ in found), power, least)


def _candidates(history: Real, size: int) -> list[tuple[int, ...]]:
    """Each region with the `size` − 1 that correlate most with it; the closest sets first."""
    alike: Real = np.atleast_2d(np.corrcoef(history))
    sets: dict[tuple[int, ...], float] = {}
    for region, row in enumerate(alike):
        others = [int(other) for other in np.argsort(-row) if other != region][: size - 1]
        sets[tuple(sorted([region, *others]))] = float(row[others].mean()) if others else 0.0
    return sorted(sets, key=lambda one: -sets[one])[:_CANDIDATES]


def _trials(
    regions: Sequence[str], history: Real, chosen: tuple[int, ...], starts: range
) -> list[Trial]:
    treated, length = np.isin(np.arange(len(regions)), chosen), history.shape[1] - starts[-1]
    panels = [
        Panel(tuple(regions), history[:, : start + length], treated, start) for start in starts
    ]
    # The periods before the start decide the penalty, and an effect changes none of them.
    return [(panel, augmented_control(panel)) for panel in panels]


def _noise(trials: Sequence[Trial]) -> float:
    """The root mean squared gap before the start over the regions' level, mean of the trials."""
    shares = [
        float(np.sqrt((fit.gap[: fit.first] ** 2).mean()) / fit.observed[: fit.first].mean())
        for _, fit in trials
    ]
    return float(np.mean(shares))


def _share_found(trials: Sequence[Trial], effect: float) -> float:
    found = [
        effect_p_value(_with(panel, effect), fit.penalty or 0.0) <= LEVEL for panel, fit in trials
    ]
    return float(np.mean(found))


def _with(panel: Panel, effect: float) -> Panel:
    outcomes = panel.outcomes.copy()
    outcomes[np.ix_(panel.treated, np.arange(panel.first, panel.periods))] *= 1 + effect
    return replace(panel, outcomes=outcomes)
