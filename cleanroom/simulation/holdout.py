"""The randomised holdout of a merchant: who is in the audience, and in which arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleanroom.simulation.chance import Flags, Whole
from cleanroom.simulation.scene import Scene


@dataclass(frozen=True)
class Holdout:
    """An audience of ads `accounts` (ascending), each `treated` by the toss of a coin.

    `acting` has, by person, the account through which treatment reaches the person, or -1: a
    person with two accounts in the audience is reached as soon as one of them is treated.
    """

    accounts: Whole
    treated: Flags
    acting: Whole


def draw_holdout(scene: Scene) -> Holdout:
    """Draw an audience without replacement, likelier where the merchant is liked, then toss.

    The race of exponential clocks (Efraimidis and Spirakis, 2006) draws a weighted sample.
    """
    clocks = scene.rng.standard_exponential(len(scene.interest)) / scene.interest
    size = max(2, round(scene.merchant.audience * len(clocks)))
    accounts = np.sort(np.argpartition(clocks, size - 1)[:size])
    treated = scene.rng.random(size) < 0.5
    acting = np.full(scene.population.people, -1)
    acting[scene.population.person[accounts[treated]]] = accounts[treated]
    return Holdout(accounts, treated, acting)
