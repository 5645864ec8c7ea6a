"""A notebook's way to the room: a question goes in, a candidate of protected results comes out.

The room answers in a process of its own; the notebook's kernel reads the signed answer and never
opens a row.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from cleanroom.agreement import StudyKind, load
from cleanroom.borders import Candidate
from cleanroom.errors import StudyError
from cleanroom.gate.candidate import read_candidate
from cleanroom.study import parse_study


def conversion(room: str | Path, *, merchant: str, start: str | date, end: str | date) -> Candidate:
    """Ask for one merchant's conversion study, touches of `start` … `end` (both included).

    Raises `StudyError` if the parameters are wrong or the agreement does not permit the study.
    """
    return _ask(room, StudyKind.CONVERSION, merchant=merchant, start=start, end=end)


def lift(
    room: str | Path, *, merchant: str, study: str, start: str | date, end: str | date, **more: Any
) -> Candidate:
    """Ask for one merchant's lift study; `more` are further parameters of `study.LiftStudy`.

    Raises `StudyError` if the parameters are wrong or the agreement does not permit the study.
    """
    return _ask(room, StudyKind.LIFT, merchant=merchant, study=study, start=start, end=end, **more)


def observational(
    room: str | Path, *, merchant: str, start: str | date, end: str | date, **more: Any
) -> Candidate:
    """Ask for one merchant's observational study, exposures of `start` … `end` (both included).

    `more` are further parameters of `study.ObservationalStudy`. Raises `StudyError` if the
    parameters are wrong or the agreement does not permit the study.
    """
    return _ask(room, StudyKind.OBSERVATIONAL, merchant=merchant, start=start, end=end, **more)


def geo(
    room: str | Path,
    *,
    merchant: str,
    start: str | date,
    end: str | date,
    campaign_start: str | date,
    treated: Sequence[str],
    **more: Any,
) -> Candidate:
    """Ask for one merchant's regional study; `more` are further parameters of `study.GeoStudy`.

    Raises `StudyError` if the parameters are wrong or the agreement does not permit the study.
    """
    days = {"start": start, "end": end, "campaign_start": campaign_start}
    return _ask(room, StudyKind.GEO, merchant=merchant, treated=list(treated), **days, **more)


def _ask(room: str | Path, kind: StudyKind, **parameters: Any) -> Candidate:
    room = Path(room)
    parse_study(kind, parameters)
    words = json.dumps(parameters, default=str)
    command = [sys.executable, "-m", "cleanroom", "room", "answer", str(room)]
    done = subprocess.run(
        [*command, "--kind", kind.value, "--parameters", words, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = {"problem": "The room did not answer.", "remedy": f"check the room at {room}."}
    if "candidate" not in told:
        raise StudyError(told["problem"], told["remedy"])
    room_key = load(room / "agreement.yaml").room.identity_key or ""
    return read_candidate(Path(told["candidate"]), room_key)
