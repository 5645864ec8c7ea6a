"""Before protection, the room's totals on real data equal plain Polars on the raw files.

Between the two lie exports, checks, tokens, handovers, the join on CID, links and attribution.
"""

from __future__ import annotations

import sys

import polars as pl
import pytest

from tests.real_data import files
from tests.real_data.parties import Stage
from tests.real_data.totals import hillstrom_totals, in_short, shown, tmall_totals

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def emails(hillstrom: Stage) -> pl.DataFrame:
    return hillstrom_totals(hillstrom.vault)


@pytest.fixture(scope="module")
def buyers(tmall: Stage) -> pl.DataFrame:
    return tmall_totals(tmall.vault)


def test_hillstroms_people_purchases_and_amounts_are_equal_by_merchant_and_arm(
    emails: pl.DataFrame,
) -> None:
    counted = dict(emails.group_by("merchant").len().iter_rows())
    assert counted == {"mens": 17, "womens": 17}
    assert emails.filter(~pl.col("equal")).rows() == []


def test_hillstroms_arms_together_are_all_customers_of_the_file(emails: pl.DataFrame) -> None:
    studied = emails.filter(pl.col("total").str.starts_with("people studied"))
    arms = {(row["merchant"], row["total"]): row["room"] for row in studied.iter_rows(named=True)}
    treated = [arms[merchant, "people studied, treated"] for merchant in ("mens", "womens")]
    holdout = {arms[merchant, "people studied, holdout"] for merchant in ("mens", "womens")}
    assert len(holdout) == 1
    assert sum(treated) + holdout.pop() == files.hillstrom().height == 64_000


def test_tmalls_people_and_purchases_are_equal_at_each_of_1993_merchants(
    buyers: pl.DataFrame,
) -> None:
    assert buyers["merchant"].n_unique() == 1_993
    assert buyers.filter(~pl.col("equal")).rows() == []


def test_tmalls_totals_are_the_known_ones(buyers: pl.DataFrame) -> None:
    sums = dict(buyers.group_by("total").agg(pl.col("room").sum()).iter_rows())
    assert sums["people who clicked"] == 260_864
    assert sums["people who bought after a click"] == 15_952


def test_the_table_of_totals_has_both_data_sets_side_by_side(
    emails: pl.DataFrame, buyers: pl.DataFrame
) -> None:
    table = in_short(emails, buyers)
    sys.stdout.write("\n" + shown(table))  # for `pytest -s`
    assert dict(table.group_by("data").len().iter_rows()) == {"Hillstrom": 20, "Tmall": 4}
    assert table["equal"].all()
