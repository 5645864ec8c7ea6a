"""Values of pages, made from invented candidates without a room or a server."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom.agreement import StudyKind, load
from cleanroom.borders import Release, candidate_digest
from cleanroom.desk import reading
from cleanroom.desk.comparison import compare
from cleanroom.desk.language import said
from cleanroom.desk.pages import Body
from cleanroom.desk.provenance import provenance
from cleanroom.desk.sitting import Sitting
from cleanroom.desk.standing import Opened, Paper, Papers
from cleanroom.desk.tabled import estimates_page, table_page
from cleanroom.desk.template_pages import template_list, template_page
from cleanroom.desk.views import Frame, Problem
from cleanroom.ledger import GENESIS, Event
from cleanroom.review.case import Case, Step, parts_of, policy_of
from cleanroom.review.checks import findings, released_cells, withheld_cells
from cleanroom.review.folding import Docket
from cleanroom.review.guards import AGREEMENT, ROOM
from cleanroom.review.office import Said, Word, ballot
from cleanroom.review.records import (
    ActKind,
    Decision,
    Receipt,
    ReceiptBody,
    Reviewer,
    SignedAct,
    Vote,
    event_of,
    plain,
    sign_act,
    sign_vote,
)
from cleanroom.review.states import Action, State
from cleanroom.review.templates import Bounds, Proposal
from cleanroom.tables import Platform
from tests import templates
from tests.outside import factories

ROOT = Path(__file__).resolve().parents[2]
ANN = Sitting(Platform.ADS, "ann", "ab" * 32, locked=True)
READER = Sitting(read_only=said("Read only: no reviewer’s key is at hand here."))
FRAME = Frame(
    collaboration="red-cat-plan",
    root="/cleanroom/desk/",
    here="overview",
    reviewer="ann",
    platform=Platform.ADS,
    token="t0ken",
)
AGREED = load(ROOT / "configs" / "red-cat-plan.yaml")
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_TIME = "2026-06-02T09:30:00+00:00"


def vote(case: Case, platform: Platform, said: Said = Decision.APPROVE, comment: str = "") -> Vote:
    """A vote of the platform's reviewer."""
    by = Reviewer(platform, "ann" if platform is Platform.ADS else "bo", _KEY)
    made = ballot(Docket(), case, by, said, comment)
    return sign_vote(made.model_copy(update={"time": _TIME}), _KEY)


def paper(release: Release, earlier: Release | None = None, **told: Any) -> Opened:
    """A candidate on the desk; `earlier` left before it, `told` is what else its case tells."""
    made = release.candidate
    case = Case(
        candidate_digest(made),
        "candidate.json",
        State.IN_REVIEW,
        author="analyst",
        study=made.manifest["study"],
        merchant_name=made.manifest["merchant_name"],
        agreement=made.manifest["agreement"],
        policy=policy_of(made),
        template=made.manifest["template"],
        parts=parts_of(made),
        findings=findings(made, ()),
        released_cells=released_cells(made),
        withheld=withheld_cells(made),
    )
    before = None if earlier is None else _left(earlier)
    proposal = Proposal(templates.wide(StudyKind(case.study["kind"]), AGREED), "analyst", _TIME)
    shown = Paper(replace(case, **told), earlier=before)
    compared = None if earlier is None else earlier.candidate
    return Opened(shown, made, compared, proposal)


def voted(shown: Opened, *votes: Vote, **told: Any) -> Opened:
    """The same with votes on it."""
    case = replace(shown.case, votes=votes, **told)
    return replace(shown, paper=replace(shown.paper, case=case))


def approved(release: Release, comment: str = "", state: State = State.APPROVED) -> Opened:
    """A candidate that both platforms approve."""
    shown = paper(release)
    votes = [vote(shown.case, platform, comment=comment) for platform in Platform]
    steps = (
        _step(Action.SUBMIT, "analyst", State.SUBMITTED),
        _step(Action.CHECK, str(ROOM), State.CHECKED),
        _step(Action.VOTE, "ads/ann", State.IN_REVIEW, comment),
        _step(Action.VOTE, "store/bo", State.IN_REVIEW),
        _step(Action.APPROVE, "", State.APPROVED),
    )
    return voted(shown, *votes, state=state, steps=steps)


@cache
def all_papers() -> list[Opened]:
    """One candidate of each sort."""
    hidden = paper(factories.rich()[1])
    told = "Only the store may know this."
    disputed = paper(factories.rich("Linden & Ash", "m-021")[0])
    changes: dict[str, Word] = {
        "": Decision.APPROVE,
        "money": (Decision.REQUEST_CHANGES, "Which orders are these?"),
    }
    votes = [vote(disputed.case, Platform.ADS), vote(disputed.case, Platform.STORE, changes)]
    doubted = paper(factories.broken_split()[1])
    ruled = paper(factories.rich("Heron Works", "m-022")[0], rule="plain-sailing")
    return [
        voted(hidden, vote(hidden.case, Platform.STORE, comment=told)),
        paper(factories.fewer_buyers(), earlier=factories.rich()[0]),
        paper(factories.mostly_withheld()[1]),
        replace(doubted, paper=replace(doubted.paper, doubtful=1)),
        approved(factories.rounded()[0], "Looked at with the pilot team."),
        approved(factories.conversion_only()[0], state=State.RELEASED),
        voted(disputed, *votes, state=State.REVIEWED),
        voted(ruled, state=State.APPROVED, steps=(_step(Action.APPLY_RULE, str(AGREEMENT)),)),
    ]


@cache
def bodies() -> dict[str, Body]:
    """A page of each sort, by name."""
    shown = all_papers()
    changed, withheld, both, disputed = shown[1], shown[2], shown[4], shown[6]
    papers = Papers(AGREED, Docket(), {one.case.candidate: one.paper for one in shown}, drafts=2)
    return {
        "queue": reading.queue(papers, ANN),
        "overview": reading.overview(both, ANN),
        "disputed": reading.overview(disputed, ANN),
        "table": table_page(reading.heading(withheld.paper), withheld.candidate, "arms"),
        "rounded_table": table_page(reading.heading(both.paper), both.candidate, "money"),
        "estimates": estimates_page(reading.heading(withheld.paper), withheld.candidate),
        "compare": reading.comparison(changed),
        "first_release": compare(reading.heading(withheld.paper), withheld.candidate, None),
        "provenance": provenance(changed, AGREED),
        "decide": reading.decision([changed.paper], ANN, changed),
        "decide_several": reading.decision([one.paper for one in shown[:2]], ANN),
        "return": reading.word(disputed.paper, ANN, ActKind.RETURN),
        "read_only": reading.decision([changed.paper], READER, changed),
        "templates": template_list(offered(), ANN),
        "template": template_page(offered(), [*offered().known.proposals.values()][1], ANN),
        "problem": Problem(said("This was not done"), "It <b>broke</b>.", said("To the queue")),
    }


@cache
def offered() -> Papers:
    """Templates of each sort: approved, one with wider bounds proposed, and one refused."""
    known = Docket()
    first = templates.wide(StudyKind.CONVERSION, AGREED)
    bounds = {"merchant": Bounds(), "start": Bounds(least="2026-01-01"), "end": Bounds()}
    first = first.model_copy(update={"parameters": {**bounds, "days": Bounds(least=7, most=92)}})
    some = Bounds(one_of=("m-001", "m-012"))
    wider = {**bounds, "merchant": some, "days": Bounds(least=1, most=92)}
    second = first.model_copy(update={"parameters": wider, "sha256": "11" * 32})
    third = templates.wide(StudyKind.LIFT, AGREED).model_copy(update={"policy": "22" * 32})
    for template in (first, second, third):
        known.take(
            Event.TEMPLATE_PROPOSED, {"template": plain(template), "author": "analyst"}, _TIME
        )
    said = (
        (first, Platform.ADS, ActKind.APPROVE_TEMPLATE, ""),
        (first, Platform.STORE, ActKind.APPROVE_TEMPLATE, "As planned."),
        (second, Platform.STORE, ActKind.APPROVE_TEMPLATE, ""),
        (third, Platform.STORE, ActKind.REVOKE_TEMPLATE, "Nobody knows what the arms are."),
    )
    for template, platform, kind, comment in said:
        by = Reviewer(platform, "ann" if platform is Platform.ADS else "bo", _KEY)
        body = sign_act(by, kind, template.digest, GENESIS, comment).body
        act = SignedAct(body=body.model_copy(update={"time": _TIME}), signature="00" * 64)
        known.take(event_of(act), plain(act), _TIME)
    return Papers(AGREED, known, {})


def _left(release: Release) -> Case:
    """What is told of an earlier release: its digest, and when it left."""
    digest = candidate_digest(release.candidate)
    body = ReceiptBody(
        candidate=digest,
        votes=GENESIS,
        findings=GENESIS,
        time="2026-05-04T10:00:00+00:00",
        previous=GENESIS,
    )
    receipt = Receipt(body=body, signature="00" * 64)
    return Case(digest, "earlier.json", State.RELEASED, receipt=receipt)


def _step(action: Action, by: str, state: State = State.IN_REVIEW, comment: str = "") -> Step:
    return Step(_TIME, action, by, state, comment)
