"""What a reviewer does at the desk: sign a decision, release. Nothing is done that was not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cleanroom.desk import decide
from cleanroom.desk.language import Said, counted, said
from cleanroom.desk.queue import named
from cleanroom.desk.reading import CHECKLIST, concerns, seen
from cleanroom.desk.sitting import Sitting, cannot_decide
from cleanroom.desk.standing import Case, Cases, Desk, read_cases
from cleanroom.desk.views import Standing
from cleanroom.errors import KeysError, ReleaseError
from cleanroom.gate.release import Decision

_MOST_CHARACTERS = 4000


@dataclass(frozen=True)
class Signed:
    """A decision as the form sends it.

    `choices`: what was chosen on each ballot, by its name. `seen` is the digest that the page
    carried, `checked` how many points of the checklist were ticked, `passphrase` what opens the
    reviewer's key ('' where a key file does).
    """

    candidates: tuple[str, ...]
    seen: str
    choices: Mapping[str, str]
    comment: str = ""
    checked: int = 0
    passphrase: str = ""


class RefusedError(ReleaseError):
    """The desk does not do it: what is wrong and what to do, in the reader's language (`told`),
    and the HTTP status that says so."""

    def __init__(self, problem: Said, remedy: Said, status: int = 400) -> None:
        super().__init__(problem.message, remedy.message)
        self.told, self.status = (problem, remedy), status


def chosen_cases(cases: Cases, digests: Sequence[str]) -> list[Case]:
    """The candidates of these digests; raises `RefusedError` if one is not in the room."""
    missing = [digest for digest in digests if digest not in cases.by_digest]
    if missing or not digests:
        raise RefusedError(
            said("There is no such candidate in the room, or it was changed since."),
            said("Go back to the queue and open it from there."),
            404,
        )
    return [cases.by_digest[digest] for digest in dict.fromkeys(digests)]


def sign(desk: Desk, by: Sitting, signed: Signed) -> Said:
    """Sign one decision on the candidates and record it; returns what to tell the reviewer.

    What is the same already is not signed again, so that a form that arrives twice counts once.
    Raises `RefusedError` for what is not complete or was changed since it was seen, and
    `KeysError` if the key does not open.
    """
    cases = read_cases(desk.room)
    chosen = chosen_cases(cases, signed.candidates)
    decision = _decision(chosen, by, signed)
    left = [case for case in chosen if not _said_before(case, by, decision, signed.comment)]
    if not left:
        return said("Signed already: nothing has changed.")
    reviewer = _reviewer(desk, cases, by, signed)
    waiting = named(desk.room, cases.agreement, [case.digest for case in left])
    decide.decide(desk.room, waiting, reviewer, decision, signed.comment)
    if decision is Decision.APPROVE:
        return counted(len(left), "Your approval is signed.", "%(count)s approvals are signed.")
    return counted(len(left), "Your rejection is signed.", "%(count)s rejections are signed.")


def release(desk: Desk, by: Sitting, digests: Sequence[str]) -> Said:
    """Release the candidates, everything verified again; returns what to tell the reviewer."""
    if by.read_only is not None:
        raise RefusedError(by.read_only, said("Start the desk with a reviewer’s keys."), 403)
    if desk.releases is None:
        raise RefusedError(
            said("The desk was started without a folder for releases (--out)."),
            said("Start it again with one."),
        )
    cases = read_cases(desk.room)
    chosen_cases(cases, digests)
    waiting = named(desk.room, cases.agreement, list(dict.fromkeys(digests)))
    released, refused = decide.release_each(desk.room, cases.agreement, waiting, desk.releases)
    if refused:
        raise RefusedError(
            Said(next(iter(refused.values())).replace("%", "%%")),
            said("See on its page what is missing."),
            409,
        )
    return counted(len(released), "It is released.", "%(count)s are released.")


def _decision(chosen: Sequence[Case], by: Sitting, signed: Signed) -> Decision:
    """What was decided; raises `RefusedError` if that cannot be signed."""
    for case in chosen:
        if reason := cannot_decide(case, by):
            raise RefusedError(reason, said("Go back to the queue."), 403)
    if seen(chosen) != signed.seen:
        raise RefusedError(
            said("What you saw has changed since. Nothing was signed."),
            said("Look at it again, and decide then."),
            409,
        )
    try:
        decision = Decision(signed.choices.get("", ""))
    except ValueError:
        raise RefusedError(
            said("No decision was chosen. Nothing was signed."), said("Go back and choose one.")
        ) from None
    if decision is Decision.APPROVE and signed.checked < len(CHECKLIST):
        raise RefusedError(
            said("Not every point of the checklist was ticked. Nothing was signed."),
            said("Go back and tick what you have looked at."),
        )
    concerning = any(concerns(case) for case in chosen)
    if not signed.comment and (decision is Decision.REJECT or concerning):
        raise RefusedError(
            said("A comment is needed to reject, and to approve against a concern."),
            said("Go back and say why. Nothing was signed."),
        )
    if len(signed.comment) > _MOST_CHARACTERS:
        raise RefusedError(
            said("The comment is too long. Nothing was signed."),
            said("Use at most %(most)s characters.", most=_MOST_CHARACTERS),
        )
    return decision


def _said_before(case: Case, by: Sitting, decision: Decision, comment: str) -> bool:
    standing = Standing.APPROVED if decision is Decision.APPROVE else Standing.REJECTED
    return any(
        (vote.platform, vote.reviewer, vote.standing, vote.comment)
        == (by.platform, by.name, standing, comment)
        for vote in case.votes
    )


def _reviewer(desk: Desk, cases: Cases, by: Sitting, signed: Signed) -> decide.Reviewer:
    """The reviewer with their key, which is opened for this one decision.

    A passphrase is taken from the form alone: whoever started the desk may have left.
    """
    assert by.platform is not None
    assert desk.keys is not None  # or else nobody could decide
    if by.locked and not signed.passphrase:
        raise KeysError("No passphrase was given.", "go back and type yours; nothing was signed.")
    given = signed.passphrase or None
    return decide.reviewer(cases.agreement, by.platform, by.name, desk.keys, given)
