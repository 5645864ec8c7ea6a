"""What the link takes from the platform's own shop is, by arm of the holdouts, what is true."""

from __future__ import annotations

import math

import polars as pl
import pytest

from cleanroom.simulation import Simulation, SimulationSettings, simulate
from tests.simulation.test_truth import bridges


def seen(simulation: Simulation) -> pl.DataFrame:
    """By merchant and panel buyer of one arm: whether an on-site order is seen, from the exports
    and the definition alone."""
    orders = simulation.ads.onsite_orders.filter(
        pl.col("kind") == "purchase",
        pl.col("time").dt.epoch("ms") >= simulation.settings.after.start,
    )
    ordered = orders.select("user", "merchant").unique().with_columns(ordered=True)
    members = simulation.ads.assignments.join(bridges(simulation), on="user")
    return (
        members.join(ordered, on=["user", "merchant"], how="left")
        .group_by("merchant", "buyer")
        .agg(
            pl.col("arm").first(),
            arms=pl.col("arm").n_unique(),
            ordered=pl.col("ordered").fill_null(value=False).any(),
        )
        .filter(pl.col("arms") == 1)
    )


def by_arm(simulation: Simulation) -> pl.DataFrame:
    """By merchant: the arms' difference in on-site buyers, its variance, and the truth."""
    treated, ordered = pl.col("arm") == "treated", pl.col("ordered").cast(pl.Float64)
    found = (
        seen(simulation)
        .group_by("merchant")
        .agg(
            difference=ordered.filter(treated).mean() - ordered.filter(~treated).mean(),
            variance=ordered.var() * (1 / treated.sum() + 1 / (~treated).sum()),
        )
    )
    return found.join(simulation.truth.onsite, on="merchant")


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_the_arms_differ_as_much_as_the_truth_says(rate: float) -> None:
    simulation = simulate(
        SimulationSettings(people=20_000, merchants=6, substitution_rate=rate, seed=3)
    )
    arms = by_arm(simulation)
    error = (arms["difference"] - arms["true_onsite_lift"]).to_numpy()
    z = error.sum() / math.sqrt(float(arms["variance"].to_numpy().sum()))
    assert abs(z) < 3
    assert max(abs(error) / arms["variance"].sqrt().to_numpy()) < 4


def test_the_share_taken_is_that_of_the_settings(simulation: Simulation) -> None:
    truth = simulation.truth.onsite.join(simulation.truth.lift, on="merchant")
    taken, won = -truth["true_onsite_lift"], truth["true_absolute_lift"]
    assert (taken >= 0).all()
    # Only first accounts order on-site, so a little less is seen than is taken.
    assert (taken <= 0.25 * won + 1e-9).all()
    assert taken.to_numpy().sum() / won.to_numpy().sum() == pytest.approx(0.25, rel=0.1)


def test_totals_are_those_of_the_export(simulation: Simulation) -> None:
    bought = simulation.ads.onsite_orders.filter(pl.col("kind") == "purchase")
    told = simulation.truth.onsite.select("merchant", "onsite_purchases", "onsite_revenue")
    found = bought.group_by("merchant").agg(pl.len().cast(pl.Int64), pl.col("amount").sum())
    assert sorted(told.rows()) == sorted(found.rows())
