"""The whole main job on Tmall's repeat buyers: 1,993 real merchants, about half of them small.

The gate withholds exactly what the agreement's thresholds say of the raw file.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cleanroom.bench.answer import answer
from cleanroom.borders import Protected
from cleanroom.gate.protect import protect_together
from cleanroom.gate.release import read_release
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.eligibility import eligibility
from tests.real_data import files, parties
from tests.real_data.adapters import TMALL
from tests.real_data.parties import Stage
from tests.real_data.terms import tmall_studies

pytestmark = pytest.mark.slow

# Of the policy by which the agreement of `terms` protects: the founding case's.
MIN_PEOPLE = 50


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
    protected, _ = protect_together(tables, tmall.agreement.policy)
    return {table.name: table for table in protected}


def _step(protected: dict[str, Protected], step: str, measure: str) -> pl.DataFrame:
    cells = protected["path"].cells.filter(pl.col("step") == step, pl.col("measure") == measure)
    return cells.select("merchant", "value", "withheld").sort("merchant")


def test_every_merchant_of_the_file_takes_part(tmall: Stage, merchants: pl.DataFrame) -> None:
    eligible, excluded = eligibility(tmall.vault, tmall.agreement)
    assert {one["merchant"] for one in eligible} == set(merchants["merchant"])
    assert excluded == []


def test_readers_are_withheld_of_the_merchants_with_fewer_than_50_buyers(
    protected: dict[str, Protected], merchants: pl.DataFrame
) -> None:
    withheld = _step(protected, "reach", "people").filter(pl.col("withheld").is_not_null())
    small = merchants.filter(pl.col("buyers") < MIN_PEOPLE)
    assert set(withheld["merchant"]) == set(small["merchant"])
    assert set(withheld["withheld"]) == {"min_people"}
    assert withheld.height / merchants.height == pytest.approx(0.478, abs=5e-4)


@pytest.mark.parametrize("measure", ["people", "events"])
def test_what_is_released_is_what_the_raw_file_says(
    protected: dict[str, Protected], merchants: pl.DataFrame, measure: str
) -> None:
    released = _step(protected, "reach", measure).filter(pl.col("withheld").is_null())
    plain = released.join(merchants, on="merchant", validate="1:1")
    assert released.height > 1_000
    assert plain["value"].to_list() == plain["buyers"].cast(pl.Float64).to_list()


def test_that_everyone_reached_also_clicked_and_came_is_told_of_no_merchant(
    protected: dict[str, Protected],
) -> None:
    """Nor by what came of it: orders of more people than may be left out would tell it."""
    for step in ("click", "visit", "purchase"):
        for measure in ("people", "events"):
            assert _step(protected, step, measure)["value"].null_count() == 1_993
    money = protected["money"].cells.filter(pl.col("measure") != "cost")
    assert money["value"].null_count() == money.height


def test_merchants_large_and_small_are_released_and_reported_without_what_is_withheld(
    tmall: Stage, merchants: pl.DataFrame, tmp_path: Path
) -> None:
    from cleanroom.bench.publish import publish

    chosen = pl.concat([merchants.head(2), merchants.tail(2)])
    answer(tmall.room, tmall_studies(chosen["merchant"]))
    released = [read_release(file, tmall.agreement) for file in parties.release_all(tmall)]
    readers = {
        one.candidate.manifest["study"]["merchant"]: one.candidate.findings.estimates[
            "people_reach"
        ].value
        for one in released
    }
    buyers = dict(merchants.select("merchant", "buyers").iter_rows())
    small, large = chosen["merchant"].to_list()[:2], chosen["merchant"].to_list()[2:]
    assert readers == {**dict.fromkeys(small), **{merchant: buyers[merchant] for merchant in large}}
    publish(tmall.home / "releases", tmall.room / "agreement.yaml", tmp_path, None)
    assert len(list(tmp_path.glob("*.html"))) == len(chosen) + 1
