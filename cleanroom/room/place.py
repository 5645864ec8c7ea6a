"""Where things lie in the room's directory, and the agreement that is in force there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cleanroom import ledger, signing
from cleanroom.agreement import Agreement, agreement_digest, load, parse, to_record
from cleanroom.consent import differences, require_signed
from cleanroom.errors import AgreementError
from cleanroom.study import Study

_FORMAT = "cleanroom-room-1"


def agreement_of(room: Path) -> Agreement:
    """The agreement the room works under, verified: signed by both platforms, and in force today.

    The last one that verified is kept; a new version that verifies takes its place, which the
    ledger records. Raises `AgreementError` if there is no such room, or the agreement does not
    verify, naming what differs from the one in force.
    """
    if not (room / "agreement.yaml").is_file():
        raise AgreementError(
            f"{room} is no room with an agreement.",
            "name the room's directory; lay the completed agreement there as agreement.yaml.",
        )
    agreement = load(room / "agreement.yaml")
    in_force = _in_force(room)
    try:
        require_signed(agreement)
    except AgreementError as error:
        raise _with_differences(error, in_force, agreement) from None
    if in_force is None or agreement_digest(in_force) != agreement_digest(agreement):
        _adopt(room, agreement)
    return agreement


def found_room(room: Path, collaboration: str) -> None:
    """Mark a directory as the room of a collaboration."""
    record = {"format": _FORMAT, "collaboration": collaboration}
    signing.write_canonical(room / "room.json", record)


def require_room(room: Path, collaboration: str | None = None) -> None:
    """Raise `AgreementError` unless `room` is one, and that of the `collaboration` named."""
    try:
        record = json.loads((room / "room.json").read_bytes())
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        raise AgreementError(
            "This directory is no room.", "create one for the collaboration, or name the right one."
        )
    if collaboration is not None and record.get("collaboration") != collaboration:
        raise AgreementError(
            f"The room is not that of the collaboration '{collaboration}'.",
            "use a room of its own for each collaboration.",
        )


def ledger_of(room: Path) -> Path:
    """The room's ledger."""
    return room / "ledger.jsonl"


def _in_force(room: Path) -> Agreement | None:
    """The agreement that verified last, if one did that this version can read."""
    try:
        record = json.loads((room / "agreement.in-force.json").read_bytes())
        return parse(record, "the agreement in force")
    except (OSError, ValueError, AgreementError):
        return None


def _adopt(room: Path, agreement: Agreement) -> None:
    """Recorded first: a crash in between leaves one record too many, never one too few."""
    facts = {"agreement": agreement_digest(agreement), "version": agreement.version}
    ledger.append(ledger_of(room), ledger.Event.AGREEMENT_ADOPTED, facts)
    record = {**to_record(agreement), "signatures": dict(agreement.signatures)}
    signing.write_canonical(room / "agreement.in-force.json", record)


def _with_differences(
    error: AgreementError, in_force: Agreement | None, agreement: Agreement
) -> AgreementError:
    lines = differences(in_force, agreement) if in_force else []
    if not lines:
        return error
    told = "\n  - ".join(["It differs from the agreement in force in:", *lines])
    return AgreementError(f"{error.problem} {told}", error.remedy)


def candidate_file(room: Path, study: Study, question: str) -> Path:
    """The file of the answer to one question."""
    return room / "candidates" / f"{study_name(study)}-{question[:12]}.json"


def candidate_files(room: Path) -> list[Path]:
    """All candidates made so far, by name."""
    return sorted((room / "candidates").glob("*.json"))


def evidence_file(room: Path, candidate: Path) -> Path:
    """The executed notebook behind a candidate's file."""
    return room / "evidence" / candidate.with_suffix(".ipynb").name


def study_name(study: Study) -> str:
    """A file name for a study: its kind and its merchant."""
    return f"{study.kind}-{file_name(study.merchant)}"


def file_name(merchant: str) -> str:
    """A merchant's id as part of a file name, whatever characters it holds."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", merchant)[:40]
    # Two ids that look alike once made safe still have two names.
    return safe if safe == merchant else f"{safe}-{signing.digest(merchant)[:8]}"
