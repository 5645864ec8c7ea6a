"""A table handed over in parts: each is checked and named, and all are read as one table."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cleanroom import sealing, signing
from cleanroom.errors import HandoverError, SealError
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.engine import collect
from cleanroom.room.vault import Vault, accept, open_vault, rows_of, table_paths
from cleanroom.tables import Platform
from tests.room.event_log import MATCHES, MERCHANTS, Room

TOUCHES = """
time     kind  user cid cost
02T10:00 click ann  c1  50
02T11:00 click bob  c2  50
02T12:00 read  cyd  -   -
03T12:00 click cyd  c3  20
"""
VISITS = """
time     kind     buyer cid order amount
02T10:05 visit    b1    c1  -     -
02T10:06 purchase b1    c1  o1    990
03T12:05 purchase b3    c3  o3    70
"""
DAYS = (date(2026, 3, 1), date(2026, 3, 10))
Body = dict[str, Any]


class InParts(Room):
    """A room whose ads platform hands `touches` over in parts of `size` rows."""

    size = 2

    def hand_over(self, party: Platform, frames: dict[str, pl.DataFrame], **changes: Any) -> Path:
        handover = super().hand_over(party, frames, **changes)
        return self.split(handover, frames["touches"]) if party is Platform.ADS else handover

    def split(self, handover: Path, touches: pl.DataFrame) -> Path:
        """Put the rows of `touches` into parts, under a data key of the handover's own."""
        body = json.loads((handover / "manifest.json").read_bytes())["body"]
        key, context = sealing.new_data_key(), sealing.handover_context(body)
        body["sealed_key"] = sealing.seal_key(key, self.transport_key, context)
        for name, frame in self._all(handover, touches):
            frame.write_parquet(content := BytesIO())
            self.seal(content.getvalue(), handover / f"{name}.sealed", key)
        own = sorted(handover.glob("touches-*.sealed"))
        (handover / "touches.sealed").unlink()
        for name, facts in body["tables"].items():
            if name != "touches":
                facts["sha256"] = signing.file_digest(handover / facts["file"])
        parts = [
            {"file": f.name, "rows": rows, "sha256": signing.file_digest(f)}
            for f, rows in zip(own, self._rows(touches), strict=True)
        ]
        body["tables"]["touches"] = {"parts": parts, "quarantined": {}}
        self.sign(Platform.ADS, body, handover)
        return handover

    def _all(self, handover: Path, touches: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
        others = [n for n in self.agreement.opened(Platform.ADS) if n != "touches"]
        made = [(name, self.made[name]) for name in others]
        pieces = enumerate(touches.iter_slices(self.size))
        return [*made, *((f"touches-{n:05}", piece) for n, piece in pieces)]

    def _rows(self, touches: pl.DataFrame) -> list[int]:
        return [piece.height for piece in touches.iter_slices(self.size)]

    def frames(self, party: Platform, logs: dict[str, list[Any]]) -> dict[str, pl.DataFrame]:
        found = super().frames(party, logs)
        self.made = {**getattr(self, "made", {}), **found}
        return found


@pytest.fixture
def parted(tmp_path: Path) -> InParts:
    return InParts(tmp_path)


def handed_over(room: InParts) -> Path:
    logs = {"touches": room.rows(TOUCHES), "visits": room.rows(VISITS), "merchants": MERCHANTS}
    for name, rows in MATCHES.items():
        logs[name] = [*logs.get(name, []), *rows]
    accept(
        room.directory,
        room.hand_over(Platform.STORE, room.frames(Platform.STORE, logs)),
        room.agreement,
    )
    return room.hand_over(Platform.ADS, room.frames(Platform.ADS, logs))


def path_cells(vault: Vault) -> list[Any]:
    return [table.cells for table in conversion_tables(vault, ["m"], *DAYS)]


def test_parts_are_read_as_the_one_table_they_make_up(parted: InParts, tmp_path: Path) -> None:
    by_parts = parted.vault(touches=TOUCHES, visits=VISITS)
    whole = Room(tmp_path / "whole").vault(touches=TOUCHES, visits=VISITS)
    assert len(table_paths(by_parts, "touches")) == 3
    assert len(table_paths(whole, "touches")) == 1
    for table in ("touches", "visits"):
        one, other = (collect(rows_of(vault, table), table) for vault in (by_parts, whole))
        assert one.drop("event_id").equals(other.drop("event_id"))
    pairs = zip(path_cells(by_parts), path_cells(whole), strict=True)
    assert all(one.equals(other) for one, other in pairs)


def test_on_the_room_s_disk_no_part_is_readable(parted: InParts) -> None:
    vault = parted.vault(touches=TOUCHES, visits=VISITS)
    for path in vault.paths["touches"]:
        assert b"PAR1" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def missing(handover: Path) -> None:
    (handover / "touches-00001.sealed").unlink()


def changed(handover: Path) -> None:
    content = bytearray((handover / "touches-00001.sealed").read_bytes())
    content[40] ^= 1
    (handover / "touches-00001.sealed").write_bytes(content)


def repeated(handover: Path) -> None:
    shutil.copy(handover / "touches-00000.sealed", handover / "touches-00001.sealed")


def added(handover: Path) -> None:
    shutil.copy(handover / "touches-00000.sealed", handover / "touches-00003.sealed")


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (missing, r"touches-00001\.sealed is missing from the handover"),
        (changed, r"touches-00001\.sealed was changed after the manifest was signed"),
        (repeated, r"touches-00001\.sealed was changed after the manifest was signed"),
        (added, "holds 1 sealed files that its manifest does not name"),
    ],
)
def test_a_part_at_fault_is_found_and_named_and_the_room_stays_as_it_was(
    done: Callable[[Path], None], says: str, parted: InParts
) -> None:
    handover = handed_over(parted)
    done(handover)
    before = sorted(parted.directory.rglob("*"))
    with pytest.raises(HandoverError, match=says):
        accept(parted.directory, handover, parted.agreement)
    assert sorted(parted.directory.rglob("*")) == before


def parts_of(body: Body) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = body["tables"]["touches"]["parts"]
    return parts


def twice(body: Body) -> None:
    parts_of(body)[1] = parts_of(body)[0]


def out_of_order(body: Body) -> None:
    parts_of(body).reverse()


def dropped(body: Body) -> None:
    del parts_of(body)[2]


def none_left(body: Body) -> None:
    parts_of(body).clear()


def miscounted(body: Body) -> None:
    parts_of(body)[1]["rows"] = 1


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (twice, r"'touches' is not in touches-00001\.sealed"),
        (out_of_order, r"'touches' is not in touches-00000\.sealed"),
        (dropped, "holds 1 sealed files that its manifest does not name"),
        (none_left, r"manifest\.json is wrong at body\.tables\.touches"),
        (miscounted, "Table 'touches' has 2 rows, its manifest says 1"),
    ],
)
def test_a_manifest_that_its_party_signed_wrongly_is_refused(
    done: Callable[[Body], None], says: str, parted: InParts
) -> None:
    handover = handed_over(parted)
    body = json.loads((handover / "manifest.json").read_bytes())["body"]
    done(body)
    parted.sign(Platform.ADS, body, handover)
    with pytest.raises(HandoverError, match=says):
        accept(parted.directory, handover, parted.agreement)


def test_an_event_that_stands_in_two_parts_is_refused(parted: InParts) -> None:
    rows = itertools.chain.from_iterable([parted.rows(TOUCHES)] * 2)
    with pytest.raises(HandoverError, match="'touches': 4 rows repeat an event of another part"):
        parted.vault(touches=[*rows], visits=VISITS)


def test_parts_that_changed_places_on_the_room_s_disk_do_not_open(parted: InParts) -> None:
    parted.vault(touches=TOUCHES, visits=VISITS)
    vault = open_vault(parted.directory, parted.agreement)
    first, second, _ = vault.paths["touches"]
    swapped = second.read_bytes()
    second.write_bytes(first.read_bytes())
    first.write_bytes(swapped)
    with pytest.raises(SealError, match="'touches-00000' does not open"):
        table_paths(vault, "touches")
