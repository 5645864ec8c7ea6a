"""Rooms for the desk: a signed agreement, candidates of invented merchants, two reviewers' keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cleanroom import ledger, signing
from cleanroom.agreement import Agreement, agreement_digest, load, with_keys, write
from cleanroom.borders import Candidate, Release, candidate_digest
from cleanroom.desk.decide import release_approved
from cleanroom.gate.candidate import make_candidate, read_candidate, write_candidate
from cleanroom.gate.release import Decision, cast_vote
from cleanroom.keyring import PASSPHRASE, create_keyring, open_keyring
from cleanroom.party.keys import create_keys
from cleanroom.room.place import ledger_of, votes_folder
from cleanroom.tables import KeyRole, Platform
from tests.agreements import signed_by_both
from tests.outside import factories

ROOT = Path(__file__).resolve().parents[2]
REVIEWERS = {Platform.ADS: "ann", Platform.STORE: "bo"}
WORDS = "correct horse battery staple"  # the passphrase of every key of these rooms


@dataclass(frozen=True)
class Place:
    """A room's directory, the agreement there, and where each reviewer's keys lie."""

    room: Path
    agreement: Agreement
    keys: dict[Platform, Path]
    room_key: signing.SigningKey
    added: dict[str, Candidate] = field(default_factory=dict)  # the last by merchant's name

    @property
    def releases(self) -> Path:
        """Where releases go."""
        return self.room.parent / "releases"

    def add(self, release: Release, **manifest: Any) -> Candidate:
        """Lay a release's candidate into the room, signed by it; `manifest` replaces facts."""
        made = release.candidate
        facts = {**made.manifest, "agreement": agreement_digest(self.agreement), **manifest}
        facts["policy"] = self.agreement.policy.model_dump(mode="json")
        kind, merchant = facts["study"]["kind"], facts["merchant_name"]
        permitted = next(s for k, s in self.agreement.studies.items() if k == kind)
        facts["notebook"] = {"name": permitted.notebook, "sha256": permitted.sha256}
        candidate = make_candidate(facts, list(made.tables.values()), made.findings, self.room_key)
        name = f"{kind}-{facts['study']['merchant']}-{candidate_digest(candidate)[:12]}.json"
        write_candidate(candidate, self.room / "candidates" / name)
        self.added[merchant] = candidate
        return candidate

    def replace(self, merchant: str, **manifest: Any) -> Candidate:
        """Make a merchant's candidate anew with other facts, and take the old one away."""
        old, digest = self.added[merchant], candidate_digest(self.added[merchant])
        for file in (self.room / "candidates").glob("*.json"):
            if candidate_digest(read_candidate(file, signing.public_of(self.room_key))) == digest:
                file.unlink()
        return self.add(factories.build("cleanroom.gate.testing", Release, old, ()), **manifest)

    def reviewer_key(self, platform: Platform) -> signing.SigningKey:
        """The private key of a platform's reviewer."""
        return open_keyring(self.keys[platform], passphrase=WORDS).identity

    def vote(
        self,
        candidate: Candidate,
        platform: Platform,
        decision: Decision = Decision.APPROVE,
        comment: str = "",
        key: signing.SigningKey | None = None,
    ) -> None:
        """Lay a vote into the room as `review vote` does; `key`: another than the reviewer's."""
        name = REVIEWERS[platform]
        signer = key or self.reviewer_key(platform)
        vote = cast_vote(candidate, platform, name, decision, signer, comment)
        folder = votes_folder(self.room, vote["body"]["candidate"])
        signing.write_canonical(folder / f"{platform}-{name}.json", vote)
        ledger.append(ledger_of(self.room), ledger.Event.VOTE_CAST, {**vote["body"]})

    def votes_in_ledger(self) -> int:
        """How many votes the ledger records."""
        records = ledger.records(ledger_of(self.room))
        return sum(record["event"] == ledger.Event.VOTE_CAST for record in records)


def make_place(folder: Path) -> Place:
    """A room without candidates, and keys of a reviewer of each platform, under a passphrase."""
    draft = load(ROOT / "configs" / "red-cat-plan.yaml")
    lock, about = folder / "unlock.key", {"collaboration": draft.collaboration}
    platforms = {p: folder / p.value for p in Platform}
    public = [create_keys(platforms[p], draft, p, lock) for p in Platform]
    ring = create_keyring(folder / "room-keys", KeyRole.ROOM, about, lock)
    keys = {p: folder / "reviewers" / p.value for p in Platform}
    with passphrase(WORDS):
        for platform, name in REVIEWERS.items():
            whose = {**about, "platform": platform.value, "name": name}
            public.append(create_keyring(keys[platform], KeyRole.REVIEWER, whose).public)
    agreement = signed_by_both(with_keys(draft, [*public, ring.public]), platforms)
    (folder / "room").mkdir()
    write(agreement, folder / "room" / "agreement.yaml")
    return Place(folder / "room", agreement, keys, ring.identity)


def furnish(place: Place) -> None:
    """Candidates of every sort: released before, unusual, plain."""
    first = place.add(factories.rich()[0], created="2026-05-02T08:15:00+00:00")
    for platform in Platform:
        place.vote(first, platform)
    release_approved(place.room, place.agreement, place.releases)
    place.add(factories.fewer_buyers())
    place.add(factories.mostly_withheld()[1])
    place.add(factories.broken_split()[1])
    place.add(factories.rounded()[0])
    place.add(factories.conversion_only()[0])
    place.add(factories.without_effect()[0])
    lift = factories.rich("Tern & Tide", "m-030")[1]
    place.add(lift)


@contextmanager
def passphrase(words: str) -> Iterator[None]:
    """The variable that holds a passphrase, for as long as keys are made."""
    os.environ[PASSPHRASE] = words
    try:
        yield
    finally:
        del os.environ[PASSPHRASE]
