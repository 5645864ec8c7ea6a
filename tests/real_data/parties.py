"""The parties at work on real data: exports, keys, handovers, the room that accepts them, votes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cleanroom.agreement import Agreement, with_keys, write
from cleanroom.bench.enrol import create_keys
from cleanroom.desk.decide import decide, release_approved, reviewer
from cleanroom.desk.queue import drafts, queue, undecided
from cleanroom.desk.submit import submit_cases
from cleanroom.party.handover import write_handover
from cleanroom.party.keys import load_keys
from cleanroom.party.report import IngestReport
from cleanroom.review.records import Decision
from cleanroom.room.place import ledger_of
from cleanroom.room.vault import Vault, accept, open_vault
from cleanroom.tables import TABLES, KeyRole, Platform
from tests import templates
from tests.agreements import signed_by_both
from tests.real_data import files
from tests.real_data.adapters import Exports, hillstrom_exports, tmall_exports
from tests.real_data.terms import hillstrom_agreement, tmall_agreement

REVIEWER = "reviewer"


@dataclass(frozen=True)
class Stage:
    """One collaboration's parties, each with a directory under `home`, after the handovers."""

    home: Path
    agreement: Agreement
    ingested: tuple[IngestReport, ...]

    @property
    def room(self) -> Path:
        """The room's directory."""
        return self.home / "room"

    @property
    def vault(self) -> Vault:
        """The room's vault, both handovers accepted."""
        return open_vault(self.room, self.agreement)


def hillstrom(home: Path) -> Stage:
    """Hillstrom's collaboration up to the room's vault; raises `files.AbsentError`."""
    exports = hillstrom_exports(files.hillstrom())
    return hand_over(exports, hillstrom_agreement(exports), home)


def tmall(home: Path) -> Stage:
    """Tmall's collaboration up to the room's vault; raises `files.AbsentError`."""
    exports = tmall_exports(files.tmall())
    return hand_over(exports, tmall_agreement(exports), home)


def hand_over(exports: Exports, draft: Agreement, home: Path) -> Stage:
    """Play the parties from their raw tables to the room's vault, in the new directory `home`."""
    _write_exports(exports, home / "exports")
    agreement = _with_everyones_keys(draft, home)
    agreement = signed_by_both(agreement, {platform: home / platform for platform in Platform})
    write(agreement, home / "room" / "agreement.yaml")
    _approve_templates(agreement, home)
    reports = []
    for platform in Platform:
        keys = load_keys(home / platform, agreement, platform)
        handed_over = home / f"{platform}-handover"
        _, report = write_handover(home / "exports" / platform, keys, agreement, handed_over)
        accept(home / "room", handed_over, agreement)
        reports.append(report)
    return Stage(home, agreement, tuple(reports))


def release_all(stage: Stage) -> list[Path]:
    """Reviewers of both platforms approve every candidate; returns the files of the releases."""
    room, agreement = stage.room, stage.agreement
    submit_cases(room, agreement, drafts(room), "analyst")
    for platform in Platform:
        by = reviewer(agreement, platform, REVIEWER, stage.home / f"{platform}-{REVIEWER}")
        cases = undecided(queue(room), platform, REVIEWER)
        decide(room, agreement, cases, by, Decision.APPROVE, "Looked at.")
    released, waiting = release_approved(room, agreement, stage.home / "releases")
    assert not waiting
    return released


def _write_exports(exports: Exports, directory: Path) -> None:
    for name, table in exports.items():
        folder = directory / TABLES[name].platform
        folder.mkdir(parents=True, exist_ok=True)
        if name == "visits":  # one table as CSV, its times in ISO 8601 with their offset
            texts = table.with_columns(pl.col("time").dt.to_string("iso:strict"))
            texts.write_csv(folder / f"{name}.csv")
        else:
            table.write_parquet(folder / f"{name}.parquet")


def _approve_templates(agreement: Agreement, home: Path) -> None:
    own = [reviewer(agreement, p, REVIEWER, home / f"{p}-{REVIEWER}") for p in Platform]
    wanted = [templates.wide(kind, agreement) for kind in agreement.studies]
    templates.approve(ledger_of(home / "room"), agreement, wanted, own)


def _with_everyones_keys(draft: Agreement, home: Path) -> Agreement:
    lock = home / "unlock.key"
    public = [create_keys(KeyRole(p), home / p, draft, key_file=lock) for p in Platform]
    public += [create_keys(KeyRole.ROOM, home / "room", draft, key_file=lock)]
    for platform in Platform:
        out = home / f"{platform}-{REVIEWER}"
        public += [
            create_keys(
                KeyRole.REVIEWER, out, draft, key_file=lock, platform=platform, name=REVIEWER
            )
        ]
    return with_keys(draft, [json.loads(file.read_bytes()) for file in public])
