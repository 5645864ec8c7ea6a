"""A large table is exported as a folder of files, and handed over part by part, none made twice."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import polars as pl
import pytest

from cleanroom.agreement import Agreement, JoinMode
from cleanroom.errors import ExportError
from cleanroom.party import handover as making
from cleanroom.party.ingest import ExportTable
from cleanroom.tables import Platform
from tests.agreements import agreed
from tests.party.exports import TOUCHES, Party, no_canary, with_cell, write_good, write_table

PARTS = ["touches-00000", "touches-00001", "touches-00002"]


def export_parts(party: Party, suffix: str = "csv") -> Path:
    """The good touches, a file for the first two and one for each of the others."""
    folder = party.export / "touches"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for old in party.export.glob("touches.*"):
        old.unlink()
    for number, rows in enumerate((TOUCHES[:2], TOUCHES[2:3], TOUCHES[3:])):
        write_table(folder, "touches", rows, suffix).rename(folder / f"part-{number}.{suffix}")
    return folder


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_parts_are_the_table_that_one_file_would_be(ads: Party, suffix: str) -> None:
    ads.hand_over()
    whole = ads.read("touches")
    (export_parts(ads, suffix) / "_SUCCESS").touch()
    handed, report = ads.hand_over()
    assert pl.concat(ads.read(part) for part in PARTS).equals(whole)
    facts = handed.manifest["body"]["tables"]["touches"]
    assert [(part["file"], part["rows"]) for part in facts["parts"]] == [
        (f"{name}.sealed", rows) for name, rows in zip(PARTS, (2, 1, 1), strict=True)
    ]
    assert set(facts) == {"parts", "quarantined"}
    assert f"  touches/part-1.{suffix}: 1 rows read, 1 kept" in str(report)


def test_rows_at_fault_are_set_aside_by_part_and_counted_for_the_table(ads: Party) -> None:
    folder = export_parts(ads)
    for number, rows in ((0, TOUCHES[:2]), (2, TOUCHES[3:])):
        write_table(folder, f"part-{number}", with_cell(rows, 1, "kind", "swipe"), "csv")
    handed, _ = ads.hand_over()
    facts = handed.manifest["body"]["tables"]["touches"]
    assert facts["quarantined"] == {"unknown_kind": 2}
    assert [part["rows"] for part in facts["parts"]] == [1, 1, 0]
    assert sorted(f.name for f in (ads.export / "quarantine").iterdir()) == [
        "touches-00000.parquet",
        "touches-00002.parquet",
    ]
    assert ads.quarantined("touches-00002")["row"].to_list() == [1]
    for file in (ads.export / "quarantine").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_no_part_of_a_table_is_refused(ads: Party) -> None:
    folder = export_parts(ads)
    (folder / "CANARY.xlsx").touch()
    with pytest.raises(ExportError, match="touches/ holds 1 entries that are no Parquet") as error:
        ads.hand_over()
    assert no_canary([str(error.value)])
    (folder / "CANARY.xlsx").unlink()
    (folder / "part-1.csv").write_bytes(b"")
    with pytest.raises(ExportError, match=r"touches/part-1\.csv is empty"):
        ads.hand_over()
    write_table(ads.export, "touches", TOUCHES, "csv")
    with pytest.raises(ExportError, match="has the table 'touches' twice"):
        ads.hand_over()


class Watched:
    """Which parts were made; killed at the part of that name, or never."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, killed_at: str = "") -> None:
        self.made: list[str] = []
        real = making._write_table

        def watched(table: ExportTable, *others: Path) -> None:
            if table.part == killed_at:
                raise KeyboardInterrupt
            self.made.append(table.part)
            real(table, *others)  # type: ignore[arg-type]

        monkeypatch.setattr(making, "_write_table", watched)


def parts_made(ads: Party, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hand over, and say which parts of touches were made for it."""
    with monkeypatch.context() as patched:
        watched = Watched(patched)
        ads.hand_over()
    assert pl.concat(ads.read(part) for part in PARTS).height == len(TOUCHES)
    return [name for name in watched.made if name in PARTS]


def kill(ads: Party, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        Watched(patched, killed_at=at)
        with pytest.raises(KeyboardInterrupt):
            ads.hand_over()


def test_a_part_that_is_there_is_not_made_again(
    ads: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_parts(ads)
    kill(ads, PARTS[2], monkeypatch)
    assert not ads.out.exists()
    kept = ads.export / "parts"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert parts_made(ads, monkeypatch) == PARTS[2:]
    assert not kept.exists()
    assert parts_made(ads, monkeypatch) == PARTS  # the handover was whole: nothing was kept


@pytest.mark.parametrize("suffix", ["tokens", "bad", "json"])
def test_a_part_of_which_something_is_missing_or_cut_is_made_again(
    ads: Party, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_parts(ads)
    kill(ads, PARTS[2], monkeypatch)
    (ads.export / "parts" / f"{PARTS[0]}.{suffix}").unlink()
    cut = ads.export / "parts" / f"{PARTS[1]}.tokens"
    cut.write_bytes(cut.read_bytes()[:-1])
    assert parts_made(ads, monkeypatch) == PARTS


def test_a_part_whose_export_was_mended_is_made_again(
    ads: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export_parts(ads)
    kill(ads, PARTS[2], monkeypatch)
    write_table(folder, "part-0", with_cell(TOUCHES[:2], 1, "note", "n9"), "csv")
    assert parts_made(ads, monkeypatch) == [PARTS[0], PARTS[2]]
    assert ads.read(PARTS[0])["note"].to_list() == ["n9", "n1"]


def test_handles_are_of_one_handover_so_a_blinded_one_makes_all_parts_again(
    draft: Agreement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = draft.join.model_copy(update={"mode": JoinMode.BLINDED})
    blinded = agreed(
        draft.model_copy(update={"join": join}),
        {platform: tmp_path / platform / "keys" for platform in Platform},
    )
    home = tmp_path / "ads"
    write_good(home / "export", Platform.ADS)
    ads = Party(Platform.ADS, blinded, home / "keys", home / "export", home / "handover")
    export_parts(ads)
    kill(ads, PARTS[2], monkeypatch)
    assert parts_made(ads, monkeypatch) == PARTS
    joined = pl.concat(pl.read_parquet(f) for f in (ads.export / "join").rglob("*.parquet"))
    handles = pl.concat(ads.read(part) for part in PARTS)["cid"].drop_nulls()
    assert set(handles) == set(joined["handle"])
    assert not list((ads.export / "join").rglob("unsorted*"))
