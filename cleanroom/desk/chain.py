"""The ledger as a page: every record in a reader's words, and whether the chain holds.

Of a vote the ledger page says who cast it and on what, not what was said: that is shown on the
candidate's own page, to who has decided already.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cleanroom import ledger
from cleanroom.desk.language import Said, said
from cleanroom.desk.views import Entry, LedgerPage
from cleanroom.errors import LedgerError

PAGE = 100  # records on a page
# What was said or found is on the candidate's own page; the rest is the record's own, or long.
_SAID = {"decision", "tables", "comment", "findings", "rule_refusal", "withheld", "study", "parts"}
_WITHHELD = {*_SAID, "policy", "receipt", "format", "time", "previous", "signature"}
# What a record holds within, and what of it is told.
_INNER = {"body": ("candidate", "act", "subject", "platform", "reviewer"), "template": ("name",)}
_SHORT = 12  # characters of a digest that tell it from others
_EVENTS = {
    ledger.Event.AGREEMENT_ADOPTED: said("Agreement adopted"),
    ledger.Event.HANDOVER_ACCEPTED: said("Handover accepted"),
    ledger.Event.HANDOVER_DELETED: said("Handover deleted"),
    ledger.Event.JOINED: said("Rows joined"),
    ledger.Event.MATCHED: said("Join keys matched"),
    ledger.Event.CANDIDATE_MADE: said("Candidate made"),
    ledger.Event.NOTEBOOK_EXECUTED: said("Notebook executed"),
    ledger.Event.VOTE_CAST: said("Vote cast"),
    ledger.Event.RELEASED: said("Released"),
    ledger.Event.EPOCH_ROTATED: said("Epoch rotated"),
    ledger.Event.BUDGET_SPENT: said("Budget spent"),
    ledger.Event.NOISE_DRAWN: said("Noise drawn"),
    ledger.Event.ANSWERS_REMEMBERED: said("Answers remembered"),
    ledger.Event.ANSWERS_FORGOTTEN: said("Answers forgotten"),
    ledger.Event.TEMPLATE_PROPOSED: said("Template proposed"),
    ledger.Event.TEMPLATE_APPROVED: said("Template approved"),
    ledger.Event.TEMPLATE_REVOKED: said("Template revoked"),
    ledger.Event.CANDIDATE_SUBMITTED: said("Candidate submitted"),
    ledger.Event.CANDIDATE_CHECKED: said("Candidate checked"),
    ledger.Event.CANDIDATE_CHECKED_AGAIN: said("Candidate checked again: its votes are void"),
    ledger.Event.REVIEW_OPENED: said("Review opened"),
    ledger.Event.VOTE_SIGNED: said("Vote signed"),
    ledger.Event.STANDING_RULE_APPLIED: said("Approved by the standing rule"),
    ledger.Event.CANDIDATE_RETURNED: said("Candidate returned"),
    ledger.Event.CANDIDATE_REJECTED: said("Candidate rejected"),
    ledger.Event.CANDIDATE_WITHDRAWN: said("Candidate withdrawn"),
    ledger.Event.RELEASE_MADE: said("Release made"),
    ledger.Event.RELEASE_RECALLED: said("Release recalled"),
}


def ledger_page(path: Path, end: int | None = None) -> LedgerPage:
    """The records up to number `end` (all by default), newest first, at most `PAGE` of them."""
    entries, problem, head = [], "", ledger.GENESIS
    try:
        for number, record in enumerate(ledger.records(path), 1):
            entries.append(_entry(number, record))
            head = record["hash"]
    except LedgerError as error:
        problem = error.problem
    last = len(entries) if end is None else max(0, min(end, len(entries)))
    first = max(0, last - PAGE)
    return LedgerPage(
        tuple(reversed(entries[first:last])),
        len(entries),
        head,
        problem,
        newer=f"ledger?end={last + PAGE}" if last < len(entries) else "",
        older=f"ledger?end={first}" if first else "",
    )


def _entry(number: int, record: dict[str, Any]) -> Entry:
    event = record["event"]
    words = _EVENTS.get(event) or Said(str(event).replace("%", "%%"))
    facts = tuple(
        (name.replace("_", " "), told)
        for name, value in _flat(record["facts"])
        if name not in _WITHHELD and (told := _told(value))
    )
    return Entry(number, record["time"], words, facts, record["hash"])


def _flat(facts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Facts by name, those that a signed body or a template holds among them."""
    for name, value in facts.items():
        if name in _INNER and isinstance(value, dict):
            yield from ((inner, value[inner]) for inner in _INNER[name] if inner in value)
        else:
            yield name, value


def _told(value: Any) -> str:
    """A digest by its start, other text and numbers as they are; of lists only how many."""
    if isinstance(value, str):
        is_digest = len(value) == 64 and set(value) <= set("0123456789abcdef")
        return value[:_SHORT] if is_digest else value
    if isinstance(value, list | dict):
        return f"({len(value)})"
    return "" if value is None else str(value)
