"""A room to write tests in: event logs as small text tables go in, cells come out.

A log is text, one event a line under its column names; `-` is null, `m` the merchant where none is
named, and a time is the day in March 2026 and the local time in Shanghai, `02T10:00`. People, CIDs
and orders are named by words; where the handover carries tokens, a word becomes a token.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom import sealing, signing
from cleanroom.agreement import agreement_digest, parse
from cleanroom.borders import Table, handover_schema
from cleanroom.consent import signed
from cleanroom.review.records import Reviewer
from cleanroom.room.place import ledger_of
from cleanroom.room.vault import Vault, accept, create_room, open_vault
from cleanroom.tables import TABLES, Platform, Role
from tests import templates

ZONE = ZoneInfo("Asia/Shanghai")
YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
SHOP = {"merchant": "m", "name": "M", "shop_type": "tmall", "category": "beauty"}
MERCHANTS = [{**SHOP, "score": 4.8, "daily_budget": 900_000}]

# As few people as an event log of a few lines has.
FEW = {"min_people": 2, "min_matches": 2, "max_joins": 1000}

Row = dict[str, Any]
Shown = dict[tuple[str, ...], tuple[float, int, int | None]]


def moment(text: str) -> datetime:
    """`02T10:00` as a moment of March 2026."""
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=ZONE).astimezone(UTC)


# Neither an impression nor a refund links anything, nor do people who are known by mail alone.
MATCHES: dict[str, list[Row]] = {
    table: [
        {
            **row,
            "event_id": f"{table}{n}",
            person: f"nobody{n}",
            key: f"matched{n}",
            "merchant": "elsewhere",
            "time": moment("01T00:00"),
        }
        for n in range(FEW["min_matches"])
    ]
    for table, person, key, row in (
        ("touches", "user", "cid", {"kind": "impression"}),
        ("visits", "buyer", "cid", {"kind": "refund"}),
        ("users", "user", "email", {}),
        ("buyers", "buyer", "email", {}),
    )
}


class Room:
    """Two platforms with their keys, an agreement, and a room in a directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.keys = {party: Ed25519PrivateKey.generate() for party in Platform}
        self.reviewers = {party: Ed25519PrivateKey.generate() for party in Platform}
        self.directory = home / "room"
        public = create_room(self.directory, "test", home / "room.unlock")
        self.public_key = public["identity_key"]
        self.transport_key = public["transport_key"]
        self.words: dict[str, str] = {}
        self._numbers = itertools.count()
        self.agree()

    def token(self, word: str) -> str:
        """A token as a party would hand it over: 64 hexadecimal digits; `words` leads back."""
        token = hashlib.sha256(word.encode()).hexdigest()
        self.words[token] = word
        return token

    def agree(self, **changes: Any) -> None:
        """Agree anew, with some terms changed; both platforms sign, and approve its studies."""
        self.agreement = parse(self.terms(**changes), "the agreement")
        for party, key in self.keys.items():
            self.agreement = signed(self.agreement, party, key)
        wanted = [templates.wide(kind, self.agreement) for kind in self.agreement.studies]
        by = [Reviewer(p, templates.REVIEWER, key) for p, key in self.reviewers.items()]
        templates.approve(ledger_of(self.directory), self.agreement, wanted, by)

    def terms(self, **changes: Any) -> dict[str, Any]:
        """The agreement's plain values; `changes` replace some."""
        parties = {
            party.value: {
                "name": party.value,
                "identity_key": signing.public_of(key),
                "transport_key": hashlib.sha256(party.encode()).hexdigest(),
                "reviewers": {templates.REVIEWER: signing.public_of(self.reviewers[party])},
            }
            for party, key in self.keys.items()
        }
        terms: dict[str, Any] = {
            "collaboration": "test",
            "version": 1,
            "epoch": "spring",
            "timezone": "Asia/Shanghai",
            "currency": "CNY",
            "valid_from": "2026-01-01",
            "valid_until": "2035-12-31",
            "retention_days": 30,
            "parties": parties,
            "room": {
                "name": "room",
                "identity_key": self.public_key,
                "transport_key": self.transport_key,
            },
            "join": {"attribution_window_days": 10, "shared_identifier": "email"},
            "studies": {},
            "policy": FEW,
            "eligibility": {
                "shop_types": ["tmall"],
                "categories": ["beauty", "sports"],
                "min_score": 4.5,
                "min_daily_budget": 500_000,
            },
        } | changes
        shared = terms["join"].get("shared_identifier")
        return {"opens": opens(leaving_out={"email", "phone", "onsite_orders"} - {shared}), **terms}

    def rows(self, log: str) -> list[Row]:
        """The events of a text table."""
        header, *lines = (line.split() for line in log.strip().splitlines())
        return [self._event(dict(zip(header, line, strict=True))) for line in lines]

    def _event(self, words: dict[str, str]) -> Row:
        event: Row = {name: None if word == "-" else word for name, word in words.items()}
        for name in event.keys() & {"cost", "amount"}:
            event[name] = None if event[name] is None else int(event[name])
        if "time" in event:
            event["time"] = moment(event["time"])
        return {"merchant": "m", "event_id": f"e{next(self._numbers)}", **event}

    def frame(self, table: str, rows: list[Row]) -> pl.DataFrame:
        """Rows as a party hands them over: opened columns only, words of people as tokens."""
        opened = self.agreement.opens[table]
        schema = handover_schema(table, opened)
        frame = pl.DataFrame([{name: row.get(name) for name in opened} for row in rows], schema)
        people = [n for n, role in opened.items() if role is Role.IDENTIFIER]
        keys = [n for n, role in opened.items() if role is Role.JOIN_KEY]
        own = pl.col(keys).map_elements(self.token, pl.String)
        # Where the join is blinded, its keys are handles, half as long.
        own = own.str.head(32) if self.agreement.join.mode == "blinded" else own
        return frame.with_columns(pl.col(people).map_elements(self.token, pl.String), own)

    def hand_over(self, party: Platform, frames: dict[str, pl.DataFrame], **changes: Any) -> Path:
        """Write a handover's directory; `changes` replace parts of the manifest's body.

        Each is made a second after the one before it.
        """
        number = next(self._numbers)
        directory = self.home / f"handover-{number}"
        directory.mkdir()
        data_key = sealing.new_data_key()
        tables = {}
        for name, frame in frames.items():
            file = directory / f"{name}.sealed"
            frame.write_parquet(content := BytesIO())
            self.seal(content.getvalue(), file, data_key)
            facts = {"file": file.name, "rows": frame.height, "quarantined": {"bad_time": 2}}
            tables[name] = {**facts, "sha256": signing.file_digest(file)}
        body = {
            "format": "cleanroom-handover-2",
            "collaboration": self.agreement.collaboration,
            "epoch": self.agreement.epoch,
            "agreement": agreement_digest(self.agreement),
            "party": party.value,
            "nonce": secrets.token_hex(16),
            "created": (YESTERDAY + timedelta(seconds=number)).isoformat(),
            "tables": tables,
            **changes,
        }
        context = sealing.handover_context(body)
        body.setdefault("sealed_key", sealing.seal_key(data_key, self.transport_key, context))
        self.sign(party, body, directory)
        return directory

    def seal(self, content: bytes, file: Path, data_key: bytes) -> None:
        """Seal a table's file, under its own name."""
        with file.open("wb") as target:
            sealing.encrypt(BytesIO(content), target, data_key, file.stem)

    def sign(self, party: Platform, body: dict[str, Any], directory: Path) -> None:
        """Write a handover's manifest."""
        signature = signing.sign(self.keys[party], "handover", body)
        manifest = {"body": body, "signature": signature}
        signing.write_canonical(directory / "manifest.json", manifest)

    def frames(self, party: Platform, logs: dict[str, list[Row]]) -> dict[str, pl.DataFrame]:
        """All tables of a party, empty where there is no log."""
        tables = self.agreement.opened(party)
        return {name: self.frame(name, logs.get(name, [])) for name in tables}

    def vault(self, **logs: str | list[Row]) -> Vault:
        """The vault after both platforms have handed over the `logs`, by table.

        To them are added as many matches as a join has to have, which no rule of the link and no
        study looks at.
        """
        events = {n: self.rows(log) if isinstance(log, str) else log for n, log in logs.items()}
        events.setdefault("merchants", MERCHANTS)
        for name, rows in MATCHES.items():
            events[name] = [*events.get(name, []), *rows]
        for party in Platform:
            accept(
                self.directory, self.hand_over(party, self.frames(party, events)), self.agreement
            )
        return open_vault(self.directory, self.agreement)


def opens(leaving_out: set[str]) -> dict[str, dict[str, str]]:
    """What both platforms open: all but these tables and columns."""
    return {
        table: {n: c.role.value for n, c in contract.columns.items() if n not in leaving_out}
        for table, contract in TABLES.items()
        if table not in leaving_out
    }


def shown(table: Table, merchant: str = "m") -> Shown:
    """A merchant's cells: (dimensions …, measure) to (value, people, contributors)."""
    keys = [name for name in (*table.dimensions, "measure") if name != "merchant"]
    cells = table.cells.filter(pl.col("merchant") == merchant)
    rows = cells.select(*keys, "value", "people", "contributors").iter_rows()
    return {row[:-3]: row[-3:] for row in rows}


def most(table: Table, *key: str, merchant: str = "m") -> tuple[float, float, float]:
    """Of a merchant's cell, the largest and second contribution of one person, and all of them."""
    names = [name for name in (*table.dimensions, "measure") if name != "merchant"]
    at = [pl.col(name) == part for name, part in zip(names, key, strict=True)]
    cell = table.cells.filter(pl.col("merchant") == merchant, *at)
    (row,) = cell.select("largest", "second", "magnitude").rows()
    return row
