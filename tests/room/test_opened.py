"""Rows in the room: readable in memory only, on its disk encrypted, each file in its own place."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from cleanroom.borders import Table
from cleanroom.errors import HandoverError, SealError
from cleanroom.room import engine
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.derived import attributed, links
from cleanroom.room.lift import lift_tables
from cleanroom.room.opened import blank, name_of, read_sealed, write_sealed
from cleanroom.room.vault import Vault, open_vault, table_paths
from cleanroom.study import LiftStudy
from tests.room.event_log import Room

TOUCHES = """
time     kind  user cid cost
02T10:00 click ann  c1  50
02T11:00 click bob  c2  50
"""
VISITS = """
time     kind     buyer cid order amount
02T10:05 visit    b1    c1  -     -
02T10:06 purchase b1    c1  o1    990
"""
ASSIGNED = """
time     user study arm
03T00:00 ann  s     treated
"""
DAYS = (date(2026, 3, 1), date(2026, 3, 10))
KEY = bytes(range(32))

needs_memory_files = pytest.mark.skipif(
    not hasattr(os, "memfd_create"), reason="this system has no files in memory"
)


def filled(room: Room) -> Vault:
    return room.vault(touches=TOUCHES, visits=VISITS, assignments=ASSIGNED)


def computed(vault: Vault) -> list[Table]:
    study = LiftStudy(merchant="m", start=DAYS[0], end=DAYS[1], study="s")
    return [*conversion_tables(vault, ["m"], *DAYS), *lift_tables(vault, [study])]


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process would lay temporary files down."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(folder)
    return folder


@needs_memory_files
@pytest.mark.parametrize("backend", ["polars", "duckdb"])
def test_no_row_is_readable_on_the_room_s_disk(
    room: Room, scratch: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BACKEND", backend)
    counted = {table.name for table in computed(filled(room)) if table.cells.height}
    assert counted >= {"path", "money", "arms", "prior", "exposure"}
    found = contents(room.directory)
    assert len(found) > 10
    words = [b"PAR1", b"2026-03", b"purchase", b"click_time"]
    tokens = [token.encode() for token, word in room.words.items()]
    raw = [bytes.fromhex(token) for token in room.words]
    assert len(tokens) >= 5
    assert [word for word in (*words, *tokens, *raw) for content in found if word in content] == []
    assert list(scratch.iterdir()) == []


def test_duckdb_has_no_place_to_lay_rows_down(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BACKEND", "duckdb")
    vault = filled(room)
    engine.scan(*table_paths(vault, "touches"))
    (setting,) = duckdb.execute("SELECT current_setting('temp_directory')").fetchall()
    assert setting == ("",)


def test_the_room_reads_what_it_keeps_encrypted(room: Room) -> None:
    filled(room)
    vault = open_vault(room.directory, room.agreement)
    people = pl.read_parquet(table_paths(vault, "touches"))["user"].to_list()
    assert [room.words[person] for person in people] == ["ann", "bob", "nobody0", "nobody1"]
    assert engine.collect(links(vault), "links").height == 1
    assert engine.collect(attributed(vault), "attributed").height == 2


def test_a_table_is_opened_once(room: Room) -> None:
    vault = filled(room)
    assert table_paths(vault, "touches") == table_paths(vault, "touches")
    assert table_paths(vault, "touches") != table_paths(vault, "users")


def test_a_frame_can_be_computed_when_the_vault_is_gone(room: Room) -> None:
    vault = filled(room)
    frame = engine.scan(*table_paths(vault, "touches"))
    (path,) = table_paths(vault, "touches")
    del vault
    assert not path.exists()
    assert engine.collect(frame, "touches").height == 4


# At rest


def swapped(folder: Path) -> None:
    (folder / "touches.sealed").rename(folder / "between")
    (folder / "users.sealed").rename(folder / "touches.sealed")
    (folder / "between").rename(folder / "users.sealed")


def flipped(folder: Path) -> None:
    content = bytearray((folder / "touches.sealed").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "touches.sealed").write_bytes(content)


def cut(folder: Path) -> None:
    (folder / "touches.sealed").write_bytes((folder / "touches.sealed").read_bytes()[:-1])


@pytest.mark.parametrize("damage", [swapped, flipped, cut])
def test_a_file_that_is_not_as_it_was_is_not_read(
    room: Room, damage: Callable[[Path], None]
) -> None:
    vault = filled(room)
    damage(room.directory / "vault" / vault.handovers["ads"])
    with pytest.raises(SealError, match="own 'touches' does not open"):
        table_paths(vault, "touches")


def test_a_table_of_an_earlier_handover_does_not_stand_in_for_this_one(room: Room) -> None:
    earlier = filled(room).paths["touches"][0].read_bytes()
    vault = filled(room)
    vault.paths["touches"][0].write_bytes(earlier)
    with pytest.raises(SealError):
        table_paths(vault, "touches")


def test_the_same_rows_are_never_encrypted_alike_twice(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(bytes(1000))
    written = set()
    for n in range(3):
        (tmp_path / str(n)).mkdir()
        sealed = tmp_path / str(n) / "links.sealed"
        write_sealed(plain, sealed, KEY, str(n))
        assert read_sealed(sealed, KEY).path.read_bytes() == plain.read_bytes()
        written |= {sealed.read_bytes()[:32], sealed.read_bytes()[32:]}
    assert len(written) == 6


def test_a_file_that_is_gone_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(HandoverError, match="'touches' is not in the room any more"):
        read_sealed(tmp_path / "touches.sealed", KEY)


# In memory


@needs_memory_files
def test_an_opened_file_is_in_memory_and_goes_with_its_value(scratch: Path) -> None:
    opened = blank("touches")
    path = opened.path
    path.write_bytes(b"rows")
    assert path.read_bytes() == b"rows"
    assert name_of(path) == "touches"
    assert path.readlink().name.startswith("memfd:")
    del opened
    assert not path.exists()
    assert list(scratch.iterdir()) == []


def test_where_there_are_no_files_in_memory_it_is_its_owner_s_alone_and_goes_as_well(
    room: Room, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = computed(filled(room))
    monkeypatch.delattr(os, "memfd_create", raising=False)
    vault = filled(room)
    assert [t.cells.equals(e.cells) for t, e in zip(computed(vault), expected, strict=True)]
    (path,) = table_paths(vault, "touches")
    assert name_of(path) == "touches"
    assert path.parent.parent == scratch
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    del vault
    assert list(scratch.iterdir()) == []
