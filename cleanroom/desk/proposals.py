"""Study templates as the desk lists them, and those that wait for a platform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cleanroom.desk.language import Language, Said, catalogue, said, tell
from cleanroom.errors import ReviewError
from cleanroom.policy import fingerprint
from cleanroom.review.office import docket
from cleanroom.review.templates import Bounds, Proposal, Standing
from cleanroom.room.place import agreement_of, ledger_of
from cleanroom.tables import Platform


def waiting_for(room: Path, platform: Platform, digests: Sequence[str] | None) -> list[str]:
    """The digests of the templates named, or of all that a platform has not signed yet."""
    if digests:
        return named(room, digests)
    return [
        digest
        for digest, proposal in docket(ledger_of(room)).proposals.items()
        if proposal.standing is Standing.PROPOSED and platform not in proposal.approvals
    ]


def named(room: Path, digests: Sequence[str]) -> list[str]:
    """The templates whose digests begin so; raises `ReviewError` for one that none or two do."""
    known = docket(ledger_of(room)).proposals
    found = []
    for digest in digests:
        matches = [each for each in known if each.startswith(digest)]
        if len(matches) != 1:
            raise ReviewError(
                f"{len(matches)} templates have a digest that begins with '{digest}'.",
                "take it from `cleanroom template list`.",
            )
        found += matches
    return found


def told(room: Path) -> Iterator[str]:
    """Lines on every template: what it covers, and who said what of it."""
    policy = fingerprint(agreement_of(room).effective_policy)
    for digest, proposal in docket(ledger_of(room)).proposals.items():
        template = proposal.template
        signed = [f"{a.body.reviewer} of {side}" for side, a in proposal.approvals.items()]
        yield f"{digest[:12]}  {template.name}  {proposal.standing}"
        yield f"    {template.kind} by {template.notebook} {template.sha256[:12]}"
        for name, bounds in template.parameters.items():
            yield f"    {name}: {tell(bounds_said(bounds), catalogue(Language.ENGLISH))}"
        yield f"    proposed by {proposal.author}; approved by {', '.join(signed) or 'nobody'}"
        yield from _remarks(proposal, policy)


def bounds_said(bounds: Bounds) -> Said:
    """What a parameter may be."""
    ends = {"least": str(bounds.least), "most": str(bounds.most)}
    if bounds.one_of is not None:
        return said("one of %(values)s", values=", ".join(str(value) for value in bounds.one_of))
    if bounds.least is None and bounds.most is None:
        return said("anything")
    if bounds.most is None:
        return said("from %(least)s", least=ends["least"])
    if bounds.least is None:
        return said("to %(most)s", most=ends["most"])
    return said("from %(least)s to %(most)s", **ends)


def _remarks(proposal: Proposal, policy: str) -> Iterator[str]:
    if proposal.revocation is not None:
        body = proposal.revocation.body
        yield f"    revoked by {body.reviewer} of {body.platform}: {body.comment or 'no comment'}"
    if proposal.template.policy != policy:
        yield "    void: it was approved under another policy than the agreement's"
