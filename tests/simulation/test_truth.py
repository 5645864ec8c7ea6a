"""The randomised holdouts agree with the true lift, and comparing clickers does not."""

from __future__ import annotations

import math

import polars as pl
import pytest
from scipy import stats

from cleanroom.simulation import Simulation, SimulationSettings, simulate
from cleanroom.simulation.catalogue import merchant_models

LEAST_BUYERS = 20  # in a panel, for its difference to be near normal


def realised(panel: pl.DataFrame) -> pl.DataFrame:
    """By study: the arms' difference in purchase rates, its standard error, and the truth."""
    treated = pl.col("arm") == "treated"
    bought = pl.col("bought").cast(pl.Float64)
    return (
        panel.drop_nulls("arm")
        .group_by("study")
        .agg(
            buyers=bought.sum(),
            difference=bought.filter(treated).mean() - bought.filter(~treated).mean(),
            variance=bought.filter(treated).var() / treated.sum()
            + bought.filter(~treated).var() / (~treated).sum(),
            truth=(pl.col("p_treated") - pl.col("p_holdout")).mean(),
        )
        .sort("study")
    )


def after_assignment(simulation: Simulation) -> pl.DataFrame:
    """Touches of assigned accounts with the study's merchant after assignment, with their arm."""
    second_half = simulation.settings.after
    return simulation.ads.touches.filter(
        pl.col("time").dt.epoch("ms").is_between(second_half.start, second_half.end)
    ).join(simulation.ads.assignments, on=["user", "merchant"])


def bridges(simulation: Simulation) -> pl.DataFrame:
    """Bridged users with their buyers, from the raw exports and the definition alone.

    The first click with a CID is the one that is paid for.
    """
    clicks = simulation.ads.touches.filter(
        pl.col("kind") == "click",
        pl.col("merchant").is_not_null(),
        pl.col("cost") > 0,
    ).select("cid", "merchant", "user", clicked=pl.col("time").dt.epoch("ms"))
    visits = simulation.store.visits.filter(
        pl.col("merchant").is_not_null(),
        pl.col("kind") != "preorder",
        pl.col("time").str.ends_with("+08:00"),
    ).with_columns(pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z").dt.epoch("ms"))
    delay = pl.col("time") - pl.col("clicked")
    return (
        visits.join(clicks, on=["cid", "merchant"])
        .filter(delay.is_between(0, 15 * 86_400_000))
        .filter(pl.col("time") < simulation.settings.after.start)
        .sort("time")
        .unique("cid", keep="first", maintain_order=True)
        .unique("user", keep="first", maintain_order=True)
        .select("user", "buyer")
    )


def test_the_linked_panel_can_be_found_again_from_the_exports(simulation: Simulation) -> None:
    arms = (
        simulation.ads.assignments.join(bridges(simulation), on="user")
        .group_by("study", "buyer")
        .agg(arm=pl.when(pl.col("arm").n_unique() == 1).then(pl.col("arm").first()))
    )
    found = arms.group_by("study").agg(
        panel_people_treated=(pl.col("arm") == "treated").sum(),
        panel_people_holdout=(pl.col("arm") == "holdout").sum(),
        panel_people_both_arms=pl.col("arm").null_count(),
    )
    lift = simulation.truth.lift.select("study", pl.col("^panel_people_.*$"))
    assert found.sort("study").rows() == lift.sort("study").rows()


def test_the_outcome_is_a_purchase_at_the_merchant_after_assignment(
    simulation: Simulation,
) -> None:
    start = "2026-05-01"
    bought = simulation.store.visits.filter(
        pl.col("kind") == "purchase",
        pl.col("amount").str.contains(r"^[0-9]+$"),
        pl.col("time").is_between(pl.lit(start), pl.lit("2027")),
        pl.col("time").str.ends_with("+08:00"),
    )
    pairs = bought.select("buyer", study="holdout-" + pl.col("merchant")).unique()
    panel = simulation.truth.panel
    assert panel.join(pairs, on=["study", "buyer"], how="semi")["bought"].all()
    assert not panel.join(pairs, on=["study", "buyer"], how="anti")["bought"].any()


def test_about_half_the_people_are_bridged_by_an_earlier_cid(simulation: Simulation) -> None:
    bridged = bridges(simulation)["buyer"].n_unique()
    assert bridged / simulation.settings.people == pytest.approx(0.5, abs=0.06)


def test_accounts_are_assigned_by_a_fair_coin(simulation: Simulation) -> None:
    for treated, holdout in simulation.truth.lift.select(
        "assigned_treated", "assigned_holdout"
    ).iter_rows():
        assert stats.binomtest(treated, treated + holdout, 0.5).pvalue > 0.001


def test_the_arms_were_alike_before_assignment(simulation: Simulation) -> None:
    users = simulation.ads.assignments.join(simulation.ads.users, on="user")
    for _, study in users.group_by("study"):
        arms = study.partition_by("arm", as_dict=True)
        before = [arms[arm,]["prior_engagements"].to_numpy() for arm in ("treated", "holdout")]
        assert stats.ttest_ind(*before, equal_var=False).pvalue > 0.001


def test_nobody_held_out_sees_the_merchant_after_assignment(simulation: Simulation) -> None:
    arms = after_assignment(simulation)["arm"].value_counts()
    assert dict(arms.iter_rows()).keys() == {"treated"}


def test_most_of_the_treated_are_reached(simulation: Simulation) -> None:
    reached = after_assignment(simulation).unique(["user", "study"]).height
    treated = (simulation.ads.assignments["arm"] == "treated").sum()
    assert reached / treated == pytest.approx(0.92, abs=0.02)


def test_purchases_through_the_link_follow_a_click_and_others_carry_no_cid(
    simulation: Simulation,
) -> None:
    purchases = simulation.store.visits.filter(
        pl.col("kind") == "purchase", pl.col("amount").str.contains(r"^[0-9]+$")
    )
    clicks = set(simulation.ads.touches.filter(pl.col("kind") == "click")["cid"])
    with_cid = purchases.drop_nulls("cid")
    assert set(with_cid["cid"]) <= clicks
    assert 0 < with_cid.height < 0.5 * purchases.height


def test_a_merchant_without_effect_has_no_lift() -> None:
    truth = simulate(SimulationSettings(people=5_000, merchants=20)).truth
    without = [model.merchant for model in merchant_models(20) if model.effect == 0]
    null = truth.lift.filter(pl.col("merchant").is_in(without))
    assert null.height == 4
    assert null["true_absolute_lift"].fill_null(0).to_list() == [0.0] * 4
    others = truth.lift.filter(~pl.col("merchant").is_in(without))["population_absolute_lift"]
    assert others.is_between(0.001, 0.016).all()


def test_clickers_against_the_rest_is_no_lift(simulation: Simulation) -> None:
    """The trap: among the treated, who clicks likes the merchant, and would have bought anyway."""
    clicked = (
        after_assignment(simulation)
        .filter(pl.col("kind") == "click")
        .select("user", "study")
        .unique()
        .join(bridges(simulation), on="user")
        .select("study", "buyer")
        .unique()
        .with_columns(clicked=True)
    )
    treated = simulation.truth.panel.filter(pl.col("arm") == "treated").join(
        clicked, on=["study", "buyer"], how="left"
    )
    chose = pl.col("clicked").is_not_null()
    naive, true = treated.select(
        naive=pl.col("bought").filter(chose).mean() - pl.col("bought").filter(~chose).mean(),
        true=(pl.col("p_treated") - pl.col("p_holdout")).mean(),
    ).row(0)
    assert naive > 3 * true > 0


@pytest.mark.slow
def test_the_arms_differ_by_the_true_lift_within_sampling_error() -> None:
    """Over many merchants and seeds the standardised errors are standard normal."""
    panels = [
        realised(simulate(SimulationSettings(people=50_000, merchants=6, seed=seed)).truth.panel)
        for seed in range(101, 109)
    ]
    results = pl.concat(panels).filter(pl.col("buyers") >= LEAST_BUYERS)
    error = results["variance"].sqrt().to_numpy()
    difference = results["difference"].to_numpy()
    scores = (difference - results["truth"].to_numpy()) / error
    assert len(scores) > 40
    assert 0.005 < stats.chi2.cdf((scores**2).sum(), len(scores)) < 0.995
    assert abs(scores.sum()) / math.sqrt(len(scores)) < 2.6
    # The test can tell: that there is no lift would be refused at once.
    assert (difference / error).sum() / math.sqrt(len(scores)) > 5


def test_purchases_in_the_panel_are_as_probable_as_the_truth_says(simulation: Simulation) -> None:
    chance = pl.when(pl.col("arm") == "treated").then("p_treated").otherwise("p_holdout")
    panel = simulation.truth.panel.drop_nulls("arm").select("arm", "bought", chance=chance)
    for _, arm in panel.group_by("arm"):
        chances, bought = arm["chance"].to_numpy(), arm["bought"].to_numpy()
        spread = math.sqrt((chances * (1 - chances)).sum())
        assert abs(bought.sum() - chances.sum()) < 3.3 * spread
