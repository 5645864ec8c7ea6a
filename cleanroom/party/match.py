"""A platform's side of the blinded join: blind the own identifiers, double the other's points.

    own identifiers ─ hash, own secret ─► the other platform       `blinded`
    the other's points ─ check, own secret ─► the room             `doubled`

What is doubled is sealed to the room, so that no platform sees its own points come back; see
decision 0010. Killed at any moment, a platform goes on where it stopped: its messages so far are in
the mailbox, and its secrets in the state.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from cleanroom.agreement import JoinMode, agreement_digest
from cleanroom.consent import require_signed
from cleanroom.errors import JoinError, KeysError
from cleanroom.matching import (
    MOST_RECORDS,
    Ticket,
    has_receipt,
    join_columns,
    points,
    read_ticket,
)
from cleanroom.message import Step, Stream
from cleanroom.party import curve
from cleanroom.party.blinding import FEWEST, Crew, cores, rates
from cleanroom.party.derive import dummy_key, handle_key
from cleanroom.party.join_input import HandleKey, JoinInput, count, require_handles
from cleanroom.party.match_state import (
    MatchState,
    finish,
    is_finished,
    is_first_or_same,
    new_state,
    note_begun,
    read_state,
    was_begun,
)
from cleanroom.party.side import Side, inbox, outbox
from cleanroom.stepwise import Moved, Steps, Waiting
from cleanroom.streams import Chunk, Outbox
from cleanroom.tables import IdentifierKind, Platform


def match(side: Side) -> Steps[None]:
    """The platform's steps until the room has the links; run it with `stepwise.run`.

    Raises `JoinError` for whatever is not as an honest party sends it, if the state of a match that
    was begun is lost, or if the agreement asks for no blinded join; `AgreementError` if that is not
    signed by both platforms, or not in force.
    """
    _require_agreed(side)
    ticket = yield from _ticket(side)
    if not has_receipt(side.mailbox, ticket.match, side.agreement):
        yield from _still(_join(side, ticket), side, ticket)
    side.progress.says(f"{side.keys.party}: the match is finished")
    finish(side.state, side.keys, ticket.match)


def _require_agreed(side: Side) -> None:
    if side.agreement.join.mode is not JoinMode.BLINDED:
        raise JoinError(
            "The agreement's join is not blinded, so there is no match to take part in.",
            "hand over, and leave the rest to the room; or agree on join.mode: blinded.",
        )
    require_signed(side.agreement)
    if side.keys.agreement != agreement_digest(side.agreement):
        raise KeysError("The keys were loaded for another agreement.", "load them for this one.")
    if not 1 <= side.chunk <= MOST_RECORDS:
        raise JoinError(
            f"A message cannot hold {side.chunk:,} records.", f"take 1 to {MOST_RECORDS:,}."
        )


def _ticket(side: Side) -> Steps[Ticket]:
    """The room's ticket for this very handover; another may lie there until the room opens it."""
    own, what = side.keys.party, "the room's ticket (cleanroom room match)"
    while True:
        ticket = read_ticket(side.mailbox, side.agreement)
        if ticket is None:
            yield Waiting(what)
        elif ticket.agreement != agreement_digest(side.agreement):
            yield Waiting(f"{what}; the one in the mailbox is for another agreement")
        elif ticket.handovers.get(own) != side.handover:
            yield Waiting(f"{what}; the one in the mailbox is for another handover of {own}")
        elif is_finished(side.state, side.keys, ticket.match):
            yield Waiting(f"{what}; {own} has finished the one in the mailbox")
        else:
            _check(ticket, side)
            return ticket


def _check(ticket: Ticket, side: Side) -> None:
    """Raise unless the ticket counts what this platform joins."""
    if set(ticket.points) != set(join_columns(side.agreement)):
        raise JoinError(
            "The room's ticket joins other kinds of identifiers than the agreement.",
            "have the room open the match under the agreement that both platforms hold.",
        )
    for kind, by_party in ticket.points.items():
        key = HandleKey(handle_key(side.keys, kind, side.nonce), side.keys.token_hash)
        require_handles(side.inputs / kind, key)
        own = points(count(side.inputs / kind), side.agreement)
        if set(by_party) != set(Platform) or by_party[side.keys.party] != own:
            raise JoinError(
                f"The room's ticket counts other {kind.plural} than were handed over.",
                "hand over again, have the room accept it, and open a new match.",
            )


def _still(steps: Steps[None], side: Side, ticket: Ticket) -> Steps[None]:
    """The steps until the room has its links, as long as it opens no match in this one's place.

    What is waited for may have been there, and been removed since: a restarted platform's messages
    of before can be all that the room was missing.
    """
    for step in steps:
        if isinstance(step, Waiting):
            if has_receipt(side.mailbox, ticket.match, side.agreement):
                return
            if read_ticket(side.mailbox, side.agreement) != ticket:
                raise JoinError(
                    "The room has opened another match in the meantime.",
                    "run this again to take part.",
                )
        yield step


def _join(side: Side, ticket: Ticket) -> Steps[None]:
    state = _begun(side, ticket)
    side = replace(side, chunk=state.chunk)
    secrets = {
        kind.value: (_domain(ticket, kind), secret) for kind, secret in state.secrets.items()
    }
    with Crew(secrets, _processes(side, ticket)) as crew:
        _forecast(side, ticket, crew)
        for kind in ticket.points:
            yield from _blind(side, ticket, kind, crew)
            yield from _double(side, ticket, kind, state, crew)
    while True:  # `_still` looks for it
        yield Waiting("the room's receipt")


def _begun(side: Side, ticket: Ticket) -> MatchState:
    """The state of this match; new only if nothing was sent, for all of it needs one secret."""
    state = read_state(side.state, side.keys, ticket.match)
    if state is None:
        _require_new(side, ticket)
        state = new_state(side.state, side.keys, ticket.match, ticket.points, side.chunk)
    note_begun(side.state, side.keys, ticket.match)
    return state


def _require_new(side: Side, ticket: Ticket) -> None:
    """Raise if the match was begun before: by a note of it, or by what lies in the mailbox."""
    sent = (outbox(side, ticket, kind, step).sent() for kind in ticket.points for step in Step)
    if was_begun(side.state, side.keys, ticket.match) or any(sent):
        raise JoinError(
            "This match was begun before, and was given up, or its state is lost.",
            "name the --state of before, or have the room open a new match: "
            "cleanroom room match … --new",
        )


def _domain(ticket: Ticket, kind: IdentifierKind) -> bytes:
    """The domain of a kind's points: other joins, and other matches, have other points."""
    return curve.domain(ticket.collaboration, ticket.epoch, kind.value, ticket.match)


def _processes(side: Side, ticket: Ticket) -> int:
    return min(side.processes or cores(), max(_work(ticket) // FEWEST, 1))


def _work(ticket: Ticket) -> int:
    return sum(sum(by_party.values()) for by_party in ticket.points.values())


def _forecast(side: Side, ticket: Ticket, crew: Crew) -> None:
    blind, double = rates()
    at = f"{crew.processes} cores" if crew.processes > 1 else "1 core"
    side.progress.begins(_work(ticket))
    for kind, by_party in ticket.points.items():
        own, others = by_party[side.keys.party], by_party[side.other]
        seconds = (own / blind + others / double) / crew.processes
        side.progress.says(
            f"{side.keys.party}: {own:,} {kind.plural} to blind, {others:,} to double: about "
            f"{seconds:,.1f} s on {at} ({curve.backend()})"
        )


def _sent(box: Outbox, side: Side) -> int | None:
    """How many messages were sent so far; None if the match is finished, and they may be gone.

    The receipt is looked for last: the room writes it before it removes a message, so without one
    the count is true, and it waits for what is not sent yet.
    """
    sent = box.sent()
    return None if has_receipt(box.mailbox, box.stream.match, side.agreement) else sent


def _blind(side: Side, ticket: Ticket, kind: IdentifierKind, crew: Crew) -> Steps[None]:
    box = outbox(side, ticket, kind, Step.BLINDED)
    sent, before = _sent(box, side), 0
    if sent is None:
        return
    dummies = box.total - count(side.inputs / kind)
    source = JoinInput(side.inputs / kind, dummy_key(side.keys, kind, side.nonce), dummies)

    def tasks() -> Iterable[Moved | tuple[Chunk, Future[bytes]]]:
        nonlocal before
        for number, piece in enumerate(source.pieces(side.chunk)):
            last = before + len(piece.identifiers) == box.total
            chunk = Chunk(number, before, last, piece.handles, b"")
            before += chunk.count
            if number < sent:
                yield Moved(chunk.count)
            else:
                yield chunk, crew.blind(kind, piece.identifiers)

    yield from _through(tasks(), box, crew)


def _double(
    side: Side, ticket: Ticket, kind: IdentifierKind, state: MatchState, crew: Crew
) -> Steps[None]:
    box, got = outbox(side, ticket, kind, Step.DOUBLED), inbox(side, ticket, kind)
    sent = _sent(box, side)
    if sent is None:
        return
    yield Moved(min(sent * side.chunk, box.total))

    def tasks() -> Iterable[Waiting | tuple[Chunk, Future[bytes]]]:
        for chunk in got.chunks(sent):
            if isinstance(chunk, Waiting):
                yield chunk
                continue
            digest = hashlib.sha256(chunk.handles + chunk.points).digest()
            place = (kind, chunk.number)
            if not is_first_or_same(side.state, side.keys, state, place, digest):
                raise _exchanged(got.stream, chunk.number)
            yield chunk, crew.double(kind, chunk.points)

    yield from _through(tasks(), box, crew)


def _exchanged(stream: Stream, number: int) -> JoinError:
    return JoinError(
        f"In the mailbox, {stream.words(number)} is not the one that was doubled before.",
        "its sender did not keep to the protocol; have the room open a new match only once it is "
        "known why.",
    )


def _through(
    tasks: Iterable[Waiting | Moved | tuple[Chunk, Future[bytes]]], box: Outbox, crew: Crew
) -> Steps[None]:
    """Send each chunk with its points once they are computed, in order, a few being under way."""
    flight: deque[tuple[Chunk, Future[bytes]]] = deque()

    def land() -> Moved:
        chunk, future = flight.popleft()
        box.send(replace(chunk, points=_computed(future, box.stream, chunk.number)))
        return Moved(chunk.count)

    for task in tasks:
        if isinstance(task, tuple):
            flight.append(task)
            if len(flight) > crew.most_in_flight:
                yield land()
        else:
            yield land() if flight else task
    while flight:
        yield land()


def _computed(future: Future[bytes], stream: Stream, number: int) -> bytes:
    try:
        return future.result()
    except BrokenProcessPool:
        raise JoinError(
            "A process that blinds was ended from outside.",
            "see that there is memory for all of them, and run this again: it goes on.",
        ) from None
    except JoinError as error:
        raise JoinError(
            f"Message {number} of {stream.kind.plural}: {error.problem}", error.remedy
        ) from None
