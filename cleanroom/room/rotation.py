"""Rotation in the room: a party's persons keep their numbers and get the new epoch's tokens.

    check ─► register: new tokens for old ─► old handovers and what came of them deleted ─► ledger

Each step is whole or not done, and the next run takes up at the one that was cut off. Afterwards
no old token is left: the room tells who was behind an earlier release by number alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cleanroom import ledger, signing
from cleanroom.agreement import Agreement
from cleanroom.errors import HandoverError
from cleanroom.keyring import Keyring, open_keyring
from cleanroom.room import register
from cleanroom.room.folders import locked
from cleanroom.room.forgetting import forget_handovers
from cleanroom.room.join_input import forget_keys
from cleanroom.room.place import ledger_of
from cleanroom.room.register import Register
from cleanroom.room.rotation_inspection import (
    RotationBody,
    check_rotation,
    opened_pairs,
    read_rotation,
)
from cleanroom.tables import KeyRole, Platform


@dataclass(frozen=True)
class Rotated:
    """What was applied. `known` persons had a number, `carried` of them kept it; both are None if
    an earlier run, cut off later, had done that already."""

    party: Platform
    from_epoch: str
    to_epoch: str
    known: int | None
    carried: int | None

    def __str__(self) -> str:
        words = f"{self.party}: from epoch {self.from_epoch} to {self.to_epoch}; "
        if self.known is not None and self.carried is not None:
            lost = self.known - self.carried
            words += f"{self.carried:,} persons keep their numbers, {lost:,} are forgotten; "
        return words + "old tokens and handovers are deleted"


def rotate(room: Path, rotation: Path, agreement: Agreement) -> Rotated:
    """Apply the rotation in the directory `rotation`; the room works under `agreement` already.

    The register has the new tokens, the party's old handovers and what was derived are deleted, and
    the ledger has the event. Raises `HandoverError` naming what is wrong with the rotation, or
    `KeysError`; the room is then as it was.
    """
    body, ring = read_rotation(rotation).body, _ring(room, agreement)
    told = Rotated(body.party, body.from_epoch, body.to_epoch, None, None)
    with locked(room):
        before = _register(room, ring, body.party)
        digest = _digest(body)
        if before.rotation != digest:
            after = _rotated(rotation, before, ring, agreement)
            register.write(room, ring, after)
            told = replace(told, known=before.persons.height, carried=after.persons.height)
        elif _recorded(room, digest):
            raise HandoverError("This rotation was applied before.", "nothing: it is in force.")
        forget_keys(room, ring, body.party)
        forget_handovers(room, body.party, body.to_epoch)
        facts = {"party": body.party, "from_epoch": body.from_epoch, "to_epoch": body.to_epoch}
        ledger.append(ledger_of(room), ledger.Event.EPOCH_ROTATED, {**facts, "rotation": digest})
    return told


def known_and_carried(room: Path, rotation: Path, agreement: Agreement) -> tuple[int, int]:
    """How many persons have a number, and how many of them would keep it; changes nothing.

    Raises what `rotate` raises for the rotation.
    """
    ring = _ring(room, agreement)
    before = _register(room, ring, read_rotation(rotation).body.party)
    after = _rotated(rotation, before, ring, agreement)
    return before.persons.height, after.persons.height


def _rotated(directory: Path, before: Register, ring: Keyring, agreement: Agreement) -> Register:
    """What a rotation, checked, makes of the register."""
    manifest = read_rotation(directory)
    check_rotation(manifest, before, agreement)
    pairs = opened_pairs(directory, manifest.body, ring, agreement)
    return register.rotated(before, pairs, agreement, _digest(manifest.body))


def _ring(room: Path, agreement: Agreement) -> Keyring:
    return open_keyring(room, role=KeyRole.ROOM.value, collaboration=agreement.collaboration)


def _digest(body: RotationBody) -> str:
    return signing.digest(body.model_dump(mode="json"))


def _register(room: Path, ring: Keyring, party: Platform) -> Register:
    found = register.read(room, ring, party)
    if found is None:
        raise HandoverError(
            f"The room knows no persons of the {party} platform yet, so there are none to rotate.",
            "accept the platform's handover of the new epoch.",
        )
    return found


def _recorded(room: Path, digest: str) -> bool:
    return any(
        record["facts"].get("rotation") == digest for record in ledger.records(ledger_of(room))
    )
