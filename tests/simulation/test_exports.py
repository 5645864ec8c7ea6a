"""What the simulated platforms deliver keeps the tables' contracts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cleanroom.simulation import Simulation, SimulationSettings, simulate, write_exports
from cleanroom.simulation.catalogue import merchant_models, merchants_frame
from cleanroom.tables import ARMS, CUSTOMERS, ORDER_KINDS, TABLES, TOUCH_KINDS, VISIT_KINDS

SMALL = SimulationSettings(people=2_000, merchants=3)
SHARED = ("email", "phone")  # never delivered


def frames(simulation: Simulation) -> dict[str, pl.DataFrame]:
    """Both platforms' tables by name."""
    return {**vars(simulation.ads), **vars(simulation.store)}


def good_visits(simulation: Simulation) -> pl.DataFrame:
    """The visits that are not of a kind or shape that dirt gives them, typed."""
    visits = simulation.store.visits.filter(
        pl.col("kind").is_in(VISIT_KINDS),
        pl.col("merchant").is_not_null(),
        pl.col("time").str.starts_with("2026") & pl.col("time").str.ends_with("+08:00"),
    ).unique("event_id", maintain_order=True)
    typed = visits.with_columns(
        pl.col("amount").cast(pl.Int64, strict=False),
        pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z"),
        money=pl.col("amount").is_not_null(),
    )
    return typed.filter(~pl.col("money") | (pl.col("amount") > 0).fill_null(value=False))


def test_every_table_has_the_columns_of_its_contract(simulation: Simulation) -> None:
    for name, frame in frames(simulation).items():
        contract = TABLES[name]
        wanted = [column for column in contract.columns if column not in SHARED]
        assert frame.columns == wanted, name


def test_kinds_and_arms_are_those_of_the_contract_but_for_the_planted_unknown(
    simulation: Simulation,
) -> None:
    assert set(simulation.ads.touches["kind"]) == {*TOUCH_KINDS, "swipe"}
    assert set(simulation.store.visits["kind"]) == {*VISIT_KINDS, "preorder"}
    assert set(simulation.ads.assignments["arm"]) == set(ARMS)
    assert set(simulation.ads.onsite_orders["kind"]) == set(ORDER_KINDS)


def test_parquet_times_carry_the_zone_and_money_is_whole(simulation: Simulation) -> None:
    touches, assignments = simulation.ads.touches, simulation.ads.assignments
    for times in (touches["time"], assignments["time"], simulation.ads.onsite_orders["time"]):
        assert times.dtype == pl.Datetime("ms", "Asia/Shanghai")
    assert touches["cost"].dtype == pl.Int64
    assert simulation.store.merchants["daily_budget"].dtype == pl.Int64


def test_the_same_settings_give_the_same_frames() -> None:
    first, second = simulate(SMALL), simulate(SMALL)
    for name, frame in frames(first).items():
        assert_frame_equal(frame, frames(second)[name])
    for name in ("lift", "panel", "totals", "links", "onsite"):
        assert_frame_equal(getattr(first.truth, name), getattr(second.truth, name))
    assert first.truth.events == second.truth.events


def test_another_seed_gives_other_people() -> None:
    first, second = simulate(SMALL), simulate(replace(SMALL, seed=SMALL.seed + 1))
    assert not set(first.ads.users["user"]) & set(second.ads.users["user"])
    assert first.ads.touches.height != second.ads.touches.height


def test_the_identifiers_of_the_two_sides_never_coincide(simulation: Simulation) -> None:
    users, buyers = set(simulation.ads.users["user"]), set(simulation.store.buyers["buyer"])
    cids = set(simulation.ads.touches["cid"]) - {None}
    assert len(users) == simulation.ads.users.height
    assert len(buyers) == simulation.store.buyers.height
    assert not users & buyers
    assert not cids & (users | buyers)


def test_some_people_have_two_ads_accounts_and_some_no_store_account(
    simulation: Simulation,
) -> None:
    people = simulation.settings.people
    assert simulation.ads.users.height / people == pytest.approx(1.06, abs=0.01)
    assert simulation.store.buyers.height / people == pytest.approx(0.88, abs=0.01)


def test_a_cid_is_paid_for_with_one_click_and_stands_on_nothing_else(
    simulation: Simulation,
) -> None:
    touches = simulation.ads.touches.filter(
        pl.col("merchant").is_not_null(), pl.col("kind") != "swipe", pl.col("time").dt.year() < 2050
    ).unique("event_id")
    assert touches.filter(pl.col("kind") != "click")["cid"].null_count() == len(
        touches.filter(pl.col("kind") != "click")
    )
    cids = touches.filter(pl.col("cid").str.starts_with("c"), pl.col("cost") > 0)["cid"]
    assert cids.n_unique() == len(cids)


def test_amount_and_order_stand_on_what_is_paid_only(simulation: Simulation) -> None:
    visits = good_visits(simulation)
    money = pl.col("kind").is_in(["purchase", "refund", "deposit"])
    for column in ("amount", "order"):
        assert visits.filter(money)[column].null_count() == 0
        assert visits.filter(~money)[column].is_null().all()


def test_a_refund_names_an_earlier_purchase_of_the_same_buyer_and_amount(
    simulation: Simulation,
) -> None:
    visits = good_visits(simulation)
    purchases = visits.filter(pl.col("kind") == "purchase")
    refunds = visits.filter(pl.col("kind") == "refund")
    paired = refunds.join(purchases, on=["order", "buyer", "merchant", "amount"], suffix="_bought")
    assert paired.height == refunds.height > 0
    assert (paired["time"] > paired["time_bought"]).all()
    assert refunds.height / purchases.height == pytest.approx(0.06, abs=0.015)


def test_a_deposit_is_paid_ahead_and_is_a_part_of_its_order_s_price(simulation: Simulation) -> None:
    visits = good_visits(simulation)
    deposits = visits.filter(pl.col("kind") == "deposit")
    paired = deposits.join(
        visits.filter(pl.col("kind") == "purchase"), on=["order", "buyer", "merchant", "product"]
    )
    assert paired.height == deposits.height > 0
    assert (paired["time"] < paired["time_right"]).all()
    assert (paired["amount"] < paired["amount_right"]).all()


def test_of_each_buyer_one_order_at_most_is_the_first_with_a_merchant(
    simulation: Simulation,
) -> None:
    visits = good_visits(simulation)
    bought = visits.filter(pl.col("kind") == "purchase")
    assert set(bought["customer"]) == set(CUSTOMERS)
    assert visits.filter(pl.col("kind") != "purchase")["customer"].is_null().all()
    first = bought.filter(pl.col("customer") == "new")
    assert first.height == first.select("buyer", "merchant").n_unique()
    earlier = first.join(bought, on=["buyer", "merchant"]).filter(
        pl.col("time_right") < pl.col("time")
    )
    assert earlier.height == 0


def test_an_on_site_refund_names_an_earlier_order_of_the_same_user_and_amount(
    simulation: Simulation,
) -> None:
    orders = simulation.ads.onsite_orders
    assert orders["event_id"].n_unique() == orders.height
    assert set(orders["user"]) <= set(simulation.ads.users["user"])
    bought, refunds = (orders.filter(pl.col("kind") == kind) for kind in ORDER_KINDS)
    assert bought["order"].n_unique() == bought.height
    paired = refunds.join(bought, on=["order", "user", "merchant", "amount"])
    assert paired.height == refunds.height > 0
    assert (paired["time"] > paired["time_right"]).all()


def test_what_a_link_takes_from_the_shop_changes_nothing_else(simulation: Simulation) -> None:
    without = simulate(replace(SMALL, substitution_rate=0.0))
    with_it = simulate(replace(SMALL, substitution_rate=0.5))
    for name in ("touches", "assignments", "users"):
        assert_frame_equal(getattr(without.ads, name), getattr(with_it.ads, name))
    assert_frame_equal(without.store.visits, with_it.store.visits)
    assert without.ads.onsite_orders.height < with_it.ads.onsite_orders.height


def test_an_order_is_one_purchase(simulation: Simulation) -> None:
    orders = good_visits(simulation).filter(pl.col("kind") == "purchase")["order"]
    assert orders.n_unique() == len(orders)


def test_good_events_lie_within_the_period(simulation: Simulation) -> None:
    settings = simulation.settings
    for times in (
        good_visits(simulation).filter(pl.col("cid").is_null())["time"].dt.epoch("ms"),
        simulation.ads.touches["time"].filter(simulation.ads.touches["time"].dt.year() < 2050),
    ):
        moments = times.cast(pl.Int64)
        assert moments.is_between(settings.before.start, settings.after.end, closed="left").all()


def test_files_hold_the_frames(simulation: Simulation, tmp_path: Path) -> None:
    write_exports(simulation, tmp_path)
    for name in ("touches", "assignments", "users", "onsite_orders"):
        frame = getattr(simulation.ads, name)
        assert_frame_equal(pl.read_parquet(tmp_path / "ads" / f"{name}.parquet"), frame)
    for name in ("buyers", "merchants"):
        frame = getattr(simulation.store, name)
        assert_frame_equal(pl.read_parquet(tmp_path / "store" / f"{name}.parquet"), frame)
    visits = pl.read_csv(tmp_path / "store" / "visits.csv", infer_schema=False)
    assert_frame_equal(visits, simulation.store.visits)
    truth = {path.name for path in (tmp_path / "truth").iterdir()}
    frames = {f"{name}.parquet" for name in ("lift", "panel", "totals", "links", "onsite")}
    assert truth == {*frames, "events.json"}
    links = pl.read_parquet(tmp_path / "truth" / "links.parquet")
    assert_frame_equal(links, simulation.truth.links)


def test_four_of_twenty_merchants_are_outside_the_programme_each_for_its_own_reason() -> None:
    merchants = merchants_frame(merchant_models(20))
    reasons = merchants.select(
        shop=pl.col("shop_type") != "tmall",
        category=~pl.col("category").is_in(["beauty", "sports", "health"]),
        score=pl.col("score") < 4.5,
        budget=pl.col("daily_budget") < 500_000,
    )
    assert reasons.sum().row(0) == (1, 1, 1, 1)
    assert reasons.sum_horizontal().max() == 1
    assert merchants["name"].n_unique() == merchants["merchant"].n_unique() == 20


def test_more_merchants_than_the_catalogue_has_still_differ() -> None:
    merchants = merchants_frame(merchant_models(45))
    assert merchants["name"].n_unique() == merchants["merchant"].n_unique() == 45


@pytest.mark.parametrize(
    "wrong", [{"people": 50}, {"merchants": 0}, {"days": 30}, {"dirt_rate": -0.1}]
)
def test_settings_that_cannot_be_simulated_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SimulationSettings(**wrong)  # type: ignore[arg-type]
