"""What the events of one merchant are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleanroom.simulation.catalogue import MerchantModel
from cleanroom.simulation.chance import Real
from cleanroom.simulation.population import Population, baseline, inclination, uplift

_TASTE_OF_INTEREST = 0.45


@dataclass(frozen=True)
class Scene:
    """A merchant among the people, with its stream of random numbers.

    `popularity` is its share of all evergreen impressions. `untreated` and `uplift`, by person:
    the probability to buy in half the period, and what treatment adds to it in the second.
    `interest`, by ads account: the appetite for the merchant's notes, around one; like buying it
    follows the person's taste, which is what makes clickers differ from the rest.
    """

    rng: np.random.Generator
    population: Population
    merchant: MerchantModel
    popularity: float
    untreated: Real
    uplift: Real
    interest: Real


def set_scene(
    rng: np.random.Generator, population: Population, merchant: MerchantModel, popularity: float
) -> Scene:
    """Work out what the people think of the merchant."""
    leaning = inclination(population, merchant)[population.person]
    return Scene(
        rng,
        population,
        merchant,
        popularity,
        untreated=baseline(population, merchant),
        uplift=uplift(population, merchant),
        interest=np.exp(_TASTE_OF_INTEREST * leaning),
    )
