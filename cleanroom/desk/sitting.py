"""Who sits at the desk, and what they may do there; if not, why not, in words."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.agreement import Agreement
from cleanroom.desk.language import Said, said
from cleanroom.desk.standing import Desk, Paper
from cleanroom.errors import KeysError
from cleanroom.keyring import whose
from cleanroom.review.case import requests, seats
from cleanroom.review.guards import Actor, Attempt, why_not
from cleanroom.review.states import LEFT, OPEN, Action, State, transition
from cleanroom.tables import KeyRole, Platform

_SEATS = {
    Platform.ADS: said(
        "You sit for the ads platform, as %(name)s: you can vote on candidates, return, reject and "
        "recall them, and sign templates. You cannot release; that is done in the room."
    ),
    Platform.STORE: said(
        "You sit for the store platform, as %(name)s: you can vote on candidates, return, reject "
        "and recall them, and sign templates. You cannot release; that is done in the room."
    ),
}
_NOBODY = said("Read only: no reviewer’s key is at hand here.")
_UNREADABLE = said("Read only: the reviewer’s keys cannot be read.")
_NOT_A_REVIEWERS: dict[str, Said] = {
    KeyRole.ADS: said(
        "Read only: these are the ads platform’s own keys, which sign agreements and handovers. "
        "Its reviewers sign with keys of their own."
    ),
    KeyRole.STORE: said(
        "Read only: these are the store platform’s own keys, which sign agreements and handovers. "
        "Its reviewers sign with keys of their own."
    ),
    KeyRole.ROOM: said("Read only: these are the room’s keys, and the room has no vote."),
}
_SETTLED = said("It is settled: nothing is decided on it any more.")
_TOO_EARLY = {
    Action.RETURN: said("It can be returned once a reviewer of each platform has voted."),
    Action.REJECT: said("It can be rejected once a reviewer of each platform has voted."),
}


@dataclass(frozen=True)
class Sitting:
    """Who sits at the desk: a reviewer's platform, name and public key, and whether a passphrase
    opens the private one; or why nobody can sign here (`read_only`)."""

    platform: Platform | None = None
    name: str = ""
    key: str = ""
    locked: bool = False
    read_only: Said | None = None

    @property
    def reader(self) -> tuple[Platform, str] | None:
        """The reviewer as `review.case` names a reader; None is nobody in particular."""
        return None if self.platform is None else (self.platform, self.name)

    @property
    def seat(self) -> Said:
        """Whose seat it is and what can be done there, or why nothing can be."""
        if self.platform is None:
            return self.read_only or _NOBODY
        return Said(_SEATS[self.platform].message, facts={"name": self.name})


def sitting_at(desk: Desk, agreement: Agreement) -> Sitting:
    """The reviewer whose keys the desk was started with."""
    if desk.keys is None:
        return Sitting(read_only=_NOBODY)
    try:
        public, locked = whose(desk.keys)
    except KeysError:
        return Sitting(read_only=_UNREADABLE)
    role = public.get("role", "")
    if role != KeyRole.REVIEWER:
        return Sitting(read_only=_NOT_A_REVIEWERS.get(role, _UNREADABLE))
    platform, name = Platform(public["platform"]), public["name"]
    if agreement.parties[platform].reviewers.get(name) != public["identity_key"]:
        return Sitting(
            read_only=said("Read only: the agreement in force does not name this reviewer’s key.")
        )
    return Sitting(platform, name, public["identity_key"], locked)


def cannot(action: Action, paper: Paper, by: Sitting) -> Said | None:
    """Why the reviewer cannot take a step; None if they can, once they say why."""
    if by.read_only is not None:
        return by.read_only
    if transition(paper.case.state, action) is None:
        return _out_of_place(action, paper.case.state)
    if action is Action.VOTE and paper.broken:
        return said("Its file is not what the ledger names: it cannot be decided on.")
    if action is Action.VOTE and not paper.in_force:
        return said("It was made under another agreement; the study has to be run again.")
    reason = why_not(paper.case, Attempt(action, Actor(by.name, by.platform), comment="said"))
    return None if reason is None else Said(reason)


def _out_of_place(action: Action, state: State) -> Said:
    if action is Action.RECALL:
        return said("Only what was released can be recalled.")
    if state is State.APPROVED:
        return said("Every table is approved; to stop it, vote for changes.")
    return _TOO_EARLY.get(action, _SETTLED) if state in OPEN else _SETTLED


def what_is_missing(paper: Paper) -> Said:
    """What stands between a candidate and its release, or who releases it."""
    case = paper.case
    vacant = [platform for platform, holder in seats(case).items() if holder is None]
    reasons = (
        (case.state in LEFT, said("It has been released.")),
        (not case.is_under_review, said("It is not to be released.")),
        (
            paper.doubtful > 0,
            said("A vote on it is not its reviewer’s; compare the ledger with another copy."),
        ),
        (
            not paper.in_force,
            said("It was made under another agreement; the study has to be run again."),
        ),
        (
            len(vacant) == len(Platform),
            said("No reviewer has decided yet; it takes one of each platform."),
        ),
        (Platform.ADS in vacant, said("It waits for a reviewer of the ads platform.")),
        (Platform.STORE in vacant, said("It waits for a reviewer of the store platform.")),
        (any(requests(case)), said("A reviewer asks for changes.")),
        (case.state is not State.APPROVED, said("Not every table is approved by both platforms.")),
    )
    return next(
        (why for holds, why in reasons if holds),
        said("Both platforms approve. It is released in the room: cleanroom review release."),
    )
