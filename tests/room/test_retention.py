"""What the room no longer keeps: handovers replaced or past their time, and all made from them."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cleanroom import agreement, ledger
from cleanroom.bench.answer import answer
from cleanroom.cli import room as commands
from cleanroom.errors import AgreementError, HandoverError
from cleanroom.room import retention, vault
from cleanroom.room.derived import links
from cleanroom.room.history import history, write_history
from cleanroom.room.retention import Deletion, expire
from cleanroom.room.vault import Vault, accept, open_vault, table_path
from cleanroom.study import ConversionStudy
from cleanroom.tables import Platform
from tests.room.event_log import FEW, Room

TOUCHES = """
time     kind  user cid cost
02T10:00 click ann  c1  50
"""
VISITS = """
time     kind  buyer cid
02T10:05 visit b1    c1
"""
KEPT = timedelta(days=30)
DAY = date(2026, 3, 2)
FEWEST = FEW["min_matches"]  # rows that `Room.vault` adds
ROWS: dict[str, dict[str, int]] = {
    "ads": {"touches": 1 + FEWEST, "assignments": 0, "users": FEWEST},
    "store": {"visits": 1 + FEWEST, "buyers": FEWEST, "merchants": 1},
}


@pytest.fixture
def opened(room: Room) -> Vault:
    """The vault with both handovers, the links derived from them as well."""
    opened = room.vault(touches=TOUCHES, visits=VISITS)
    links(opened)
    return opened


def over(room: Room) -> datetime:
    """The first moment at which both handovers are past their retention."""
    return max(history(room.directory, p).entries.popitem()[1].until for p in Platform)


def folders(room: Room) -> set[str]:
    """What rests in the room: handovers, and rows derived from them."""
    found = [*room.directory.glob("vault/*"), *room.directory.glob("derived/*")]
    return {entry.name for entry in found if entry.is_dir()}


def receipts(room: Room) -> list[dict[str, Any]]:
    records = ledger.records(room.directory / "ledger.jsonl")
    return [r["facts"] for r in records if r["event"] == ledger.Event.HANDOVER_DELETED]


def newer(room: Room) -> Path:
    return room.hand_over(Platform.ADS, room.frames(Platform.ADS, {"touches": room.rows(TOUCHES)}))


# Time


def test_at_the_end_of_its_retention_a_handover_is_deleted_with_what_was_derived(
    room: Room, opened: Vault
) -> None:
    assert len(folders(room)) == 3
    gone = expire(room.directory, over(room))
    assert {(each.party, each.digest, each.why.value) for each in gone} == {
        (party, digest, "retention over") for party, digest in opened.handovers.items()
    }
    assert folders(room) == set()


def test_a_deletion_leaves_a_receipt_in_the_ledger(room: Room, opened: Vault) -> None:
    expire(room.directory, over(room))
    assert receipts(room) == [
        {
            "party": party.value,
            "handover": opened.handovers[party],
            "rows": ROWS[party],
            "why": "retention over",
        }
        for party in Platform
    ]


def test_until_then_it_is_kept(room: Room, opened: Vault) -> None:
    before = folders(room)
    first = min(history(room.directory, p).entries.popitem()[1].until for p in Platform)
    assert expire(room.directory, first - timedelta(microseconds=1)) == []
    assert folders(room) == before
    again = open_vault(room.directory, room.agreement, first - timedelta(microseconds=1))
    assert again.handovers == opened.handovers
    assert receipts(room) == []


def test_what_was_deleted_is_deleted_once(room: Room, opened: Vault) -> None:
    assert len(expire(room.directory, over(room))) == 2
    assert expire(room.directory, over(room)) == []
    assert len(receipts(room)) == 2


def test_the_retention_that_was_agreed_at_acceptance_holds(room: Room) -> None:
    room.agree(retention_days=3)
    room.vault(touches=TOUCHES)
    room.agree(retention_days=300)
    assert len(expire(room.directory, datetime.now(UTC) + timedelta(days=3))) == 2


def test_past_its_retention_a_handover_is_not_opened_but_deleted(room: Room, opened: Vault) -> None:
    with pytest.raises(HandoverError, match="retention of the ads platform's handover is over"):
        open_vault(room.directory, room.agreement, over(room))
    assert folders(room) == set()
    assert len(receipts(room)) == 2


@pytest.mark.parametrize("failing", ["deletion", "all of it"])
def test_it_is_not_opened_even_if_it_cannot_be_deleted(
    room: Room, opened: Vault, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError

    if failing == "deletion":
        monkeypatch.setattr(shutil, "rmtree", fail)
    else:
        monkeypatch.setattr(vault, "expire", lambda *_: [])
    with pytest.raises(HandoverError, match=r"may not be kept any longer|is over"):
        open_vault(room.directory, room.agreement, over(room))
    assert receipts(room) == []  # what is still there was not deleted


def test_past_its_retention_it_is_not_accepted_again(room: Room) -> None:
    handover = newer(room)
    accept(room.directory, handover, room.agreement)
    expire(room.directory, over_ads(room))
    with pytest.raises(HandoverError, match=r"a replay: .* its retention is over"):
        accept(room.directory, handover, room.agreement)
    assert folders(room) == set()


def over_ads(room: Room) -> datetime:
    return history(room.directory, Platform.ADS).entries.popitem()[1].until


def test_after_it_a_newer_one_is_accepted(room: Room, opened: Vault) -> None:
    expire(room.directory, over(room))
    later = over(room) + timedelta(days=1)
    taken = accept(room.directory, newer(room), room.agreement, later)
    assert folders(room) == {taken.digest}
    assert history(room.directory, Platform.ADS).in_force == taken.digest


def test_accepting_deletes_what_is_over_first(room: Room, opened: Vault) -> None:
    taken = accept(room.directory, newer(room), room.agreement, over(room))
    assert folders(room) == {taken.digest}
    assert [facts["party"] for facts in receipts(room)] == ["ads", "store"]


def test_a_question_deletes_what_is_over_and_is_not_answered(room: Room, opened: Vault) -> None:
    room.agree(studies={"conversion": {"notebook": "conversion.ipynb"}})
    agreement.write(room.agreement, room.directory / "agreement.yaml")
    for party in Platform:
        known = history(room.directory, party)
        ((digest, entry),) = known.entries.items()
        long_ago = entry.model_copy(update={"accepted": entry.accepted - KEPT})
        write_history(room.directory, party, known.with_entry(digest, long_ago))
    study = ConversionStudy(merchant="m", start=DAY, end=DAY)
    with pytest.raises(HandoverError, match="retention"):
        answer(room.directory, [study])
    assert folders(room) == set()
    assert len(receipts(room)) == 2


# A newer one


def test_a_handover_that_a_newer_one_replaces_is_deleted_with_a_receipt(
    room: Room, opened: Vault
) -> None:
    taken = accept(room.directory, newer(room), room.agreement)
    assert folders(room) == {taken.digest, opened.handovers["store"]}
    assert receipts(room) == [
        {
            "party": "ads",
            "handover": opened.handovers["ads"],
            "rows": ROWS["ads"],
            "why": "superseded",
        }
    ]


def test_what_was_opened_before_stays_readable_and_nothing_else(room: Room, opened: Vault) -> None:
    room.vault(touches=TOUCHES, visits=VISITS)
    assert pl.read_parquet(table_path(opened, "touches")).height == 1 + FEWEST  # in memory since
    with pytest.raises(HandoverError, match="'users' is not in the room any more"):
        table_path(opened, "users")


def test_nothing_is_derived_from_a_handover_that_was_replaced(room: Room) -> None:
    older = room.vault(touches=TOUCHES, visits=VISITS)
    for table in ("touches", "visits"):
        table_path(older, table)
    accept(room.directory, newer(room), room.agreement)
    before = folders(room)
    with pytest.raises(HandoverError, match="A newer handover came in meanwhile"):
        links(older)
    assert folders(room) == before


# Interruptions


def test_a_receipt_that_a_crash_prevented_is_written_later(
    room: Room, opened: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append", crash)
        with pytest.raises(KeyboardInterrupt):
            expire(room.directory, over(room))
    assert folders(room) == set()
    assert receipts(room) == []
    assert len(expire(room.directory, over(room))) == 2
    assert len(receipts(room)) == 2


def test_what_killed_runs_left_is_deleted_and_nothing_else(room: Room, opened: Vault) -> None:
    before = folders(room)
    for parent in ("vault", "derived"):
        for name in ("partial-1", "0" * 64):
            shutil.copytree(
                room.directory / "vault" / opened.handovers["ads"],
                room.directory / parent / name,
            )
    assert expire(room.directory) == []
    assert folders(room) == before


def test_deleting_needs_a_room(tmp_path: Path) -> None:
    with pytest.raises(AgreementError, match="no room"):
        expire(tmp_path)


def test_the_command_says_what_it_deleted(
    room: Room, opened: Vault, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.room_expire(room.directory)
    assert capsys.readouterr().out == "Nothing to delete.\n"
    gone = Deletion(Platform.ADS, "0" * 64, {"touches": 1200}, retention.Why.RETENTION)
    monkeypatch.setattr(retention, "expire", lambda _: [gone])
    commands.room_expire(room.directory)
    assert capsys.readouterr().out == "ads deleted (retention over): 1,200 touches\n"


def test_a_history_holds_no_more_than_is_needed(room: Room, opened: Vault) -> None:
    known = json.loads((room.directory / "vault" / "store.json").read_bytes())
    ((digest, entry),) = known["entries"].items()
    assert known["in_force"] == digest == opened.handovers["store"]
    assert set(entry) == {"created", "accepted", "retention_days", "rows", "deleted"}
