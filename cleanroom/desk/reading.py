"""The desk's pages about candidates, made from how they stand: queue, overview, decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cleanroom import signing
from cleanroom.desk import phrases, template_pages, terms
from cleanroom.desk.comparison import compare
from cleanroom.desk.contents import Comparison
from cleanroom.desk.language import Said, counted, said
from cleanroom.desk.seats import concerns, part_title, seats
from cleanroom.desk.sitting import Sitting, cannot, what_is_missing
from cleanroom.desk.standing import Opened, Paper, Papers, released_on
from cleanroom.desk.tabled import table_lines
from cleanroom.desk.views import (
    Ballot,
    Button,
    CheckLine,
    Choice,
    Concern,
    Decision,
    Happened,
    Heading,
    Overview,
    Queue,
    QueueLine,
    Word,
)
from cleanroom.review import records
from cleanroom.review.case import decisions, findings_digest, has_decided, visible_votes
from cleanroom.review.guards import AGREEMENT, ROOM, Actor, missing_parts
from cleanroom.review.records import ActKind
from cleanroom.review.states import Action, State

CHECKLIST = (
    said("It is the study that was agreed: merchant, days and parameters are as planned."),
    said("No check that failed is presented as a success."),
    said("Beside earlier releases it tells nothing of a few people."),
    said("The merchant is the one to get it, and no single shop stands out."),
)
_APPROVE, _CHANGES, _UNDECIDED = records.Decision
_CHOICES = (
    Choice(_APPROVE, said("Approve: it may leave as it is")),
    Choice(_CHANGES, said("Request changes: say which in a comment")),
    Choice(_UNDECIDED, said("Undecided as yet")),
)
_OF_A_PART = (
    Choice(_APPROVE, said("Approve")),
    Choice(_CHANGES, said("Request changes")),
    Choice(_UNDECIDED, said("Undecided")),
)
_ACTS = {
    ActKind.RETURN: (
        said("Return"),
        said("It goes back to its author, who then reads what was asked for."),
        said("Sign the return"),
    ),
    ActKind.REJECT: (
        said("Reject"),
        said("It is refused for good, whatever others say."),
        said("Sign the rejection"),
    ),
    ActKind.RECALL: (
        said("Recall"),
        said("Its numbers are known and still count; reports can no longer be drawn from it here."),
        said("Sign the recall"),
    ),
}
_BY = {str(ROOM): said("the room"), str(AGREEMENT): said("the agreement")}


def heading(paper: Paper) -> Heading:
    """What a candidate is."""
    case = paper.case
    study = case.study
    kind = template_pages.study(study["kind"])
    return Heading(
        case.candidate,
        case.merchant_name,
        study["merchant"],
        kind,
        study["start"],
        study["end"],
        case.state,
    )


def comparison(shown: Opened) -> Comparison:
    """The candidate beside the last release of the same study."""
    left = released_on(shown.paper.earlier)
    compared = compare(heading(shown.paper), shown.candidate, shown.earlier, left)
    return replace(compared, doubt=phrases.understood(shown.doubt))


def queue(papers: Papers, by: Sitting) -> Queue:
    """Every candidate that was submitted, those with most concerns first; no file is opened."""
    lines = [line(paper, by) for paper in papers.by_digest.values()]
    lines.sort(key=lambda one: (-len(one.concerns), one.heading.merchant_id, one.heading.digest))
    review = [one for one in lines if papers.by_digest[one.heading.digest].case.is_under_review]
    settled = [one for one in lines if one not in review]
    nothing = None if any(one.selectable for one in review) else said("Nothing waits for you.")
    plain = sum(1 for one in review if one.waits and not one.concerns)
    return Queue(
        tuple(one for one in review if one.concerns),
        tuple(one for one in review if not one.concerns),
        tuple(settled),
        Button(said("Decide on the selected"), "choose", by.read_only or nothing),
        Button(
            counted(
                plain,
                "Decide on the one without anything unusual",
                "Decide on all %(count)s without anything unusual",
            ),
            "choose",
            by.read_only or (None if plain else said("Nothing waits for you.")),
        ),
        sum(1 for one in review if one.heading.state is State.APPROVED),
        papers.drafts,
        template_pages.waiting(papers, by),
    )


def line(paper: Paper, by: Sitting) -> QueueLine:
    """A candidate in the queue."""
    may_vote = cannot(Action.VOTE, paper, by) is None
    has_voted = by.reader is not None and has_decided(paper.case, *by.reader)
    return QueueLine(
        heading(paper),
        concerns(paper),
        paper.case.released_cells,
        sum(paper.case.withheld.values()),
        seats(paper.case, by),
        may_vote,
        may_vote and not has_voted,
    )


def overview(shown: Opened, by: Sitting) -> Overview:
    """A candidate at a glance."""
    findings, case, paper = shown.candidate.findings, shown.case, shown.paper
    checks = (
        CheckLine(
            phrases.understood(check.label),
            check.verdict,
            terms.verdict(check),
            phrases.understood(check.words),
        )
        for check in findings.checks.values()
    )
    acts = (
        Button(label, f"word?kind={kind}&candidate={case.candidate}", reason)
        for kind, (label, _, _) in _ACTS.items()
        if (reason := cannot(Action(kind), paper, by)) is None or kind in _offered(case.state)
    )
    return Overview(
        heading(paper),
        case.author,
        seats(case, by, shown.candidate),
        (*concerns(paper), *_implied(shown)),
        Button(
            said("Decide"), f"decide?candidate={case.candidate}", cannot(Action.VOTE, paper, by)
        ),
        tuple(acts),
        what_is_missing(paper),
        _history(shown, by),
        findings.summary,
        tuple(checks),
        table_lines(shown.candidate),
    )


def decision(chosen: Sequence[Paper], by: Sitting, shown: Opened | None = None) -> Decision:
    """The page on which a reviewer signs a decision; of a single candidate it is `shown` opened."""
    lines = tuple(line(paper, by) for paper in chosen)
    reason = next((why for p in chosen if (why := cannot(Action.VOTE, p, by))), None)
    title = (
        said("All of it")
        if len(lines) == 1
        else counted(len(lines), "one candidate", "All %(count)s candidates above")
    )
    return Decision(
        lines,
        CHECKLIST,
        (Ballot("", title, _CHOICES), *(_parts(shown, by) if shown else ())),
        Button(said("Sign"), "decide", reason),
        seen(chosen),
        said("Needed to request changes, and to approve against what was found."),
        any(paper.case.findings for paper in chosen),
        key=by.key,
        locked=by.locked,
    )


def word(paper: Paper, by: Sitting, kind: ActKind) -> Word:
    """The page on which a reviewer returns, rejects or recalls a candidate."""
    title, means, sign = _ACTS[kind]
    return Word(
        heading(paper),
        kind.value,
        title,
        means,
        Button(sign, "word", cannot(Action(kind), paper, by)),
        seen([paper]),
        kind is not ActKind.RETURN,
        by.key,
        by.locked,
    )


def seen(papers: Iterable[Paper]) -> str:
    """A digest of what a reviewer had before their eyes: candidates, what was found in them, and
    what they compare with."""
    shown = sorted(
        [
            paper.case.candidate,
            findings_digest(paper.case),
            paper.earlier.candidate if paper.earlier else "",
        ]
        for paper in papers
    )
    return signing.digest(shown)


def _offered(state: State) -> tuple[ActKind, ...]:
    """What is shown even where it cannot be done as yet."""
    return (ActKind.RECALL,) if state is State.RELEASED else (ActKind.RETURN, ActKind.REJECT)


def _parts(shown: Opened, by: Sitting) -> Iterable[Ballot]:
    """A ballot for each part; what a reviewer said of it before holds unless they choose anew."""
    case, actor = shown.case, Actor(by.name, by.platform)
    own = decisions(case).get(by.reader, {}) if by.reader else {}
    missing = missing_parts(case, actor)
    for part in case.parts:
        as_all = said("As of all of it")
        if missing and part not in missing:
            as_all = said("As before: %(said)s", said=_said_of(own[part].decision))
        default = Choice("", as_all, chosen=True)
        yield Ballot(part, part_title(shown.candidate, part), (default, *_OF_A_PART))


def _said_of(decision: records.Decision) -> Said:
    return next(choice.label for choice in _OF_A_PART if choice.value == decision)


def _implied(shown: Opened) -> Iterable[Concern]:
    if shown.doubt:
        yield Concern(
            said("The last release cannot be opened to be compared with."),
            phrases.understood(shown.doubt),
        )
    if small := len(comparison(shown).implied):
        yield Concern(
            counted(
                small,
                "One number differs from the last release by fewer people than the minimum.",
                "%(count)s numbers differ from the last release by fewer people than the minimum.",
            )
        )


def _history(shown: Opened, by: Sitting) -> tuple[Happened, ...]:
    """Every step so far; what was said along with them once its reader may read all votes."""
    case = shown.case
    is_open = visible_votes(case, by.reader) == case.votes
    return tuple(
        Happened(
            step.time,
            step.action,
            _BY.get(step.by, step.by),
            step.state,
            step.comment if is_open else "",
        )
        for step in case.steps
    )
