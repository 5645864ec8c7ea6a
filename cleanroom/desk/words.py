"""A review in words, for the terminal: the queue's lines, where a case stands, what was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cleanroom.errors import ReviewError, did_you_mean
from cleanroom.review.case import Case, seats, visible_votes
from cleanroom.review.records import Decision, Vote
from cleanroom.review.states import MEANS, State
from cleanroom.tables import Platform

_HIDDEN = "(hidden until you have decided yourself)"


def listed(case: Case, broken: str = "") -> list[str]:
    """A case in the queue: where it stands, what it would release, what was found.

    `broken`: why its file is not what the ledger names.
    """
    lines = [f"{case.candidate[:12]}  {Path(case.file).stem}  {case.state}{_seats(case)}"]
    if case.state is State.DRAFT:
        return lines
    withheld = ", ".join(f"{n} by {rule}" for rule, n in sorted(case.withheld.items()))
    lines.append(f"    releases {case.released_cells} cells, withholds {withheld or 'none'}")
    if broken:
        lines.append(f"    ! BROKEN, and cannot be decided on: {broken}")
    if case.recall is not None:
        body = case.recall.body
        lines.append(f"    RECALLED by {body.reviewer} of {body.platform}: {body.comment}")
    return [*lines, *(f"    ! {words}" for words in found(case))]


def found(case: Case) -> list[str]:
    """What the machine found, each with the part that it is about."""
    return [f"{f.part or 'the whole'}: {f.words} ({f.check})" for f in case.findings]


def status_lines(case: Case, reader: tuple[Platform, str] | None = None) -> Iterator[str]:
    """Where a case stands, who holds the seats, what was said, and every step so far."""
    yield f"{case.candidate}  {Path(case.file).stem}"
    yield f"{case.state}: {MEANS[case.state]}"
    if case.author:
        yield f"asked for by {case.author}"
    yield from (f"found in {words}" for words in found(case))
    if case.is_under_review:
        for platform, holder in seats(case).items():
            yield f"seat of {platform}: {'taken' if holder else 'free'}"
    shown = visible_votes(case, reader)
    yield from (line for vote in shown for line in vote_lines(vote))
    if len(shown) < len(case.votes):
        yield f"votes: {len(case.votes)} {_HIDDEN}"
    for step in case.steps:
        told = f": {step.comment}" if step.comment and shown == case.votes else ""
        by = f" by {step.by}" if step.by else ""
        yield f"{step.time}  {step.action}{by}: {step.state}{told}"


def vote_lines(vote: Vote) -> Iterator[str]:
    """A vote with its comments."""
    body = vote.body
    yield f"{body.reviewer} of {body.platform}{_remark(body.comment)}"
    for part, one in body.tables.items():
        yield f"  {part}: {one.decision}{_remark(one.comment)}"


def decisions_of(decision: str, tables: Sequence[str]) -> Decision | dict[str, Decision]:
    """What was typed as decisions: one for all tables, or some tables with their own.

    Raises `ReviewError` for a word that is no decision.
    """
    general = _decision(decision)
    own = dict(entry.partition("=")[::2] for entry in tables)
    return {"": general, **{t: _decision(word) for t, word in own.items()}} if own else general


def _decision(word: str) -> Decision:
    try:
        return Decision(word.replace("-", " "))
    except ValueError:
        known = [one.value.replace(" ", "-") for one in Decision]
        raise ReviewError(
            f"'{word}' is no decision; {did_you_mean(word, known)}", "say one of them."
        ) from None


def _seats(case: Case) -> str:
    if not case.is_under_review:
        return ""
    taken = [str(platform) for platform, holder in seats(case).items() if holder]
    return f"  voted: {', '.join(taken) or 'nobody'}"


def _remark(comment: str) -> str:
    return f": {comment}" if comment else ""
