"""Where everything stands, folded from the ledger's events: nothing else keeps a status.

Every event is checked against the table of transitions as it is taken, so that one which was not
allowed is found whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from cleanroom import signing
from cleanroom.errors import CleanroomError, LedgerError, ReviewError
from cleanroom.ledger import GENESIS, Event
from cleanroom.review.case import Case, Finding, Step, is_receipt_of
from cleanroom.review.guards import (
    AGREEMENT,
    GUARDS,
    ITSELF,
    ROOM,
    Actor,
    Attempt,
    check_step,
    check_vote,
)
from cleanroom.review.records import WORDS, ActKind, Ballot, Receipt, SignedAct, Vote, read
from cleanroom.review.states import (
    EVENTS,
    LEFT,
    OPEN,
    TRANSITIONS,
    Action,
    State,
    Transition,
    Who,
)
from cleanroom.review.templates import Proposal, Standing, Template

Facts = dict[str, Any]
ACTIONS: Mapping[Event, Action] = MappingProxyType({e: action for action, e in EVENTS.items()})
_ACTS = {
    Action.RETURN: ActKind.RETURN,
    Action.REJECT: ActKind.REJECT,
    Action.RECALL: ActKind.RECALL,
}
_FOLLOWING = tuple(row for row in TRANSITIONS if row.who is Who.NOBODY)


@dataclass
class Docket:
    """What the ledger says of templates and candidates, by digest, in the order of their making.

    `heads` are the hashes of all records so far, the last one's the `head`; `signed` the digests of
    all that reviewers signed, each of which is recorded once.
    """

    cases: dict[str, Case] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    heads: set[str] = field(default_factory=lambda: {GENESIS})
    head: str = GENESIS
    signed: set[str] = field(default_factory=set)

    def take(self, event: Event, facts: Facts, time: str) -> None:
        """Take one event; raises `CleanroomError` with the reason for which it is not allowed."""
        word = {signing.digest(facts["body"])} if event in WORDS else set[str]()
        if word & self.signed:
            raise ReviewError(
                "It was recorded before: what is signed counts once.", "have it signed anew."
            )
        self._take(event, facts, time)
        self.signed |= word

    def _take(self, event: Event, facts: Facts, time: str) -> None:
        if event is Event.CANDIDATE_MADE:
            digest = str(facts["candidate"])
            self.cases.setdefault(digest, Case(digest, str(facts["file"])))
        elif event is Event.TEMPLATE_PROPOSED:
            self._propose(facts, time)
        elif event in (Event.TEMPLATE_APPROVED, Event.TEMPLATE_REVOKED):
            self._sign_template(event, read(SignedAct, facts, "signature"))
        elif event in ACTIONS:
            self._step(ACTIONS[event], facts, time)

    def named(self, digest: str) -> Case:
        """The case of a candidate; raises `ReviewError` if the ledger knows none."""
        if digest not in self.cases:
            raise ReviewError(
                f"The ledger knows no candidate {digest[:12]}.", "see cleanroom review list."
            )
        return self.cases[digest]

    def latest(self, study: Mapping[str, Any], besides: str) -> Case | None:
        """The last candidate of a study that is on its way, returned or released."""
        alike = (*OPEN, State.RETURNED, State.RELEASED)
        for case in reversed([*self.cases.values()]):
            if case.study == study and case.state in alike and case.candidate != besides:
                return case
        return None

    def _propose(self, facts: Facts, time: str) -> None:
        template = read(Template, facts["template"], "template")
        if template.digest in self.proposals:
            raise ReviewError("This template was proposed before.", "approve that one.")
        self.proposals[template.digest] = Proposal(template, str(facts["author"]), time)

    def _sign_template(self, event: Event, act: SignedAct) -> None:
        proposal = self.proposals.get(act.body.subject)
        wanted = {
            Event.TEMPLATE_APPROVED: ActKind.APPROVE_TEMPLATE,
            Event.TEMPLATE_REVOKED: ActKind.REVOKE_TEMPLATE,
        }[event]
        if proposal is None or act.body.act is not wanted:
            raise ReviewError("It is on no template that was proposed.", "propose it first.")
        if proposal.standing is Standing.REVOKED:
            raise ReviewError("This template was revoked.", "propose another.")
        author = Actor(act.body.reviewer, act.body.platform)
        if event is Event.TEMPLATE_APPROVED and proposal.author in {author.name, str(author)}:
            raise ReviewError(
                "You proposed this template; somebody else has to approve it.", "ask them."
            )
        self.require_known(act.body.previous)
        self.proposals[act.body.subject] = proposal.signed(act)

    def _step(self, action: Action, facts: Facts, time: str) -> None:
        attempt, change, digest = _ATTEMPTS[action](self, facts)
        case = self.named(digest)
        row = check_step(case, attempt)
        case = replace(change(case), state=row.target)
        case = _stepped(case, row, attempt, time)
        self.cases[digest] = case
        if action is Action.SUBMIT:
            self._replace_earlier(case, time, OPEN)
        if action is Action.RELEASE:
            self._replace_earlier(case, time, (State.RELEASED,))
        self.cases[digest] = settled(self.cases[digest], time)

    def _replace_earlier(self, case: Case, time: str, states: tuple[State, ...]) -> None:
        """The candidates whose place this one takes, as far back as there are any."""
        earlier = case.replaces
        while earlier is not None:
            old = self.cases[earlier]
            if old.state in states:
                self.cases[earlier] = settled(replace(old, replaced_by=case.candidate), time)
            earlier = old.replaces

    def require_known(self, previous: str) -> None:
        """Raise `ReviewError` unless `previous` is the hash of a record before this one."""
        if previous not in self.heads:
            raise ReviewError(
                "It was signed after a record that this ledger does not hold.",
                "compare with the copy of the ledger that its signer saw.",
            )


Change = Callable[[Case], Case]


def _submit(docket: Docket, facts: Facts) -> tuple[Attempt, Change, str]:
    proposal = docket.proposals.get(str(facts["template"]))
    holds = proposal is not None and proposal.standing is Standing.APPROVED
    replaces = facts["replaces"]
    earlier = docket.named(replaces) if replaces is not None else None
    keys = ("author", "study", "merchant_name", "agreement", "policy", "template", "parts")
    carried = (*earlier.carried, *earlier.votes) if earlier else ()

    def change(case: Case) -> Case:
        told = {key: facts[key] for key in keys}
        return replace(case, **told, replaces=replaces, carried=carried)

    attempt = Attempt(Action.SUBMIT, Actor(str(facts["author"])), template_holds=holds)
    return attempt, change, str(facts["candidate"])


def _check(docket: Docket, facts: Facts) -> tuple[Attempt, Change, str]:
    def change(case: Case) -> Case:
        return replace(
            case,
            findings=tuple(Finding(**finding) for finding in facts["findings"]),
            released_cells=facts["released_cells"],
            withheld=facts["withheld"],
            rule_refusal=facts["rule_refusal"],
        )

    return Attempt(Action.CHECK, ROOM), change, str(facts["candidate"])


def _check_again(docket: Docket, facts: Facts) -> tuple[Attempt, Change, str]:
    _, change, digest = _check(docket, facts)

    def void(case: Case) -> Case:
        return replace(change(case), votes=(), rule=None)

    return Attempt(Action.CHECK_AGAIN, ROOM), void, digest


def _open(docket: Docket, facts: Facts) -> tuple[Attempt, Change, str]:
    return Attempt(Action.OPEN, ROOM), lambda case: case, str(facts["candidate"])


def _vote(docket: Docket, facts: Facts) -> tuple[Attempt, Change, str]:
    vote = read(Vote, facts, "vote")
    body = vote.body
    docket.require_known(body.previous)
    case = docket.named(body.candidate)
    check_vote(case, body)
    _require_latest(case, body)

    def change(case: Case) -> Case:
        kept = [v for v in case.votes if not _is_overtaken(v.body, body)]
        return replace(case, votes=(*kept, vote))

    actor = Actor(body.reviewer, body.platform)
    return Attempt(Action.VOTE, actor, body.comment), change, body.candidate


def _require_latest(case: Case, ballot: Ballot) -> None:
    """Votes that travel can come late: an older one never takes the place of a newer."""
    own = (ballot.platform, ballot.reviewer)
    since = [v.body.time for v in case.votes if (v.body.platform, v.body.reviewer) == own]
    if max(since, default="") > ballot.time:
        raise ReviewError("Its reviewer has voted again since.", "keep to their later vote.")


def _is_overtaken(earlier: Ballot, later: Ballot) -> bool:
    """Whether a reviewer has said something else since of every table that a vote was on."""
    same = (earlier.platform, earlier.reviewer) == (later.platform, later.reviewer)
    return same and set(earlier.tables) <= set(later.tables)


def _rule(docket: Docket, facts: Facts) -> tuple[Attempt, Change, str]:
    def change(case: Case) -> Case:
        return replace(case, rule=str(facts["rule"]))

    return Attempt(Action.APPLY_RULE, AGREEMENT), change, str(facts["candidate"])


def _release(docket: Docket, facts: Facts) -> tuple[Attempt, Change, str]:
    receipt = read(Receipt, facts["receipt"], "receipt")
    docket.require_known(receipt.body.previous)
    digest = str(facts["candidate"])
    if not is_receipt_of(receipt.body, docket.named(digest)):
        raise ReviewError("Its receipt is for another candidate or other votes.", "release anew.")
    return Attempt(Action.RELEASE, ROOM), lambda case: replace(case, receipt=receipt), digest


def _withdraw(docket: Docket, facts: Facts) -> tuple[Attempt, Change, str]:
    attempt = Attempt(Action.WITHDRAW, Actor(str(facts["author"])), str(facts["comment"]))
    return attempt, lambda case: case, str(facts["candidate"])


def _act(action: Action) -> Callable[[Docket, Facts], tuple[Attempt, Change, str]]:
    def attempt(docket: Docket, facts: Facts) -> tuple[Attempt, Change, str]:
        signed = read(SignedAct, facts, "signature")
        body = signed.body
        docket.require_known(body.previous)
        if body.act is not _ACTS[action]:
            raise ReviewError(f"What was signed is no '{action}'.", "have it signed anew.")
        actor = Actor(body.reviewer, body.platform)
        recall = signed if action is Action.RECALL else None
        change = partial(replace, recall=recall)
        return Attempt(action, actor, body.comment), change, body.subject

    return attempt


_ATTEMPTS: Mapping[Action, Callable[[Docket, Facts], tuple[Attempt, Change, str]]] = (
    MappingProxyType(
        {
            Action.SUBMIT: _submit,
            Action.CHECK: _check,
            Action.CHECK_AGAIN: _check_again,
            Action.OPEN: _open,
            Action.VOTE: _vote,
            Action.APPLY_RULE: _rule,
            Action.RELEASE: _release,
            Action.WITHDRAW: _withdraw,
            **{action: _act(action) for action in _ACTS},
        }
    )
)


def settled(case: Case, time: str) -> Case:
    """The case once all that follows by itself has followed."""
    while True:
        for row in _FOLLOWING:
            attempt = Attempt(row.action, ITSELF)
            if row.source is case.state and GUARDS[row.guard](case, attempt):
                case = _stepped(replace(case, state=row.target), row, attempt, time)
                break
        else:
            return case


def fold(records: Iterable[dict[str, Any]]) -> Docket:
    """The docket after all `records` of a ledger.

    Raises `LedgerError` naming the first record that was not allowed where it stands.
    """
    docket = Docket()
    for number, record in enumerate(records, 1):
        take(docket, record, number)
    return docket


def take(docket: Docket, record: dict[str, Any], number: int) -> None:
    """Take a ledger's record; raises `LedgerError` naming it if it was not allowed there."""
    try:
        docket.take(Event(record["event"]), record["facts"], record["time"])
    except CleanroomError as error:
        reason = error.problem
    except (KeyError, TypeError, ValueError):
        reason = "it does not say what such a record says."
    else:
        docket.heads.add(record["hash"])
        docket.head = record["hash"]
        return
    raise LedgerError(
        f"Ledger record {number} ({record['event']}) was not allowed where it stands: {reason}",
        "compare with the other platform's copy of the ledger; do not append to this one.",
    )


def released(docket: Docket) -> Iterator[Case]:
    """All that ever left, superseded and recalled releases among it."""
    return (case for case in docket.cases.values() if case.state in LEFT)


def _stepped(case: Case, row: Transition, attempt: Attempt, time: str) -> Case:
    by, comment = str(attempt.actor), attempt.comment
    return replace(case, steps=(*case.steps, Step(time, row.action, by, row.target, comment)))
