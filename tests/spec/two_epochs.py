"""Two platforms and a room that come to a second epoch, each with its own directory and keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from cleanroom import sealing, signing
from cleanroom.agreement import Agreement, load, parse, to_record, with_keys
from cleanroom.errors import CleanroomError
from cleanroom.keyring import Keyring, Secret, open_keyring
from cleanroom.party.handover import write_handover
from cleanroom.party.keys import PartyKeys, create_keys, load_keys
from cleanroom.party.rotation import Epoch, write_rotation
from cleanroom.room import register
from cleanroom.room.opened import read_sealed
from cleanroom.room.rotation import Rotated, rotate
from cleanroom.room.state import read_state
from cleanroom.room.vault import Acceptance, accept, create_room
from cleanroom.tables import Platform
from tests.agreements import signed_by_both
from tests.party.exports import NOW, write_good
from tests.party.room import opened

DRAFT = Path(__file__).parents[2] / "configs" / "red-cat-plan.yaml"
OLD, NEW = "2026-h1", "2026-h2"
COLUMNS = {Platform.ADS: ("touches", "user"), Platform.STORE: ("visits", "buyer")}


class TwoEpochs:
    """The good exports of `tests.party.exports`, handed over in either epoch."""

    def __init__(self, home: Path, **changes: Any) -> None:
        """`changes` are terms of the new epoch's agreement."""
        self.home, self.room, self.moments = home, home / "room", count()
        self.lock = home / "unlock.key"
        draft = load(DRAFT)
        self.public = create_room(self.room, draft.collaboration, home / "room.key")
        self.agreed = {OLD: self.agree(OLD), NEW: self.agree(NEW, version=2, **changes)}
        for party in Platform:
            write_good(self.export(party), party)

    def agree(self, epoch: str, **changes: Any) -> Agreement:
        """An agreement with new keys of both platforms, under `keys/<epoch>`."""
        few = {"policy": {"min_people": 2}}  # as many as come and go in these exports
        draft = parse({**to_record(load(DRAFT)), **few, "epoch": epoch, **changes}, epoch)
        made = [create_keys(self.keys_of(p, epoch), draft, p, self.lock) for p in Platform]
        return self.signed(with_keys(draft, [*made, self.public]))

    def signed(self, agreement: Agreement) -> Agreement:
        """The agreement with both platforms' signatures."""
        return signed_by_both(agreement, {p: self.keys_of(p, agreement.epoch) for p in Platform})

    def keys_of(self, party: Platform, epoch: str) -> Path:
        return self.home / party / "keys" / epoch

    def keys(self, party: Platform, epoch: str) -> PartyKeys:
        return load_keys(self.keys_of(party, epoch), self.agreed[epoch], party)

    def side(self, party: Platform, epoch: str) -> Epoch:
        return Epoch(self.keys(party, epoch), self.agreed[epoch])

    def export(self, party: Platform) -> Path:
        return self.home / party / "export"

    @property
    def ring(self) -> Keyring:
        """The room's keys."""
        return open_keyring(self.room)

    def hand_over(self, party: Platform, epoch: str) -> Path:
        """The export's handover in an epoch."""
        out = self.home / party / "handover" / epoch
        now = NOW + timedelta(seconds=next(self.moments))  # each after the one before it
        write_handover(self.export(party), self.keys(party, epoch), self.agreed[epoch], out, now)
        return out

    def accepted(self, party: Platform, epoch: str) -> Acceptance:
        return accept(self.room, self.hand_over(party, epoch), self.agreed[epoch])

    def rotation(self, party: Platform, old: str = OLD, new: str = NEW) -> Path:
        """The export's rotation from one epoch to another."""
        out = self.home / party / "rotation"
        write_rotation(self.export(party), self.side(party, old), self.side(party, new), out, NOW)
        return out

    def rotated(self, party: Platform) -> Rotated:
        return rotate(self.room, self.rotation(party), self.agreed[NEW])

    def tokens(self, party: Platform, epoch: str, column: str | None = None) -> list[str]:
        """The tokens of the first table's persons (or of another column) in a handover, by row."""
        table, person = COLUMNS[party]
        handover = self.home / party / "handover" / epoch
        rows = opened(handover, table, self.ring.transport)
        return rows[column or person].drop_nulls().to_list()

    def numbers(self, party: Platform) -> dict[str, int]:
        """The register: numbers by token in hex."""
        found = register.read(self.room, self.ring, party)
        if found is None:
            return {}
        persons = found.persons.with_columns(pl.col("token").bin.encode("hex"))
        return dict(persons.iter_rows())

    def everything_in_the_room(self) -> Iterator[bytes]:
        """Each file of the room as it lies there, and what is encrypted also as it is in clear."""
        for path in self.room.rglob("*"):
            if path.is_file():
                yield path.read_bytes()
                if path.parent.name == "register":
                    about, content = read_state(path, self.ring)
                    yield json.dumps(about).encode()
                    yield from _values(pl.read_parquet(content))
                if path.suffix == ".sealed":
                    found = read_sealed(path, self.ring.secrets[Secret.STORAGE])
                    yield from _values(pl.read_parquet(found.path))

    def state(self) -> dict[str, bytes]:
        """Every file of the room, by its path."""
        return {
            str(path.relative_to(self.room)): path.read_bytes()
            for path in sorted(self.room.rglob("*"))
            if path.is_file()
        }


def _values(frame: pl.DataFrame) -> Iterator[bytes]:
    for value in (value for row in frame.iter_rows() for value in row):
        match value:
            case bytes():
                yield value
            case str():
                yield value.encode()
            case int():
                yield value.to_bytes(8, "big")


def forged(
    epochs: TwoEpochs,
    party: Platform,
    change: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    **facts: Any,
) -> Path:
    """A rotation with other pairs or facts, sealed and signed as the platform itself could.

    It shows what the room refuses of a platform, and not only of somebody on the way.
    """
    out = epochs.rotation(party)
    manifest = json.loads((out / "manifest.json").read_bytes())
    body = manifest["body"] | facts
    pairs = opened_pairs(out, epochs.ring)
    changed = pairs if change is None else change(pairs)
    plain, sealed = out / "plain", out / "tokens.sealed"
    changed.write_parquet(plain)
    data_key = sealing.new_data_key()
    with plain.open("rb") as content, sealed.open("wb") as target:
        sealing.encrypt(content, target, data_key, "tokens.sealed")
    plain.unlink()
    body |= {"rows": changed.height, "sha256": signing.file_digest(sealed)} | facts
    context = {name: value for name, value in body.items() if name != "data_key"}
    key = epochs.agreed[NEW].room.transport_key
    assert key is not None
    body["data_key"] = sealing.seal_key(data_key, key, context)
    signed(epochs, party, out, body)
    return out


def signed(epochs: TwoEpochs, party: Platform, out: Path, body: dict[str, Any]) -> None:
    """Write a rotation's manifest with both signatures of the platform."""
    old, new = (epochs.keys(party, epoch).identity for epoch in (OLD, NEW))
    manifest = {
        "body": body,
        "signed_with_old_key": signing.sign(old, "rotation from", body),
        "signed_with_new_key": signing.sign(new, "rotation to", body),
    }
    signing.write_canonical(out / "manifest.json", manifest)


def opened_pairs(rotation: Path, ring: Keyring) -> pl.DataFrame:
    """What whoever holds `ring` finds in a rotation; raises `SealError` if it is not for them."""
    body = json.loads((rotation / "manifest.json").read_bytes())["body"]
    context = {name: value for name, value in body.items() if name != "data_key"}
    data_key = sealing.open_key(body["data_key"], ring.transport, context)
    plain = rotation / "plain"
    try:
        with (rotation / "tokens.sealed").open("rb") as sealed, plain.open("wb") as target:
            sealing.decrypt(sealed, target, data_key, "tokens.sealed")
        return pl.read_parquet(plain)
    finally:
        plain.unlink()


def said(error: CleanroomError) -> str:
    """All that an error shows, with what it is chained to."""
    return " ".join(map(str, (error, error.__cause__, error.__context__)))
