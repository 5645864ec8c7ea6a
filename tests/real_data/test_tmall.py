"""The whole main job on Tmall's repeat buyers: 1,993 real merchants, about half of them small.

The gate withholds exactly what the agreement's thresholds say of the raw file.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cleanroom.bench.answer import answer
from cleanroom.borders import Protected
from cleanroom.gate.protect import protect
from cleanroom.gate.release import read_release
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.eligibility import eligibility
from tests.real_data import files, parties
from tests.real_data.adapters import TMALL
from tests.real_data.parties import Stage
from tests.real_data.terms import tmall_studies

pytestmark = pytest.mark.slow

# Of the policy by which the agreement of `terms` protects: the founding case's.
MIN_PEOPLE, MIN_CONVERTERS = 50, 10


@pytest.fixture(scope="session")
def merchants(tmall: Stage) -> pl.DataFrame:
    """The raw file by `merchant`: its `buyers` and how many of them came `again`."""
    by_merchant = files.tmall().group_by(merchant=pl.col("merchant_id").cast(pl.String))
    return by_merchant.agg(buyers=pl.len(), again=pl.col("label").sum()).sort("buyers", "merchant")


@pytest.fixture(scope="session")
def protected(tmall: Stage, merchants: pl.DataFrame) -> dict[str, Protected]:
    """The conversion tables of all merchants after the gate."""
    day, names = TMALL.ended, merchants["merchant"].to_list()
    tables = conversion_tables(tmall.vault, names, day, day)
    return {table.name: protect(table, tmall.agreement.policy) for table in tables}


def _step(protected: dict[str, Protected], step: str, measure: str) -> pl.DataFrame:
    cells = protected["path"].cells.filter(pl.col("step") == step, pl.col("measure") == measure)
    return cells.select("merchant", "value", "withheld").sort("merchant")


def test_every_merchant_of_the_file_takes_part(tmall: Stage, merchants: pl.DataFrame) -> None:
    eligible, excluded = eligibility(tmall.vault, tmall.agreement)
    assert {one["merchant"] for one in eligible} == set(merchants["merchant"])
    assert excluded == []


def test_clicks_are_withheld_of_the_merchants_with_fewer_than_50_buyers(
    protected: dict[str, Protected], merchants: pl.DataFrame
) -> None:
    withheld = _step(protected, "click", "events").filter(pl.col("withheld").is_not_null())
    small = merchants.filter(pl.col("buyers") < MIN_PEOPLE)
    assert set(withheld["merchant"]) == set(small["merchant"])
    assert set(withheld["withheld"]) == {"min_people"}
    assert withheld.height / merchants.height == pytest.approx(0.478, abs=5e-4)


def test_buyers_are_withheld_where_the_thresholds_say_so_of_the_raw_file(
    protected: dict[str, Protected], merchants: pl.DataFrame
) -> None:
    fewest = pl.min_horizontal("again", pl.col("buyers").cast(pl.Int64) - pl.col("again"))
    expected = merchants.sort("merchant").select(
        "merchant",
        withheld=pl.when(pl.col("buyers") < MIN_PEOPLE)
        .then(pl.lit("min_people"))
        .when(fewest < MIN_CONVERTERS)
        .then(pl.lit("min_converters")),
    )
    found = _step(protected, "purchase", "people").select("merchant", "withheld")
    assert found.rows() == expected.rows()
    assert set(found["withheld"]) == {None, "min_people", "min_converters"}


@pytest.mark.parametrize(
    ("step", "measure", "column"),
    [("reach", "people", "buyers"), ("click", "events", "buyers"), ("purchase", "people", "again")],
)
def test_what_is_released_is_what_the_raw_file_says(
    protected: dict[str, Protected], merchants: pl.DataFrame, step: str, measure: str, column: str
) -> None:
    released = _step(protected, step, measure).filter(pl.col("withheld").is_null())
    plain = released.join(merchants, on="merchant", validate="1:1")
    assert released.height > 100
    assert plain["value"].to_list() == plain[column].cast(pl.Float64).to_list()


def test_that_everyone_reached_also_clicked_is_told_of_no_merchant(
    protected: dict[str, Protected],
) -> None:
    for step in ("click", "visit"):
        assert _step(protected, step, "people")["value"].null_count() == 1_993


def test_merchants_large_and_small_are_released_and_reported_without_what_is_withheld(
    tmall: Stage, merchants: pl.DataFrame, tmp_path: Path
) -> None:
    from cleanroom.bench.publish import publish

    chosen = pl.concat([merchants.head(2), merchants.tail(2)])
    answer(tmall.room, tmall_studies(chosen["merchant"]))
    released = [read_release(file, tmall.agreement) for file in parties.release_all(tmall)]
    buyers = {
        one.candidate.manifest["study"]["merchant"]: one.candidate.findings.estimates[
            "orders"
        ].value
        for one in released
    }
    again = dict(merchants.select("merchant", "again").iter_rows())
    small, large = chosen["merchant"].to_list()[:2], chosen["merchant"].to_list()[2:]
    assert buyers == {**dict.fromkeys(small), **{merchant: again[merchant] for merchant in large}}
    publish(tmall.home / "releases", tmall.room / "agreement.yaml", tmp_path, None)
    assert len(list(tmp_path.glob("*.html"))) == len(chosen) + 1
