"""Attribution rules: published results, rules worked out by hand, and that parts make the whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.room import engine
from cleanroom.room.credit import CREDIT_RULES, ORDER, credited

Read = Callable[..., pl.DataFrame]
WINDOW_DAYS = 30
ORDERED = datetime(2026, 5, 31, tzinfo=UTC)
IDS = [rule.id for rule in CREDIT_RULES]


def before(days: float) -> datetime:
    return ORDERED - timedelta(days=days)


def touchpoints(orders: list[list[tuple[str, float]]]) -> pl.DataFrame:
    """Orders as their touchpoints: each a channel, and how many days before the order it was."""
    rows = [
        (number, f"{number}-{place}", channel, int(channel == "click"), before(days), ORDERED)
        for number, order in enumerate(orders)
        for place, (channel, days) in enumerate(order)
    ]
    schema = ["order", "event_id", "channel", "priority", "time", "order_time"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def shared(points: pl.DataFrame, folder: Path) -> pl.DataFrame:
    points.write_parquet(folder / "points.parquet")
    frame = engine.scan(folder / "points.parquet")
    own = credited(frame, ["order"], WINDOW_DAYS).select("order", "event_id", "channel", *IDS)
    return engine.collect(own, "credit").sort("order", "event_id")


@pytest.fixture(params=["polars", "duckdb"])
def on_each_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BACKEND", request.param)


@pytest.mark.usefixtures("on_each_engine")
def test_first_last_and_linear_credit_of_the_public_journeys(
    known_data: Read, tmp_path: Path
) -> None:
    journeys = known_data("attribution/journeys.csv.gz", separator=";").with_row_index("order")
    places = journeys.with_columns(channel=pl.col("path").str.split(" > ")).with_columns(
        place=pl.int_ranges(pl.col("channel").list.len())
    )
    points = places.explode("channel", "place").select(
        "order",
        event_id=pl.col("place").cast(pl.String).str.zfill(4),
        channel="channel",
        priority=pl.lit(0),
        time=pl.lit(before(20)) + pl.duration(minutes="place"),
        order_time=pl.lit(ORDERED),
    )
    own = shared(points, tmp_path).join(journeys, on="order")
    known = known_data("attribution/ChannelAttribution_heuristics.csv")
    for ours, theirs in (("first", "first"), ("last", "last"), ("linear", "linear")):
        for of in ("conversions", "value"):
            worth = pl.col(f"total_conversion{'s' if of == 'conversions' else '_value'}")
            credit = own.group_by("channel").agg((pl.col(ours) * worth).sum() / ORDER)
            published = dict(known.select("channel_name", f"{theirs}_touch_{of}").iter_rows())
            assert dict(credit.iter_rows()) == pytest.approx(published, abs=0.01)


@pytest.mark.usefixtures("on_each_engine")
def test_the_rules_on_one_journey(tmp_path: Path) -> None:
    order = [("note", 21.0), ("click", 14.5), ("note", 7.0), ("search", 0.0)]
    given_ = shared(touchpoints([order]), tmp_path)
    weights = [2.0**-3, 2.0**-2, 2.0**-1, 1.0]  # a half a week, age in whole days
    decay = [weight / sum(weights) for weight in weights]
    expected = {
        "last": [0, 0, 0, 1],
        "waterfall": [0, 1, 0, 0],
        "first": [1, 0, 0, 0],
        "linear": [1 / 4, 1 / 4, 1 / 4, 1 / 4],
        "time_decay": decay,
        "position": [0.4, 0.1, 0.1, 0.4],
        "shapley": [1 / 3, 1 / 3, 0, 1 / 3],
    }
    assert set(expected) == set(IDS)
    for rule, credit in expected.items():
        own = [value / ORDER for value in given_[rule]]
        assert own == pytest.approx(credit, abs=0.02 if rule == "time_decay" else 5e-6), rule


def test_the_ends_of_a_short_journey_share(tmp_path: Path) -> None:
    alone, pair = [("click", 1.0)], [("note", 2.0), ("click", 1.0)]
    given_ = shared(touchpoints([alone, pair]), tmp_path)
    assert given_["position"].to_list() == [ORDER, ORDER // 2, ORDER // 2]


ORDERS = st.lists(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 24 * WINDOW_DAYS).map(lambda h: h / 24)),
        min_size=1,
        max_size=9,
    ),
    min_size=1,
    max_size=6,
)


@given(ORDERS)
def test_the_touchpoints_of_an_order_share_exactly_one_order(
    tmp_path_factory: pytest.TempPathFactory, orders: list[list[tuple[str, float]]]
) -> None:
    own = shared(touchpoints(orders), tmp_path_factory.mktemp("credit"))
    assert own.select(pl.col(IDS).min() >= 0).row(0) == (True,) * len(IDS)
    wholes = own.group_by("order").agg(pl.col(IDS).sum())
    assert wholes.select(pl.col(IDS).eq(ORDER).all()).row(0) == (True,) * len(IDS)
    assert wholes.height == len(orders)


@given(ORDERS)
def test_equal_shares_of_the_channels_are_the_shapley_value(
    tmp_path_factory: pytest.TempPathFactory, orders: list[list[tuple[str, float]]]
) -> None:
    """By its definition: what a channel adds, over all orders in which channels may come in."""
    from itertools import permutations

    sets = [frozenset(channel for channel, _ in order) for order in orders]
    channels = sorted(frozenset().union(*sets))
    value = dict.fromkeys(channels, 0.0)
    arrivals = list(permutations(channels))
    for arrival in arrivals:
        for place, channel in enumerate(arrival):
            before_, with_ = set(arrival[:place]), set(arrival[: place + 1])
            value[channel] += sum(s <= with_ for s in sets) - sum(s <= before_ for s in sets)
    exact = {channel: total / len(arrivals) for channel, total in value.items()}
    own = shared(touchpoints(orders), tmp_path_factory.mktemp("shapley"))
    credit = own.group_by("channel").agg(pl.col("shapley").sum() / ORDER)
    assert dict(credit.iter_rows()) == pytest.approx(exact, abs=1e-4)
