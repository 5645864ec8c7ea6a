"""Many merchants' released lifts together: read from releases, and from nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cleanroom.agreement import StudyKind, load
from cleanroom.borders import Release
from cleanroom.errors import StudyError
from cleanroom.gate.release import read_release
from cleanroom.studies import portfolio as studies
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.portfolio import Portfolio


def portfolio(releases: str | Path, agreement: str | Path) -> Portfolio:
    """All released lift studies in the folder `releases`, each verified, as one portfolio.

    Merchants go by name and id. Raises `ReleaseError` if a release does not verify, `StudyError` if
    a merchant has two lift studies there, or fewer than two merchants have a lift to use.
    """
    agreed = load(Path(agreement))
    opened = [read_release(file, agreed) for file in sorted(Path(releases).glob("*.json"))]
    lifts = [one for one in opened if one.candidate.manifest["study"]["kind"] == StudyKind.LIFT]
    names = Counter(_name(one) for one in lifts)
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        raise StudyError(
            f"Two lift studies of one merchant are in the folder: {', '.join(sorted(twice))}.",
            "keep the one that holds; put the other elsewhere.",
        )
    findings = {_name(one): one.candidate.findings for one in lifts}
    try:
        return studies.portfolio(findings, agreed.currency)
    except UndefinedError as error:
        raise StudyError(f"There is no portfolio: {error}.", "release more lift studies.") from None


def _name(release: Release) -> str:
    manifest = release.candidate.manifest
    return f"{manifest['merchant_name']} ({manifest['study']['merchant']})"
