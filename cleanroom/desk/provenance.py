"""What a candidate rests on, by digest, each beside what the agreement in force says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cleanroom.agreement import Agreement, agreement_digest
from cleanroom.desk import terms
from cleanroom.desk.contents import Fact, Provenance
from cleanroom.desk.language import Said, said
from cleanroom.desk.reading import heading
from cleanroom.desk.standing import Opened
from cleanroom.policy import Policy, fingerprint, strictest
from cleanroom.review.templates import Proposal, Standing

_PLATFORMS = {
    "ads": said("Handover of the ads platform"),
    "store": said("Handover of the store platform"),
}


def provenance(shown: Opened, agreement: Agreement) -> Provenance:
    """Everything by digest, with whether it is what the agreement in force names."""
    manifest = shown.candidate.manifest
    return Provenance(
        heading(shown.paper),
        (
            (said("What is signed"), tuple(_signed(shown))),
            (said("What was agreed"), tuple(_agreed(shown, agreement))),
            (said("What was asked"), tuple(_asked(manifest))),
            (said("What it was made from"), tuple(_made_from(manifest))),
        ),
    )


def _signed(shown: Opened) -> Iterator[Fact]:
    yield Fact(said("Digest of the candidate"), shown.case.candidate)
    yield Fact(
        said("The room’s signature"),
        shown.candidate.signature,
        said("verified with the room’s key in the agreement"),
    )
    yield Fact(said("Made"), shown.candidate.manifest["created"])


def _agreed(shown: Opened, agreement: Agreement) -> Iterator[Fact]:
    manifest = shown.candidate.manifest
    yield Fact(
        said("Agreement"),
        manifest["agreement"],
        *_same(manifest["agreement"] == agreement_digest(agreement)),
    )
    policy = Policy.model_validate(manifest["policy"], strict=False)  # from JSON
    yield Fact(said("Disclosure policy"), fingerprint(policy), *_policy(policy, agreement))
    yield from _approved(manifest, shown.template)


def _approved(manifest: dict[str, Any], proposal: Proposal | None) -> Iterator[Fact]:
    """The template, and whether the notebook is the one that it names."""
    notebook, holds = manifest["notebook"], False
    name, approved = said("Template"), said("not approved by both platforms")
    if proposal is not None:
        name = said("Template %(name)s", name=proposal.template.name)
        holds = proposal.standing is Standing.APPROVED
    if holds:
        approved = said("approved by both platforms before it was run")
    yield Fact(name, manifest["template"], approved, holds)
    named = said("Notebook %(name)s", name=notebook["name"])
    is_its = proposal is not None and proposal.template.sha256 == notebook["sha256"]
    told = said("the one that the template names") if is_its else said("not the template’s")
    yield Fact(named, notebook["sha256"], told, is_its)


def _asked(manifest: dict[str, Any]) -> Iterator[Fact]:
    yield Fact(said("Question"), manifest["question"])
    for name, value in manifest["study"].items():
        yield Fact(said("Parameter %(name)s", name=terms.parameter(name)), str(value))
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
