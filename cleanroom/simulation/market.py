"""One merchant through both halves of the period: who buys, by which way, and what is seen of it.

Purchases come first and touches are drawn given them. With one uniform U a person, they buy
untreated if U < p0 and treated if U < p1, so the buyers with p0 <= U < p1 are those the campaign
has won, and an arm's difference in means is the effect by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from cleanroom.simulation import advertising, shopping
from cleanroom.simulation.chance import DAY, Flags, Whole, later, moments
from cleanroom.simulation.holdout import Holdout, draw_holdout
from cleanroom.simulation.scene import Scene
from cleanroom.simulation.settings import Period, SimulationSettings

_WON_THROUGH_LINK = 0.6  # of the purchases the campaign causes; the rest searches in the store
_HABIT_THROUGH_LINK = 0.4  # of the purchases that come anyway, by people whose click arrived


@dataclass(frozen=True)
class Purchasers:
    """Who buys in one half, by person: anyway (`habit`), or because of the campaign (`won`).

    `acting` has the account through which the campaign reaches a person, or -1.
    """

    habit: Flags
    won: Flags
    acting: Whole


@dataclass(frozen=True)
class Half:
    """A merchant's events of both sides in one half; their CIDs are numbered alike, from 0."""

    touches: pl.DataFrame
    visits: pl.DataFrame


def play(scene: Scene, settings: SimulationSettings) -> tuple[Half, Half, Holdout]:
    """Play both halves of the period at a merchant, with its holdout between them."""
    holdout = draw_holdout(scene)
    untouched = np.full(scene.population.people, -1)
    shown = advertising.evergreen(scene, settings.before)
    before = _half(scene, settings.before, shown, _purchasers(scene, untouched))
    won_over = _purchasers(scene, holdout.acting)
    shown = _shown_after(scene, settings.after, holdout, won_over.won)
    return before, _half(scene, settings.after, shown, won_over), holdout


def _purchasers(scene: Scene, acting: Whole) -> Purchasers:
    luck = scene.rng.random(scene.population.people)
    probability = scene.untreated + (acting >= 0) * scene.uplift
    habit = luck < scene.untreated
    return Purchasers(habit, won=~habit & (luck < probability), acting=acting)


def _shown_after(scene: Scene, period: Period, holdout: Holdout, won: Flags) -> pl.DataFrame:
    """Impressions of the second half: nobody held out sees a note of the merchant."""
    others = advertising.evergreen(scene, period, without=holdout.accounts)
    accounts = holdout.accounts[holdout.treated]
    person = scene.population.person[accounts]
    certain = won[person] & (holdout.acting[person] == accounts)
    treated = advertising.campaign(scene, period, accounts, certain)
    return pl.concat([others, treated]).sort("account", maintain_order=True)


def _half(scene: Scene, period: Period, shown: pl.DataFrame, buying: Purchasers) -> Half:
    rng, end = scene.rng, period.end
    won_by_link = buying.won & (rng.random(len(buying.won)) < _WON_THROUGH_LINK)
    must_click = np.zeros(len(scene.interest), dtype=np.bool_)
    must_click[buying.acting[won_by_link]] = True
    touches = advertising.touches(scene, shown, must_click, end)
    arrived = shopping.arrivals(scene, touches.filter(pl.col("cid") >= 0), must_click, end)
    linked = _linked_arrivals(rng, arrived, buying.habit, won_by_link)
    own = _own_arrivals(rng, period, shown, buying, linked)
    first = pl.concat([arrived[linked[linked >= 0]], own])
    again = shopping.return_visits(rng, first, end)
    bought = shopping.purchases(scene, pl.concat([first, again]), end)
    browsed = pl.concat([arrived, shopping.browsing(scene, period)])
    looked = shopping.looking_round(rng, browsed, end)
    return Half(touches, pl.concat([browsed, looked, own, again, bought]))


def _linked_arrivals(
    rng: np.random.Generator, arrived: pl.DataFrame, habit: Flags, won_by_link: Flags
) -> Whole:
    """By person: the row of `arrived` through which they buy, or -1."""
    arrival = np.full(len(habit), -1)
    arrival[arrived["person"].to_numpy()] = np.arange(len(arrived))
    by_link = won_by_link | (habit & (rng.random(len(habit)) < _HABIT_THROUGH_LINK))
    return np.where(by_link, arrival, -1)


def _own_arrivals(
    rng: np.random.Generator,
    period: Period,
    shown: pl.DataFrame,
    buying: Purchasers,
    linked: Whole,
) -> pl.DataFrame:
    """Visits by those who buy but not through the link; the won ones come after an impression."""
    person = np.flatnonzero((buying.habit | buying.won) & (linked < 0))
    time = moments(rng, len(person), period)
    won = np.flatnonzero(buying.won[person])
    accounts = pl.Series("account", buying.acting[person[won]]).to_frame()
    seen = accounts.join(
        shown.unique("account", keep="first"), on="account", how="left", maintain_order="left"
    )
    time[won] = later(rng, seen["time"].to_numpy(), 2 * DAY, period.end)
    return shopping.organic(person, time)
