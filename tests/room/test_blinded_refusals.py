"""Whatever no honest party sends is refused, with its reason, by whoever gets it.

The mailbox is anybody's, and each party may be dishonest: messages are altered, moved and forged
here as each of them could.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom.errors import ExitCode, JoinError
from cleanroom.matching import TICKET, write_receipt, write_ticket
from cleanroom.message import Step
from cleanroom.stepwise import SILENT, run
from cleanroom.streams import Chunk
from cleanroom.tables import Platform
from tests.blinding import ADS, CID, ROOM, STORE, Scene, scene

CLICKED = [f"CANARY-{n}" for n in range(8)]  # in messages of 3, 3 and 2 records
VISITED = [f"CANARY-{n}" for n in range(5, 12)]
PRIME = 2**255 - 19


@dataclass(frozen=True)
class Route:
    """The messages of a step, and who has to act before they are there."""

    step: Step
    sender: str
    reader: str
    before: tuple[str, ...]


TO_STORE = Route(Step.BLINDED, ADS, STORE, (ADS,))
TO_ROOM = Route(Step.DOUBLED, STORE, ROOM, (ADS, STORE, ADS))
ROUTES = pytest.mark.parametrize("route", [TO_STORE, TO_ROOM], ids=["to store", "to room"])


@pytest.fixture
def match(tmp_path: Path) -> Scene:
    return scene(tmp_path, CLICKED, VISITED)


def arrived(match: Scene, route: Route) -> list[Chunk]:
    """Play until the messages of the route are there, and open them."""
    next(match.actor(ROOM))
    for name in route.before:
        match.until_waiting(name)
    return match.received(route.step, route.sender, route.reader)


def file(match: Scene, route: Route, number: int) -> Path:
    """The file of a message in the mailbox."""
    stream = match.stream(route.step, route.sender, route.reader)
    return match.home / "mailbox" / stream.name(number)


def refused(match: Scene, reader: str, reason: str) -> None:
    """The reader refuses for that reason, in words that hold no identifier."""
    with pytest.raises(JoinError, match=reason) as refusal:
        run(match.actor(reader), 0, SILENT)
    assert refusal.value.exit_code is ExitCode.JOIN
    assert "CANARY" not in str(refusal.value)


# By whoever can write into the mailbox


def flipped(place: int) -> Callable[[bytes], bytes]:
    def change(message: bytes) -> bytes:
        content = bytearray(message)
        content[place] ^= 1
        return bytes(content)

    return change


ALTERED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "last bit": (flipped(-1), "was altered or cut"),
    "bit of a record": (flipped(-40), "was altered or cut"),
    "first bit": (flipped(0), "is not readable"),
    "bit of the sealed key": (flipped(20), "is not (readable|signed by the)"),
    "cut by a byte": (lambda message: message[:-1], "was altered or cut"),
    "cut in the envelope": (lambda message: message[:100], "is not readable"),
    "emptied": (lambda _: b"", "is not readable"),
    "grown": (lambda message: message + b"\0", "was altered or cut"),
    "huge": (lambda message: message.ljust((64 << 20) + 1), "is larger than any message"),
}


@ROUTES
@pytest.mark.parametrize(("change", "reason"), ALTERED.values(), ids=ALTERED)
def test_an_altered_message(
    change: Callable[[bytes], bytes], reason: str, route: Route, match: Scene
) -> None:
    arrived(match, route)
    message = file(match, route, 1)
    message.write_bytes(change(message.read_bytes()))
    refused(match, route.reader, reason)


@ROUTES
def test_messages_in_each_other_s_places(route: Route, match: Scene) -> None:
    arrived(match, route)
    first, second = (file(match, route, number) for number in (0, 1))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    refused(match, route.reader, "message 0 .* stands in the place of another message")


@ROUTES
def test_a_message_of_another_step(route: Route, match: Scene) -> None:
    arrived(match, TO_ROOM)
    other = TO_ROOM if route is TO_STORE else TO_STORE
    moved = file(match, other, 0).read_bytes()
    for number in range(3):
        file(match, route, number).write_bytes(moved)
    refused_by = match.inbox(route.step, route.sender, route.reader).chunks()
    with pytest.raises(JoinError, match=r"message 0 .* is not signed by"):
        next(refused_by)


@ROUTES
def test_a_message_of_another_match(route: Route, match: Scene) -> None:
    arrived(match, route)
    earlier = file(match, route, 0).read_bytes()
    next(match.actor(ROOM, anew=True))
    for name in route.before:
        match.until_waiting(name)
    file(match, route, 0).write_bytes(earlier)
    refused(match, route.reader, "message 0 .* belongs to another match")


@ROUTES
def test_a_message_that_another_signed(route: Route, match: Scene) -> None:
    chunks = arrived(match, route)
    forged = replace(
        match.outbox(route.step, route.sender, route.reader), identity=Ed25519PrivateKey.generate()
    )
    forged.send(chunks[0])
    refused(match, route.reader, f"message 0 .* is not signed by the {route.sender}")


@ROUTES
def test_a_message_that_is_sealed_to_another(route: Route, match: Scene) -> None:
    chunks = arrived(match, route)
    ads = match.agreement.parties[Platform.ADS].transport_key or ""
    forged = replace(match.outbox(route.step, route.sender, route.reader), recipient=ads)
    forged.send(chunks[0])
    refused(match, route.reader, f"message 0 .* is not sealed to the {route.reader}")


@ROUTES
def test_a_message_that_is_gone_is_waited_for(route: Route, match: Scene) -> None:
    arrived(match, route)
    file(match, route, 1).unlink()
    refused(match, route.reader, "Nothing came within 0 seconds: waiting for message 1 of")


@ROUTES
def test_a_link_out_of_the_mailbox_in_a_message_s_place(route: Route, match: Scene) -> None:
    arrived(match, route)
    message = file(match, route, 1)
    message.rename(match.home / "elsewhere")
    message.symlink_to(match.home / "elsewhere")
    refused(match, route.reader, "In the mailbox, 000001 is a link")


# By the sender itself


def with_point(chunk: Chunk, point: bytes) -> Chunk:
    return replace(chunk, points=point + chunk.points[32:])


FORGED: dict[str, tuple[Callable[[list[Chunk]], Chunk], str]] = {
    "the same handle twice": (
        lambda c: replace(c[1], handles=c[1].handles[:16] * 2 + c[1].handles[32:]),
        "message 1 .* repeats a handle",
    ),
    "a handle of an earlier message": (
        lambda c: replace(c[1], handles=c[0].handles[-16:] + c[1].handles[16:]),
        "message 1 .* repeats a handle",
    ),
    "handles out of order": (
        lambda c: replace(c[1], handles=c[1].handles[16:] + c[1].handles[:16]),
        "message 1 .* has them out of order",
    ),
    "a point too few": (
        lambda c: replace(c[1], points=c[1].points[32:]),
        r"message 1 .* is of a wrong length \(112 bytes\)",
    ),
    "a point cut": (
        lambda c: replace(c[1], points=c[1].points[:-1]),
        r"message 1 .* is of a wrong length \(143 bytes\)",
    ),
    "a record too few": (
        lambda c: replace(c[1], handles=c[1].handles[16:], points=c[1].points[32:]),
        "message 2 .* has counts that do not add up",
    ),
    "records left out before": (
        lambda c: replace(c[1], before=4),
        "message 1 .* has counts that do not add up",
    ),
    "a last message before the last": (
        lambda c: replace(c[1], last=True),
        "message 1 .* calls itself the last",
    ),
    "no last message": (
        lambda c: replace(c[2], last=False),
        "message 2 .* does not call itself the last",
    ),
    "a message after the last": (
        lambda c: replace(c[2], number=3),
        "message 3 .* follows the last",
    ),
    "an empty message": (
        lambda c: replace(c[1], handles=b"", points=b""),
        "message 1 .* is empty",
    ),
    "more records than were handed over": (
        lambda c: replace(c[2], handles=_three_handles(c[2]), points=c[0].points),
        r"message 2 .* has counts that do not add up \(9 of 8\)",
    ),
    "the point 0": (
        lambda c: with_point(c[1], bytes(32)),
        "[Mm]essage 1 .*(1 of small order|1 of 3 points are 0)",
    ),
    "a coordinate from the prime on": (
        lambda c: with_point(c[1], (PRIME + 9).to_bytes(32, "little")),
        "[Mm]essage 1 .*not canonical",
    ),
    "a coordinate with the high bit": (
        lambda c: with_point(c[1], (9 | 1 << 255).to_bytes(32, "little")),
        "[Mm]essage 1 .*not canonical",
    ),
}


def _three_handles(chunk: Chunk) -> bytes:
    return chunk.handles[:16] + chunk.handles[16:] + b"\xff" * 16


@ROUTES
@pytest.mark.parametrize(("forge", "reason"), FORGED.values(), ids=FORGED)
def test_a_message_out_of_the_protocol(
    forge: Callable[[list[Chunk]], Chunk], reason: str, route: Route, match: Scene
) -> None:
    chunks = arrived(match, route)
    match.outbox(route.step, route.sender, route.reader).send(forge(chunks))
    refused(match, route.reader, reason)


@pytest.mark.parametrize(
    ("coordinate", "reason"),
    [(1, "of small order"), (PRIME - 1, "on the twist"), (2, "on the twist")],
)
def test_a_point_on_which_a_secret_would_show(coordinate: int, reason: str, match: Scene) -> None:
    chunks = arrived(match, TO_STORE)
    forged = with_point(chunks[1], coordinate.to_bytes(32, "little"))
    match.outbox(Step.BLINDED, ADS, STORE).send(forged)
    refused(match, STORE, f"Message 1 of click ids: Of 3 points, .*: 1 .*{reason}")


def test_one_point_under_two_handles(match: Scene) -> None:
    chunks = arrived(match, TO_ROOM)
    forged = with_point(chunks[1], chunks[0].points[:32])
    match.outbox(Step.DOUBLED, STORE, ROOM).send(forged)
    refused(match, ROOM, "1 points of the ads platform stand under two handles")


def test_other_points_in_place_of_those_that_were_doubled(match: Scene) -> None:
    # The room and the ads platform could test guesses with each restart, uncounted.
    chunks = arrived(match, TO_ROOM)
    for number in range(3):  # what was doubled is gone, so that a restart doubles anew
        file(match, TO_ROOM, number).unlink()
    match.outbox(Step.BLINDED, ADS, STORE).send(chunks[0])
    refused(match, STORE, "message 0 of the ads platform's blinded .* is not the one .* before")


def test_what_was_doubled_is_doubled_alike_after_a_restart(match: Scene) -> None:
    before = arrived(match, TO_ROOM)
    for number in range(3):
        file(match, TO_ROOM, number).unlink()
    match.until_waiting(STORE)
    assert match.received(Step.DOUBLED, STORE, ROOM) == before


def test_of_what_was_doubled_a_power_cut_may_leave_zeros(match: Scene) -> None:
    # It had not been sent by then: a digest is on disk before.
    before = arrived(match, TO_ROOM)
    (known,) = (match.home / STORE / "state").rglob("*.doubled")
    known.write_bytes(known.read_bytes()[:64] + bytes(32))
    file(match, TO_ROOM, 2).unlink()
    match.until_waiting(STORE)
    assert match.received(Step.DOUBLED, STORE, ROOM) == before


# The ticket and the receipt


def test_a_ticket_that_the_room_did_not_sign(match: Scene) -> None:
    next(match.actor(ROOM))
    write_ticket(match.mailbox, match.ticket, Ed25519PrivateKey.generate())
    for reader in (ADS, STORE, ROOM):
        refused(match, reader, r"match\.json is not signed by the room")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff"])
def test_a_ticket_that_is_none(content: bytes, match: Scene) -> None:
    match.mailbox.write(TICKET, content)
    refused(match, ADS, r"match\.json is not readable")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"handovers": {Platform.ADS: "ab" * 32}}, "waiting for .* is for another handover of ads"),
        ({"agreement": "ab" * 32}, "waiting for .* is for another agreement"),
        ({"points": {CID: {Platform.ADS: 9, Platform.STORE: 7}}}, "counts other click ids than"),
        ({"points": {CID: {Platform.ADS: 8}}}, "counts other click ids than"),
        ({"points": {}}, "joins other kinds of identifiers"),
    ],
)
def test_a_ticket_for_another_match(changes: dict[str, Any], reason: str, match: Scene) -> None:
    next(match.actor(ROOM))
    other = match.ticket.model_copy(update=changes)
    write_ticket(match.mailbox, other, match.room_keys.identity)
    refused(match, ADS, reason)


def test_the_ticket_of_an_earlier_match_is_not_taken_up_again(match: Scene) -> None:
    next(match.actor(ROOM))
    earlier = (match.home / "mailbox" / TICKET).read_bytes()
    match.until_waiting(ADS)
    next(match.actor(ROOM, anew=True))
    current = match.ticket
    match.until_waiting(ADS)
    match.mailbox.write(TICKET, earlier)
    refused(match, ADS, "was given up, or its state is lost")
    next(match.actor(ROOM))  # which knows what it opened, and lays it there again
    assert match.ticket == current


def test_the_ticket_of_a_finished_match_is_not_taken_up_again(match: Scene) -> None:
    match.play()
    earlier = (match.home / "mailbox" / TICKET).read_bytes()
    next(match.actor(ROOM, anew=True))
    match.play()
    match.mailbox.write(TICKET, earlier)
    (match.home / "mailbox" / match.ticket.match[:16] / "done.json").unlink()
    refused(match, ADS, "ads has finished the one in the mailbox")


def test_a_receipt_of_another_match(match: Scene) -> None:
    arrived(match, TO_STORE)
    write_receipt(match.mailbox, "ab" * 32, match.room_keys.identity)
    folder = match.home / "mailbox" / match.ticket.match[:16]
    (match.home / "mailbox" / ("ab" * 8) / "done.json").rename(folder / "done.json")
    refused(match, ADS, "is another match's")


def test_a_receipt_that_the_room_did_not_sign(match: Scene) -> None:
    arrived(match, TO_STORE)
    write_receipt(match.mailbox, match.ticket.match, Ed25519PrivateKey.generate())
    refused(match, ADS, r"done\.json is not signed by the room")


# At home


def test_a_lost_state(match: Scene) -> None:
    arrived(match, TO_STORE)
    for left in (match.home / ADS / "state").rglob("*.json"):
        left.unlink()
    refused(match, ADS, "its state is lost.*\n.*--new")


def test_an_altered_state(match: Scene) -> None:
    arrived(match, TO_STORE)
    (state,) = (match.home / ADS / "state").rglob("*.json")
    state.write_bytes(state.read_bytes().replace(b'"sealed":"', b'"sealed":"00'))
    refused(match, ADS, "does not open")


def test_the_join_input_of_another_handover(match: Scene) -> None:
    old = match.home / ADS / "export" / "join"
    old.rename(match.home / "old")
    match.hand_over(Platform.ADS)
    next(match.actor(ROOM))
    (old / CID / "000.parquet").write_bytes((match.home / "old" / CID / "000.parquet").read_bytes())
    refused(match, ADS, "was written with another handover")


def test_an_export_that_was_not_handed_over_for_a_blinded_join(match: Scene) -> None:
    (match.home / ADS / "export" / "join" / CID / "000.parquet").unlink()
    next(match.actor(ROOM))
    refused(match, ADS, "There is no join input")
