"""The blinded join as it is run: three processes that share a mailbox, each killed and resumed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cleanroom.agreement import write
from cleanroom.errors import ExitCode
from cleanroom.message import Step
from cleanroom.party.match_state import folder_of
from cleanroom.stepwise import alone
from cleanroom.tables import Platform
from tests.blinding import ACTORS, ADS, ROOM, STORE, Scene, scene

CLICKED = [f"CANARY-{n}" for n in range(400)]
VISITED = [f"CANARY-{n}" for n in range(327, 500)]
COMMON = {(cid, cid) for cid in {*CLICKED} & {*VISITED}}
PATIENCE = 120  # seconds until a test gives up; no measure of anything

pytestmark = pytest.mark.slow


@pytest.fixture
def match(tmp_path: Path) -> Scene:
    made = scene(tmp_path, CLICKED, VISITED, pad_to=500)
    write(made.agreement, made.home / "agreement.yaml")
    write(made.agreement, made.room / "agreement.yaml")
    return made


def command(match: Scene, name: str, *more: str) -> list[str]:
    """What the operator of a party types."""
    typed = [sys.executable, "-m", "cleanroom"]
    if name == ROOM:
        return [*typed, "room", "match", str(match.room), "--mailbox", match.url, *more]
    own = match.home / name
    places = {
        "--agreement": match.home / "agreement.yaml",
        "--keys": own / "keys",
        "--export": own / "export",
        "--handover": own / "handover",
        "--mailbox": match.url,
        "--state": own / "state",
    }
    options = [str(word) for pair in places.items() for word in pair]
    return [*typed, "party", "match", name, *options, *more]


def started(match: Scene, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(match, name, "--timeout", str(PATIENCE)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def whole(told: dict[str, str]) -> str:
    """All that the processes told, in lines that pytest does not shorten."""
    return "\n".join(f"--- {name} told:\n{text}" for name, text in told.items())


def there(file: Path) -> None:
    """Wait for another process to write a file."""
    until = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < until, file.name
        time.sleep(0.01)


def first_message(match: Scene, step: Step, sender: str, reader: str) -> Path:
    return match.home / "mailbox" / match.stream(step, sender, reader).name(0)


def test_three_processes_find_what_a_plain_join_finds(match: Scene) -> None:
    processes = [started(match, name) for name in ACTORS]
    told = {name: p.communicate()[0] for name, p in zip(ACTORS, processes, strict=True)}
    assert [process.returncode for process in processes] == [0, 0, 0], whole(told)
    assert match.links() == COMMON
    assert "500 click ids to blind, 500 to double: about" in told[ADS]
    assert "500 click ids to blind, 500 to double: about" in told[STORE]
    for text in told.values():
        assert "100%" in text
        assert "the match is finished" in text
        assert "CANARY" not in text
        assert not re.search(rf"\b{len(COMMON)}\b", text)  # how many match is a result


def test_each_process_killed_and_started_again_finds_the_same(match: Scene) -> None:
    room = started(match, ROOM)
    there(match.home / "mailbox" / "match.json")
    ads = started(match, ADS)
    there(first_message(match, Step.BLINDED, ADS, STORE))
    ads.kill()  # SIGKILL: nothing is tidied up
    store = started(match, STORE)
    there(first_message(match, Step.DOUBLED, STORE, ROOM))
    store.kill()
    room.kill()
    for process in (room, ads, store):
        process.communicate()
        assert process.returncode < 0
    processes = [started(match, name) for name in ACTORS]
    told = {name: p.communicate()[0] for name, p in zip(ACTORS, processes, strict=True)}
    assert [process.returncode for process in processes] == [0, 0, 0], whole(told)
    assert match.links() == COMMON


@pytest.mark.parametrize("name", ACTORS)
def test_a_party_takes_part_with_one_process_only(name: str, match: Scene) -> None:
    # Two would make a secret each, and send half of their points under either.
    held = match.room / "matches"
    if name != ROOM:
        held = folder_of(match.home / name / "state", match.keys(Platform(name)))
    with alone(held):
        done = finished(match, name)
    assert done.returncode == ExitCode.JOIN
    assert "Another process" in done.stderr
    assert not (match.home / "mailbox").exists()


def finished(match: Scene, name: str) -> subprocess.CompletedProcess[str]:
    """A party's process that does not wait for the others."""
    return subprocess.run(
        command(match, name, "--timeout", "0"),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )


@pytest.mark.parametrize("name", ACTORS)
def test_a_party_that_is_alone_ends_with_the_join_s_exit_code(name: str, match: Scene) -> None:
    done = finished(match, name)
    assert done.returncode == ExitCode.JOIN
    assert "Nothing came within 0 seconds: waiting for" in done.stderr
