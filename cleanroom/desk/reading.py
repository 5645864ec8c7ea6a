"""The desk's pages about candidates, made from how they stand: queue, overview, decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cleanroom import signing
from cleanroom.borders import Verdict, candidate_digest
from cleanroom.desk import terms
from cleanroom.desk.comparison import compare
from cleanroom.desk.contents import Comparison
from cleanroom.desk.language import Said, counted, said
from cleanroom.desk.sitting import Sitting, cannot_decide, cannot_release, no_folder
from cleanroom.desk.standing import Case, Cases, Desk
from cleanroom.desk.tabled import table_lines
from cleanroom.desk.views import (
    Ballot,
    Button,
    CheckLine,
    Choice,
    Decision,
    Heading,
    Overview,
    Queue,
    QueueLine,
    Seat,
    Standing,
    State,
)
from cleanroom.tables import Platform

SETTLED = (State.RELEASED, State.REJECTED, State.WITHDRAWN, State.SUPERSEDED, State.RECALLED)
_STUDIES = {
    "conversion": said("Conversion study"),
    "lift": said("Lift study"),
}
CHECKLIST = (
    said("It is the study that was agreed: merchant, days and parameters are as planned."),
    said("No check that failed is presented as a success."),
    said("Beside earlier releases it tells nothing of a few people."),
    said("The merchant is the one to get it, and no single shop stands out."),
)
_CHOICES = (
    Choice("approve", said("Approve: it may leave as it is")),
    Choice("reject", said("Reject: it must not leave")),
)


def heading(case: Case) -> Heading:
    """What a candidate is."""
    manifest = case.candidate.manifest
    study = manifest["study"]
    kind = _STUDIES.get(study["kind"]) or Said(study["kind"].replace("%", "%%"))
    return Heading(
        case.digest,
        manifest["merchant_name"],
        study["merchant"],
        kind,
        study["start"],
        study["end"],
        case.state,
    )


def comparison(case: Case) -> Comparison:
    """The candidate beside the last release of the same study."""
    return compare(heading(case), case.candidate, case.earlier, case.earlier_released)


def queue(cases: Cases, by: Sitting, desk: Desk) -> Queue:
    """Every candidate of the room, those with most concerns first."""
    lines = [line(case, by) for case in cases.by_digest.values()]
    lines.sort(key=lambda one: (-len(one.concerns), one.heading.merchant_id, one.heading.digest))
    waiting = [one for one in lines if one.heading.state not in SETTLED]
    approved = tuple(one.heading.digest for one in waiting if one.heading.state is State.APPROVED)
    nothing = None if any(one.selectable for one in waiting) else said("Nothing waits for you.")
    plain = sum(1 for one in waiting if one.selectable and not one.concerns)
    missing = None if approved else said("No candidate has the approval of both platforms.")
    return Queue(
        tuple(one for one in waiting if one.concerns),
        tuple(one for one in waiting if not one.concerns),
        tuple(one for one in lines if one.heading.state in SETTLED),
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
        Button(
            _release_words(len(approved)),
            "release",
            by.read_only or no_folder(desk) or missing,
        ),
        approved,
    )


def _release_words(approved: int) -> Said:
    if not approved:
        return said("Release what both platforms approved")
    return counted(approved, "Release the approved one", "Release all %(count)s that are approved")


def line(case: Case, by: Sitting) -> QueueLine:
    """A candidate in the queue."""
    tables = table_lines(case.candidate)
    return QueueLine(
        heading(case),
        concerns(case),
        sum(table.released for table in tables),
        sum(table.withheld for table in tables),
        seats(case, by),
        cannot_decide(case, by) is None,
    )


def overview(case: Case, by: Sitting, desk: Desk) -> Overview:
    """A candidate at a glance."""
    findings = case.candidate.findings
    checks = (
        CheckLine(check.label, check.verdict, terms.verdict(check), check.words)
        for check in findings.checks.values()
    )
    return Overview(
        heading(case),
        seats(case, by),
        concerns(case),
        Button(said("Decide"), f"decide?candidate={case.digest}", cannot_decide(case, by)),
        Button(said("Release"), "release", by.read_only or cannot_release(case, desk)),
        findings.summary,
        tuple(checks),
        table_lines(case.candidate),
    )


def decision(chosen: Sequence[Case], by: Sitting) -> Decision:
    """The page on which a reviewer signs a decision on the chosen candidates."""
    lines = tuple(line(case, by) for case in chosen)
    reason = next((why for case in chosen if (why := cannot_decide(case, by))), None)
    before = {_own(case, by) for case in chosen}
    chosen_before = before.pop() if len(before) == 1 else None
    choices = tuple(
        Choice(one.value, one.label, chosen_before == _STANDINGS[one.value]) for one in _CHOICES
    )
    title = (
        said("The whole candidate")
        if len(lines) == 1
        else counted(len(lines), "one candidate", "All %(count)s candidates above")
    )
    return Decision(
        lines,
        CHECKLIST,
        (Ballot("", title, choices),),
        Button(said("Sign"), "decide", reason),
        seen(chosen),
        said("Needed to reject, and to approve against a concern."),
        any(one.concerns for one in lines),
        key=by.key,
        locked=by.locked,
    )


def seen(cases: Iterable[Case]) -> str:
    """A digest of what a reviewer had before their eyes: candidates, and what they compare with."""
    shown = sorted(
        [case.digest, candidate_digest(case.earlier) if case.earlier else "", case.released]
        for case in cases
    )
    return signing.digest(shown)


def seats(case: Case, by: Sitting) -> tuple[Seat, ...]:
    """The quorum's seats; another's vote is shown only once every platform has voted."""
    is_open = {vote.platform for vote in case.votes} == set(Platform)
    found = []
    for platform in Platform:
        votes = [vote for vote in case.votes if vote.platform is platform]
        for vote in votes:
            if is_open or (platform, vote.reviewer) == (by.platform, by.name):
                found.append(Seat(platform, vote.standing, vote.reviewer, vote.comment, vote.time))
            else:
                found.append(Seat(platform, Standing.HIDDEN, vote.reviewer))
        if not votes:
            found.append(Seat(platform, Standing.EMPTY))
    return tuple(found)


def concerns(case: Case) -> tuple[Said, ...]:
    """What a reviewer should look at first, in words."""
    found = []
    if case.doubtful:
        found.append(
            counted(
                case.doubtful,
                "A vote on it is not its reviewer’s, or not on this version.",
                "%(count)s votes on it are not their reviewers’, or not on this version.",
            )
        )
    if not case.in_force:
        found.append(said("It was made under another agreement than the one in force."))
    found += [
        said("Check failed: %(label)s.", label=check.label)
        for check in case.candidate.findings.checks.values()
        if check.verdict is Verdict.FAILED
    ]
    if small := len(comparison(case).implied):
        found.append(
            counted(
                small,
                "One number differs from the last release by fewer people than the minimum.",
                "%(count)s numbers differ from the last release by fewer people than the minimum.",
            )
        )
    tables = table_lines(case.candidate)
    withheld, released = sum(t.withheld for t in tables), sum(t.released for t in tables)
    if withheld >= released:
        found.append(
            said(
                "%(withheld)s of %(cells)s numbers are withheld.",
                withheld=withheld,
                cells=withheld + released,
            )
        )
    return tuple(found)


_STANDINGS = {"approve": Standing.APPROVED, "reject": Standing.REJECTED}


def _own(case: Case, by: Sitting) -> Standing | None:
    own = [v.standing for v in case.votes if (v.platform, v.reviewer) == (by.platform, by.name)]
    return own[0] if own else None
