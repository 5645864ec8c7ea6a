"""Rooms for the red team: a simulated twin, a scene planted in it, and all that leaves the room.

A twin is two rooms that differ in one secret of one person. An attack is played in both; it has the
outlet, which hands out what leaves the room, and what the scene says that it knows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import polars as pl

from cleanroom.agreement import write
from cleanroom.bench.answer import answer
from cleanroom.bench.diagnostics import told
from cleanroom.borders import handover_schema
from cleanroom.errors import CleanroomError
from cleanroom.room.vault import accept
from cleanroom.simulation import SimulationSettings, simulate
from cleanroom.study import ConversionStudy, Study
from cleanroom.tables import TABLES, Platform, Role
from tests.room.event_log import SHOP, Room, Row

Logs = dict[str, list[Row]]
Cell = tuple[str, ...]  # table, dimensions …, measure

PASSERS, CLICKERS, COMERS, BUYERS = 200, 130, 90, 30  # see `passers`
FIRST_DAY = date(2026, 4, 1)  # also the simulation's
_ZONE = ZoneInfo("Asia/Shanghai")
_PERMITTED = {kind: {"notebook": f"{kind}.ipynb"} for kind in ("conversion", "lift")}
_CROWD = SimulationSettings(people=600, merchants=1, days=40, hard_case_rate=0, dirt_rate=0)


def day(number: int) -> date:
    """The day so many days after the first."""
    return FIRST_DAY + timedelta(days=number)


def _moment(number: int, hour: int) -> datetime:
    return datetime.combine(day(number), time(hour), _ZONE).astimezone(UTC)


def touch(user: str, number: int, cid: str | None, merchant: str = "m") -> Row:
    """A click at ten in the morning of a day; without a CID its link led nowhere in particular."""
    words = {"user": user, "kind": "click", "cid": cid, "merchant": merchant}
    return {**words, "event_id": f"t-{user}-{number}-{merchant}", "time": _moment(number, 10)}


def visit(kind: str, buyer: str, number: int, cid: str | None, amount: int | None = None) -> Row:
    """A store event at noon of a day; one with an amount is an order of its own."""
    event = f"v-{kind}-{buyer}-{number}"
    words = {"buyer": buyer, "kind": kind, "cid": cid, "merchant": "m", "amount": amount}
    order = None if amount is None else f"o-{buyer}-{number}"
    return {**words, "event_id": event, "order": order, "time": _moment(number, 12)}


def clicks(people: Sequence[str], number: int, merchant: str = "m") -> list[Row]:
    """A click with a CID by each."""
    return [touch(f"u-{one}", number, f"c-{one}-{merchant}", merchant) for one in people]


def comings(people: Sequence[str], number: int, merchant: str = "m") -> list[Row]:
    """A store visit by each, with the CID of their click."""
    found = [visit("visit", f"b-{one}", number, f"c-{one}-{merchant}") for one in people]
    return [
        {**row, "merchant": merchant, "event_id": f"{row['event_id']}{merchant}"} for row in found
    ]


def purchases(
    people: Sequence[str], number: int, amount: int = 900, merchant: str = "m"
) -> list[Row]:
    """An order by each, without a CID."""
    found = [visit("purchase", f"b-{one}", number, None, amount) for one in people]
    marks = ("event_id", "order")
    return [
        {**row, "merchant": merchant, **{mark: f"{row[mark]}{merchant}" for mark in marks}}
        for row in found
    ]


def passers(days: Sequence[int] = (0,), shops: Sequence[str] = ("m",)) -> Logs:
    """People of whom enough take, and enough do not take, every step of the path on these days.

    Beside them a scene's numbers leave: a step that is withheld takes those after it along.
    """
    touches, visits = [], []
    for shop in shops:
        for place, one in enumerate(named("passer", PASSERS)):
            number = days[place % len(days)]
            steps = {"impression", *(("read",) * (place % 2)), *(("like",) * (place % 3 == 0))}
            touches += [_seen(one, number, kind, shop) for kind in sorted(steps)]
            if place < CLICKERS:
                touches += clicks([one], number, shop)
            if place < COMERS:
                visits += comings([one], number, shop)
                visits += [_done(one, number, k, shop) for k in ("search", "cart") if place % 2]
            if place < BUYERS:
                visits += purchases([one], number, 900, shop)
    return {"touches": touches, "visits": visits}


def viewers(count: int = 60) -> Logs:
    """People who saw something and did not click: so clicks are not everybody's, and can leave."""
    return {"touches": [_seen(one, 0, "impression", "m") for one in named("viewer", count)]}


def merged(*logs: Logs) -> Logs:
    """The rows of several logs, table by table."""
    tables = {table for log in logs for table in log}
    return {table: [row for log in logs for row in log.get(table, [])] for table in tables}


def _seen(one: str, number: int, kind: str, shop: str) -> Row:
    row = touch(f"u-{one}", number, None, shop)
    return {**row, "kind": kind, "event_id": f"{row['event_id']}-{kind}"}


def _done(one: str, number: int, kind: str, shop: str) -> Row:
    row = visit(kind, f"b-{one}", number, None)
    return {**row, "merchant": shop, "event_id": f"{row['event_id']}{shop}"}


def named(name: str, count: int) -> list[str]:
    """So many people."""
    return [f"{name}{number}" for number in range(count)]


@dataclass(frozen=True)
class Scene:
    """What is planted beside the simulated crowd, with and without the secret.

    `common`: rows that both rooms have. `secret`, `instead`: rows that only the room with, or only
    the room without it has. `policy`: what the agreement has beside the defaults. `shops`: the
    merchants. `others`: of the few by whom two numbers differ, how many the attacker knows of.
    """

    common: Logs
    secret: Logs
    instead: Logs = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    shops: tuple[str, ...] = ("m",)
    others: int = 0

    def rows(self, *, secret: bool) -> Logs:
        """All planted rows of one of the two rooms."""
        return merged(self.common, self.secret if secret else self.instead)


def buyers(scene: Scene, last: int = 99) -> int:
    """How many bought up to a day, whatever the secret is: whoever knows all others knows that."""
    bought = [row for row in scene.common["visits"] if row["kind"] == "purchase"]
    return sum(row["time"].date() <= day(last) for row in bought)


@dataclass(frozen=True)
class Refused:
    """What somebody gets who is refused: the exit code, and words."""

    code: int
    words: str


Released = dict[str, Any]
Answer = Released | Refused


def numbers(answered: Answer) -> dict[Cell, float]:
    """The released numbers of a candidate."""
    if isinstance(answered, Refused):
        return {}
    return {
        (name, *map(str, row[: len(table["dimensions"]) + 1])): row[len(table["dimensions"]) + 1]
        for name, table in answered["tables"].items()
        for row in table["cells"]
        if row[len(table["dimensions"]) + 1] is not None
    }


class Outlet:
    """All that leaves one of the two rooms; also the door by which a platform hands over."""

    def __init__(self, scene: Scene, *, secret: bool) -> None:
        self._home = TemporaryDirectory(prefix="redteam-")
        self._room = Room(Path(self._home.name))
        self._room.agree(policy=scene.policy, studies=_PERMITTED)
        write(self._room.agreement, self._room.directory / "agreement.yaml")
        shops = [
            {**SHOP, "merchant": shop, "score": 4.8, "daily_budget": 900_000}
            for shop in scene.shops
        ]
        self._rows: Logs = {**scene.rows(secret=secret), "merchants": shops}
        for platform in Platform:
            refusal = self.hand_over(platform, {})
            assert refusal is None, refusal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._home.cleanup()

    def hand_over(self, platform: Platform, rows: Logs) -> Refused | None:
        """Hand a platform's tables over, with `rows` in some; None if they are accepted.

        The crowd's rows are always with them.
        """
        self._rows |= rows
        frames = {
            table: pl.concat([_crowd(table), self._room.frame(table, self._rows.get(table, []))])
            for table in self._room.agreement.opened(platform)
        }
        handover = self._room.hand_over(platform, frames)
        try:
            accept(self._room.directory, handover, self._room.agreement)
        except CleanroomError as error:
            return Refused(error.exit_code, str(error))
        return None

    def ask(self, study: Study) -> Answer:
        """The candidate's record, or what is said instead."""
        try:
            (file,) = answer(self._room.directory, [study])
        except CleanroomError as error:
            return Refused(error.exit_code, str(error))
        record: Released = json.loads(file.read_bytes())["record"]
        return record

    def conversion(self, first: int, last: int, merchant: str = "m") -> Answer:
        """The answer to a conversion study of some days."""
        return self.ask(ConversionStudy(merchant=merchant, start=day(first), end=day(last)))

    def diagnostics(self) -> str | Refused:
        """What the room tells of its join."""
        try:
            return told(self._room.directory)
        except CleanroomError as error:
            return Refused(error.exit_code, str(error))


@lru_cache
def _simulated() -> dict[str, pl.DataFrame]:
    world = simulate(_CROWD)
    zoned = pl.col("time").str.to_datetime("%+", time_unit="us", time_zone="UTC")
    return {
        "touches": world.ads.touches,
        "assignments": world.ads.assignments,
        "users": world.ads.users,
        "onsite_orders": world.ads.onsite_orders,
        "visits": world.store.visits.with_columns(zoned),
        "buyers": world.store.buyers,
        "merchants": world.store.merchants,
    }


@lru_cache
def _crowd(table: str) -> pl.DataFrame:
    """The simulated rows of a table as they are handed over, without shared identifiers."""
    rows, columns = _simulated()[table], TABLES[table].columns
    opened = [name for name in columns if name != "phone"]
    schema = handover_schema(table, opened)
    rows = rows.with_columns(pl.lit(None).alias(n) for n in opened if n not in rows.columns)
    secret = [n for n in opened if columns[n].role in (Role.IDENTIFIER, Role.JOIN_KEY)]
    found = rows.select(
        pl.col(name).dt.convert_time_zone("UTC") if columns[name].role is Role.TIME else name
        for name in opened
    ).with_columns(_token(name) for name in secret)
    return found.cast(schema)  # type: ignore[arg-type]


def _token(name: str) -> pl.Expr:
    # As long as a token, and different for different people: nobody looks at how it was made.
    one, two = (pl.col(name).hash(seed) for seed in (1, 2))
    parts = [part.cast(pl.String).str.zfill(20) for part in (one, two)]
    token = pl.concat_str(pl.lit("0" * 24), *parts)
    return pl.when(pl.col(name).is_not_null()).then(token).alias(name)
