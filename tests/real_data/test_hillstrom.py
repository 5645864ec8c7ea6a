"""The whole main job on Hillstrom's e-mail test: 64,000 real customers and published answers.

Two e-mails are two merchants' campaigns; both randomised studies share one holdout.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import polars as pl
import pytest
from scipy.stats import chisquare

from cleanroom.agreement import load
from cleanroom.bench.answer import answer
from cleanroom.borders import Findings, Verdict
from cleanroom.gate.protect import protect
from cleanroom.gate.release import read_release
from cleanroom.room.lift import lift_tables
from cleanroom.room.vault import table_paths
from cleanroom.studies.intervals import planned_split_p_value
from cleanroom.studies.lift import findings
from tests.real_data import files, parties
from tests.real_data.adapters import LOST_CLICKS, UNKNOWN_PER_SEGMENT, hillstrom_exports
from tests.real_data.parties import Stage
from tests.real_data.terms import hillstrom_agreement, hillstrom_lifts, hillstrom_studies

pytestmark = pytest.mark.slow

ROUNDED = 5e-7  # shares are published with six decimals
CENTS = 1e-3  # published with normal quantiles and six decimals of a dollar; here Welch's t


@pytest.fixture(scope="session")
def releases(hillstrom: Stage) -> Path:
    """The folder of the four releases: two e-mails, conversion and lift."""
    answer(hillstrom.room, hillstrom_studies())
    return parties.release_all(hillstrom)[0].parent


@pytest.fixture
def lift(hillstrom: Stage, releases: Path) -> dict[str, Findings]:
    """What was released of each e-mail's lift study."""
    return _released(hillstrom, releases, "lift")


def _released(stage: Stage, folder: Path, kind: str) -> dict[str, Findings]:
    opened = [read_release(f, stage.agreement).candidate for f in folder.glob(f"{kind}-*.json")]
    return {one.manifest["study"]["merchant"]: one.findings for one in opened}


def test_every_row_of_both_exports_is_handed_over(hillstrom: Stage) -> None:
    tables = [table for report in hillstrom.ingested for table in report.tables]
    kept = {table.table: table.kept for table in tables}
    exports = hillstrom_exports(files.hillstrom())
    assert kept == {name: table.height for name, table in exports.items()}
    assert [table.quarantined for table in tables] == [{}] * len(tables)


def test_the_room_holds_no_identifier_of_the_files(hillstrom: Stage) -> None:
    exports = hillstrom_exports(files.hillstrom())
    own = [exports["users"]["user"], exports["buyers"]["buyer"]]
    common = [exports["buyers"]["email"], exports["touches"]["cid"].drop_nulls()]
    identifiers = pl.concat([*own, *common]).unique()
    raw = [pl.read_parquet(file) for file in (hillstrom.home / "exports").rglob("*.parquet")]
    assert _holding(raw, identifiers) == {"user", "buyer", "email", "cid"}
    vault = hillstrom.vault
    held = [pl.read_parquet(table_paths(vault, table)) for table in vault.paths]
    assert _holding(held, identifiers) == set()


def _holding(frames: list[pl.DataFrame], identifiers: pl.Series) -> set[str]:
    """The text columns of the `frames` that hold any of the identifiers."""
    texts = chain.from_iterable(frame.select(pl.col(pl.String)).get_columns() for frame in frames)
    return {text.name for text in texts if text.is_in(identifiers.implode()).any()}


@pytest.mark.parametrize(
    ("merchant", "estimate", "published", "tolerance"),
    [
        ("mens", "absolute_lift", 0.006805, ROUNDED),
        ("mens", "incremental_conversions", 145.0, 0.05),
        ("mens", "amount_lift", 76.9827, 1e-4),
        ("womens", "absolute_lift", 0.003111, ROUNDED),
        ("womens", "amount_lift", 42.4412, 1e-4),
    ],
)
def test_published_effects_come_out_through_the_gate(
    lift: dict[str, Findings], merchant: str, estimate: str, published: float, tolerance: float
) -> None:
    assert lift[merchant].estimates[estimate].value == pytest.approx(published, abs=tolerance)


@pytest.mark.parametrize(
    ("merchant", "estimate", "value", "error", "tolerance"),
    [
        # A score interval leans towards the middle; at these counts by some 4 % of its half width.
        ("mens", "absolute_lift", 0.006805, 0.000921, 5e-5),
        ("womens", "absolute_lift", 0.003111, 0.000823, 5e-5),
        ("mens", "amount_lift", 76.9827, 14.5247, CENTS),
        ("womens", "amount_lift", 42.4412, 13.0333, CENTS),
    ],
)
def test_released_intervals_are_those_of_the_published_standard_errors(
    lift: dict[str, Findings],
    merchant: str,
    estimate: str,
    value: float,
    error: float,
    tolerance: float,
) -> None:
    released = lift[merchant].estimates[estimate]
    assert released.lower == pytest.approx(value - 1.959964 * error, abs=tolerance)
    assert released.upper == pytest.approx(value + 1.959964 * error, abs=tolerance)


def test_the_published_sample_ratio_of_the_three_arms_follows_from_what_is_released(
    lift: dict[str, Findings],
) -> None:
    treated = [lift[m].estimates["people_treated"].value for m in ("mens", "womens")]
    arms = [count for count in (*treated, lift["mens"].estimates["people_holdout"].value) if count]
    assert planned_split_p_value(arms, [1 / 3] * 3) == pytest.approx(0.904, abs=5e-4)


def test_each_studys_sample_ratio_is_that_of_everyone_assigned_linked_or_not(
    lift: dict[str, Findings],
) -> None:
    customers = dict(files.hillstrom()["segment"].value_counts().iter_rows())
    holdout = customers["No E-Mail"] + UNKNOWN_PER_SEGMENT
    for merchant, segment in (("mens", "Mens E-Mail"), ("womens", "Womens E-Mail")):
        estimates = lift[merchant].estimates
        assigned = [customers[segment] + UNKNOWN_PER_SEGMENT, holdout]
        assert [estimates[f"assigned_{arm}"].value for arm in ("treated", "holdout")] == assigned
        p_value = chisquare(assigned).pvalue
        assert estimates["sample_ratio_p_value"].value == pytest.approx(p_value, rel=1e-9)


def test_arms_are_sound_and_the_effect_is_stated_with_its_grade(lift: dict[str, Findings]) -> None:
    for study in lift.values():
        assert {check.verdict for check in study.checks.values()} == {Verdict.PASSED}
        assert "evidence grade A" in study.summary[0]
    assert "145 additional buyers" in lift["mens"].summary[0]


def test_the_past_and_the_weeks_come_out_through_the_gate(lift: dict[str, Findings]) -> None:
    """Everybody had spent something the year before, and every treated customer got the e-mail:
    neither number leaves, and what rests on sums does."""
    mens = lift["mens"].estimates
    assert mens["absolute_lift_adjusted"].value == pytest.approx(0.0068, abs=1e-4)
    assert mens["prior_buyers_treated"].value is None
    assert mens["absolute_lift_until_week_02"].value == mens["absolute_lift"].value
    assert mens["exposed_share"].value is None


def test_arms_that_are_not_the_planned_ones_forbid_the_estimate(hillstrom: Stage) -> None:
    planned = hillstrom_lifts()[0].model_copy(update={"planned_treated_share": 0.52})
    tables = lift_tables(hillstrom.vault, [planned])
    mens = {t.name: protect(t, hillstrom.agreement.policy).only("merchant", "mens") for t in tables}
    found = findings(mens, planned, hillstrom.agreement.currency)
    assert found.checks["sample_ratio"].verdict is Verdict.FAILED
    assert "must not be used" in found.summary[0]


def test_were_every_reader_a_customer_the_size_of_the_panel_would_be_withheld(
    hillstrom: Stage, tmp_path: Path
) -> None:
    exports = hillstrom_exports(files.hillstrom(), unknown_per_segment=0)
    stage = parties.hand_over(exports, hillstrom_agreement(exports), tmp_path)
    withheld = {}
    for each in (hillstrom, stage):
        arms = protect(lift_tables(each.vault, hillstrom_lifts())[0], each.agreement.policy).cells
        withheld[each.home] = set(arms.filter(pl.col("measure") == "people")["withheld"])
    assert withheld == {hillstrom.home: {None}, stage.home: {"min_converters"}}


def test_the_path_tells_clicks_visits_and_orders(hillstrom: Stage, releases: Path) -> None:
    estimates = _released(hillstrom, releases, "conversion")["mens"].estimates
    names = ("people_click", "people_visit", "orders", "revenue")
    told = {name: estimates[name].value for name in names}
    clicks = 3_894 + UNKNOWN_PER_SEGMENT // LOST_CLICKS
    assert told == {
        "people_click": pytest.approx(clicks, abs=1),
        "people_visit": 3_894,
        "orders": 267,
        "revenue": 3_031_169,
    }
    assert estimates["cost"].value is None


def test_a_report_is_drawn_for_each_merchant_from_the_releases_alone(
    hillstrom: Stage, releases: Path, tmp_path: Path
) -> None:
    from cleanroom.bench.publish import publish

    agreement = tmp_path / "agreement.yaml"
    agreement.write_bytes((hillstrom.room / "agreement.yaml").read_bytes())
    assert load(agreement) == hillstrom.agreement
    publish(releases, agreement, tmp_path / "reports", None)
    pages = {page.name: page.read_text() for page in (tmp_path / "reports").glob("*.html")}
    assert "index.html" in pages
    assert len(pages) == 3
    assert any("145" in page and "grade A" in page for page in pages.values())
