"""What each page of the desk draws, as values: everything that is on it and nothing else.

Text is either content, shown as it leaves (`str`), or said by the desk in the reader's language
(`Said`). Addresses are relative to the desk's own. `cleanroom.desk.pages` draws these values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cleanroom.borders import Verdict
from cleanroom.desk.language import Language, Said
from cleanroom.review.states import Action, State
from cleanroom.tables import Platform

Words = Said | str


class Standing(StrEnum):
    """What is shown of a reviewer's seat.

    `HIDDEN`: voted, and not shown to this reader yet. `RULE`: the agreement's standing rule has it.
    """

    EMPTY = "empty"
    HIDDEN = "hidden"
    APPROVED = "approved"
    CHANGES = "changes"
    UNDECIDED = "undecided"
    RULE = "rule"
    REFUSED = "refused"


@dataclass(frozen=True)
class Button:
    """Something to press: where it leads, and if it cannot be pressed, why (`reason`)."""

    label: Said
    href: str
    reason: Said | None = None

    @property
    def enabled(self) -> bool:
        """Whether it can be pressed."""
        return self.reason is None


@dataclass(frozen=True)
class Frame:
    """What stands around every page.

    `root`: the desk's address, empty in a page that is exported and leads nowhere. `reviewer` and
    `platform`: whose key is at hand; without one, `read_only` says why nothing can be signed.
    `seat` says so of both in a sentence, `packet` that signatures go to a file that is to be sent.
    `token`: what a form sends back, so that no other site can send it.
    """

    language: Language = Language.ENGLISH
    collaboration: str = ""
    root: str = ""
    here: str = ""
    reviewer: str = ""
    platform: Platform | None = None
    read_only: Said | None = None
    token: str = ""
    notice: Said | None = None
    seat: Said | None = None
    packet: Said | None = None


@dataclass(frozen=True)
class Remark:
    """What a reviewer says of one part, where it is not said of the whole."""

    part: Words
    standing: Standing
    comment: str = ""


@dataclass(frozen=True)
class Seat:
    """A platform's seat in the quorum: who sits there and what is shown of their vote."""

    platform: Platform
    standing: Standing
    reviewer: str = ""
    comment: str = ""
    time: str = ""
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Concern:
    """What a reviewer should look at first: what it is, and what was found."""

    says: Said
    found: Words = ""


@dataclass(frozen=True)
class Heading:
    """What a candidate is: its study, merchant, days, state and digest."""

    digest: str
    merchant: str
    merchant_id: str
    study: Said
    start: str
    end: str
    state: State


@dataclass(frozen=True)
class QueueLine:
    """A candidate in the queue; `concerns` are why it stands on top, in words.

    `selectable`: its reader may decide on it; `waits`: and has not yet.
    """

    heading: Heading
    concerns: tuple[Concern, ...]
    released: int
    withheld: int
    seats: tuple[Seat, ...]
    selectable: bool = False
    waits: bool = False


@dataclass(frozen=True)
class Queue:
    """All candidates: those with concerns, those without, and those that are settled.

    `decide` is for those selected, `decide_plain` for all without concerns that can be decided on.
    `approved` can be released in the room, `drafts` nobody has asked to release, `templates` wait
    for the reader.
    """

    concerning: tuple[QueueLine, ...]
    plain: tuple[QueueLine, ...]
    settled: tuple[QueueLine, ...]
    decide: Button
    decide_plain: Button
    approved: int = 0
    drafts: int = 0
    templates: int = 0


@dataclass(frozen=True)
class CheckLine:
    """A check that the study made: its label, verdict and words."""

    label: Words
    verdict: Verdict
    verdict_words: Said
    words: Words


@dataclass(frozen=True)
class TableLine:
    """A table in the overview: how many of its cells leave, are withheld, or have no data."""

    name: str
    title: Words
    released: int
    withheld: int
    no_data: int


@dataclass(frozen=True)
class Happened:
    """A step of the review: when, what, by whom, where it led, and what was said."""

    time: str
    action: Action
    by: Words
    state: State
    comment: str = ""


@dataclass(frozen=True)
class Overview:
    """A candidate at a glance: what it says, what is unusual, who voted, what can be done.

    `release` says what is missing until it can be released; `acts` are the other things to do.
    """

    heading: Heading
    author: str
    seats: tuple[Seat, ...]
    concerns: tuple[Concern, ...]
    decide: Button
    acts: tuple[Button, ...]
    release: Said
    history: tuple[Happened, ...]
    summary: tuple[str, ...]
    checks: tuple[CheckLine, ...]
    tables: tuple[TableLine, ...]


@dataclass(frozen=True)
class Choice:
    """One thing a reviewer can say; `chosen` if they did before."""

    value: str
    label: Said
    chosen: bool = False


@dataclass(frozen=True)
class Ballot:
    """What is decided on, and what can be said of it: the whole (`name` is empty) or a part."""

    name: str
    title: Words
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Decision:
    """The page that is signed.

    `seen`: a digest of what was on the desk, sent back with the form: a vote on anything else is
    refused. `key`: the public half of the key that will sign; `locked`: it needs a passphrase.
    """

    lines: tuple[QueueLine, ...]
    checklist: tuple[Said, ...]
    ballots: tuple[Ballot, ...]
    sign: Button
    seen: str
    comment_needed: Said
    comment_required: bool = False
    comment: str = ""
    key: str = ""
    locked: bool = False


@dataclass(frozen=True)
class Word:
    """The page on which a reviewer gives back, refuses or recalls a candidate: `kind` says which,
    the rest is as in `Decision`."""

    heading: Heading
    kind: str
    title: Said
    means: Said
    sign: Button
    seen: str
    comment_required: bool
    key: str = ""
    locked: bool = False


@dataclass(frozen=True)
class Entry:
    """A record of the ledger: its number, time, event, facts, and the start of its hash."""

    number: int
    time: str
    event: Said
    facts: tuple[tuple[str, str], ...]
    hash: str


@dataclass(frozen=True)
class LedgerPage:
    """The ledger, newest first, and whether its chain holds (`problem`: what broke it)."""

    entries: tuple[Entry, ...]
    records: int
    head: str
    problem: str = ""
    newer: str = ""
    older: str = ""


@dataclass(frozen=True)
class Problem:
    """Something that could not be done: what, and what to do."""

    title: Said
    problem: Words
    remedy: Words
