"""The ledger as a page: every record in a reader's words, and whether the chain holds.

Of a vote the ledger page says who cast it and on what, not what was said: that is shown on the
candidate's own page, once every platform has voted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cleanroom import ledger
from cleanroom.desk.language import Said, said
from cleanroom.desk.views import Entry, LedgerPage
from cleanroom.errors import LedgerError

PAGE = 100  # records on a page
_WITHHELD = ("decision", "comment", "time")  # the record has its own time
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
        for name, value in record["facts"].items()
        if name not in _WITHHELD and (told := _told(value))
    )
    return Entry(number, record["time"], words, facts, record["hash"])


def _told(value: Any) -> str:
    """A digest by its start, other text and numbers as they are; of lists only how many."""
    if isinstance(value, str):
        is_digest = len(value) == 64 and set(value) <= set("0123456789abcdef")
        return value[:_SHORT] if is_digest else value
    if isinstance(value, list | dict):
        return f"({len(value)})"
    return "" if value is None else str(value)
