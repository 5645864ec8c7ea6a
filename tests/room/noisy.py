"""A room whose agreement asks for noise, with enough people to count, and its studies."""

from __future__ import annotations

from datetime import date
from typing import Any

from cleanroom import ledger
from cleanroom.agreement import write
from cleanroom.room.place import ledger_of
from cleanroom.study import ConversionStudy, LiftStudy
from tests.room.event_log import Room

PERMITTED = {kind: {"notebook": f"{kind}.ipynb"} for kind in ("conversion", "lift")}
LIFT = LiftStudy(
    merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 20), study="s", max_amount=1_000
)
CONVERSION = ConversionStudy(merchant="m", start=date(2026, 3, 1), end=date(2026, 3, 9))


def fill(
    room: Room, noise: dict[str, Any], people: int = 400, bounds: dict[str, int] | None = None
) -> None:
    """Agree on `noise` and hand over `people` who clicked: half linked, a quarter bought."""
    room.agree(policy={"noise": noise, **(bounds or {})}, studies=PERMITTED)
    write(room.agreement, room.directory / "agreement.yaml")
    everyone = range(people)
    clicks = [f"02T10:00 click u{i} c{i}" for i in everyone]
    visits = [f"02T10:05 visit b{i} c{i} - -" for i in everyone[::2]]
    visits += [f"12T10:05 purchase b{i} - o{i} 900" for i in everyone[::4]]
    arms = [f"u{i} s {('treated', 'holdout')[i // 4 % 2]} 10T00:00" for i in everyone]
    room.vault(
        touches="\n".join(["time kind user cid", *clicks]),
        visits="\n".join(["time kind buyer cid order amount", *visits]),
        assignments="\n".join(["user study arm time", *arms]),
    )


def events(room: Room, event: ledger.Event) -> list[dict[str, Any]]:
    """The facts of all records of one event in the room's ledger."""
    found = ledger.records(ledger_of(room.directory))
    return [record["facts"] for record in found if record["event"] == event]
