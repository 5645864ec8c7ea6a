"""Packets for reviewers who sit elsewhere: what they need of a room to look and sign, no more."""

from __future__ import annotations

import shutil
from pathlib import Path

from cleanroom.errors import LedgerError, ReviewError
from cleanroom.review import packet
from cleanroom.review.office import docket
from cleanroom.review.packet import Brought
from cleanroom.review.states import LEFT, UNDER_REVIEW
from cleanroom.room.place import agreement_of, ledger_of

_AGREEMENT = ("agreement.yaml", "agreement.in-force.json", "room.json")


def pack(room: Path, out: Path) -> list[Path]:
    """Make a packet of a room in the new directory `out`; returns the candidates in it.

    It holds the ledger, the agreement, the candidates under review, and those that left, to compare
    with: no row, no token, no key, and no draft. Raises `ReviewError` if `out` is not new.
    """
    agreement_of(room)
    if packet.is_packet(ledger_of(room)):
        raise ReviewError("This is a packet already.", "copy it, or name the room's directory.")
    if out.exists() and any(out.iterdir()):
        raise ReviewError(f"There is something in {out} already.", "name a new directory.")
    (out / "candidates").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ledger_of(room), ledger_of(out))
    for name in _AGREEMENT:
        shutil.copyfile(room / name, out / name)
    known = docket(ledger_of(out))  # of the copy: the room may go on meanwhile
    chosen = [case.file for case in known.cases.values() if case.state in (*UNDER_REVIEW, *LEFT)]
    present = [name for name in chosen if (room / "candidates" / name).is_file()]
    for name in present:
        shutil.copyfile(room / "candidates" / name, out / "candidates" / name)
    packet.mark(out, known.head)
    return [out / "candidates" / name for name in present]


def record(room: Path, file: Path) -> list[Brought]:
    """Record in a room what reviewers signed in a packet; says what became of each word.

    Raises `LedgerError` or `ReleaseError` if the file is not as it was written.
    """
    if not file.is_file():
        raise LedgerError(f"There is no file {file}.", f"name the {packet.SIGNED} that was sent.")
    return packet.carry(ledger_of(room), agreement_of(room), packet.read_words(file))
