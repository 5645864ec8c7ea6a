"""The linked panel: the buyers whose outcome can be told by arm, and their true probabilities.

Definition.
1. A CID's link belongs to one buyer: the first to come with it to the merchant clicked on, no
   earlier than the CID's first click and at most 15 days (`WINDOW_DAYS`) after it.
2. An account is bridged to one buyer: of its links that were followed before the time of
   assignment, whose was followed first.
3. A buyer is in a merchant's panel if at least one account bridged to them is assigned in the
   merchant's study, and counts once, however many such accounts there are.
4. A buyer whose accounts were assigned to both arms belongs to neither.

A bridge can be wrong, as a friend may open the link first. The true probabilities are therefore
those of the panel's buyer *when the bridged accounts are treated or held out*: a buyer treated
only through an account that is not bridged to them is not moved by the arm that the panel sees.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cleanroom.simulation.hard_cases import WINDOW_DAYS
from cleanroom.simulation.population import baseline, uplift
from cleanroom.simulation.settings import MILLISECONDS_PER_DAY
from cleanroom.simulation.true_links import first_clicks
from cleanroom.simulation.world import World

_BY_BUYER = ["merchant", "person"]


def linked_panel(world: World) -> pl.DataFrame:
    """The panels of all merchants, those in both arms included (`treated` is null).

    Columns merchant, person (numbers), treated, `p_treated` and `p_holdout` (probability to buy
    at least once from the merchant between assignment and the period's end), `bought`.
    """
    own = pl.col("account_person") == pl.col("person")
    panel = (
        world.assignments.rename({"person": "account_person"})
        .join(bridges(world), on="account")
        .group_by(_BY_BUYER)
        .agg(
            treated=pl.when(pl.col("treated").n_unique() == 1).then(pl.col("treated").first()),
            own_bridged=own.sum().cast(pl.Int64),
        )
        .join(world.assignments.group_by(_BY_BUYER).agg(own=pl.len()), on=_BY_BUYER, how="left")
        .with_columns(pl.col("own").fill_null(0).cast(pl.Int64))
        .sort(_BY_BUYER)
    )
    bought = _outcomes(world).with_columns(bought=True)
    return (
        _with_probabilities(world, panel)
        .join(bought, on=_BY_BUYER, how="left", maintain_order="left")
        .select(*_BY_BUYER, "treated", "p_treated", "p_holdout", pl.col("bought").fill_null(False))
    )


def bridges(world: World) -> pl.DataFrame:
    """Each bridged account with its one person."""
    early = (pl.col("cid") >= 0) & (pl.col("time") < world.settings.after.start)
    clicks = first_clicks(world).select("cid", "account", "merchant", "clicked")
    delay = pl.col("time") - pl.col("clicked")
    return (
        world.visits.filter(early)
        .select("cid", "merchant", "person", "time")
        .join(clicks, on=["cid", "merchant"])
        .filter(delay.is_between(0, WINDOW_DAYS * MILLISECONDS_PER_DAY))
        .sort("time", "person")
        .unique("cid", keep="first", maintain_order=True)
        .unique("account", keep="first", maintain_order=True)
        .select("account", "person")
    )


def _outcomes(world: World) -> pl.DataFrame:
    """Who bought at least once from which merchant after assignment."""
    bought = (pl.col("kind") == "purchase") & (pl.col("time") >= world.settings.after.start)
    return world.visits.filter(bought).select(_BY_BUYER).unique()


def _with_probabilities(world: World, panel: pl.DataFrame) -> pl.DataFrame:
    """Exact, over the arms of the accounts that the panel does not see, each a fair coin.

    A person is treated if any of their assigned accounts is.
    """
    unseen = 0.5 ** (pl.col("own") - pl.col("own_bridged")).cast(pl.Float64)
    bridged = pl.col("own_bridged") > 0
    return _with_effects(world, panel).with_columns(
        p_treated=pl.col("p0")
        + pl.col("effect") * pl.when(bridged).then(1.0).otherwise(1 - unseen),
        p_holdout=pl.col("p0") + pl.col("effect") * (1 - unseen),
    )


def _with_effects(world: World, panel: pl.DataFrame) -> pl.DataFrame:
    p0, effect = np.zeros(len(panel)), np.zeros(len(panel))
    merchant, person = panel["merchant"].to_numpy(), panel["person"].to_numpy()
    for model in world.merchants:
        rows = np.flatnonzero(merchant == model.index)
        p0[rows] = baseline(world.population, model)[person[rows]]
        effect[rows] = uplift(world.population, model)[person[rows]]
    return panel.with_columns(p0=pl.Series(p0), effect=pl.Series(effect))
