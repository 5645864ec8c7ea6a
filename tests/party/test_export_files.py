"""Export files that cannot be used as a whole: what is said, and that nothing else happens."""

from __future__ import annotations

import logging
from pathlib import Path

import polars as pl
import pytest

from cleanroom.errors import ExitCode, ExportError
from tests.party.exports import (
    TOUCHES,
    VISITS,
    Party,
    Row,
    edited,
    no_canary,
    with_cell,
    write_table,
)

USERS = pl.Enum(["CANARY-user-0", "CANARY-user-1"])


def refusal(party: Party, caplog: pytest.LogCaptureFixture) -> str:
    """The words with which the export is refused: without a value, and without a handover."""
    with caplog.at_level(logging.DEBUG), pytest.raises(ExportError) as caught:
        party.hand_over()
    error = caught.value
    assert no_canary([str(error), repr(error), error.problem, error.remedy, caplog.text])
    assert error.__suppress_context__ or error.__context__ is None
    assert error.exit_code is ExitCode.EXPORT
    assert not party.out.exists()
    assert sorted(p.name for p in party.out.parent.iterdir()) == ["export", "keys"]
    return error.problem


def touches_csv(ads: Party, rows: list[Row] = TOUCHES) -> Path:
    return write_table(ads.export, "touches", rows, "csv")


def touches_parquet(ads: Party, *changes: pl.Expr) -> Path:
    file = write_table(ads.export, "touches", TOUCHES, "parquet")
    frame = pl.read_parquet(file).with_columns(changes)
    frame.write_parquet(file)
    return file


def test_a_missing_file_is_named(ads: Party, caplog: pytest.LogCaptureFixture) -> None:
    (ads.export / "users.parquet").unlink()
    assert refusal(ads, caplog) == "The export has no users.parquet and no users.csv."


def test_a_table_in_two_files_is_refused(ads: Party, caplog: pytest.LogCaptureFixture) -> None:
    (ads.export / "users.csv").write_text("user,region,prior_engagements\nCANARY,x,1\n")
    assert refusal(ads, caplog) == "The export has the table 'users' twice."


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_empty_file_is_refused(
    suffix: str, ads: Party, caplog: pytest.LogCaptureFixture
) -> None:
    edited(write_table(ads.export, "touches", TOUCHES, suffix), lambda _: b"")
    assert refusal(ads, caplog) == f"touches.{suffix} is empty (0 bytes)."


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_without_rows_is_refused(
    suffix: str, ads: Party, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_table(ads.export, "touches", TOUCHES, suffix)
    if suffix == "csv":
        edited(file, lambda content: content.splitlines(keepends=True)[0])
    else:
        pl.read_parquet(file).clear().write_parquet(file)
    assert refusal(ads, caplog) == f"touches.{suffix} has no rows."


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_missing_column_is_named_with_the_likely_one(
    suffix: str, ads: Party, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{("mercant" if k == "merchant" else k): v for k, v in row.items()} for row in TOUCHES]
    write_table(ads.export, "touches", TOUCHES, suffix)
    file = ads.export / f"touches.{suffix}"
    frame = pl.DataFrame(rows, infer_schema_length=None)
    _ = frame.write_csv(file) if suffix == "csv" else frame.write_parquet(file)
    problem = refusal(ads, caplog)
    assert problem == f"touches.{suffix} lacks 'merchant' (did you mean 'mercant'?)"


def test_all_missing_columns_are_named(ads: Party, caplog: pytest.LogCaptureFixture) -> None:
    touches_csv(ads, [{k: row[k] for k in row if k not in ("note", "cost")} for row in TOUCHES])
    assert refusal(ads, caplog) == "touches.csv lacks 'note', 'cost'"


def test_a_file_without_header_is_refused_and_its_first_row_not_repeated(
    ads: Party, caplog: pytest.LogCaptureFixture
) -> None:
    edited(touches_csv(ads), lambda content: content.split(b"\n", 1)[1])
    assert "touches.csv has none of the table's columns" in refusal(ads, caplog)


def test_other_separators_are_refused(ads: Party, caplog: pytest.LogCaptureFixture) -> None:
    edited(touches_csv(ads), lambda content: content.replace(b",", b";"))
    assert "no header line, or other separators?" in refusal(ads, caplog)


def test_a_column_named_twice_is_refused(ads: Party, caplog: pytest.LogCaptureFixture) -> None:
    edited(touches_csv(ads), lambda content: content.replace(b"note", b"user", 1))
    assert refusal(ads, caplog) == "touches.csv names 'user' twice."


@pytest.mark.parametrize("encoding", ["gbk", "latin-1"])
def test_a_csv_file_that_is_not_utf_8_is_refused_with_its_line(
    encoding: str, ads: Party, caplog: pytest.LogCaptureFixture
) -> None:
    name = "上海" if encoding == "gbk" else "Müller"
    edited(
        touches_csv(ads, with_cell(TOUCHES, 3, "campaign", name)),
        lambda content: content.decode().encode(encoding),
    )
    assert refusal(ads, caplog) == "touches.csv is not UTF-8: see line 4."


def test_a_late_byte_that_is_not_utf_8_is_found(
    ads: Party, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{**TOUCHES[0], "event_id": f"t{n}"} for n in range(5000)]
    file = touches_csv(ads, with_cell(rows, 4321, "note", "é"))
    edited(file, lambda content: content.decode().encode("latin-1"))
    assert refusal(ads, caplog) == "touches.csv is not UTF-8: see line 4322."


def test_utf_16_is_refused(ads: Party, caplog: pytest.LogCaptureFixture) -> None:
    edited(touches_csv(ads), lambda content: content.decode().encode("utf-16"))
    assert refusal(ads, caplog) == "touches.csv is not UTF-8: see line 1."


def test_a_line_with_too_many_fields_is_named(ads: Party, caplog: pytest.LogCaptureFixture) -> None:
    file = touches_csv(ads, with_cell(TOUCHES, 2, "campaign", "spring#sale"))
    edited(file, lambda content: content.replace(b"#", b","))
    assert refusal(ads, caplog) == "touches.csv has more fields than its header on line 3."


def test_a_quote_not_closed_is_refused(ads: Party, caplog: pytest.LogCaptureFixture) -> None:
    file = touches_csv(ads, with_cell(TOUCHES, 2, "campaign", "#spring"))
    edited(file, lambda content: content.replace(b"#", b'"'))
    assert "a quote not closed?" in refusal(ads, caplog)


@pytest.mark.parametrize(
    ("column", "change", "problem"),
    [
        ("cost", pl.col("cost") / 100, "its type is Float64, not an integer (minor units"),
        ("cost", pl.col("cost").cast(pl.String), "its type is String, not an integer"),
        ("time", pl.col("time").dt.replace_time_zone(None), "times have no zone"),
        ("time", pl.col("time").dt.to_string(), "its type is String, not a timestamp with zone"),
        ("time", pl.col("time").dt.epoch(), "its type is Int64, not a timestamp with zone"),
        ("user", pl.lit(1.5).alias("user"), "its type is Float64, not text"),
        ("cid", pl.lit(12).alias("cid"), "its type is Int32, not text"),
        ("cost", pl.col("user").cast(USERS).alias("cost"), "its type is Enum, not an integer"),
        ("time", pl.struct("user").alias("time"), "its type is Struct, not a timestamp"),
        ("kind", pl.lit(3).alias("kind"), "its type is Int32, not text"),
    ],
)
def test_a_parquet_column_of_a_wrong_type_is_named(
    column: str, change: pl.Expr, problem: str, ads: Party, caplog: pytest.LogCaptureFixture
) -> None:
    touches_parquet(ads, change)
    found = refusal(ads, caplog)
    assert found.startswith(f"touches.parquet, column '{column}': ")
    assert problem in found


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_truncated_parquet_file_is_refused(
    share: float, ads: Party, caplog: pytest.LogCaptureFixture
) -> None:
    edited(touches_parquet(ads), lambda content: content[: int(share * len(content))])
    assert refusal(ads, caplog) == "touches.parquet is not a whole Parquet file."


def test_a_parquet_file_with_a_damaged_page_is_refused(
    ads: Party, caplog: pytest.LogCaptureFixture
) -> None:
    edited(touches_parquet(ads), lambda content: content[:8] + b"\xff" * 200 + content[208:])
    assert refusal(ads, caplog) == "touches.parquet is not a whole Parquet file."


def test_an_export_without_a_usable_row_is_refused_but_can_be_looked_into(
    store: Party, caplog: pytest.LogCaptureFixture
) -> None:
    local = [{**row, "time": row["time"][:19]} for row in VISITS]
    write_table(store.export, "visits", local, "csv")
    assert refusal(store, caplog) == "No row of visits.csv can be used (3 time_without_zone)."
    assert store.quarantined("visits")["reason"].to_list() == ["time_without_zone"] * 3


def test_paths_are_not_patterns(ads: Party, tmp_path: Path) -> None:
    export = tmp_path / "ads[1]*" / "export"
    export.parent.mkdir()
    ads.export.rename(export)
    _, report = Party(ads.platform, ads.agreement, ads.keys, export, ads.out).hand_over()
    assert {table.table for table in report.tables} == set(ads.agreement.opened(ads.platform))
