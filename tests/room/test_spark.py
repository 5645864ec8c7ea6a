"""Spark: every table is the one that Polars gives, to the last minor unit, on lopsided logs too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from cleanroom.borders import Table
from cleanroom.errors import HandoverError, StudyError
from cleanroom.policy import Policy
from cleanroom.room import engine, spark
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.engine import Engine
from cleanroom.room.vault import Vault
from cleanroom.simulation import simulate
from tests.room.event_log import ZONE, Room, Row
from tests.room.test_engines import BOUNDED, SETTINGS, filled, tables
from tests.room.test_parts import InParts

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
def test_lopsided_and_dirty_logs_in_parts_give_the_same_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touches, visits = lopsided(np.random.default_rng(1))
    room = InParts(tmp_path)
    room.size = 600
    vault = room.vault(touches=touches, visits=visits)
    asked = (["m", "n", "o"], date(2026, 3, 2), date(2026, 3, 9))
    found = []
    for name in (Engine.POLARS, Engine.DUCKDB, Engine.SPARK):
        monkeypatch.setattr(engine, "BACKEND", name)
        shutil.rmtree(vault.room / "derived", ignore_errors=True)
        found.append(conversion_tables(vault, *asked, Policy(max_events_per_person=3)))
    same(found[0], found[1])
    same(found[0], found[2])
    # What Spark's processes wrote is encrypted, and any engine goes on from it.
    kept = [file.read_bytes() for file in (vault.room / "derived").rglob("*.sealed")]
    assert len(kept) >= 2
    assert all(b"PAR1" not in content for content in kept)
    monkeypatch.setattr(engine, "BACKEND", Engine.POLARS)
    same(found[0], conversion_tables(vault, *asked, Policy(max_events_per_person=3)))


KEY = bytes(range(100, 132))
SEALED_JOB = f"""
import sys
from pathlib import Path
import polars as pl
from cleanroom.room.opened import Place, blank, write_sealed
from cleanroom.room.spark_files import scan_sealed, sink_sealed

folder, key = Path(sys.argv[1]), {KEY!r}
plain = blank("touches")
rows = pl.DataFrame({{"user": [f"canary-{{n}}" for n in range(20_000)], "cost": range(20_000)}})
rows.write_parquet(plain.path)
for number in range(2):
    write_sealed(plain.path, folder / f"touches-0000{{number}}.sealed", key, folder.name)
place = Place(key, folder.name)
frame = scan_sealed(sorted(folder.glob("touches-*")), place).groupBy("user").count()
made = sink_sealed(frame.orderBy("user"), folder, "counts", place)
frame.explain("extended")
print("files", len(made), "rows", scan_sealed(made, place).count())
words = [key, key.hex().encode(), b"canary-"]
left = [f for f in Path(sys.argv[2]).rglob("*") if f.is_file()]
print("shuffled", sum(f.stat().st_size > 0 for f in left))
print("readable", sum(word in f.read_bytes() for f in [*left, *made] for word in words))
"""


@needs_java
@pytest.mark.slow
def test_neither_key_nor_row_is_readable_on_disk_or_in_what_spark_says(tmp_path: Path) -> None:
    sealed, local, events = (tmp_path / name for name in ("vault", "local", "events"))
    for folder in (sealed, local, events):
        folder.mkdir()
    asked = f"--conf spark.eventLog.enabled=true --conf spark.eventLog.dir=file://{events}"
    told = subprocess.run(
        [sys.executable, "-c", SEALED_JOB, str(sealed), str(local)],
        env={
            **os.environ,
            "SPARK_LOCAL_DIRS": str(local),
            "PYSPARK_SUBMIT_ARGS": f"{asked} pyspark-shell",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    said = told.stdout + told.stderr
    assert "rows 20000" in said
    assert "MapInArrow" in said  # the plan was shown
    assert int(said.split("shuffled ")[1].split()[0]) > 0
    assert "readable 0" in said
    assert KEY.hex() not in said
    assert str(KEY) not in said
    assert not list(events.iterdir())


@pytest.mark.parametrize(
    ("settings", "is_safe"),
    [
        ({"spark.master": "local[2]"}, True),
        ({"spark.master": "local[2]", "spark.io.encryption.enabled": "false"}, False),
        ({"spark.master": "spark://one:7077"}, False),
        ({"spark.master": "k8s://one", "spark.network.crypto.enabled": "true"}, False),
        (
            {
                "spark.master": "yarn",
                "spark.authenticate": "true",
                "spark.network.crypto.enabled": "true",
            },
            True,
        ),
        ({"spark.master": "yarn", "spark.ssl.rpc.enabled": "true"}, True),
    ],
)
def test_a_session_that_would_send_or_lay_down_readable_rows_is_refused(
    settings: dict[str, str], is_safe: bool
) -> None:
    settings = {"spark.io.encryption.enabled": "true", **settings}
    with nullcontext() if is_safe else pytest.raises(StudyError, match="unencrypted"):
        spark._require_encrypted(settings)


@needs_java
def test_spark_connect_is_refused() -> None:
    asked = subprocess.run(
        [sys.executable, "-c", "from cleanroom.room import spark; spark.session()"],
        env={**os.environ, "SPARK_REMOTE": "sc://elsewhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "StudyError: Spark Connect does not tell how its server encrypts." in asked.stderr


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
