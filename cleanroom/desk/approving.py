"""What a reviewer signs of a study template at the desk: that it may be run, or never."""

from __future__ import annotations

from cleanroom.desk.acting import RefusedError, Signed, kept_in, require_plain, signer
from cleanroom.desk.language import Said, said
from cleanroom.desk.sitting import Sitting
from cleanroom.desk.standing import Desk, Papers, read_papers
from cleanroom.desk.template_pages import CHECKLIST, cannot, seen
from cleanroom.review.office import record
from cleanroom.review.records import ActKind, sign_act
from cleanroom.review.templates import Proposal
from cleanroom.room.place import ledger_of

_KINDS = (ActKind.APPROVE_TEMPLATE, ActKind.REVOKE_TEMPLATE)
_TO_TEMPLATES = said("Go back to the templates and open it from there.")


def proposal_of(papers: Papers, digest: str) -> Proposal:
    """The template of a digest; raises `RefusedError` if none was proposed."""
    found = papers.known.proposals.get(digest)
    if found is None:
        raise RefusedError(said("There is no such template."), _TO_TEMPLATES, 404)
    return found


def sign_template(desk: Desk, by: Sitting, signed: Signed) -> Said:
    """Approve or refuse the template that the form names; returns what to tell the reviewer.

    What the same reviewer said of it last is not signed again. Raises `RefusedError` for what is
    not complete, not allowed or was changed since, and `KeysError` if the key does not open.
    """
    papers = read_papers(desk.room)
    digest = next(iter(signed.candidates), "")
    proposal, kind = proposal_of(papers, digest), _kind(signed)
    if _said_before(proposal, by, kind):
        return said("Signed already: nothing has changed.")
    if reason := cannot(proposal, by, kind):
        raise RefusedError(reason, _TO_TEMPLATES, 403)
    if seen(papers, proposal) != signed.seen:
        raise RefusedError(
            said("What you saw has changed since. Nothing was signed."),
            said("Look at it again, and decide then."),
            409,
        )
    _require_complete(kind, signed)
    reviewer = signer(desk, papers, by, signed)
    word = sign_act(reviewer, kind, digest, papers.known.head, signed.comment)
    receipts = record(ledger_of(desk.room), papers.agreement, [word])
    if not receipts:
        return kept_in(desk)
    if kind is ActKind.REVOKE_TEMPLATE:
        return said("It is refused for good. Keep your receipt: %(receipt)s", receipt=receipts[0])
    return said("Your approval is signed. Keep your receipt: %(receipt)s", receipt=receipts[0])


def _kind(signed: Signed) -> ActKind:
    chosen = [kind for kind in _KINDS if kind == signed.choices.get("")]
    if not chosen:
        raise RefusedError(
            said("No decision was chosen. Nothing was signed."), said("Go back and choose one.")
        )
    return chosen[0]


def _require_complete(kind: ActKind, signed: Signed) -> None:
    require_plain(signed.comment)
    if kind is ActKind.APPROVE_TEMPLATE and signed.checked < len(CHECKLIST):
        raise RefusedError(
            said("Not every point of the checklist was ticked. Nothing was signed."),
            said("Go back and tick what you have looked at."),
        )
    if kind is ActKind.REVOKE_TEMPLATE and not signed.comment:
        raise RefusedError(
            said("A comment has to say why. Nothing was signed."), said("Go back and say why.")
        )


def _said_before(proposal: Proposal, by: Sitting, kind: ActKind) -> bool:
    act = proposal.revocation
    if kind is ActKind.APPROVE_TEMPLATE:
        act = proposal.approvals.get(by.platform) if by.platform else None
    return act is not None and (act.body.platform, act.body.reviewer) == (by.platform, by.name)
