"""One run over a large log, in a process of its own: ENGINE FOLDER EVENTS PHASES.

FOLDER holds what `set_up` wrote. Prints one JSON object: by phase the wall and the processor
seconds, those of the processes that the engine starts included, and a digest of all cells.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from benchmarks.event_logs import DAYS, START, EventLog, studied
from benchmarks.rooms import CONFIGS, agree
from cleanroom import agreement as agreements
from cleanroom.agreement import Agreement
from cleanroom.borders import Table
from cleanroom.keyring import Secret
from cleanroom.party.handover import write_handover
from cleanroom.party.keys import load_keys
from cleanroom.room import engine
from cleanroom.room.admission import admit
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.derived import attributed
from cleanroom.room.engine import Engine
from cleanroom.room.lift import lift_tables
from cleanroom.room.opened import Opened, write_sealed
from cleanroom.room.vault import Vault, accept, open_vault, room_keys
from cleanroom.study import LiftStudy
from cleanroom.tables import Platform

TABLES = {
    Platform.ADS: ("touches", "assignments", "users"),
    Platform.STORE: ("visits", "buyers"),
}
_SHARED = {"email", "phone"}  # are not opened: the join is by click ids alone
Phases = dict[str, Callable[[], Any]]


def set_up(folder: Path, log: EventLog) -> None:
    """An agreement on five tables, keys, and each platform's log in a folder named after it."""
    terms = agreements.to_record(agreements.load(CONFIGS / "red-cat-plan.yaml"))
    names = [name for own in TABLES.values() for name in own]
    terms["opens"] = {
        table: {c: role for c, role in terms["opens"][table].items() if c not in _SHARED}
        for table in names
    }
    terms["join"] |= {"shared_identifier": None}
    agree(folder, agreements.parse(terms, "the benchmark's agreement"))
    for platform in Platform:
        log.write(folder / f"log-{platform}", platform)


def seal(folder: Path) -> None:
    """Encrypt each part beside itself, as the room has it: Spark's processes open no others."""
    agreed = agreements.load(folder / "room" / "agreement.yaml")
    key = room_keys(folder / "room", agreed.collaboration).secrets[Secret.STORAGE]
    for file in folder.glob("log-*/*/*.parquet"):
        write_sealed(file, _sealed(file), key, file.parent.name)


def _sealed(file: Path) -> Path:
    return file.with_suffix(".sealed")


def _from_files(folder: Path) -> Phases:
    """The room's part, its tables in Parquet files that are open already: any size that fits."""
    agreed = agreements.load(folder / "room" / "agreement.yaml")
    paths = {
        table: sorted((folder / f"log-{platform}" / table).glob("*.parquet"))
        for platform, tables in TABLES.items()
        for table in tables
    }
    room, keys = folder / "room", room_keys(folder / "room", agreed.collaboration)
    sealed = {table: [_sealed(file) for file in files] for table, files in paths.items()}
    opened = {_sealed(file): Opened(file) for files in paths.values() for file in files}
    vault = Vault(room, agreed, sealed, {p.value: p.value for p in Platform}, keys, opened)

    def number() -> None:
        for platform, tables in TABLES.items():
            admit(room, keys, agreed, platform, {table: paths[table] for table in tables})

    return {"number": number, **_studies(lambda: vault)}


def _from_exports(folder: Path) -> Phases:
    """All parties' parts, from the raw exports on: the room's tables lie in memory."""
    agreed = agreements.load(folder / "room" / "agreement.yaml")
    held: list[Vault] = []

    def opened() -> Vault:
        if not held:
            held.append(open_vault(folder / "room", agreed))
        return held[0]

    return {
        **{f"hand over {p}": lambda p=p: _hand_over(folder, agreed, p) for p in Platform},  # type: ignore[misc]
        **{
            f"accept {p}": lambda p=p: accept(folder / "room", folder / f"handover-{p}", agreed)  # type: ignore[misc]
            for p in Platform
        },
        **_studies(opened),
    }


def _hand_over(folder: Path, agreed: Agreement, platform: Platform) -> None:
    keys = load_keys(folder / platform, agreed, platform)
    write_handover(folder / f"log-{platform}", keys, agreed, folder / f"handover-{platform}")


def _studies(vault: Callable[[], Vault]) -> Phases:
    """Match, link and journeys; a week's funnel and the holdouts of twenty merchants."""
    half, merchants = START + timedelta(days=DAYS // 2), studied()
    lifts = [
        LiftStudy(merchant=m, start=half, end=START + timedelta(days=DAYS), study="holdout")
        for m in merchants
    ]
    return {
        "link": lambda: attributed(vault()),
        "conversion": lambda: conversion_tables(
            vault(), merchants, half - timedelta(days=7), half - timedelta(days=1)
        ),
        "lift": lambda: lift_tables(vault(), lifts),
    }


def _processor_seconds() -> float:
    own = psutil.Process()
    times = [own.cpu_times(), *(child.cpu_times() for child in own.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def _run(phases: Phases) -> dict[str, Any]:
    seconds, cells = {}, hashlib.sha256()
    for name, work in phases.items():
        wall, cpu = time.perf_counter(), _processor_seconds()
        found = work()
        seconds[name] = time.perf_counter() - wall, _processor_seconds() - cpu
        for table in found if isinstance(found, list) else ():
            cells.update(_content(table))
    return {"seconds": seconds, "cells": cells.hexdigest()}


def _content(table: Table) -> bytes:
    return table.cells.write_json().encode()


def main() -> None:
    """Run every phase on the engine named, and print what they took."""
    name, kind, folder = sys.argv[1:]
    engine.use(Engine(name))
    phases = (_from_exports if kind == "exports" else _from_files)(Path(folder))
    if engine.BACKEND is Engine.SPARK:
        from cleanroom.room import spark

        phases = {"start": spark.session, **phases}
    print(json.dumps(_run(phases)))


if __name__ == "__main__":
    main()
