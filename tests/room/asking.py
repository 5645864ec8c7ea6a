"""A room with enough people to ask of, asked one question after the other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from cleanroom.agreement import write
from cleanroom.bench.answer import answer
from cleanroom.borders import Candidate
from cleanroom.gate.candidate import read_candidate
from cleanroom.keyring import Keyring, create_keyring, open_keyring
from cleanroom.study import ConversionStudy, LiftStudy
from cleanroom.tables import KeyRole, Platform
from tests.room.event_log import Room
from tests.room.noisy import PERMITTED
from tests.templates import REVIEWER

FEW = 5
POLICY = {
    "min_people": FEW,
    "min_converters": 2,
    "min_matches": 2,
    "max_joins": 1_000,
    "max_share_of_two": 1.0,
    "p_percent": 0,
}
LIFT = LiftStudy(merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 20), study="s")


def agree(room: Room, **changes: Any) -> None:
    """Agree on as few people as these logs have; a reviewer of each platform has keys."""
    parties = room.terms()["parties"]
    for platform in Platform:
        folder = room.home / f"{platform}-reviewer"
        if not folder.exists():
            about = {"collaboration": "test", "platform": platform.value, "name": REVIEWER}
            create_keyring(folder, KeyRole.REVIEWER, about, room.home / "reviewers.unlock")
        reviewer = open_keyring(folder)
        room.reviewers[platform] = reviewer.identity
        parties[platform.value]["reviewers"] = {REVIEWER: reviewer.public["identity_key"]}
    room.agree(**{"policy": POLICY, "studies": PERMITTED, "parties": parties, **changes})
    write(room.agreement, room.directory / "agreement.yaml")


def hand_over(
    room: Room,
    readers: Iterable[str] = (),
    spent: dict[int, int] | None = None,
    later: int = 0,
) -> None:
    """Both platforms hand over 80 people who clicked on the 2nd, of whom 40 came and 20 bought.

    `readers` only read a note on the 2nd. `spent`: other amounts of buyers. `later`: people who
    clicked on the 3rd.
    """
    amounts = {i: 900 + i for i in range(0, 80, 4)} | (spent or {})
    touches = [f"02T10:00 click u{i} c{i}" for i in range(80)]
    touches += [f"02T11:00 read {reader} -" for reader in (*[f"r{i}" for i in range(20)], *readers)]
    touches += [f"03T10:00 click v{i} d{i}" for i in range(later)]
    visits = [f"02T10:05 visit b{i} c{i} - -" for i in range(0, 80, 2)]
    visits += [f"11T11:05 purchase b{i} - o{i} {amount}" for i, amount in amounts.items()]
    arms = [f"u{i} s {('treated', 'holdout')[i // 4 % 2]} 10T00:00" for i in range(80)]
    room.vault(
        touches="\n".join(["time kind user cid", *touches]),
        visits="\n".join(["time kind buyer cid order amount", *visits]),
        assignments="\n".join(["user study arm time", *arms]),
    )


def asked(room: Room, end: int = 2, **settings: Any) -> Candidate:
    """The answer of the conversion study of 1 to `end` March, or of another study."""
    study = settings.get("study") or ConversionStudy(
        merchant="m", start=date(2026, 3, 1), end=date(2026, 3, end)
    )
    (file,) = answer(room.directory, [study])
    return read_candidate(file, room.public_key)


def cell(candidate: Candidate, table: str, *key: str) -> tuple[float | None, str | None]:
    """The value of a cell, and what withheld it."""
    shown = candidate.tables[table]
    names = (*shown.dimensions, "measure")
    for row in shown.cells.iter_rows(named=True):
        if tuple(row[name] for name in names) == key:
            return row["value"], row["withheld"]
    raise KeyError(key)


def refused(candidate: Candidate) -> set[tuple[str, ...]]:
    """The cells that differ by too few people."""
    found = set()
    for name, table in candidate.tables.items():
        for row in table.cells.iter_rows(named=True):
            if row["withheld"] == "differencing":
                found.add((name, *(row[d] for d in table.dimensions), row["measure"]))
    return found


def ring(room: Room) -> Keyring:
    return open_keyring(room.directory)


def files(room: Room) -> list[Path]:
    """The files of what was shown."""
    return sorted((room.directory / "shown").glob("*.people"))
