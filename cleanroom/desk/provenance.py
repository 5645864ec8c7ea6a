"""What a candidate rests on, by digest, each beside what the agreement in force says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cleanroom.agreement import Agreement, StudyKind, agreement_digest
from cleanroom.desk.contents import Fact, Provenance
from cleanroom.desk.language import Said, said
from cleanroom.desk.reading import heading
from cleanroom.desk.standing import Case
from cleanroom.policy import Policy, fingerprint, strictest

_PLATFORMS = {
    "ads": said("Handover of the ads platform"),
    "store": said("Handover of the store platform"),
}


def provenance(case: Case, agreement: Agreement) -> Provenance:
    """Everything by digest, with whether it is what the agreement in force names."""
    manifest = case.candidate.manifest
    return Provenance(
        heading(case),
        (
            (said("What is signed"), tuple(_signed(case))),
            (said("What was agreed"), tuple(_agreed(manifest, agreement))),
            (said("What was asked"), tuple(_asked(manifest))),
            (said("What it was made from"), tuple(_made_from(manifest))),
        ),
    )


def _signed(case: Case) -> Iterator[Fact]:
    yield Fact(said("Digest of the candidate"), case.digest)
    yield Fact(
        said("The room’s signature"),
        case.candidate.signature,
        said("verified with the room’s key in the agreement"),
    )
    yield Fact(said("Made"), case.candidate.manifest["created"])


def _agreed(manifest: dict[str, Any], agreement: Agreement) -> Iterator[Fact]:
    yield Fact(
        said("Agreement"),
        manifest["agreement"],
        *_same(manifest["agreement"] == agreement_digest(agreement)),
    )
    policy = Policy.model_validate(manifest["policy"], strict=False)  # from JSON
    yield Fact(said("Disclosure policy"), fingerprint(policy), *_policy(policy, agreement))
    notebook = manifest["notebook"]
    permitted = {s.sha256 for kind, s in agreement.studies.items() if kind in _kinds(manifest)}
    yield Fact(
        said("Notebook %(name)s", name=notebook["name"]),
        notebook["sha256"],
        *_same(notebook["sha256"] in permitted),
    )


def _asked(manifest: dict[str, Any]) -> Iterator[Fact]:
    yield Fact(said("Question"), manifest["question"])
    for name, value in manifest["study"].items():
        yield Fact(said("Parameter %(name)s", name=name.replace("_", " ")), str(value))
    yield Fact(said("Attribution window, in days"), str(manifest["window_days"]))
    yield Fact(said("Time zone"), manifest["timezone"])


def _made_from(manifest: dict[str, Any]) -> Iterator[Fact]:
    for party, seal in manifest["handovers"].items():
        yield Fact(_PLATFORMS.get(party) or Said(party.replace("%", "%%")), seal)
    yield Fact(said("Code"), f"cleanroom {manifest['code_version']}")


def _same(holds: bool) -> tuple[Said, bool]:
    if holds:
        return said("the one in force"), True
    return said("not the one in force"), False


def _policy(policy: Policy, agreement: Agreement) -> tuple[Said, bool]:
    if strictest(policy, agreement.policy) == policy:
        return said("the agreement’s, or stricter"), True
    return said("weaker than the agreement’s"), False


def _kinds(manifest: dict[str, Any]) -> set[StudyKind]:
    return {kind for kind in StudyKind if kind == manifest["study"]["kind"]}
