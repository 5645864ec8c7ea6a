"""The desk's pages about study templates, made from how they stand in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cleanroom import signing
from cleanroom.agreement import Agreement, StudyKind
from cleanroom.desk import terms
from cleanroom.desk.contents import Fact
from cleanroom.desk.language import Said, said
from cleanroom.desk.proposals import bounds_said
from cleanroom.desk.sitting import Sitting
from cleanroom.desk.standing import Papers
from cleanroom.desk.template_views import Difference, TemplateLine, TemplateList, TemplatePage
from cleanroom.desk.views import Button, Choice, Seat, Words
from cleanroom.desk.views import Standing as Seated
from cleanroom.policy import fingerprint
from cleanroom.review.records import ActKind, SignedAct
from cleanroom.review.templates import DAYS, Proposal, Standing, Template
from cleanroom.study import default_of, parameters_of
from cleanroom.tables import Platform

STUDIES: Mapping[str, Said] = {
    "conversion": said("Conversion study"),
    "lift": said("Lift study"),
}
CHECKLIST = (
    said("I have read the notebook that has this digest."),
    said("I would release any answer that these bounds allow, for any merchant and days."),
)
_STATES = {
    Standing.PROPOSED: said("Proposed"),
    Standing.APPROVED: said("Approved"),
    Standing.REVOKED: said("Refused or revoked"),
}
_CHOICES = (
    Choice(ActKind.APPROVE_TEMPLATE, said("Approve: within these bounds it may be run")),
    Choice(ActKind.REVOKE_TEMPLATE, said("Refuse, for good: nothing is run or released by it")),
)
_OWN = said("You proposed this template; somebody else has to approve it.")
_TWICE = said("Your platform has approved it already.")
_REVOKED = said("It was refused or revoked, which is for good.")
_OTHER_POLICY = said("Another policy is in force than when it was proposed: it covers nothing.")


def study(kind: str) -> Said:
    """What a kind of study is called."""
    return STUDIES.get(kind) or Said(kind.replace("%", "%%"))


def template_list(papers: Papers, by: Sitting) -> TemplateList:
    """All templates, the last proposed first."""
    lines = [_line(one, papers.agreement, by) for one in papers.known.proposals.values()]
    standing = {each: [one for one in reversed(lines) if one.standing is each] for each in Standing}
    return TemplateList(
        tuple(standing[Standing.PROPOSED]),
        tuple(standing[Standing.APPROVED]),
        tuple(standing[Standing.REVOKED]),
    )


def template_page(papers: Papers, proposal: Proposal, by: Sitting) -> TemplatePage:
    """One template beside the version of it that was approved before."""
    earlier = approved_before(papers, proposal)
    choices = tuple((choice, cannot(proposal, by, ActKind(choice.value))) for choice in _CHOICES)
    reasons = [reason for _, reason in choices if reason is not None]
    return TemplatePage(
        _line(proposal, papers.agreement, by),
        tuple(_facts(proposal.template, papers.agreement)),
        earlier.digest if earlier else "",
        tuple(_changes(earlier, proposal.template)) if earlier else (),
        CHECKLIST,
        choices,
        Button(said("Sign"), "templates", reasons[-1] if len(reasons) == len(choices) else None),
        seen(papers, proposal),
        by.key,
        by.locked,
    )


def cannot(proposal: Proposal, by: Sitting, kind: ActKind) -> Said | None:
    """Why the reviewer cannot sign this of the template; None if they can."""
    if by.platform is None:
        return by.seat
    if proposal.standing is Standing.REVOKED:
        return _REVOKED
    if kind is ActKind.APPROVE_TEMPLATE:
        if proposal.author in {by.name, f"{by.platform}/{by.name}"}:
            return _OWN
        if by.platform in proposal.approvals:
            return _TWICE
    return None


def waiting(papers: Papers, by: Sitting) -> int:
    """How many templates the reviewer could approve and their platform has not."""
    approve = ActKind.APPROVE_TEMPLATE
    return sum(1 for one in papers.known.proposals.values() if cannot(one, by, approve) is None)


def seen(papers: Papers, proposal: Proposal) -> str:
    """A digest of what a reviewer had before their eyes."""
    earlier = approved_before(papers, proposal)
    shown = [proposal.template.digest, proposal.standing, earlier.digest if earlier else ""]
    return signing.digest(shown)


def approved_before(papers: Papers, proposal: Proposal) -> Template | None:
    """The last template of the same name and study, before this one, that both approved."""
    found = None
    for one in papers.known.proposals.values():
        if one.template.digest == proposal.template.digest:
            return found
        is_alike = (one.template.name, one.template.kind) == _named(proposal.template)
        if is_alike and set(one.approvals) == set(Platform):
            found = one.template
    return found


def _named(template: Template) -> tuple[str, StudyKind]:
    return template.name, template.kind


def _line(proposal: Proposal, agreement: Agreement, by: Sitting) -> TemplateLine:
    template = proposal.template
    is_void = template.policy != fingerprint(agreement.effective_policy)
    return TemplateLine(
        template.digest,
        template.name,
        study(template.kind),
        proposal.standing,
        _STATES[proposal.standing],
        proposal.author,
        proposal.time,
        tuple((terms.parameter(name), told) for name, told in _bounds(template).items()),
        tuple(_seats(proposal)),
        cannot(proposal, by, ActKind.APPROVE_TEMPLATE) is None,
        _OTHER_POLICY if is_void else None,
    )


def _seats(proposal: Proposal) -> Iterator[Seat]:
    for platform in Platform:
        act = proposal.approvals.get(platform)
        refusal = proposal.revocation
        if refusal is not None and refusal.body.platform is platform:
            yield _seat(refusal, Seated.REFUSED)
        else:
            yield _seat(act, Seated.APPROVED) if act else Seat(platform, Seated.EMPTY)


def _seat(act: SignedAct, standing: Seated) -> Seat:
    body = act.body
    return Seat(body.platform, standing, body.reviewer, body.comment, body.time)


def _bounds(template: Template) -> dict[str, Words]:
    """What each parameter may be; one that the template does not name has its default."""
    told: dict[str, Words] = {}
    for name in [*parameters_of(template.kind), DAYS]:
        if name in template.parameters:
            told[name] = bounds_said(template.parameters[name])
        elif name != DAYS:
            told[name] = _default(default_of(template.kind, name))
    return told


def _default(value: Any) -> Said:
    if value is None:  # it has to be named in a question, and the template lets nothing be named
        return said("nothing, so that it covers no question")
    return said("%(value)s, always", value=str(value))


def _facts(template: Template, agreement: Agreement) -> Iterator[Fact]:
    is_same = template.policy == fingerprint(agreement.effective_policy)
    yield Fact(said("Digest of the template"), template.digest)
    yield Fact(said("Notebook %(name)s", name=template.notebook), template.sha256)
    yield Fact(
        said("Disclosure policy"),
        template.policy,
        said("the one in force") if is_same else said("not the one in force"),
        is_same,
    )


def _changes(before: Template, after: Template) -> Iterator[Difference]:
    """What is said otherwise, parameter by parameter, then the notebook and the policy."""
    then, now, anything = _bounds(before), _bounds(after), said("anything")
    for name in dict.fromkeys([*now, *then]):
        if then.get(name) != now.get(name):
            anything = said("anything")
            yield Difference(
                terms.parameter(name), then.get(name, anything), now.get(name, anything)
            )
    if before.sha256 != after.sha256:
        notebook = said("Notebook %(name)s", name=after.notebook)
        yield Difference(notebook, before.sha256[:12], after.sha256[:12])
    if before.policy != after.policy:
        yield Difference(said("Disclosure policy"), before.policy[:12], after.policy[:12])
