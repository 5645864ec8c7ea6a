"""The room's side of the blinded join: it opens the match, joins the points, keeps the links.

    match.json                            the ticket of a match that is not finished
    matches/<handovers>/<kind>.sealed     `ads` and `store`: handles of one identifier, encrypted
    matches/<handovers>/sources.json      the handovers, and the match the links come from

It sees handles and points that both platforms have blinded: who has which identifier in common, by
handle, and never an identifier. See decision 0010. Killed at any moment, it goes on where it
stopped, or starts to read the messages again, which stay until it has the links.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import polars as pl

from cleanroom import ledger, signing
from cleanroom.agreement import JoinMode, agreement_digest
from cleanroom.errors import HandoverError, JoinError
from cleanroom.keyring import Keyring
from cleanroom.mailbox import Mailbox
from cleanroom.matching import (
    Ticket,
    has_receipt,
    join_columns,
    new_ticket,
    read_ticket,
    remove_messages,
    write_receipt,
    write_ticket,
)
from cleanroom.message import Step, Stream
from cleanroom.room.engine import collect, scan
from cleanroom.room.folders import appearing_whole, locked, remove_whole
from cleanroom.room.gathering import Gathering
from cleanroom.room.joins import enough, enter, require_allowed, require_matches
from cleanroom.room.opened import Opened, blank, read_sealed, write_sealed
from cleanroom.room.place import ledger_of
from cleanroom.room.vault import Vault, is_gone, opened_path, storage_key
from cleanroom.stepwise import SILENT, Moved, Progress, Steps, Waiting
from cleanroom.streams import Inbox
from cleanroom.tables import IdentifierKind, KeyRole, Platform

_SOURCES = "sources.json"  # named as `retention` looks for it


@dataclass(frozen=True, repr=False)
class Meeting:
    """The room at a match: the handovers in force, its keys, and the mailbox."""

    vault: Vault
    keys: Keyring
    mailbox: Mailbox
    progress: Progress = SILENT


def match(meeting: Meeting, anew: bool = False) -> Steps[None]:
    """The room's steps until it has the links of the handovers in force and has said so.

    `anew` opens another match in place of one that cannot be finished, or was. Raises `JoinError`
    for whatever is not as an honest party sends it, if the agreement's join is not blinded, if
    there were as many joins as it allows, or if too few click ids match.
    """
    vault = meeting.vault
    if vault.agreement.join.mode is not JoinMode.BLINDED:
        raise JoinError(
            "The agreement's join is not blinded, so there is no match to run.",
            "go on to the studies; or agree on join.mode: blinded.",
        )
    folder = folder_of(vault)
    if anew:
        _opened_file(vault).unlink(missing_ok=True)
        if folder.exists():
            remove_whole(folder)
    finished = _finished(folder)
    if finished is None:
        require_allowed(vault)
        ticket = (None if anew else _ticket(meeting)) or _open(meeting)
        yield Moved()
        yield from _join(meeting, ticket, folder)
        finished = ticket.match
    yield Moved()
    _record(vault, finished)
    if not has_receipt(meeting.mailbox, finished, vault.agreement):
        write_receipt(meeting.mailbox, finished, meeting.keys.identity)
    yield Moved()
    remove_messages(meeting.mailbox, finished)
    _opened_file(vault).unlink(missing_ok=True)
    # Said here alone, and at the end: what a platform sees is the same whatever matched.
    _require_kept(vault, IdentifierKind.CLICK_ID)
    meeting.progress.says("room: the match is finished")


def folder_of(vault: Vault) -> Path:
    """Where the links of the handovers in force lie."""
    return vault.room / "matches" / signing.digest(vault.handovers)


def links_path(vault: Vault, kind: IdentifierKind) -> Path:
    """The readable file of `links_file`, there as long as the vault is held."""
    return opened_path(vault, links_file(vault, kind))


def links_file(vault: Vault, kind: IdentifierKind) -> Path:
    """The encrypted file of the links of one kind.

    Raises `HandoverError` if there was no match yet, `JoinError` if too few of the kind matched.
    """
    match_of(vault)
    return _require_kept(vault, kind)


def _require_kept(vault: Vault, kind: IdentifierKind) -> Path:
    """Where the links of a kind lie; raises `JoinError` if too few matched to be kept."""
    file = folder_of(vault) / f"{kind}.sealed"
    if not file.exists():
        require_matches(vault, 0)
    return file


def match_of(vault: Vault) -> str:
    """The match of the handovers in force; raises `HandoverError` if there was none yet."""
    match = _finished(folder_of(vault))
    if match is None:
        raise HandoverError(
            "There is no blinded match for these handovers yet.",
            "run `cleanroom room match` here and `cleanroom party match` at both platforms.",
        )
    return match


def _finished(folder: Path) -> str | None:
    """The match whose links are there, if any."""
    file = folder / _SOURCES
    return str(json.loads(file.read_bytes())["match"]) if file.is_file() else None


def _ticket(meeting: Meeting) -> Ticket | None:
    """The ticket of a match that was begun, if it is for the handovers in force.

    The room has its own copy: in the mailbox an earlier one may lie again, which is put right.
    """
    vault, file = meeting.vault, _opened_file(meeting.vault)
    found = read_ticket(meeting.mailbox, vault.agreement)
    ticket = Ticket.model_validate_json(file.read_bytes()) if file.is_file() else None
    wanted = (vault.handovers, agreement_digest(vault.agreement))
    if ticket is None or (ticket.handovers, ticket.agreement) != wanted:
        return None
    if found != ticket:
        write_ticket(meeting.mailbox, ticket, meeting.keys.identity)
    return ticket


def _opened_file(vault: Vault) -> Path:
    return vault.room / "match.json"


def _open(meeting: Meeting) -> Ticket:
    """Open a match; what is left of an earlier one is removed."""
    vault, mailbox = meeting.vault, meeting.mailbox
    earlier = read_ticket(mailbox, vault.agreement)
    handovers = {party: vault.handovers[party] for party in Platform}
    ticket = new_ticket(vault.agreement, handovers, _counts(vault))
    signing.write_canonical(_opened_file(vault), ticket.model_dump(mode="json"))
    write_ticket(mailbox, ticket, meeting.keys.identity)
    if earlier:
        remove_messages(mailbox, earlier.match)
    return ticket


def _counts(vault: Vault) -> dict[IdentifierKind, dict[Platform, int]]:
    """How many join keys of each kind stand in the handovers, each counted once."""
    return {
        kind: {party: _distinct(vault, *place) for party, place in places.items()}
        for kind, places in join_columns(vault.agreement).items()
    }


def _distinct(vault: Vault, table: str, column: str) -> int:
    # Not by the vault, which would hold the table in memory for as long as the match takes.
    opened = [read_sealed(path, storage_key(vault)) for path in vault.paths[table]]
    known = scan(*(file.path for file in opened)).filter(~nw.col(column).is_null())
    return int(collect(known.select(nw.col(column).n_unique()), f"{table}.{column}").item())


def _join(meeting: Meeting, ticket: Ticket, folder: Path) -> Steps[None]:
    work = sum(sum(by_party.values()) for by_party in ticket.points.values())
    meeting.progress.begins(work)
    meeting.progress.says(f"room: joins {work:,} points as they come from both platforms")
    found: dict[IdentifierKind, Opened] = {}
    for kind, by_party in ticket.points.items():
        with Gathering(sum(by_party.values()), meeting.vault.room) as gathering:
            yield from _gather(meeting, ticket, kind, gathering)
            found[kind] = blank(kind)
            pl.concat(gathering.links()).write_parquet(found[kind].path)
    _keep(meeting.vault, ticket, found, folder)


def _keep(vault: Vault, ticket: Ticket, found: dict[IdentifierKind, Opened], folder: Path) -> None:
    with locked(vault.room):
        if is_gone(vault):
            raise HandoverError(
                "A newer handover came in meanwhile.", "run the match again, for that one."
            )
        enter(vault)
        kept = {kind: links for kind, links in found.items() if enough(vault, _rows(links))}
        with appearing_whole(folder) as partial:
            for kind, links in kept.items():
                sealed = partial / f"{kind}.sealed"
                write_sealed(links.path, sealed, storage_key(vault), folder.name)
            sources = {"handovers": vault.handovers, "match": ticket.match}
            signing.write_canonical(partial / _SOURCES, sources)


def _rows(links: Opened) -> int:
    return int(pl.scan_parquet(links.path, glob=False).select(pl.len()).collect().item())


def _gather(
    meeting: Meeting, ticket: Ticket, kind: IdentifierKind, gathering: Gathering
) -> Steps[None]:
    """Take both platforms' points as they come, whichever has some."""
    streams = {party: _inbox(meeting, ticket, kind, party).chunks() for party in Platform}
    while streams:
        waits: list[Waiting] = []
        for party, chunks in list(streams.items()):
            got = next(chunks, None)
            if got is None:
                del streams[party]
            elif isinstance(got, Waiting):
                waits.append(got)
            else:
                gathering.add(party, got)
                yield Moved(got.count)
        if streams and len(waits) == len(streams):
            yield waits[0]


def _inbox(meeting: Meeting, ticket: Ticket, kind: IdentifierKind, party: Platform) -> Inbox:
    """Where the points of a platform come from: from the other one, which doubled them."""
    other = Platform.STORE if party is Platform.ADS else Platform.ADS
    stream = Stream(
        match=ticket.match,
        kind=kind,
        step=Step.DOUBLED,
        sender=KeyRole(other),
        recipient=KeyRole.ROOM,
    )
    sender = meeting.vault.agreement.parties[other].identity_key or ""
    total = ticket.points[kind][party]
    return Inbox(meeting.mailbox, stream, total, sender, meeting.keys.transport)


def _record(vault: Vault, match: str) -> None:
    """Enter the match in the ledger, once."""
    path, facts = ledger_of(vault.room), {"match": match, "handovers": vault.handovers}
    event = ledger.Event.MATCHED
    if not any(r["event"] == event and r["facts"] == facts for r in ledger.records(path)):
        ledger.append(path, event, facts)
