"""A review to write tests in: a room's ledger, reviewers with keys, candidates of a few cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom import agreement as agreements
from cleanroom import ledger, signing
from cleanroom.agreement import Agreement, StandingRule, StudyKind, agreement_digest
from cleanroom.borders import PEOPLE, Candidate, candidate_digest
from cleanroom.gate.candidate import make_candidate
from cleanroom.gate.release import Ground, make_release, verify_again
from cleanroom.ledger import Event
from cleanroom.review import office
from cleanroom.review.case import Case, receipt_of
from cleanroom.review.folding import Docket
from cleanroom.review.records import (
    ActKind,
    Decision,
    Receipt,
    Reviewer,
    sign_act,
    sign_receipt,
)
from cleanroom.tables import Platform
from tests import templates
from tests.factories import findings, protected

ROOT = Path(__file__).resolve().parents[2]
ROOM, ADS, STORE, BOB, STRANGER = (Ed25519PrivateKey.generate() for _ in range(5))
ANN = Reviewer(Platform.ADS, "ann", ADS)
SAM = Reviewer(Platform.STORE, "sam", STORE)
SECOND = Reviewer(Platform.ADS, "bob", BOB)  # another reviewer of the ads platform
AUTHOR = "analyst"
RULE = StandingRule(
    name="plain-sailing", studies=frozenset({StudyKind.CONVERSION}), margin=1.0, max_withheld=0.5
)


def agreed(**changes: Any) -> Agreement:
    """The founding agreement with keys of the room, and of three reviewers."""
    enrolments = [{"role": "room", "identity_key": signing.public_of(ROOM)}]
    enrolments += [
        {
            "role": "reviewer",
            "platform": by.platform.value,
            "name": by.name,
            "identity_key": signing.public_of(by.key),
        }
        for by in (ANN, SAM, SECOND)
    ]
    draft = agreements.load(ROOT / "configs" / "red-cat-plan.yaml")
    return agreements.with_keys(draft, enrolments).model_copy(update=changes)


AGREED = agreed()


def candidate(
    value: float | None = 60.0,
    agreement: Agreement = AGREED,
    key: signing.SigningKey = ROOM,
    **study: str,
) -> Candidate:
    """A conversion study with two tables; `value` stands in the one named path."""
    manifest = {
        "agreement": agreement_digest(agreement),
        "policy": agreement.effective_policy.model_dump(mode="json"),
        "template": templates.wide(StudyKind.CONVERSION, agreement).digest,
        "merchant_name": "M",
        "study": {
            "kind": "conversion",
            "merchant": "m",
            "start": "2026-05-01",
            "end": "2026-05-30",
            **study,
        },
    }
    rows = [("click", "people", value, PEOPLE), ("visit", "people", 51.0, PEOPLE)]
    tables = [
        protected("path", ("step",), [*rows] if value is not None else [*rows, *rows[:1]]),
        protected("link", (), [("people", 70.0, PEOPLE)]),
    ]
    return make_candidate(manifest, tables, findings(), key)


@dataclass
class Desk:
    """A room's ledger with its agreement, and every step of a review in a word."""

    path: Path
    agreement: Agreement = AGREED

    def open(self) -> Desk:
        """Two templates approved by both platforms."""
        kinds = (StudyKind.CONVERSION, StudyKind.LIFT)
        wanted = [templates.wide(kind, self.agreement) for kind in kinds]
        templates.approve(self.path, self.agreement, wanted, [ANN, SAM])
        return self

    @property
    def docket(self) -> Docket:
        return office.docket(self.path)

    def case(self, of: Candidate) -> Case:
        return self.docket.named(candidate_digest(of))

    def make(self, of: Candidate) -> Candidate:
        """The room has made a candidate."""
        facts = {"candidate": candidate_digest(of), "file": f"{candidate_digest(of)[:8]}.json"}
        ledger.append(self.path, Event.CANDIDATE_MADE, facts)
        return of

    def submit(self, of: Candidate, author: str = AUTHOR) -> Case:
        """Made, and submitted: under review."""
        self.make(of)
        return office.submit(self.path, self.agreement, [of], author)[0]

    def vote(
        self,
        of: Candidate,
        by: Reviewer,
        said: office.Said = Decision.APPROVE,
        comment: str = "",
    ) -> Case:
        ballot = office.ballot(self.docket, self.case(of), by, said, comment)
        office.cast(self.path, self.agreement, [ballot], by)
        return self.case(of)

    def act(self, of: Candidate, by: Reviewer, kind: ActKind, comment: str = "") -> Case:
        act = sign_act(by, kind, candidate_digest(of), self.docket.head, comment)
        office.record_acts(self.path, self.agreement, [act])
        return self.case(of)

    def withdraw(self, of: Candidate, author: str = AUTHOR) -> Case:
        office.withdraw(self.path, candidate_digest(of), author)
        return self.case(of)

    def release(self, *of: Candidate) -> dict[str, str]:
        """Release what is approved; the reasons why some is not."""
        return office.release(self.path, self.agreement, of, self.verified)

    def verified(self, known: Docket, case: Case, of: Candidate) -> Receipt:
        ground = Ground(of, case, self.agreement)
        verify_again(ground)
        receipt = self.receipt(case, known.head)
        make_release(ground, receipt)
        return receipt

    def receipt(self, case: Case, head: str, key: signing.SigningKey = ROOM) -> Receipt:
        return sign_receipt(receipt_of(case, head), key)

    def released(self, of: Candidate) -> Case:
        """Submitted, approved by both and released."""
        self.submit(of)
        for by in (ANN, SAM):
            self.vote(of, by, comment="looked at")
        assert self.release(of) == {}
        return self.case(of)


def with_state(case: Case, **changes: Any) -> Case:
    """A case as it would be, for questions that need no ledger."""
    return replace(case, **changes)


def facts(path: Path, event: Event) -> list[Mapping[str, Any]]:
    """The facts of all records of an event."""
    return [r["facts"] for r in ledger.records(path) if r["event"] == event]
