"""The ledger: only ever longer, safe against a crash at any byte, and checkable by anybody."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanroom import signing
from cleanroom.errors import ExitCode, LedgerError
from cleanroom.ledger import GENESIS, Entry, Event, append, append_all_if, head, records

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger of three records."""
    path = tmp_path / "room" / "ledger.jsonl"
    append(path, Event.HANDOVER_ACCEPTED, {"party": "ads", "rows": {"touches": 4}})
    append(path, Event.CANDIDATE_MADE, {"candidate": "ab" * 32})
    append(path, Event.RELEASED, {"candidate": "ab" * 32, "title": "上海"})
    return path


def rewritten(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def complaint(path: Path) -> str:
    with pytest.raises(LedgerError) as caught:
        list(records(path))
    assert caught.value.exit_code is ExitCode.LEDGER
    return caught.value.problem


def test_a_ledger_that_does_not_exist_holds_nothing(tmp_path: Path) -> None:
    assert list(records(tmp_path / "none")) == []


def test_records_are_read_back_in_order_with_who_came_before(ledger: Path) -> None:
    found = list(records(ledger))
    assert [record["event"] for record in found] == [
        "handover_accepted",
        "candidate_made",
        "released",
    ]
    assert found[0]["facts"] == {"party": "ads", "rows": {"touches": 4}}
    assert found[2]["facts"]["title"] == "上海"
    previous = [record["previous"] for record in found]
    assert previous == [GENESIS, found[0]["hash"], found[1]["hash"]]


def test_append_returns_the_hash_of_the_new_record(ledger: Path) -> None:
    new = append(ledger, Event.VOTE_CAST, {})
    assert list(records(ledger))[-1]["hash"] == new


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda lines: [lines[0], lines[1].replace(b"abab", b"abac", 1), lines[2]],
            "Ledger record 2 was changed after it was written.",
        ),
        (lambda lines: [lines[0], lines[2]], "Ledger record 2 does not follow"),
        (lambda lines: lines[1:], "Ledger record 1 does not follow"),
        (lambda lines: [lines[1], lines[0], lines[2]], "Ledger record 1 does not follow"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "Ledger record 2 does not follow"),
        (lambda lines: [lines[0], b"{}\n", *lines[1:]], "Ledger record 2 is not a record."),
        (lambda lines: [lines[0], b"[]\n", *lines[1:]], "Ledger record 2 is not readable."),
        (lambda lines: [lines[0], b"\n", *lines[1:]], "Ledger record 2 is not readable."),
        (lambda lines: [b"\xff" + lines[0], *lines[1:]], "Ledger record 1 is not readable."),
        (
            lambda lines: [lines[0].replace(b"4", b"NaN", 1), *lines[1:]],
            "Ledger record 1 is not readable.",
        ),
        (
            lambda lines: [lines[0].replace(b'{"event"', b'{"event":"x","event"'), *lines[1:]],
            "Ledger record 1 is not readable.",
        ),
        (
            lambda lines: [lines[0].replace(b'":', b'": ', 1), *lines[1:]],
            "Ledger record 1 is not readable.",
        ),
    ],
)
def test_what_was_tampered_with_is_found_and_numbered(
    change: Callable[[list[bytes]], list[bytes]], words: str, ledger: Path
) -> None:
    rewritten(ledger, change)
    assert complaint(ledger).startswith(words)


def test_a_record_forged_with_a_hash_of_its_own_breaks_the_next(ledger: Path) -> None:
    def forge(lines: list[bytes]) -> list[bytes]:
        record = json.loads(lines[1])
        body = {k: v for k, v in record.items() if k != "hash"} | {"facts": {"forged": True}}
        forged = signing.canonical({**body, "hash": signing.digest(body)}) + b"\n"
        return [lines[0], forged, lines[2]]

    rewritten(ledger, forge)
    assert complaint(ledger).startswith("Ledger record 3 does not follow")


def test_a_crash_at_any_byte_loses_only_the_record_that_was_being_written(ledger: Path) -> None:
    whole = ledger.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for cut in range(start, len(whole)):
        ledger.write_bytes(whole[:cut])
        assert len(list(records(ledger))) == 2
        append(ledger, Event.VOTE_CAST, {"after": "the crash"})
        assert [r["event"] for r in records(ledger)][1:] == ["candidate_made", "vote_cast"]


def test_nothing_is_appended_to_a_damaged_last_record(ledger: Path) -> None:
    rewritten(ledger, lambda lines: [*lines, b"not a record\n"])
    before = ledger.read_bytes()
    with pytest.raises(LedgerError, match="record at the end is not readable"):
        append(ledger, Event.VOTE_CAST, {})
    assert ledger.read_bytes() == before


@pytest.mark.parametrize("facts", [{"x": float("nan")}, {"x": object()}, {"x": {10: 1, 9: 2}}])
def test_facts_that_json_cannot_carry_are_refused_and_leave_no_trace(
    facts: dict[str, Any], ledger: Path
) -> None:
    before = ledger.read_bytes()
    with pytest.raises((ValueError, TypeError)):
        append(ledger, Event.VOTE_CAST, facts)
    assert ledger.read_bytes() == before


class PowerCutError(Exception):
    """The machine stops here."""


CALLS = ("open", "ftruncate", "write", "fsync", "close")


def cut_before(
    call: int, monkeypatch: pytest.MonkeyPatch, byte: int | None = None
) -> Callable[[], int]:
    """Have the power fail before a system call of the ledger; tells how many there were.

    `byte`: of a write, so many bytes still reach the disk.
    """
    made = 0

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def called(*values: Any, **more: Any) -> Any:
            nonlocal made
            made += 1
            if made > call:
                if name == "write" and byte is not None and made == call + 1:
                    real(values[0], values[1][:byte])
                if name == "close":  # a machine without power holds no lock
                    real(*values)
                raise PowerCutError
            return real(*values, **more)

        return called

    for name in CALLS:
        monkeypatch.setattr(f"cleanroom.ledger.os.{name}", counting(name, getattr(os, name)))
    return lambda: made


def append_until_the_power_fails(path: Path, call: int, byte: int | None = None) -> int | None:
    """Append two records at once; how many calls that took, or None if the power failed."""
    with pytest.MonkeyPatch.context() as patch:
        calls = cut_before(call, patch, byte)
        try:
            append_all_if(path, lambda _: [(Event.VOTE_CAST, {"n": n}) for n in (1, 2)])
        except PowerCutError:
            return None
        return calls()


@pytest.mark.parametrize("is_new", [True, False])
def test_a_power_cut_between_any_two_calls_leaves_a_ledger_that_goes_on(
    is_new: bool, ledger: Path
) -> None:
    before = b"" if is_new else ledger.read_bytes() + b'{"cut'  # an earlier crash is there, too
    known = 0 if is_new else 3
    for call in range(20):
        ledger.write_bytes(before)
        took = append_until_the_power_fails(ledger, call)
        found = [*records(ledger)]
        assert len(found) in ((known + 2,) if took is not None else (known, known + 2))
        append(ledger, Event.VOTE_CAST, {"after": "the cut"})
        assert len([*records(ledger)]) == len(found) + 1
        if took is not None:
            assert took >= 5
            return
    pytest.fail("the append never came to its end")


def test_a_write_that_the_power_cuts_at_any_byte_keeps_whole_records_only(ledger: Path) -> None:
    before = ledger.read_bytes()
    append_all_if(ledger, lambda _: [(Event.VOTE_CAST, {"n": n}) for n in (1, 2)])
    length = len(ledger.read_bytes()) - len(before)
    kept = set()
    for byte in range(length + 1):
        ledger.write_bytes(before)
        assert append_until_the_power_fails(ledger, 2, byte) is None
        kept.add(len([*records(ledger)]) - 3)
        append(ledger, Event.VOTE_CAST, {"after": "the cut"})
        assert [r["facts"] for r in records(ledger)][-1] == {"after": "the cut"}
    assert kept == {0, 1, 2}


def test_what_was_told_as_written_survives_the_loss_of_all_that_was_not_synced(
    ledger: Path,
) -> None:
    synced: dict[str, bytes] = {}

    def fsync(descriptor: int, real: Callable[[int], None] = os.fsync) -> None:
        real(descriptor)
        synced["content"] = ledger.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cleanroom.ledger.os.fsync", fsync)
        told = append(ledger, Event.VOTE_CAST, {"kept": True})
    ledger.write_bytes(synced["content"])
    assert head(ledger) == told


def test_many_records_are_added_in_one_go_or_none(ledger: Path) -> None:
    def decide(known: Iterator[dict[str, Any]]) -> list[Entry]:
        assert len([*known]) == 3
        return [(Event.VOTE_CAST, {"n": n}) for n in range(5)]

    hashes = append_all_if(ledger, decide)
    assert [r["hash"] for r in records(ledger)][3:] == hashes
    with pytest.raises(ValueError, match="JSON"):
        append_all_if(ledger, lambda _: [(Event.VOTE_CAST, {}), (Event.VOTE_CAST, {"x": nan})])
    assert append_all_if(ledger, lambda _: []) == []
    assert head(ledger) == hashes[-1]


def test_where_a_moved_record_belongs_is_said(ledger: Path) -> None:
    rewritten(ledger, lambda lines: [lines[0], lines[2], lines[1]])
    assert "it was written after record 3 (moved" in complaint(ledger)
    rewritten(ledger, lambda lines: [lines[1]])
    assert "not here (removed" in complaint(ledger)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.dictionaries(st.text(max_size=5), JSON_VALUES), max_size=4))
def test_whatever_is_appended_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, facts: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    for fact in facts:
        append(path, Event.RELEASED, fact)
    assert [record["facts"] for record in records(path)] == facts


def _append_many(path: Path, writer: int) -> None:
    for number in range(20):
        append(path, Event.VOTE_CAST, {"writer": writer, "number": number})


@pytest.mark.slow
def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    spawning = multiprocessing.get_context("spawn")
    writers = [spawning.Process(target=_append_many, args=(path, n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = [(r["facts"]["writer"], r["facts"]["number"]) for r in records(path)]
    assert sorted(found) == [(writer, number) for writer in range(3) for number in range(20)]
