"""The ads platform's events: impressions of notes, and what accounts do about them.

Events are frames of whole numbers (accounts, notes and CIDs by number, `kind` an Enum), which
`exports` turns into a platform's texts.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cleanroom.simulation.chance import MINUTE, SECOND, Flags, Whole, later, moments
from cleanroom.simulation.scene import Scene
from cleanroom.simulation.settings import Period
from cleanroom.tables import ENGAGEMENTS, TOUCH_KINDS

TouchKind = pl.Enum(TOUCH_KINDS)
NOTES_EACH_WAY = 6  # evergreen notes of a merchant, and as many of its campaign

_EVERGREEN = 3.0  # impressions of all merchants' evergreen notes by account in the first half
_FADING = 0.3  # what is left of evergreen impressions in the second half
_REACHED = 0.92  # share of treated accounts that see the campaign at all
_CAMPAIGN = 2.2  # further impressions of the campaign by reached account
_CLICKED, _READ, _ENGAGED = 0.3, 0.35, 0.12
_ENGAGEMENT_SHARES = (0.12, 0.5, 0.22, 0.1, 0.06)
_CLICK_PRICE = 110  # median, fen
_IMPRESSION_PRICES = (1, 3)  # fen


def evergreen(scene: Scene, period: Period, without: Whole | None = None) -> pl.DataFrame:
    """Impressions of notes that need no campaign; in the second half `without` an audience."""
    rate = _EVERGREEN * scene.popularity * scene.population.activity * scene.interest
    if without is not None:
        rate *= _FADING
        rate[without] = 0
    counts = scene.rng.poisson(rate)
    return _impressions(scene, counts, 0, period)


def campaign(scene: Scene, period: Period, accounts: Whole, certain: Flags) -> pl.DataFrame:
    """Impressions of the campaign by the treated `accounts`.

    Some are never reached, except the `certain` ones, whose purchase the campaign has caused.
    """
    reached = certain | (scene.rng.random(len(accounts)) < _REACHED)
    counts = np.zeros(len(scene.interest), dtype=np.int64)
    counts[accounts] = reached * (1 + scene.rng.poisson(_CAMPAIGN, len(accounts)))
    return _impressions(scene, counts, NOTES_EACH_WAY, period)


def touches(scene: Scene, impressions: pl.DataFrame, must_click: Flags, end: int) -> pl.DataFrame:
    """Impressions (in order of accounts) with the reads, engagements and clicks that follow.

    `must_click`, by account: the first impression is clicked. Columns account, note, time (ms,
    before `end`), kind, cost (fen), cid (numbered from 0; -1 for no click).
    """
    rng, account = scene.rng, impressions["account"].to_numpy()
    first = np.diff(account, prepend=-1) != 0
    clicked = rng.random(len(account)) < np.minimum(0.9, _CLICKED * scene.interest[account])
    clicked |= first & must_click[account]
    read = clicked | (rng.random(len(account)) < _READ)
    engaged = read & (rng.random(len(account)) < _ENGAGED)
    engagements = pl.Series(rng.choice(ENGAGEMENTS, engaged.sum(), p=_ENGAGEMENT_SHARES))
    low, high = _IMPRESSION_PRICES
    return pl.concat(
        [
            _events(impressions, "impression", rng.integers(low, high + 1, len(account))),
            _after(rng, impressions.filter(read), 10 * SECOND, end).pipe(_events, "read"),
            _after(rng, impressions.filter(engaged), 2 * MINUTE, end).pipe(_events, engagements),
            _clicks(rng, _after(rng, impressions.filter(clicked), MINUTE, end)),
        ]
    )


def _impressions(scene: Scene, counts: Whole, first_note: int, period: Period) -> pl.DataFrame:
    account = np.repeat(np.arange(len(counts)), counts)
    note = first_note + scene.rng.integers(0, NOTES_EACH_WAY, len(account))
    time = moments(scene.rng, len(account), period)
    return pl.DataFrame({"account": account, "note": note, "time": time})


def _after(
    rng: np.random.Generator, impressions: pl.DataFrame, typical: float, end: int
) -> pl.DataFrame:
    time = later(rng, impressions["time"].to_numpy(), typical, end)
    return impressions.with_columns(time=pl.Series(time))


def _clicks(rng: np.random.Generator, clicked: pl.DataFrame) -> pl.DataFrame:
    prices = rng.lognormal(np.log(_CLICK_PRICE), 0.3, len(clicked)).astype(np.int64)
    numbers = pl.int_range(pl.len(), dtype=pl.Int64)
    return _events(clicked, "click", prices).with_columns(cid=numbers)


def _events(
    impressions: pl.DataFrame, kind: str | pl.Series, cost: Whole | None = None
) -> pl.DataFrame:
    kinds = pl.lit(kind) if isinstance(kind, str) else kind
    return impressions.with_columns(
        kind=kinds.cast(TouchKind),
        cost=pl.lit(0, dtype=pl.Int64) if cost is None else pl.Series(cost),
        cid=pl.lit(-1, dtype=pl.Int64),
    )
