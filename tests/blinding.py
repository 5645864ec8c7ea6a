"""A blinded join to write tests in: two platforms with a few click ids each, a room, a mailbox.

All three play in one process, one step at a time, so that a test can stop any of them anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl

from cleanroom.agreement import Agreement, load, parse, to_record, with_keys
from cleanroom.keyring import Keyring
from cleanroom.mailbox import Mailbox, open_mailbox
from cleanroom.matching import Ticket, read_ticket
from cleanroom.message import Step, Stream
from cleanroom.party import match as at_party
from cleanroom.party.handover import write_handover
from cleanroom.party.keys import PartyKeys, create_keys, load_keys
from cleanroom.party.side import Side, side_of
from cleanroom.room import blinded as at_room
from cleanroom.room.blinded import Meeting
from cleanroom.room.vault import Vault, accept, create_room, open_vault, room_keys
from cleanroom.stepwise import Moved, Steps
from cleanroom.streams import Chunk, Inbox, Outbox
from cleanroom.tables import IdentifierKind, KeyRole, Platform
from tests.agreements import signed_by_both
from tests.party.exports import GOOD, NOW, TOUCHES, VISITS, Row, write_good, write_table
from tests.party.room import opened

DRAFT = Path(__file__).parents[1] / "configs" / "red-cat-plan.yaml"
ADS, STORE, ROOM = "ads", "store", "room"
ACTORS = (ADS, STORE, ROOM)
CID = IdentifierKind.CLICK_ID
OTHER = {ADS: STORE, STORE: ADS}
CHUNK = 3
FEW = {"min_people": 2, "min_matches": 2, "max_joins": 1000}  # as few as are in these exports


@dataclass
class Scene:
    """Three parties ready to match; `cids` are the click ids in each platform's export."""

    home: Path
    agreement: Agreement
    cids: Mapping[Platform, Sequence[str]]
    url: str
    chunk: int = CHUNK
    emails: Sequence[str | None] = ()
    killed: list[Steps[None]] = field(default_factory=list)
    moments: Iterator[int] = field(default_factory=count)

    @property
    def mailbox(self) -> Mailbox:
        return open_mailbox(self.url)

    @property
    def room(self) -> Path:
        return self.home / "room"

    @property
    def vault(self) -> Vault:
        return open_vault(self.room, self.agreement)

    @property
    def room_keys(self) -> Keyring:
        return room_keys(self.room, self.agreement.collaboration)

    @property
    def ticket(self) -> Ticket:
        ticket = read_ticket(self.mailbox, self.agreement)
        assert ticket is not None
        return ticket

    def keys(self, party: Platform) -> PartyKeys:
        return load_keys(self.home / party / "keys", self.agreement, party)

    def side(self, party: Platform, **changes: Any) -> Side:
        own = self.home / party
        made = side_of(
            self.agreement,
            self.keys(party),
            own / "export",
            own / "handover",
            self.mailbox,
            own / "state",
        )
        return replace(made, **{"chunk": self.chunk, "processes": 1, **changes})

    def meeting(self) -> Meeting:
        return Meeting(self.vault, self.room_keys, self.mailbox)

    def actor(self, name: str, anew: bool = False) -> Steps[None]:
        """A party's steps from the start, as after a restart of its process."""
        if name == ROOM:
            return at_room.match(self.meeting(), anew)
        return at_party.match(self.side(Platform(name)))

    def hand_over(self, party: Platform) -> None:
        """Write the platform's export with its click ids, hand it over, and have it accepted."""
        own = self.home / party
        write_good(own / "export", party)
        table = "touches" if party is Platform.ADS else "visits"
        write_table(own / "export", table, rows_with(party, self.cids[party]), "csv")
        if self.emails:
            table = "users" if party is Platform.ADS else "buyers"
            write_table(own / "export", table, people_with(table, self.emails), "parquet")
        self.deliver(party, NOW + timedelta(seconds=next(self.moments)))

    def deliver(self, party: Platform, now: datetime | None) -> None:
        """Hand the platform's export over as it is, and have it accepted."""
        own = self.home / party
        write_handover(own / "export", self.keys(party), self.agreement, own / "handover", now)
        accept(self.room, own / "handover", self.agreement)

    def play(self, kill: Mapping[str, int] | None = None, actors: Iterable[str] = ACTORS) -> int:
        """Play to the end, a step of each in turn; returns how many steps were made in all.

        `kill` says after how many steps of its own an actor is killed and started again: what it
        has in memory is lost, and nothing is tidied up.
        """
        doing = {name: self.actor(name) for name in actors}
        left, steps = dict(kill or {}), 0
        made = dict.fromkeys(doing, 0)
        while doing:
            before = steps
            for name in list(doing):
                step = next(doing[name], None)
                if step is None:
                    del doing[name]
                    steps += 1
                elif isinstance(step, Moved):
                    steps, made[name] = steps + 1, made[name] + 1
                    if made[name] == left.get(name):
                        del left[name]
                        self.killed.append(doing[name])  # kept, so that nothing of it is closed
                        doing[name] = self.actor(name)
            assert steps > before, "all wait for each other"
        return steps

    def handed_over(self, party: Platform, table: str) -> pl.DataFrame:
        """A table of the platform's handover, as the room opens it."""
        return opened(self.home / party / "handover", table, self.room_keys.transport)

    def copied(self, home: Path) -> Scene:
        """The same scene at the same moment, in another place."""
        copytree(self.home, home)
        return replace(self, home=home, url=str(home / "mailbox"))

    def until_waiting(self, name: str) -> Steps[None]:
        """An actor's steps, made until it waits for others; they can be gone on with."""
        steps = self.actor(name)
        while isinstance(next(steps), Moved):
            pass
        return steps

    def inbox(self, step: Step, sender: str, reader: str) -> Inbox:
        """The stream that `reader` gets from `sender` in a step."""
        about = Platform(sender) if step is Step.BLINDED else Platform(OTHER[sender])
        ring = self.room_keys if reader == ROOM else self.keys(Platform(reader))
        identity = self.agreement.parties[Platform(sender)].identity_key or ""
        stream, total = self.stream(step, sender, reader), self.ticket.points[CID][about]
        return Inbox(self.mailbox, stream, total, identity, ring.transport)

    def received(self, step: Step, sender: str, reader: str) -> list[Chunk]:
        """What `reader` can open of that stream, all of which is there."""
        chunks = self.inbox(step, sender, reader).chunks()
        return [chunk for chunk in chunks if isinstance(chunk, Chunk)]

    def outbox(self, step: Step, sender: str, reader: str) -> Outbox:
        """The stream that goes from `sender` to `reader` in a step."""
        keys = self.keys(Platform(sender))
        terms = self.agreement.room if reader == ROOM else self.agreement.parties[Platform(reader)]
        assert terms.transport_key
        stream = self.stream(step, sender, reader)
        return Outbox(self.mailbox, stream, 0, keys.identity, terms.transport_key)

    def stream(self, step: Step, sender: str, reader: str) -> Stream:
        return Stream(
            match=self.ticket.match,
            kind=CID,
            step=step,
            sender=KeyRole(sender),
            recipient=KeyRole(reader),
        )

    def identifiers(self, party: Platform, kind: IdentifierKind = CID) -> dict[str, str]:
        """The platform's identifiers by handle."""
        folder = self.home / party / "export" / "join" / kind
        frame = pl.read_parquet(folder / "*.parquet")
        return dict(zip(frame["handle"], frame["identifier"], strict=True))

    def links(self, kind: IdentifierKind = CID) -> set[tuple[str, str]]:
        """The linked identifiers of both sides; a dummy's is its handle."""
        vault = self.vault
        frame = pl.read_parquet(at_room.links_path(vault, kind))
        ads, store = (self.identifiers(party, kind) for party in Platform)
        return {(ads.get(a, a), store.get(s, s)) for a, s in frame.iter_rows()}


def rows_with(party: Platform, cids: Sequence[str]) -> list[Row]:
    """Events with these click ids."""
    row = TOUCHES[1] if party is Platform.ADS else VISITS[0]
    return [{**row, "event_id": f"e{n}", "cid": cid} for n, cid in enumerate(cids)]


def people_with(table: str, emails: Sequence[str | None]) -> list[Row]:
    """People with these addresses."""
    row, person = GOOD[table][0], "user" if table == "users" else "buyer"
    return [{**row, person: f"p{n}", "email": email} for n, email in enumerate(emails)]


def scene(
    home: Path,
    ads: Sequence[str],
    store: Sequence[str],
    *,
    url: str = "",
    pad_to: int = 1,
    chunk: int = CHUNK,
    emails: Sequence[str | None] = (),
    **others: Any,
) -> Scene:
    """A scene in `home` with its keys, handovers and room; both platforms have the `emails`.

    `others` are as in `empty_scene`.
    """
    join = {"mode": "blinded", "pad_to": pad_to}
    made = empty_scene(home, shared=bool(emails), join=join, **others)
    cids = {Platform.ADS: ads, Platform.STORE: store}
    made = replace(made, cids=cids, url=url or made.url, chunk=chunk, emails=emails)
    for party in Platform:
        made.hand_over(party)
    return made


def empty_scene(home: Path, join: dict[str, Any], shared: bool = False, **others: Any) -> Scene:
    """A scene without handovers, under the demo's agreement with the terms of `join`, `policy` and
    `others` instead, and an email address as a second join key if one is `shared`."""
    policy = others.pop("policy", {})
    terms = {**to_record(load(DRAFT)), **others}
    terms["join"] |= join
    terms["policy"] |= FEW | policy
    if shared:
        terms["join"]["shared_identifier"] = "email"
        for table in ("users", "buyers"):
            terms["opens"][table]["email"] = "join_key"
    draft = parse(terms, "the draft")
    lock, folders = home / "unlock.key", {p: home / p / "keys" for p in Platform}
    public = [create_keys(folders[p], draft, p, lock) for p in Platform]
    public.append(create_room(home / "room", draft.collaboration, lock))
    agreement = signed_by_both(with_keys(draft, public), folders)
    return Scene(home, agreement, {}, str(home / "mailbox"))
