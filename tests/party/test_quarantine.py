"""Single rows at fault: set aside with a reason, while the rest is handed over."""

from __future__ import annotations

import logging
import stat
from typing import Any, NamedTuple

import polars as pl
import pytest

from cleanroom.party.checks import RULES, Reason
from cleanroom.tables import Platform
from tests.party.exports import (
    TOUCHES,
    VISITS,
    Party,
    Row,
    no_canary,
    report_on,
    with_cell,
    write_table,
)

EVENTS = {"touches": TOUCHES, "visits": VISITS}


class Fault(NamedTuple):
    """A cell (`row` counts from 1) with a value that sets its row aside for `reason`."""

    table: str
    suffix: str
    row: int
    column: str
    value: Any
    reason: Reason


FAULTS = [
    Fault("visits", "csv", 2, "amount", "12.50", Reason.WRONG_TYPE),
    Fault("visits", "csv", 2, "amount", "9900 yuan", Reason.WRONG_TYPE),
    Fault("visits", "csv", 2, "amount", "99999999999999999999", Reason.WRONG_TYPE),
    Fault("touches", "csv", 2, "time", "yesterday", Reason.WRONG_TYPE),
    Fault("touches", "csv", 2, "time", "2026-02-30T10:00:00Z", Reason.WRONG_TYPE),
    Fault("touches", "csv", 2, "time", "1777777777", Reason.WRONG_TYPE),
    Fault("touches", "parquet", 2, "cost", 2**63, Reason.WRONG_TYPE),
    Fault("touches", "csv", 2, "event_id", None, Reason.MISSING_VALUE),
    Fault("touches", "csv", 2, "merchant", "  ", Reason.MISSING_VALUE),
    Fault("touches", "csv", 2, "kind", None, Reason.MISSING_VALUE),
    Fault("touches", "csv", 2, "time", None, Reason.MISSING_VALUE),
    Fault("touches", "parquet", 2, "time", None, Reason.MISSING_VALUE),
    Fault("touches", "parquet", 2, "merchant", "", Reason.MISSING_VALUE),
    Fault("visits", "csv", 2, "amount", None, Reason.MISSING_VALUE),
    Fault("visits", "csv", 3, "order", None, Reason.MISSING_VALUE),
    Fault("touches", "csv", 2, "time", "2026-05-02T10:00:00", Reason.TIME_WITHOUT_ZONE),
    Fault("touches", "csv", 2, "time", "2026-05-02 10:00:00.123", Reason.TIME_WITHOUT_ZONE),
    Fault("touches", "csv", 2, "time", "2026-05-02", Reason.TIME_WITHOUT_ZONE),
    Fault("touches", "csv", 2, "time", "2026-06-01T08:00:01+08:00", Reason.FUTURE_TIME),
    Fault("touches", "parquet", 2, "time", "9999-12-31T00:00:00Z", Reason.FUTURE_TIME),
    Fault("touches", "csv", 2, "cost", -1, Reason.NEGATIVE_AMOUNT),
    Fault("touches", "parquet", 2, "cost", -1, Reason.NEGATIVE_AMOUNT),
    Fault("visits", "csv", 2, "amount", -9900, Reason.NEGATIVE_AMOUNT),
    Fault("touches", "csv", 2, "kind", "swipe", Reason.UNKNOWN_KIND),
    Fault("touches", "parquet", 2, "kind", "Click", Reason.UNKNOWN_KIND),
    Fault("touches", "csv", 2, "event_id", "t0", Reason.DUPLICATE_EVENT),
    Fault("touches", "parquet", 4, "event_id", "t0", Reason.DUPLICATE_EVENT),
    Fault("touches", "csv", 2, "event_id", " t0 ", Reason.DUPLICATE_EVENT),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.column}-{f.reason}-{f.suffix}")
def test_a_row_at_fault_is_set_aside_and_the_others_kept(
    fault: Fault, ads: Party, store: Party, caplog: pytest.LogCaptureFixture
) -> None:
    table, suffix, row, column, value, reason = fault
    party = ads if table == "touches" else store
    rows = with_cell(EVENTS[table], row, column, value)
    write_table(party.export, table, rows, suffix)
    with caplog.at_level(logging.DEBUG):
        handover, report = party.hand_over()

    found = report_on(table, report)
    assert [(f.reason, f.column, f.count, f.first_rows) for f in found.faults] == [
        (reason, column, 1, (row,))
    ]
    assert (found.read, found.kept) == (len(rows), len(rows) - 1)
    kept = [r["event_id"] for n, r in enumerate(rows, 1) if n != row]
    assert party.read(table)["event_id"].to_list() == kept
    facts = handover.manifest["body"]["tables"][table]
    assert facts["rows"] == len(kept)
    assert facts["quarantined"] == {reason.value: 1}
    assert no_canary([str(report), repr(report), repr(handover), str(handover.manifest)])
    assert no_canary([caplog.text])


def test_every_reason_is_among_the_faults_above_and_explains_itself() -> None:
    assert {fault.reason for fault in FAULTS} == set(Reason) == set(RULES)
    words = [text for rule in RULES.values() for text in (rule.says, rule.remedy)]
    assert len(set(words)) == 2 * len(RULES)
    assert all(text and not text.endswith(".") for text in words)


def test_a_row_set_aside_is_found_again_with_its_values(store: Party) -> None:
    rows = with_cell(with_cell(VISITS, 2, "amount", "9900 yuan"), 3, "time", "2026-05-07")
    write_table(store.export, "visits", rows, "csv")
    store.hand_over()
    assert store.quarantined("visits").to_dicts() == [
        {"row": 2, "reason": "wrong_type", "column": "amount", **rows[1]},
        {"row": 3, "reason": "time_without_zone", "column": "time", **rows[2], "amount": "9900"},
    ]


def test_only_the_platforms_own_user_can_read_the_quarantine(store: Party) -> None:
    write_table(store.export, "visits", with_cell(VISITS, 2, "amount", "x"), "csv")
    store.hand_over()
    folder = store.export / "quarantine"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()] == [0o600]
    assert not [f for f in store.out.rglob("*") if "quarantine" in f.name]


def test_a_mended_export_leaves_no_quarantine(store: Party) -> None:
    write_table(store.export, "visits", with_cell(VISITS, 2, "amount", "x"), "csv")
    store.hand_over()
    write_table(store.export, "visits", VISITS, "csv")
    _, report = store.hand_over()
    assert not list((store.export / "quarantine").iterdir())
    assert not [fault for table in report.tables for fault in table.faults]


def test_a_row_is_counted_once_for_its_first_reason(store: Party) -> None:
    rows = with_cell(with_cell(VISITS, 2, "amount", -1), 2, "kind", "gift")
    write_table(store.export, "visits", rows, "csv")
    _, report = store.hand_over()
    assert report_on("visits", report).quarantined == {"negative_amount": 1}


def test_a_good_repetition_is_kept_when_the_first_delivery_is_at_fault(ads: Party) -> None:
    bad: Row = {**TOUCHES[1], "cost": -5}
    write_table(ads.export, "touches", [bad, *TOUCHES, TOUCHES[1]], "csv")
    _, report = ads.hand_over()
    faults = report_on("touches", report).faults
    assert [(f.reason, f.first_rows) for f in faults] == [
        (Reason.NEGATIVE_AMOUNT, (1,)),
        (Reason.DUPLICATE_EVENT, (6,)),
    ]


def test_the_first_delivery_of_many_is_kept(ads: Party) -> None:
    rows = 200_000
    many = pl.select(n=pl.int_range(2 * rows)).select(
        event_id=pl.format("t{}", pl.col("n") % rows),
        kind=pl.lit("click"),
        user=pl.format("CANARY{}", "n"),
        merchant=pl.lit("M01"),
        campaign=pl.lit(None, dtype=pl.String),
        creator=pl.lit(None, dtype=pl.String),
        note=pl.lit(None, dtype=pl.String),
        time=pl.lit("2026-05-01T00:00:00Z"),
        cost=pl.col("n"),
        cid=pl.lit(None, dtype=pl.String),
        task_group=pl.lit(None, dtype=pl.String),
    )
    for old in ads.export.glob("touches.*"):
        old.unlink()
    many.write_csv(ads.export / "touches.csv")
    _, report = ads.hand_over()
    assert ads.read("touches")["cost"].to_list() == list(range(rows))
    (fault,) = report_on("touches", report).faults
    assert fault.count == rows
    assert fault.first_rows == (rows + 1, rows + 2, rows + 3)


def test_the_report_says_what_where_and_what_to_do(ads: Party) -> None:
    rows = [{**TOUCHES[0], "event_id": f"e{n}", "kind": "swipe"} for n in range(5)]
    write_table(ads.export, "touches", TOUCHES + rows, "csv")
    _, report = ads.hand_over()
    rule = RULES[Reason.UNKNOWN_KIND]
    assert str(report).splitlines()[:4] == [
        "ads: what became of the export's rows",
        "  touches.csv: 9 rows read, 4 kept",
        f"    5 set aside, column 'kind': {rule.says} (rows 5, 6, 7, …)",
        f"      What to do: {rule.remedy}.",
    ]


def test_money_may_be_missing_where_no_order_is(store: Party) -> None:
    _, report = store.hand_over()
    assert store.platform is Platform.STORE
    assert report_on("visits", report).kept == len(VISITS)
    assert store.read("visits")["amount"].to_list() == [None, 9900, 9900]
