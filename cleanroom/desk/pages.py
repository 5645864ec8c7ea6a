"""The desk's pages: from values to HTML, the same for the same values.

A page is whole in one file: no script, nothing from elsewhere, its one style inside and named by
its digest, so that a browser runs and loads nothing that is not part of it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from cleanroom.desk.contents import Comparison, EstimatesPage, Provenance, TablePage
from cleanroom.desk.language import NAMES, Language, Said, catalogue, said, tell
from cleanroom.desk.template_views import TemplateList, TemplatePage
from cleanroom.desk.views import (
    Decision,
    Frame,
    LedgerPage,
    Overview,
    Problem,
    Queue,
    Standing,
    Word,
)
from cleanroom.outside import theme
from cleanroom.review.states import Action, State
from cleanroom.tables import Platform

if TYPE_CHECKING:
    import jinja2

Body = (
    Queue
    | Overview
    | TablePage
    | EstimatesPage
    | Comparison
    | Provenance
    | Decision
    | Word
    | LedgerPage
    | TemplateList
    | TemplatePage
    | Problem
)
_TEMPLATES: dict[type[Body], str] = {
    Queue: "queue",
    Overview: "overview",
    TablePage: "table",
    EstimatesPage: "estimates",
    Comparison: "compare",
    Provenance: "provenance",
    Decision: "decide",
    Word: "word",
    LedgerPage: "ledger",
    TemplateList: "templates",
    TemplatePage: "template",
    Problem: "problem",
}
STATES = {
    State.DRAFT: said("Draft"),
    State.SUBMITTED: said("Submitted"),
    State.CHECKED: said("Checked"),
    State.IN_REVIEW: said("In review"),
    State.REVIEWED: said("Reviewed"),
    State.APPROVED: said("Approved"),
    State.RELEASED: said("Released"),
    State.RETURNED: said("Returned"),
    State.REJECTED: said("Rejected"),
    State.WITHDRAWN: said("Withdrawn"),
    State.SUPERSEDED: said("Superseded"),
    State.RECALLED: said("Recalled"),
}
STANDINGS = {
    Standing.EMPTY: said("not yet voted"),
    Standing.HIDDEN: said("voted; shown once you have decided"),
    Standing.APPROVED: said("approves"),
    Standing.CHANGES: said("asks for changes"),
    Standing.UNDECIDED: said("undecided"),
    Standing.RULE: said("the standing rule approves"),
    Standing.REFUSED: said("refuses"),
}
ACTIONS = {
    Action.SUBMIT: said("Asked to be released"),
    Action.CHECK: said("Checked by the machine"),
    Action.CHECK_AGAIN: said("Something else was found; its votes are void"),
    Action.OPEN: said("Laid before the reviewers"),
    Action.VOTE: said("Voted on"),
    Action.APPLY_RULE: said("Passes the standing rule"),
    Action.COMPLETE: said("Decided by a reviewer of each platform"),
    Action.APPROVE: said("Every table approved by both"),
    Action.REOPEN: said("Not approved by all any more"),
    Action.RETURN: said("Returned to its author"),
    Action.REJECT: said("Refused for good"),
    Action.RELEASE: said("Verified again and released"),
    Action.WITHDRAW: said("Taken back by its author"),
    Action.REPLACE: said("Replaced by a later candidate"),
    Action.SUPERSEDE: said("Superseded by a later release"),
    Action.RECALL: said("Called back"),
}
_UNFRAMED = "; frame-ancestors 'none'"  # counts in a header only
PLATFORMS = {Platform.ADS: said("Ads platform"), Platform.STORE: said("Store platform")}


def render(page: Body, frame: Frame) -> str:
    """One page of the desk."""
    return document([page], frame)


def document(pages: Sequence[Body], frame: Frame) -> str:
    """Several pages as one, one after the other: what is exported and printed."""
    template = _templates(frame.language).get_template("page.html")
    bodies = [(f"{_TEMPLATES[type(page)]}.html", page) for page in pages]
    return template.render(
        frame=frame,
        bodies=bodies,
        style=_style(),
        policy=content_policy().removesuffix(_UNFRAMED),
        languages=NAMES,
        states=STATES,
        standings=STANDINGS,
        actions=ACTIONS,
        platforms=PLATFORMS,
    )


@cache
def content_policy() -> str:
    """The Content-Security-Policy of every page: the one style by its digest, and its own forms."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; "
        f"base-uri 'none'{_UNFRAMED}"
    )


@cache
def _style() -> str:
    return _templates(Language.ENGLISH).get_template("style.css").render(theme=theme).strip()


@cache
def _templates(language: Language) -> jinja2.Environment:
    import jinja2

    words = catalogue(language)

    def say(text: Said | str) -> str:
        return tell(text, words)

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cleanroom.desk"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["say"] = say
    environment.tests["content"] = lambda text: isinstance(text, str)
    return environment
