"""The people: latent taste, accounts on both platforms, and their true purchase probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from cleanroom.simulation.catalogue import CATEGORIES, MerchantModel
from cleanroom.simulation.chance import Flags, Real, Whole, distinct_numbers, hexadecimal
from cleanroom.simulation.settings import SimulationSettings

_REGIONS = (
    "Guangdong",
    "Jiangsu",
    "Zhejiang",
    "Shanghai",
    "Beijing",
    "Shandong",
    "Sichuan",
    "Hubei",
    "Henan",
    "Fujian",
    "Liaoning",
    "Shaanxi",
)
_REGION_SHARES = np.array([16, 13, 12, 11, 10, 8, 8, 6, 6, 4, 3, 3]) / 100
_MOVED = 0.08  # share of people whose two platforms know different regions
_SHARED = 0.7  # correlation of a leaning with shopping at large; the rest is the category's
_TASTE_OF_BASELINE = 0.9
_TASTE_OF_EFFECT = 0.4
_MOST = 0.45  # no baseline above this, so that an effect never lifts a probability over one


@dataclass(frozen=True)
class Population:
    """People and their accounts; arrays are aligned by person or by ads account.

    By person: `shopping` and `taste` (people × categories) standard normal, `has_store`,
    `region`. By ads account: `person`, `activity` (mean 1 for a first account).
    `users` and `buyers` are the raw identifiers of ads accounts and of people's store accounts.
    """

    shopping: Real
    taste: Real
    has_store: Flags
    region: Whole
    person: Whole
    activity: Real
    users: pl.Series
    buyers: pl.Series

    @property
    def people(self) -> int:
        """The number of people."""
        return len(self.has_store)


def populate(settings: SimulationSettings, rng: np.random.Generator) -> Population:
    """Draw the people; the two sides' identifiers have different forms and share nothing."""
    people = settings.people
    second = np.flatnonzero(rng.random(people) < settings.second_account_rate)
    person = np.concatenate([np.arange(people), second])
    activity = rng.lognormal(-0.18, 0.6, len(person))
    activity[people:] *= 0.6
    buyers = pl.Series(distinct_numbers(rng, people, 10**11) + np.uint64(22 * 10**11))
    return Population(
        shopping=rng.standard_normal(people),
        taste=rng.standard_normal((people, len(CATEGORIES))),
        has_store=rng.random(people) >= settings.no_store_rate,
        region=rng.choice(len(_REGIONS), people, p=_REGION_SHARES),
        person=person,
        activity=activity,
        users=hexadecimal(distinct_numbers(rng, len(person), 2**64 - 1), "u"),
        buyers=buyers.cast(pl.String),
    )


def inclination(population: Population, merchant: MerchantModel) -> Real:
    """Each person's standard normal leaning to the merchant, behind clicking and buying alike.

    It is what confounds clickers with buyers: whoever likes the merchant does more of both.
    """
    taste = population.taste[:, merchant.category]
    leaning: Real = _SHARED * population.shopping + np.sqrt(1 - _SHARED**2) * taste
    return leaning


def appetite(population: Population, merchant: MerchantModel) -> Real:
    """How much likelier than the mean each person is to buy what the merchant sells, anywhere."""
    return _tilted(inclination(population, merchant), _TASTE_OF_BASELINE)


def baseline(population: Population, merchant: MerchantModel) -> Real:
    """Each person's probability to buy from the merchant in half the period, untreated."""
    probability = np.minimum(merchant.baseline * appetite(population, merchant), _MOST)
    return np.where(population.has_store, probability, 0.0)


def uplift(population: Population, merchant: MerchantModel) -> Real:
    """What treatment adds to each person's `baseline` in the second half."""
    leaning = _tilted(inclination(population, merchant), _TASTE_OF_EFFECT)
    return np.where(population.has_store, merchant.effect * leaning, 0.0)


def users_frame(population: Population, rng: np.random.Generator) -> pl.DataFrame:
    """The ads platform's `users` table: pre-period covariates by account."""
    rate = 6 * population.activity * np.exp(0.4 * population.shopping[population.person])
    return pl.DataFrame(
        {
            "user": population.users,
            "region": _regions(population.region[population.person]),
            "prior_engagements": rng.poisson(rate),
        }
    )


def buyers_frame(population: Population, rng: np.random.Generator) -> pl.DataFrame:
    """The store platform's `buyers` table: pre-period covariates by buyer; amounts in fen."""
    moved = rng.random(population.people) < _MOVED
    elsewhere = rng.choice(len(_REGIONS), population.people, p=_REGION_SHARES)
    orders = rng.poisson(1.5 * np.exp(0.8 * population.shopping))
    amount = np.round(orders * rng.lognormal(9.6, 0.4, population.people)).astype(np.int64)
    frame = pl.DataFrame(
        {
            "buyer": population.buyers,
            "region": _regions(np.where(moved, elsewhere, population.region)),
            "prior_orders": orders,
            "prior_amount": amount,
        }
    )
    return frame.filter(pl.Series(population.has_store))


def _regions(codes: Whole) -> pl.Series:
    return pl.Series(_REGIONS).gather(codes)


def _tilted(leaning: Real, strength: float) -> Real:
    """Lognormal with mean one: exp(strength · leaning − strength² / 2)."""
    tilt: Real = np.exp(strength * leaning - strength**2 / 2)
    return tilt
