"""An observational study beside a randomised one of the same simulated people, of known effect.

Half of the people are held out. Of the others those see the campaign who would: mostly people who
had bought before, which the data know; and who are fond of the brand, which nothing knows of.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random

import pytest

from cleanroom.agreement import write
from cleanroom.bench.answer import answer
from cleanroom.borders import Candidate
from cleanroom.gate.candidate import read_candidate
from cleanroom.outside.beside import Line, sentences, side_by_side
from cleanroom.room.place import study_name
from cleanroom.study import LiftStudy, ObservationalStudy
from tests.room.event_log import FEW, Room

TRUTH = 0.15
PEOPLE = 3_000
EXPOSURES = ObservationalStudy(
    merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 12), follow_up_days=5
)
OUTCOMES = LiftStudy(merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 17), study="s")


def logs(unseen: float) -> dict[str, str]:
    """The rows; fondness of the brand raises the rate of buying by `unseen`."""
    random = Random(8)
    touches, visits = ["time kind user cid"], ["time kind buyer cid order amount merchant"]
    assignments = ["user study arm time"]
    # Not everybody assigned can be seen to buy, or not.
    arms = random.choices(["treated", "holdout"], k=PEOPLE // 5)
    assignments += [f"x{n} s {arm} 09T00:00" for n, arm in enumerate(arms)]
    for n in range(PEOPLE):
        customer, fond = random.random() < 0.4, random.random() < 0.5
        treated = random.random() < 0.5
        seen = treated and random.random() < 0.15 + 0.4 * customer + 0.35 * fond
        rate = 0.05 + 0.35 * customer + unseen * fond + TRUTH * seen
        assignments.append(f"u{n} s {'treated' if treated else 'holdout'} 09T00:00")
        touches.append(f"02T10:00 click u{n} k{n}")
        visits.append(f"02T10:05 visit p{n} k{n} - - m")
        if customer:
            visits.append(f"02T11:00 purchase p{n} - a{n} {random.randint(500, 2000)} m")
        if seen:
            touches.append(f"{10 + n % 3}T09:00 impression u{n} -")
        for day, name, chance, place in (
            (6, "b", 0.05 + 0.1 * customer, "m"),
            (13, "e", 0.1, "other"),
            (13, "o", rate, "m"),
        ):
            if random.random() < chance:
                amount = random.randint(500, 2000)
                visits.append(f"{day:02}T09:00 purchase p{n} - {name}{n} {amount} {place}")
    named = {"touches": touches, "visits": visits, "assignments": assignments}
    return {name: "\n".join(rows) for name, rows in named.items()}


def both(room: Room, unseen: float) -> tuple[Candidate, Candidate]:
    """What the room's gate lets out of the two studies."""
    kinds = {str(study.kind): {"notebook": "n.ipynb"} for study in (EXPOSURES, OUTCOMES)}
    room.agree(policy={**FEW, "min_people": 20}, studies=kinds)
    write(room.agreement, room.directory / "agreement.yaml")
    room.vault(**logs(unseen))
    files = answer(room.directory, [EXPOSURES, OUTCOMES])
    assert [file.name.startswith(study_name(EXPOSURES)) for file in files] == [True, False]
    study, holdout = (read_candidate(Path(file), room.public_key) for file in files)
    return study, holdout


def by_label(study: Candidate, holdout: Candidate) -> dict[str, Line]:
    return {line.label: line for line in side_by_side(study, holdout)}


def test_what_is_adjusted_for_all_that_matters_meets_the_holdout_and_the_truth(room: Room) -> None:
    lines = by_label(*both(room, unseen=0.0))
    values = {label: line.estimate for label, line in lines.items()}
    truth = values["Holdout, those shown it"]
    assert truth.lower is not None
    assert truth.upper is not None
    assert truth.lower < TRUTH < truth.upper
    assert values["Adjusted"].value == pytest.approx(TRUTH, abs=0.05)
    assert truth.lower < (values["Adjusted"].value or 0) < truth.upper
    assert (values["Unadjusted"].value or 0) > truth.upper
    # Of everybody assigned only some were shown it.
    assert 0 < (values["Holdout, everybody"].value or 0) < TRUTH


def test_what_nothing_knows_of_shows_only_beside_the_holdout(room: Room) -> None:
    """All checks of the study pass, and its estimate is nearly twice the truth."""
    study, holdout = both(room, unseen=0.5)
    lines = by_label(study, holdout)
    assert "Credible" in study.findings.summary[0]
    truth, adjusted = (lines[n].estimate for n in ("Holdout, those shown it", "Adjusted"))
    assert truth.lower is not None
    assert truth.upper is not None
    assert truth.lower < TRUTH < truth.upper < (adjusted.lower or 0)
    (said,) = (one for one in sentences(study, holdout) if one.startswith("Adjusted"))
    assert said.endswith("above, outside it.")
