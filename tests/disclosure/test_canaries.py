"""Marked identifiers in every kind of bad input: none is in what anybody could read afterwards.

Each input is wrong in its own way and holds a mark that no other text holds. Searched are messages,
logs, and every file that a step left, but for the input itself.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cleanroom import cli, ledger, signing
from cleanroom.agreement import load, write
from cleanroom.bench.execute import execute
from cleanroom.desk.queue import queue
from cleanroom.errors import CleanroomError
from cleanroom.gate.candidate import read_candidate
from cleanroom.gate.release import read_release
from cleanroom.ledger import Event
from cleanroom.room.place import ledger_of
from cleanroom.study import ConversionStudy
from tests.room.event_log import Room
from tests.room.noisy import PERMITTED

MARK = "canary-4711-person"
DAYS = {"start": "2026-03-01", "end": "2026-03-09"}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_room(tmp_path: Path) -> Room:
    """A room that answers."""
    room = Room(tmp_path)
    room.agree(studies=PERMITTED)
    write(room.agreement, room.directory / "agreement.yaml")
    room.vault()
    return room


def typed(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    """A command, as it is typed; it has to fail."""
    monkeypatch.setattr(sys, "argv", ["cleanroom", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code not in (0, None)


def asked(**parameters: object) -> Callable[[pytest.MonkeyPatch, Room], None]:
    """A question with bad parameters, as a notebook would ask it."""

    def ask(monkeypatch: pytest.MonkeyPatch, room: Room) -> None:
        words = json.dumps({"merchant": "m", **DAYS, **parameters})
        kind = "lift" if "study" in parameters else "conversion"
        typed(
            monkeypatch,
            *("room", "answer", room.directory, "--kind", kind, "--parameters", words),
        )

    return ask


def laid(name: str, text: str, *command: object) -> Callable[[pytest.MonkeyPatch, Room], None]:
    """A bad file beside the room, and the command that reads it; `{}` is its path."""

    def read(monkeypatch: pytest.MonkeyPatch, room: Room) -> None:
        file = room.home / f"input-{name}"
        file.write_text(text)
        places = {"{}": file, "ROOM": room.directory}
        typed(monkeypatch, *(places.get(str(word), word) for word in command))

    return read


def a_bad_vote(monkeypatch: pytest.MonkeyPatch, room: Room) -> None:
    """A record in the ledger that is no vote; the ledger itself holds what was written into it."""
    path = room.home / "input-ledger.jsonl"
    ledger.append(path, Event.VOTE_SIGNED, {"body": {"reviewer": MARK}, "signature": MARK})
    typed(monkeypatch, "verify", path)


def a_bad_handover(monkeypatch: pytest.MonkeyPatch, room: Room) -> None:
    """A handover whose manifest names a person where a table's name stands."""
    manifest = {"body": {"format": "cleanroom-handover-2", "tables": {MARK: {}}}, "signature": MARK}
    folder = room.home / "input-handover"
    folder.mkdir()
    signing.write_canonical(folder / "manifest.json", manifest)
    typed(monkeypatch, "room", "accept", room.directory, folder)


BAD: dict[str, Callable[[pytest.MonkeyPatch, Room], None]] = {
    "a merchant that is none": asked(merchant=MARK),
    "a day that is none": asked(start=MARK),
    "a population that is none": asked(study="s", population=MARK),
    "an amount that is text": asked(study="s", max_amount=MARK),
    "an assignment that looks like a token": asked(study=f"{MARK}-{'ab' * 32}"),
    "parameters that are no JSON": lambda monkeypatch, room: typed(
        monkeypatch,
        *("room", "answer", room.directory, "--kind", "lift", "--parameters", f"{{'{MARK}'"),
    ),
    "settings": laid(
        "run.yaml", f"workers: {MARK}\nstudies: {{}}", "run", "ROOM", "--settings", "{}"
    ),
    "settings that are no YAML": laid(
        "run.yaml", f"workers: [{MARK}", "run", "ROOM", "--settings", "{}"
    ),
    "templates": laid(
        "templates.yaml",
        f"templates: {{a: {{kind: {MARK}, parameters: {{}}}}}}",
        *("template", "propose", "ROOM", "{}", "--author", "somebody"),
    ),
    "an agreement": laid(
        "agreement.yaml", f"collaboration: {MARK}_\nversion: '{MARK}'", "agreement", "check", "{}"
    ),
    "public keys": laid(
        "public.json",
        f'{{"role": "{MARK}", "identity_key": "{MARK}"}}',
        *("agreement", "complete", ROOT / "configs" / "red-cat-plan.yaml", "--public", "{}"),
        *("--out", "unwritten.yaml"),
    ),
    "a ledger": laid("ledger.jsonl", f'{{"event": "{MARK}"}}\n', "verify", "{}"),
    "a vote": a_bad_vote,
    "a handover": a_bad_handover,
}


@pytest.mark.parametrize("kind", BAD)
def test_a_marked_identifier_in_a_bad_input_is_found_nowhere_afterwards(
    kind: str,
    open_room: Room,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    BAD[kind](monkeypatch, open_room)
    said = capsys.readouterr()
    assert said.err.startswith("Error: ")
    assert MARK not in said.out + said.err + caplog.text
    assert found_in(tmp_path) == []


def found_in(folder: Path) -> list[str]:
    """The files that hold the mark, but for what was put in."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    left = [f for f in files if not any(part.startswith("input-") for part in f.parts)]
    assert left
    return [file.name for file in left if MARK.encode() in file.read_bytes()]


@pytest.mark.parametrize("read", [read_candidate, read_release])
def test_a_file_that_is_no_candidate_or_release_is_not_quoted(
    read: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "input.json"
    agreement = load(ROOT / "configs" / "red-cat-plan.yaml")
    for content in (
        {"record": {"manifest": MARK}, "signature": MARK},
        {"record": {}, "signature": "00", "votes": [MARK], "receipt": {"body": MARK}},
        {MARK: MARK},
    ):
        file.write_bytes(signing.canonical(content))
        with pytest.raises(CleanroomError) as refused:
            read(file, agreement if read is read_release else "00" * 32)
        assert MARK not in str(refused.value)


@pytest.mark.slow
def test_a_notebook_that_fails_on_a_person_leaves_nothing_of_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    parameters = "room = ''\nmerchant = ''\nstart = ''\nend = ''"
    cells = [
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(f"import logging; logging.error('{MARK}'); print('{MARK}')"),
        nbformat.v4.new_code_cell(f"{{}}['{MARK}']"),
    ]
    book = nbformat.v4.new_notebook(cells=cells)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.metadata["kernelspec"] = kernel
    nbformat.write(book, tmp_path / "input-study.ipynb")
    study = ConversionStudy.model_validate_json(json.dumps({"merchant": "m", **DAYS}))
    evidence = tmp_path / "evidence" / "study.ipynb"
    with pytest.raises(CleanroomError) as failed:
        execute(tmp_path / "input-study.ipynb", study, tmp_path, evidence)
    assert MARK not in str(failed.value) + caplog.text
    (tmp_path / "something").touch()
    assert found_in(tmp_path) == []


def test_what_is_refused_leaves_the_ledger_and_the_queue_as_they_were(
    open_room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ledger_of(open_room.directory).read_bytes()
    asked(merchant=MARK)(monkeypatch, open_room)
    after = ledger_of(open_room.directory).read_bytes()
    assert [json.loads(line)["event"] for line in after[len(before) :].splitlines()] in (
        [],
        ["agreement_adopted"],
    )
    assert queue(open_room.directory) == []
