"""Orders in the content platform's own shop, and how many of them a link to the store takes.

With one uniform V a person and half, they order if V < base + rate · uplift untreated, and if
V < base treated: of what the campaign adds to their orders in the store, the share
`substitution_rate` is taken from the shop, by construction. A rate of 0 takes nothing. Only first
accounts order.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cleanroom.simulation.catalogue import MerchantModel
from cleanroom.simulation.chance import DAY, Flags, Real, Whole, later, moments
from cleanroom.simulation.linked_panel import bridges
from cleanroom.simulation.population import Population, appetite, uplift
from cleanroom.simulation.settings import Period
from cleanroom.simulation.world import World
from cleanroom.tables import ORDER_KINDS

OrderKind = pl.Enum(ORDER_KINDS)

_SHARE = 0.6  # of the store's baseline that the shop sells anyway
_REFUNDED = 0.06
_PRICE_SPREAD = 0.5
_LEAST_ORDER = 100  # fen
_ROW = ["merchant", "person"]


def onsite_orders(rng: np.random.Generator, world: World) -> pl.DataFrame:
    """All on-site orders and refunds: account, merchant, time, kind, order (number), amount."""
    halves = [
        _half(rng, world, model, period, taken)
        for model in world.merchants
        for period, taken in (
            (world.settings.before, np.zeros(world.population.people, dtype=np.bool_)),
            (world.settings.after, _treated(world, model)),
        )
    ]
    bought = pl.concat(halves).with_columns(order=pl.int_range(pl.len()))
    refunded = bought.filter(pl.Series(rng.random(len(bought)) < _REFUNDED))
    end = world.settings.after.end
    time = later(rng, refunded["time"].to_numpy(), 4 * DAY, end)
    refunds = refunded.with_columns(
        time=pl.Series(time), kind=pl.lit("refund", dtype=OrderKind)
    ).select(bought.columns)
    return pl.concat([bought, refunds]).sort("time", "order", maintain_order=True)


def onsite_truth(world: World, orders: pl.DataFrame) -> pl.DataFrame:
    """By merchant, of the linked panel: `true_onsite_lift` and `true_onsite_holdout_rate`, buyers
    in the shop after the assignment; and of all the export `onsite_purchases`, `onsite_revenue`
    (gross, fen).

    Counted are orders of the accounts that are both assigned and bridged to the panel's buyer.
    """
    chances = _panel_chances(world)
    rates = chances.group_by("merchant").agg(
        true_onsite_lift=(pl.col("treated") - pl.col("holdout")).mean(),
        true_onsite_holdout_rate=pl.col("holdout").mean(),
    )
    bought = orders.filter(pl.col("kind") == "purchase")
    totals = bought.group_by("merchant").agg(
        onsite_purchases=pl.len().cast(pl.Int64), onsite_revenue=pl.col("amount").sum()
    )
    every = pl.DataFrame({"merchant": range(len(world.merchants))}, schema={"merchant": pl.Int16})
    return (
        every.join(rates, on="merchant", how="left")
        .join(totals, on="merchant", how="left")
        .with_columns(pl.col("^onsite_.*$").fill_null(0))
        .sort("merchant")
    )


def _base(population: Population, model: MerchantModel) -> Real:
    return np.minimum(_SHARE * model.baseline * appetite(population, model), 0.4)


def _taken(world: World, model: MerchantModel) -> Real:
    """What treatment takes from each person's probability to order in the shop."""
    return world.settings.substitution_rate * uplift(world.population, model)


def _treated(world: World, model: MerchantModel) -> Flags:
    """By person: whether any account is treated."""
    reached = np.zeros(world.population.people, dtype=np.bool_)
    own = world.assignments.filter(pl.col("merchant") == model.index, pl.col("treated"))
    reached[own["person"].to_numpy()] = True
    return reached


def _half(
    rng: np.random.Generator, world: World, model: MerchantModel, period: Period, treated: Flags
) -> pl.DataFrame:
    population = world.population
    probability = _base(population, model) + np.where(treated, 0, _taken(world, model))
    account: Whole = np.flatnonzero(rng.random(population.people) < probability)
    price = model.price * rng.lognormal(0, _PRICE_SPREAD, len(account))
    return pl.DataFrame(
        {
            "account": account.astype(np.int32),
            "time": moments(rng, len(account), period),
            "amount": np.maximum(price, _LEAST_ORDER).astype(np.int64),
        }
    ).with_columns(
        merchant=pl.lit(model.index, dtype=pl.Int16), kind=pl.lit("purchase", dtype=OrderKind)
    )


def _panel_chances(world: World) -> pl.DataFrame:
    """By merchant and panel buyer of one arm: the probability that an on-site order is seen, if
    the arm is treated, and if it is held out."""
    people = world.population.people
    owner = {"account_person": "person"}
    assigned = world.assignments.rename({"person": "account_person"})
    own = assigned.group_by("merchant", *owner).agg(all_accounts=pl.len())
    members = assigned.join(bridges(world), on="account")
    of_one_arm = pl.col("treated").n_unique().over(_ROW) == 1
    seen = (
        members.filter(of_one_arm)
        .with_columns(bridged=pl.len().over([*_ROW, *owner]))
        .join(own, on=["merchant", *owner])
        .with_columns(unseen=0.5 ** (pl.col("all_accounts") - pl.col("bridged")).cast(pl.Float64))
    )
    base, taken = np.zeros(len(seen)), np.zeros(len(seen))
    merchant, person = seen["merchant"].to_numpy(), seen["account_person"].to_numpy()
    for model in world.merchants:
        rows = np.flatnonzero(merchant == model.index)
        base[rows] = _base(world.population, model)[person[rows]]
        taken[rows] = _taken(world, model)[person[rows]]
    orders = seen["account"].to_numpy() < people  # only first accounts order
    missed = {
        "treated": 1 - base * orders,
        "holdout": 1 - (base + taken * seen["unseen"].to_numpy()) * orders,
    }
    return (
        seen.select(_ROW)
        .with_columns(**{arm: pl.Series(chance) for arm, chance in missed.items()})
        .group_by(_ROW)
        .agg(**{arm: 1 - pl.col(arm).product() for arm in missed})
    )
