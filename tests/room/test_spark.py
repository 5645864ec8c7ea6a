"""Spark: every table is the one that Polars gives, to the last minor unit, on lopsided logs too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from cleanroom.borders import Table
from cleanroom.errors import HandoverError
from cleanroom.policy import Policy
from cleanroom.room import engine, spark
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.engine import Engine
from cleanroom.room.vault import Vault
from cleanroom.simulation import simulate
from tests.room.event_log import ZONE, Room, Row
from tests.room.test_engines import BOUNDED, SETTINGS, filled, tables

HAS_JAVA = bool(os.environ.get("JAVA_HOME") or shutil.which("java"))
# In CI, which sets CLEANROOM_JAVA=required, they fail without Java and are never skipped.
needs_java = pytest.mark.skipif(
    not HAS_JAVA and os.environ.get("CLEANROOM_JAVA") != "required",
    reason="needs Java 17 or newer: apt-get install default-jre-headless",
)
FEW = replace(SETTINGS, people=800)


@pytest.fixture
def on_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BACKEND", Engine.SPARK)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return filled(Room(tmp_path_factory.mktemp("simulated")), simulate(FEW))


def same(by_polars: list[Table], by_spark: list[Table]) -> None:
    assert [table.name for table in by_polars] == [table.name for table in by_spark]
    for one, other in zip(by_polars, by_spark, strict=True):
        assert one.cells.height > 0
        assert one.cells.equals(other.cells), one.name


@needs_java
@pytest.mark.slow
def test_spark_gives_the_same_tables_as_polars(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_polars = tables(vault, BOUNDED)
    monkeypatch.setattr(engine, "BACKEND", Engine.SPARK)
    same(by_polars, tables(vault, BOUNDED))


def lopsided(rng: np.random.Generator) -> tuple[list[Row], list[Row]]:
    """Half the events are one merchant's, and many of those one person's; some are the same moment,
    some without a person, a CID, a cost or in the wrong order."""
    start = datetime(2026, 3, 1, tzinfo=ZONE)

    def moment() -> datetime:
        return start + timedelta(minutes=15 * int(rng.integers(0, 96 * 12)))

    def one_of(*words: str | None) -> str | None:
        return words[int(rng.integers(len(words)))]

    touches, visits = [], []
    for number in range(1500):
        merchant = one_of("m", "m", "n", "o") or ""
        person = "busy" if rng.random() < 0.3 else one_of(*(f"u{n}" for n in range(40)), None)
        kind = one_of("click", "click", "read", "impression", "like")
        cid = f"c{rng.integers(400)}" if kind == "click" and rng.random() < 0.9 else None
        cost = int(rng.integers(-5, 900)) if rng.random() < 0.7 else None
        what = {"kind": kind, "user": person, "merchant": merchant, "cid": cid, "cost": cost}
        touches.append({"event_id": f"t{number}", "time": moment(), **what})
    for number in range(1500):
        kind = one_of("visit", "search", "cart", "purchase", "purchase", "refund")
        order = f"o{rng.integers(300)}" if kind in ("purchase", "refund") else None
        person = "busy" if rng.random() < 0.2 else one_of(*(f"b{n}" for n in range(40)), None)
        visits.append(
            {
                "event_id": f"v{number}",
                "time": moment(),
                "kind": kind,
                "buyer": person,
                "merchant": one_of("m", "m", "n", "o"),
                "order": order,
                "amount": int(rng.integers(1, 10**9)) if order else None,
                "cid": f"c{rng.integers(400)}" if rng.random() < 0.5 else None,
            }
        )
    return touches, visits


@needs_java
@pytest.mark.slow
def test_lopsided_and_dirty_logs_give_the_same_tables(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    touches, visits = lopsided(np.random.default_rng(1))
    vault = room.vault(touches=touches, visits=visits)
    asked = (["m", "n", "o"], date(2026, 3, 2), date(2026, 3, 9))
    found = []
    for name in (Engine.POLARS, Engine.DUCKDB, Engine.SPARK):
        monkeypatch.setattr(engine, "BACKEND", name)
        shutil.rmtree(vault.room / "derived", ignore_errors=True)
        found.append(conversion_tables(vault, *asked, Policy(max_events_per_person=3)))
    same(found[0], found[1])
    same(found[0], found[2])


@needs_java
@pytest.mark.usefixtures("on_spark")
def test_what_spark_lays_down_is_encrypted_and_no_page_shows_queries() -> None:
    context = spark.session().sparkContext
    assert context.getConf().get("spark.io.encryption.enabled") == "true"
    assert context.uiWebUrl is None


@needs_java
@pytest.mark.usefixtures("on_spark")
def test_spark_s_error_leaves_without_its_text(tmp_path: Path) -> None:
    pl.DataFrame({"user": ["ann@example.org"]}).write_parquet(tmp_path / "users.parquet")
    frame = engine.scan(tmp_path / "users.parquet")
    with pytest.raises(HandoverError, match="failed to compute 'people'") as error:
        engine.collect(frame.select(nw.col("user").cast(nw.Int64)), "people")
    assert "ann" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


def test_without_java_the_engine_says_how_to_get_it(tmp_path: Path) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", "from cleanroom.room import spark; spark.session()"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "StudyError: The engine is Spark, and there is no Java." in asked.stderr
    assert "default-jre-headless" in asked.stderr
