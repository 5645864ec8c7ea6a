"""A room filled by two simulated platforms, for benchmarks: no notebook, no review."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cleanroom import agreement as agreements
from cleanroom.agreement import Agreement
from cleanroom.bench.enrol import create_keys
from cleanroom.consent import signed
from cleanroom.keyring import open_keyring
from cleanroom.party.handover import write_handover
from cleanroom.party.keys import PartyKeys, load_keys
from cleanroom.review.office import docket, propose, record
from cleanroom.review.records import ActKind, Reviewer, sign_act
from cleanroom.review.templates import load_drafts, template_of
from cleanroom.room.place import ledger_of
from cleanroom.room.vault import Vault, accept, open_vault
from cleanroom.simulation import SimulationSettings, simulate, write_exports
from cleanroom.tables import KeyRole, Platform

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
REVIEWER = "reviewer"


@dataclass(frozen=True)
class FilledRoom:
    """A room with both handovers, and what only a simulation has beside it: all keys, the truth.

    `truth` is the folder of the simulation's truth.
    """

    directory: Path
    agreement: Agreement
    vault: Vault
    keys: dict[Platform, PartyKeys]
    truth: Path


def filled_room(folder: Path, settings: SimulationSettings) -> FilledRoom:
    """Export, make keys, agree, hand over and accept, all under `folder`."""
    write_exports(simulate(settings), folder / "exports")
    draft = agreements.load(CONFIGS / "red-cat-plan.yaml")
    public = [
        create_keys(role, folder / role, draft, key_file=folder / "unlock.key")
        for role in (KeyRole.ADS, KeyRole.STORE, KeyRole.ROOM)
    ]
    public += [
        create_keys(
            KeyRole.REVIEWER,
            folder / f"{platform}-reviewer",
            draft,
            key_file=folder / "unlock.key",
            platform=platform,
            name=REVIEWER,
        )
        for platform in Platform
    ]
    agreed = agreements.with_keys(draft, [json.loads(file.read_bytes()) for file in public])
    for platform in Platform:
        agreed = signed(agreed, platform, load_keys(folder / platform, agreed, platform).identity)
    room = folder / "room"
    agreements.write(agreed, room / "agreement.yaml")
    _approve_templates(folder, room, agreed)
    keys = {}
    for platform in Platform:
        keys[platform] = load_keys(folder / platform, agreed, platform)
        export, handover = folder / "exports" / platform, folder / f"handover-{platform}"
        write_handover(export, keys[platform], agreed, handover)
        accept(room, handover, agreed)
    vault = open_vault(room, agreed)
    return FilledRoom(room, agreed, vault, keys, folder / "exports" / "truth")


def _approve_templates(folder: Path, room: Path, agreed: Agreement) -> None:
    """Both platforms' reviewers approve the templates that are shipped."""
    drafts = load_drafts(CONFIGS / "red-cat-plan.templates.yaml")
    wanted = [template_of(d, name, agreed, ROOT / "notebooks") for name, d in drafts.items()]
    new = propose(ledger_of(room), wanted, "analyst")
    for platform in Platform:
        key = open_keyring(folder / f"{platform}-reviewer").identity
        by, head = Reviewer(platform, REVIEWER, key), docket(ledger_of(room)).head
        acts = [sign_act(by, ActKind.APPROVE_TEMPLATE, each.digest, head) for each in new]
        record(ledger_of(room), agreed, acts)
