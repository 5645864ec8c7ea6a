"""Rooms for the desk: a signed agreement, candidates of invented merchants, two reviewers' keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cleanroom import ledger, signing
from cleanroom.agreement import Agreement, StudyKind, agreement_digest, load, with_keys, write
from cleanroom.behind import Answer
from cleanroom.borders import Candidate, Release, candidate_digest
from cleanroom.desk.decide import release_approved
from cleanroom.gate.candidate import make_candidate, write_candidate
from cleanroom.keyring import PASSPHRASE, create_keyring, open_keyring
from cleanroom.party.keys import create_keys
from cleanroom.review import office
from cleanroom.review.records import Decision, Reviewer, plain, sign_vote
from cleanroom.review.templates import Template
from cleanroom.room.place import ledger_of
from cleanroom.room.shown import holding, memory_in
from cleanroom.room.vault import create_room, room_keys
from cleanroom.tables import KeyRole, Platform
from tests import templates
from tests.agreements import signed_by_both
from tests.outside import factories

ROOT = Path(__file__).resolve().parents[2]
REVIEWERS = {Platform.ADS: "ann", Platform.STORE: "bo"}
AUTHOR = "analyst"
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

    @property
    def wide(self) -> dict[StudyKind, Template]:
        """The templates that are approved from the start, by kind of study."""
        return {kind: templates.wide(kind, self.agreement) for kind in self.agreement.studies}

    @property
    def ledger(self) -> Path:
        """The room's ledger."""
        return ledger_of(self.room)

    def add(self, release: Release, **manifest: Any) -> Candidate:
        """A release's candidate as a new one of this room, submitted; `manifest` replaces facts."""
        (candidate,) = self.add_all([(release, manifest)])
        return candidate

    def add_all(self, several: list[tuple[Release, dict[str, Any]]]) -> list[Candidate]:
        """Several candidates, made and submitted at once."""
        made = [self._made(*one) for one in several]
        memory = memory_in(self.room, self.agreement.collaboration)
        shown = [
            Answer(candidate_digest(one), one.manifest["created"], one.manifest["study"], [])
            for one in made
        ]
        with holding(self.room):
            memory.remember(shown, 30)
        entries = [(ledger.Event.CANDIDATE_MADE, self._written(one)) for one in made]
        ledger.append_all_if(self.ledger, lambda _: entries)
        office.submit(self.ledger, self.agreement, made, AUTHOR)
        return made

    def _made(self, release: Release, manifest: dict[str, Any]) -> Candidate:
        made = release.candidate
        facts = {**made.manifest, "agreement": agreement_digest(self.agreement), **manifest}
        facts["policy"] = self.agreement.policy.model_dump(mode="json")
        template = templates.wide(StudyKind(facts["study"]["kind"]), self.agreement)
        facts["template"] = template.digest
        facts["notebook"] = {"name": template.notebook, "sha256": template.sha256}
        candidate = make_candidate(facts, list(made.tables.values()), made.findings, self.room_key)
        self.added[facts["merchant_name"]] = candidate
        return candidate

    def _written(self, candidate: Candidate) -> dict[str, Any]:
        study, digest = candidate.manifest["study"], candidate_digest(candidate)
        name = f"{study['kind']}-{study['merchant']}-{digest[:12]}.json"
        write_candidate(candidate, self.room / "candidates" / name)
        return {"candidate": digest, "file": name}

    def replace(self, merchant: str, **manifest: Any) -> Candidate:
        """Submit a merchant's candidate anew with other facts, in the place of the old one."""
        old = self.added[merchant]
        return self.add(factories.build("cleanroom.gate.testing", Release, old, ()), **manifest)

    def reviewer(self, platform: Platform) -> Reviewer:
        """A platform's reviewer with their key."""
        return Reviewer(platform, REVIEWERS[platform], _key(self.keys[platform]))

    def vote(
        self,
        candidate: Candidate,
        platform: Platform,
        said: office.Said = Decision.APPROVE,
        comment: str = "Looked at.",
        key: signing.SigningKey | None = None,
    ) -> None:
        """Vote as `review vote` does; with another `key` it is written past all checks."""
        if key is None:
            self.vote_on_all([candidate], platform, said, comment)
            return
        known, by = office.docket(self.ledger), self.reviewer(platform)
        ballot = office.ballot(known, known.named(candidate_digest(candidate)), by, said, comment)
        ledger.append(self.ledger, ledger.Event.VOTE_SIGNED, plain(sign_vote(ballot, key)))

    def vote_on_all(
        self,
        candidates: list[Candidate],
        platform: Platform,
        said: office.Said = Decision.APPROVE,
        comment: str = "Looked at.",
    ) -> None:
        """The same vote on several candidates at once."""
        known, by = office.docket(self.ledger), self.reviewer(platform)
        cases = [known.named(candidate_digest(one)) for one in candidates]
        ballots = [office.ballot(known, case, by, said, comment) for case in cases]
        office.cast(self.ledger, self.agreement, ballots, by)

    def release(self) -> None:
        """Release in the room what is approved, as its operator does."""
        release_approved(self.room, self.agreement, self.releases)

    def votes_in_ledger(self) -> int:
        """How many votes the ledger records."""
        records = ledger.records(self.ledger)
        return sum(record["event"] == ledger.Event.VOTE_SIGNED for record in records)


@cache
def _key(folder: Path) -> signing.SigningKey:
    """The key in a folder, opened once: that takes its time."""
    return open_keyring(folder, passphrase=WORDS).identity


def make_place(folder: Path) -> Place:
    """A room without candidates, its templates approved, and keys of a reviewer of each platform,
    under a passphrase."""
    draft = load(ROOT / "configs" / "red-cat-plan.yaml")
    lock, about = folder / "unlock.key", {"collaboration": draft.collaboration}
    platforms = {p: folder / p.value for p in Platform}
    public = [create_keys(platforms[p], draft, p, lock) for p in Platform]
    public.append(create_room(folder / "room", draft.collaboration, lock))
    keys = {p: folder / "reviewers" / p.value for p in Platform}
    with passphrase(WORDS):
        for platform, name in REVIEWERS.items():
            whose = {**about, "platform": platform.value, "name": name}
            public.append(create_keyring(keys[platform], KeyRole.REVIEWER, whose).public)
    agreement = signed_by_both(with_keys(draft, public), platforms)
    write(agreement, folder / "room" / "agreement.yaml")
    key = room_keys(folder / "room", draft.collaboration).identity
    place = Place(folder / "room", agreement, keys, key)
    wanted = [*place.wide.values()]
    by = [place.reviewer(platform) for platform in Platform]
    templates.approve(place.ledger, agreement, wanted, by)
    return place


def furnish(place: Place) -> None:
    """Candidates of every sort: released before, unusual, plain."""
    first = place.add(factories.rich()[0], created="2026-05-02T08:15:00+00:00")
    for platform in Platform:
        place.vote(first, platform)
    place.release()
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
