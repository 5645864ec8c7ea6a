"""What the pages about study templates draw, as values; the other pages' are in `views`."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.desk.contents import Fact
from cleanroom.desk.language import Said
from cleanroom.desk.views import Button, Choice, Seat, Words
from cleanroom.review.templates import Standing


@dataclass(frozen=True)
class TemplateLine:
    """A template in the list: what it is, where it stands (`state`), who proposed and signed it.

    `waits`: its reader may sign it and has not; `remark`: why it covers nothing, if it does not.
    """

    digest: str
    name: str
    study: Said
    standing: Standing
    state: Said
    author: str
    time: str
    bounds: tuple[tuple[Words, Words], ...]
    seats: tuple[Seat, ...]
    waits: bool = False
    remark: Said | None = None


@dataclass(frozen=True)
class TemplateList:
    """All templates: those that wait for an approval, those that may be run, and those refused."""

    waiting: tuple[TemplateLine, ...]
    approved: tuple[TemplateLine, ...]
    revoked: tuple[TemplateLine, ...]


@dataclass(frozen=True)
class Difference:
    """What a template says otherwise than the one approved before it."""

    what: Words
    before: Words
    after: Words


@dataclass(frozen=True)
class TemplatePage:
    """One template: its bounds, what it rests on, how it differs from the one approved before it
    (`earlier`, by its digest), and the form in which its reader signs.

    `seen`: a digest of what is shown, sent back with the form; `choices`: what can be said, each
    with the reason if it cannot; `key` and `locked` as on the page of a decision.
    """

    line: TemplateLine
    facts: tuple[Fact, ...]
    earlier: str
    changes: tuple[Difference, ...]
    checklist: tuple[Said, ...]
    choices: tuple[tuple[Choice, Said | None], ...]
    sign: Button
    seen: str
    key: str = ""
    locked: bool = False
